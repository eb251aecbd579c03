"""Credentials: speed and false hits on real handbooks, recall on tokens drawn from their issuers' published formats.

Every hit in the handbooks is printed with its place and shape, never its value. A hit counts as false unless a person
looked at it and listed it in REAL. Times are CPU seconds of one core.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import string
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from zlib import crc32

from assay.detect.registry import chosen
from assay.detect.scanning import scan

DOCUMENTS = Path("../shared/data/documents")
REAL: frozenset[tuple[str, str]] = frozenset()
"""Pages and rules of hits that are real credentials: none of those seen on 23 November 2026."""

B62 = string.ascii_letters + string.digits
URL = B62 + "-_"
HEX = "0123456789abcdef"
BASE32 = string.ascii_uppercase + "234567"
ORDERED62 = string.digits + string.ascii_uppercase + string.ascii_lowercase


class Draw:
    """Signs drawn at random, the same in every run."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def __call__(self, signs: str, count: int) -> str:
        return "".join(self.random.choices(signs, k=count))

    def dashed(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def with_crc(self, prefix: str) -> str:
        body, number, check = self(B62, 30), 0, ""
        number = crc32(body.encode())
        while number:
            number, place = divmod(number, 62)
            check = ORDERED62[place] + check
        return prefix + body + check.rjust(6, "0")

    def web_token(self) -> str:
        def part(value: object) -> str:
            return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

        return (
            f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part({'sub': self(B62, 12), 'iat': 1700000000})}.{self(URL, 43)}"
        )

    def pem(self, kind: str) -> str:
        lines = "\n".join(self(B62 + "+/", 64) for _ in range(12))
        return f"-----BEGIN {kind}PRIVATE KEY-----\n{lines}\n-----END {kind}PRIVATE KEY-----"


# Formats as issuers publish them, written down apart from the rules.
FORMATS: dict[str, Callable[[Draw], str]] = {
    "AWS access key id": lambda d: d.random.choice(("AKIA", "ASIA")) + d(BASE32, 16),
    "GitHub classic": lambda d: d.with_crc(d.random.choice(("ghp_", "gho_", "ghs_", "ghu_", "ghr_"))),
    "GitHub fine-grained": lambda d: f"github_pat_{d(B62, 22)}_{d(B62, 59)}",
    "GitLab": lambda d: d.random.choice(("glpat-", "gldt-", "glrt-", "glptt-")) + d(URL, 20),
    "Slack bot": lambda d: f"xoxb-{d(string.digits, 12)}-{d(string.digits, 13)}-{d(B62, 24)}",
    "Slack webhook": lambda d: f"https://hooks.slack.com/services/T{d(BASE32, 8)}/B{d(BASE32, 8)}/{d(B62, 24)}",
    "Stripe": lambda d: d.random.choice(("sk_live_", "rk_live_", "sk_test_")) + d(B62, 24),
    "Google API key": lambda d: "AIza" + d(URL, 35),
    "Google OAuth secret": lambda d: "GOCSPX-" + d(URL, 28),
    "OpenAI project": lambda d: f"sk-proj-{d(URL, 74)}T3BlbkFJ{d(URL, 74)}",
    "OpenAI classic": lambda d: f"sk-{d(B62, 20)}T3BlbkFJ{d(B62, 20)}",
    "Anthropic": lambda d: f"sk-ant-api03-{d(URL, 93)}AA",
    "Azure storage": lambda d: f"AccountName=store;AccountKey={d(B62 + '+/', 86)}==;EndpointSuffix=core.windows.net",
    "Azure client secret": lambda d: f"{d(B62, 3)}8Q~{d(B62 + '~.-_', 34)}",
    "npm": lambda d: d.with_crc("npm_"),
    "PyPI": lambda d: f"pypi-AgEIcHlwaS5vcmc{d(URL, 130)}",
    "Twilio": lambda d: "SK" + d(HEX, 32),
    "SendGrid": lambda d: f"SG.{d(URL, 22)}.{d(URL, 43)}",
    "Hugging Face": lambda d: "hf_" + d(string.ascii_letters, 34),
    "Databricks": lambda d: "dapi" + d(HEX, 32),
    "DigitalOcean": lambda d: "dop_v1_" + d(HEX, 64),
    "Shopify": lambda d: "shpat_" + d(HEX, 32),
    "Mailgun": lambda d: "key-" + d(HEX, 32),
    "Mailchimp": lambda d: f"{d(HEX, 32)}-us{d.random.randint(1, 21)}",
    "Telegram": lambda d: f"{d('123456789', 10)}:AA{d(URL, 33)}",
    "Linear": lambda d: "lin_api_" + d(B62, 40),
    "Postman": lambda d: f"PMAK-{d(HEX, 24)}-{d(HEX, 34)}",
    "Groq": lambda d: "gsk_" + d(B62, 52),
    "Replicate": lambda d: "r8_" + d(B62, 37),
    "Vault": lambda d: "hvs." + d(URL, 90),
    "Terraform": lambda d: f"{d(B62, 14)}.atlasv1.{d(URL, 67)}",
    "HubSpot": lambda d: f"pat-na1-{d.dashed()}",
    "Docker": lambda d: "dckr_pat_" + d(URL, 27),
    "Figma": lambda d: "figd_" + d(URL, 40),
    "Grafana": lambda d: f"glsa_{d(B62, 32)}_{d(HEX, 8)}",
    "New Relic": lambda d: "NRAK-" + d(string.ascii_uppercase + string.digits, 27),
    "JSON Web Token": lambda d: d.web_token(),
    "private key": lambda d: d.pem(d.random.choice(("", "RSA ", "EC ", "OPENSSH "))),
    "connection string": lambda d: f"postgres://app:{d(B62 + '-_.', 16)}@db.internal:5432/app",
    "ADO connection": lambda d: f"Server=db1;Database=app;User Id=app;Password={d(B62, 16)};",
    "basic auth": lambda d: "Authorization: Basic " + base64.b64encode(f"app:{d(B62, 14)}".encode()).decode(),
    "bearer": lambda d: "Authorization: Bearer " + d(B62, 40),
    "AWS secret": lambda d: f"aws_secret_access_key = {d(B62 + '+/', 40)}",
    "assigned, env": lambda d: f"DB_PASSWORD={d(B62, 18)}",
    "assigned, JSON": lambda d: f'"client_secret": "{d(URL, 32)}"',
    "assigned, YAML": lambda d: f"  api_key: {d(B62, 32)}",
}
FRAMES = ("{}", "The key is {} and must be rotated.\n", "TOKEN={}\n", '{{"value": "{}"}}', "curl -H 'X-Key: {}' x\n")
DECOYS: dict[str, Callable[[Draw], str]] = {
    "prose": lambda _: "The password policy: at least 12 characters, one digit. Bearer tokens expire in 3600s.",
    "slug": lambda _: "see sk-learn-2-for-people-who-never-read-papers and key-value-stores-in-2024",
    "UUID": lambda d: f"id: {d.dashed()}",
    "SHA-256": lambda d: f"sha256:{d(HEX, 64)}",
    "git commit": lambda d: f"commit {d(HEX, 40)}",
    "template": lambda d: d.random.choice(
        ("password: ${DB_PASSWORD}", "api_key: <your-api-key>", "token: {{ secrets.TOKEN }}")
    ),
    "stand-in": lambda d: d.random.choice(
        ("password = changeme123", "AKIAIOSFODNN7EXAMPLE", "sk-xxxxxxxxxxxxxxxxxxxxxxxx")
    ),
    "code": lambda d: d.random.choice(('token = os.environ["API_TOKEN_2"]', "secret = get_secret('db-1-password')")),
    "Base64 image": lambda d: f"data:image/png;base64,{d(B62 + '+/', 400)}",
    "integrity": lambda d: f'"integrity": "sha512-{d(B62 + "+/", 86)}=="',
}


