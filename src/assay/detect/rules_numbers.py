"""Rules for numbers of money and of devices: cards, accounts, coins, IMEI, VIN."""

from __future__ import annotations

from assay.detect import spans
from assay.detect.checksums import luhn, routing_number, vehicle
from assay.detect.coins import bech32, bitcoin_like, ripple
from assay.detect.rules import Rule
from assay.records.findings import Basis

SPACE = "(?:[ -]|\u00a0)"
DIGITS = "[0-9](?:(?:[ ./()-]{1,3}|\u00a0)?[0-9]){5}"
"""Six digits with separators: where numbers of all kinds begin."""

# ISO 3166-1 codes of countries, as they stand in bank identifier codes (ISO 9362).
_COUNTRY_LIST = (
    "AD AE AF AG AI AL AM AO AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BM BN BO BR BS BT BW BY BZ CA CD CF CG "
    "CH CI CK CL CM CN CO CR CU CV CW CY CZ DE DJ DK DM DO DZ EC EE EG ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG "
    "GH GI GL GM GN GP GQ GR GT GU GW GY HK HN HR HT HU ID IE IL IM IN IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP "
    "KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MG MH MK ML MM MN MO MR MS MT MU MV MW MX MY MZ NA NC "
    "NE NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SI SK "
    "SL SM SN SO SR SS ST SV SX SY SZ TC TD TG TH TJ TL TM TN TO TR TT TV TW TZ UA UG US UY UZ VA VC VE VG VI VN VU "
    "WS XK YE YT ZA ZM ZW"
)
_COUNTRIES = frozenset(_COUNTRY_LIST.split())


def _bank_code(code: str) -> bool:
    return code[4:6] in _COUNTRIES


def _any_card(digits: str) -> bool:
    """A right check digit, whoever the issuer is: ranges are opened faster than lists of them are read."""
    return luhn(digits) and len(set(digits)) > 1


def _eight_or_more_kinds(text: str) -> bool:
    return len(set(text.lower())) >= 8


RULES = (
    Rule(
        "card", "card", f"[0-9](?:{SPACE}?[0-9]){{11,18}}", 0.97,
        ("Paid with «4111 1111 1111 1111».", "card «378282246310005»", "«5555-5555-5555-4444», thanks",
         "order 1234 «4111 1111 1111 1111» 12/29"),
        ("4111111111111112", "1234567812345670", "41111111111111111111111", "9999 9999 9999 9995"),
        version=2, starts=DIGITS, extent=spans.card, basis=Basis.CHECKED,
    ),
    Rule(
        "card", "card", f"[0-9](?:{SPACE}?[0-9]){{12,18}}\\b", 0.8,
        ("my card number is «3522235032377454»", "Visa «9999 9999 9999 9995»"),
        ("3522235032377454", "card 3522235032377455", "card 0000000000000000"),
        version=2, starts=DIGITS, check=_any_card, compact=True, basis=Basis.CHECKED, context=("card",), needs=True,
    ),
    Rule(
        "iban", "iban", f"[A-Za-z]{{2}}[0-9]{{2}}(?:{SPACE}?[0-9A-Za-z]){{11,40}}", 0.99,
        ("Account «GB82 WEST 1234 5698 7654 32» BANK OF X", "(«DE89370400440532013000»)",
         "gb: «gb82west12345698765432»", "«NO93 8601 1117 947» or Oslo"),
        ("GB82 WEST 1234 5698 7654 33", "DE8937040044053201300", "XX89370400440532013000"),
        version=2, starts="[A-Za-z]{2}[0-9]{2}(?:[ -]|\u00a0)?[0-9A-Za-z]{4}", extent=spans.iban, reach=96,
        basis=Basis.CHECKED,
    ),
    Rule(
        "bank_routing", "bank_account", r"[0-9]{9}\b", 0.75,
        ("Routing number: «021000021»", "ABA «011401533» for the wire"), ("021000021", "Routing number: 021000022"),
        starts=DIGITS, check=routing_number, basis=Basis.CHECKED, context=("routing",), needs=True,
    ),
    Rule(
        "bank_sort_code", "bank_account", r"[0-9]{2}[- ][0-9]{2}[- ][0-9]{2}\b", 0.6,
        ("Sort code «20-00-00»", "sort code: «60 16 13»"), ("20-00-00", "Call 20-00-00"),
        starts=DIGITS, basis=Basis.CONTEXT, context=("sort_code",), needs=True,
    ),
    Rule(
        "bank_account", "bank_account", r"[0-9](?:[ -]?[0-9]){5,16}\b", 0.5,
        ("Account number «31926819»", "Kontonummer: «0532013000»", "acct «123 456 789»"),
        ("31926819", "account since 2019", "order 31926819", "account operator-980434"),
        starts=DIGITS, extent=spans.number_begins, basis=Basis.CONTEXT, context=("account",), needs=True,
    ),
    Rule(
        "bank_swift", "bank_account", r"[A-Z]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?\b", 0.6,
        ("SWIFT: «DEUTDEFF»", "BIC «NEDSZAJJXXX»"), ("DOCUMENT", "SWIFT is a PASSWORD", "DEUTDEFF"),
        check=_bank_code, basis=Basis.CONTEXT, context=("swift",), needs=True,
    ),
    Rule(
        "crypto_address", "crypto_address", r"[13LMDT][1-9A-HJ-NP-Za-km-z]{25,34}\b", 0.98,
        ("Send to «1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa».", "«3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy»"),
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", "1234567890123456789012345678901234"),
        check=bitcoin_like, basis=Basis.CHECKED,
    ),
    Rule(
        "crypto_address", "crypto_address", r"r[1-9A-HJ-NP-Za-km-z]{24,34}\b", 0.98,
        ("XRP «rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh»",), ("rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTi",),
        check=ripple, basis=Basis.CHECKED,
    ),
    Rule(
        "crypto_address", "crypto_address",
        r"(?:bc1|ltc1|addr1|BC1|LTC1)[02-9ac-hj-np-zAC-HJ-NP-Z]{11,110}\b", 0.99,
        ("to «bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq»",
         "«BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4»"),
        ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdr",),
        check=bech32, basis=Basis.CHECKED, reach=128,
    ),
    Rule(
        "crypto_address", "crypto_address", r"0x([0-9a-fA-F]{40})\b", 0.7,
        ("ETH 0x«52908400098527886E0F7030069857D2E4169EE7»",),
        ("0x0000000000000000000000000000000000000000", "0x52908400098527886E0F7030069857D2E4169EE"),
        check=_eight_or_more_kinds,
    ),
    Rule(
        "imei", "device", r"[0-9]{2}[ -]?[0-9]{6}[ -]?[0-9]{6}[ -]?[0-9]\b", 0.8,
        ("IMEI «490154203237518»", "IMEI: «49-015420-323751-8»"), ("490154203237518", "IMEI 490154203237519"),
        starts=DIGITS, check=luhn, basis=Basis.CHECKED, compact=True, context=("imei",), needs=True,
    ),
    Rule(
        "vehicle", "device", r"[A-HJ-NPR-Z0-9]{17}\b", 0.8,
        ("VIN «1M8GDM9AXKP042788»", "chassis «1HGCM82633A004352»"),
        ("1M8GDM9AXKP042788", "VIN 1M8GDM9AXKP042789", "VIN 11111111111111111"),
        check=vehicle, basis=Basis.CHECKED, context=("vehicle",), needs=True,
    ),
)  # fmt: skip
