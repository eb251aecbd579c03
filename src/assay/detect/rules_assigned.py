"""Rules for credentials that show by where they stand: in an address, a header, beside a telling name."""

from __future__ import annotations

from assay.detect.entropy import a_password, basic_credentials, random_looking, varied, web_token
from assay.detect.rules import Rule
from assay.records.findings import Basis

KIND = "secret"
_NAMES = (
    "passw(?:or)?d|passphrase|passwd|pwd|secret|token|api[_-]?key|auth[_-]?key|access[_-]?key|private[_-]?key"
    "|credential|encryption[_-]?key|signing[_-]?key|master[_-]?key"
)
_FIELDS = "server|data source|host|addr|address|uid|user id|username"
_QUOTE = "[\"'`]?"
_IS = r"[ \t]{0,3}(?::=|=>|=|:)[ \t]{0,3}"

RULES = (
    Rule(
        "jwt", KIND, r"eyJ[0-9A-Za-z_-]{8,}\.eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{0,}", 0.9,
        ("«eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U»",),
        ("eyJhbGciOiJIUzI1NiJ9", "eyJub3RoaW5nIjoxfQ.eyJzdWIiOiIxMjM0NTY3ODkwIn0.x"),
        starts="eyJ[0-9A-Za-z_-]{8}", check=web_token, basis=Basis.CHECKED, reach=4096, version=2,
    ),
    Rule(
        "url_password", KIND, r"://[^\s/:@\"'<>]{0,64}:([^\s/@\"'<>]{1,128})@[0-9A-Za-z\[_-]",
        0.9,
        ("postgres://app:«s3cr-Hunter9x»@db.example/x", "https://ann:«pppppppppppp»@example.org"),
        ("https://example.org:8080/@x", "postgres://user:$PASSWORD@host/db", "redis://:<password>@host",
         "postgres://user:password@localhost"),
        starts=r"://[^\s/:@\"'<>]{0,64}:[^\s/@]", at_word=False, check=a_password, reach=256, version=2, whole=True,
    ),
    Rule(
        "connection_password", KIND,
        rf"(?i:{_FIELDS})=[^\n;]{{1,80}};[^\n]{{0,120}}?(?i:password|pwd)=([^\s;\"'&]{{3,}})", 0.88,
        ("Server=db;Database=x;User Id=app;Password=«s3cr-Hunter9x»;",),
        ("Server=db;Password=;", "Server=db;Password={0};", "Server=db;Password=***;"),
        starts=f"(?i:{_FIELDS})=", check=a_password, reach=400,
    ),
    Rule(
        "bearer", KIND, r"(?i:bearer)[ ]{1,3}([0-9A-Za-z._~+/=-]{16,})", 0.8,
        ("Authorization: Bearer «aB3dE5gH7jK9mN1pQ3sT5vW7»",),
        ("bearer of the certificate", "Bearer authentication-mechanism", "Bearer <token>",
        "Bearer YOUR_ACCESS_TOKEN_HERE"),
        starts="(?i:bearer)[ ]{1,3}[0-9A-Za-z._~+/-]{8}", check=random_looking, reach=1024, version=2,
    ),
    Rule(
        "basic_auth", KIND, r"(?i:basic)[ ]{1,3}([0-9A-Za-z+/]{12,}={0,2})", 0.85,
        ("Authorization: Basic «YWxhZGRpbjpvcGVuc2VzYW1l»",), ("basic understanding", "Basic authentication"),
        starts="(?i:basic)[ ]{1,3}[0-9A-Za-z+/]{8}", check=basic_credentials, reach=512,
    ),
    Rule(
        "assigned_secret", KIND,
        rf"(?i:{_NAMES})[0-9A-Za-z_-]{{0,24}}{_QUOTE}\]?{_IS}{_QUOTE}([^\s\"'`,;]{{10,}})", 0.7,
        ('api_key = "«q9ZtP4xRk2LmN7vB»"', "DB_PASSWORD=«q9ZtP4xRk2LmN7vB»", '"client_secret": "«a8Kd03jLsP-92mQx»"'),
        ("password: your-password-here", "token: string", "secret = os.environ['SECRET_NAME1']",
        "api_key: ${API_KEY_1}",
         "token: https://example.org/a1b2c3d4", "password = correcthorsebattery"),
        starts=f"(?i:{_NAMES})", at_word=False, check=random_looking, reach=256,
        basis=Basis.CONTEXT,
    ),
    Rule(
        "twilio_key", KIND,
        r"(?i:twilio|auth)[0-9A-Za-z_-]{0,24}[\"']?[ \t]{0,3}[=:][ \t]{0,3}[\"']?([0-9a-f]{32})\b", 0.8,
        ("TWILIO_AUTH_TOKEN=«0a1b2c3d4e5f67890a1b2c3d4e5f6789»",), ("twilio: no",),
        starts="(?i:twilio|auth)[0-9A-Za-z_-]{0,24}[\"']?[ \t]{0,3}[=:]", check=varied, basis=Basis.CONTEXT,
    ),
)  # fmt: skip