def pages() -> list[tuple[str, str]]:
    paths = sorted(path for path in DOCUMENTS.glob("handbook-*/**/*") if path.suffix in (".md", ".erb"))
    return [(str(path.relative_to(DOCUMENTS)), path.read_text(encoding="utf-8")) for path in paths]


def shape(value: str) -> str:
    """What kind of signs a value has, without the signs."""
    kinds = "".join("9" if s.isdigit() else "A" if s.isupper() else "a" if s.islower() else s for s in value[:24])
    return kinds + ("…" if len(value) > 24 else "")


def speed(texts: Sequence[str], ids: tuple[str, ...]) -> float:
    size, best = sum(len(text.encode()) for text in texts) / 1e6, float("inf")
    scan(texts[0], ids)
    for _ in range(5):
        began = time.process_time()
        for text in texts:
            scan(text, ids)
        best = min(best, time.process_time() - began)
    return size / best


def recall(ids: tuple[str, ...], each: int) -> tuple[int, int]:
    """How many drawn tokens are found; a finding must cover twelve signs of what was drawn, or all of a key block."""
    draw, missed = Draw(20261123), Counter[str]()
    for name, make in FORMATS.items():
        for number in range(each):
            token = make(draw)
            text = FRAMES[number % len(FRAMES)].format(token) if "\n" not in token else f"{token}\n"
            at = text.index(token)
            needed = len(token) if "\n" in token else 12
            covered = [min(one.end, at + len(token)) - max(one.start, at) for one in scan(text, ids)]
            if max(covered, default=0) < needed:
                missed[name] += 1
    total = each * len(FORMATS)
    print(f"\nrecall on {total} tokens of {len(FORMATS)} published formats: {1 - missed.total() / total:.4f}")
    for name, count in missed.most_common():
        print(f"  missed {name}: {count} of {each}")
    return total - missed.total(), total


def decoys(ids: tuple[str, ...], each: int) -> int:
    draw, hits = Draw(7), Counter[str]()
    for name, make in DECOYS.items():
        hits.update({name: sum(bool(scan(make(draw), ids)) for _ in range(each))})
    print(f"\nhits on decoys, of {each} each: " + ", ".join(f"{name} {count}" for name, count in hits.items()))
    return hits.total()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=50, help="tokens drawn of each format")
    asked = parser.parse_args()
    ids, texts = chosen(("secrets",)), pages()
    megabytes = sum(len(text.encode()) for _, text in texts) / 1e6
    rate = speed([text for _, text in texts], ids)
    print(
        f"{len(texts)} pages, {megabytes:.2f} MB, {len(ids)} kinds of credential: {rate:.1f} MB in a CPU second\nhits:"
    )
    false = 0
    for name, text in texts:
        for one in scan(text, ids):
            real = (name, one.rule_id) in REAL
            false += not real
            digest = sha256(text[one.start : one.end].encode()).hexdigest()[:8]
            seen = shape(text[one.start : one.end])
            print(f"  {name} {one.start}-{one.end} {one.rule_id} {seen} {digest} {'real' if real else 'false'}")
    found, drawn = recall(ids, asked.each)
    decoys(ids, asked.each)
    figures = {
        "mb_per_s": round(rate, 1), "false_per_mb": round(false / megabytes, 3), "recall": round(found / drawn, 4),
    }  # fmt: skip
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
