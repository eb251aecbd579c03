"""Rules for ways to reach a person or a machine: e-mail, phone, links, network addresses."""

from __future__ import annotations

from assay.detect import spans
from assay.detect.rules import Check, Extent, Rule
from assay.detect.rules_numbers import DIGITS
from assay.records.findings import Basis

# Country calling codes in use: ITU-T E.164 assignments (Operational Bulletin), by their length.
_CODE_LIST = (
    "1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 "
    "86 90 91 92 93 94 95 98 211 212 213 216 218 220 221 222 223 224 225 226 227 228 229 230 231 232 233 234 235 236 "
    "237 238 239 240 241 242 243 244 245 246 247 248 249 250 251 252 253 254 255 256 257 258 260 261 262 263 264 265 "
    "266 267 268 269 290 291 297 298 299 350 351 352 353 354 355 356 357 358 359 370 371 372 373 374 375 376 377 378 "
    "380 381 382 383 385 386 387 389 420 421 423 500 501 502 503 504 505 506 507 508 509 590 591 592 593 594 595 596 "
    "597 598 599 670 672 673 674 675 676 677 678 679 680 681 682 683 685 686 687 688 689 690 691 692 800 808 850 852 "
    "853 855 856 870 878 880 881 882 883 886 888 960 961 962 963 964 965 966 967 968 970 971 972 973 974 975 976 977 "
    "979 992 993 994 995 996 998"
)
_CODES = frozenset(_CODE_LIST.split())
_HARD = "\u00a0|\u2011"  # a space and a hyphen at which no line breaks
_GAP = f"(?:[ ./-]|{_HARD}| - )?"
_EXTENSION = "(?: ?(?:x|ext\\.?|#) ?[0-9]{1,6})?"
_DIALLED = rf"[1-9](?:{_GAP}(?:\([0-9]{{1,4}}\)|[0-9])){{7,16}}{_EXTENSION}"
_LINE = rf"[2-9][0-9]{{2}}[ .-][0-9]{{4}}{_EXTENSION}\b"
_NORTH_AMERICAN = rf"(?:1[ .-]?\([2-9][0-9]{{2}}\)[ -]?|(?:1[ .-]?)?[2-9][0-9]{{2}}[.-]){_LINE}"
_PAIRS = r"0[1-9](?:[ .-][0-9]{2}){4}\b"
_BRITISH = r"0(?:7[0-9]{3}|[12][0-9]{2,3}|2[0-9]|3[0-9]{2}|8[0-9]{2}) [0-9]{3,4} [0-9]{3,4}\b"
# The trunk prefix 0 and an area or mobile code, as most numbering plans of Europe, Asia and Oceania have it.
_TRUNK = r"0[1-9][0-9]{0,3}(?: ?[/-] ?| )(?:[0-9]{2,4}(?:[ -][0-9]{2,4}){1,3}|[0-9]{5,8})\b"
_ANNOUNCED = rf"[0-9](?:(?:[ ()/.-]{{1,3}}|{_HARD})?[0-9]){{6,16}}\b"
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_HEX = "[0-9A-Fa-f]{1,4}"


_BETWEEN = {ord(sign): None for sign in "+ ./()-\u00a0\u2011"}


def digits_of(text: str) -> str:
    """ASCII digits of a number, without those of an extension."""
    for mark in ("x", "ext", "#"):
        text = text.partition(mark)[0]
    return text.translate(_BETWEEN)


def international(text: str) -> bool:
    """A country's code and 8 to 15 digits altogether (ITU-T E.164); a zero in brackets is not dialled."""
    digits = digits_of(text.replace("(0)", "")).removeprefix("00")
    return 8 <= len(digits) <= 15 and any(digits[:length] in _CODES for length in (1, 2, 3)) and len(set(digits)) > 2


def national(text: str) -> bool:
    """Nine to eleven digits with the prefix, and not a date."""
    digits = digits_of(text)
    return 9 <= len(digits) <= 11 and len(set(digits)) > 2 and not (len(text) == 10 and text[2] == text[5])


def announced(text: str) -> bool:
    """Seven to fifteen digits that are no date and not one digit over and over."""
    digits = digits_of(text)
    iso_date = len(text) == 10 and text[4] in "-./" and text[7] in "-./" and text[:2] in ("19", "20")
    years = len(text) == 9 and text[4] == "-" and text[:2] in ("18", "19", "20") and text[5:7] in ("18", "19", "20")
    zip_code = len(text) == 10 and text[5] == "-" and len(digits) == 9
    return 7 <= len(digits) <= 15 and not (iso_date or years or zip_code) and len(set(digits)) > 1


def _phone(
    shape: str, score: float, found: tuple[str, ...], passed: tuple[str, ...], *, starts: str = "",
    at_word: bool = True, needs: bool = False, check: Check | None = None, extent: Extent | None = spans.number_alone,
) -> Rule:  # fmt: skip
    return Rule(
        "phone", "phone", shape, score, found, passed, version=2, starts=starts, at_word=at_word, check=check,
        extent=extent, basis=Basis.CONTEXT if needs else Basis.SHAPE, context=("phone",), needs=needs, follows=True,
    )  # fmt: skip


RULES = (
    Rule(
        "email", "email", r"@[0-9A-Za-z\x80-\xff]", 0.95,
        ("Write to <«first.last+tag@mail.example.org»>, please.", "«jörg@müller.example»",
         "mail «o'neil_9@sub.sub2.example.com»."),
        ("a@b", "@example.com", "user@", "10@20", "git@host:path", "a@-b.example", "x@y.1"),
        version=2, starts="@", at_word=False, extent=spans.email,
    ),
    _phone(
        r"\+ ?" + _DIALLED, 0.9,
        ("Call «+49 30 1234567» today", "«+1 (415) 555-0132»", "«+46 (0)8 928 571 38» fax", "«+41.44.668.18.00»"),
        ("+5 points", "a + 1000", "+999 123 456 789 12", "+1 1 1 1 1 1 1 1 1"),
        at_word=False, check=international, extent=None,
    ),
    _phone(
        "00[ -]?" + _DIALLED, 0.8, ("«001-518-640-0854» mobile", "«0049 30 1234567»"), ("00 12", "0000000000000"),
        starts=DIGITS, check=international,
    ),
    _phone(
        _NORTH_AMERICAN, 0.8, ("at «415-555-0132»", "«345-899-3560x4587»", "«1 (415) 555-0132»"),
        ("order 123-456-789", "pages 100-200", "115-555-0132", "12-415-555-0132", "1234 5698"),
        starts=DIGITS,
    ),
    _phone(
        rf"\([2-9][0-9]{{2}}\)[ -]?{_LINE}", 0.8, ("Call «(415) 555-0132» today",), ("(115) 555-0132",), at_word=False
    ),
    _phone(_PAIRS, 0.7, ("Tél. «03.93.92.16.85»", "«01 84 17 61 18»"), ("00.93.92.16.85", "2003.93.92"), starts=DIGITS),
    _phone(_BRITISH, 0.65, ("on «07700 063 966».", "«020 7946 0958»"), ("1700 063 966",), starts=DIGITS),
    _phone(
        r"\(0[0-9]{2,4}\) [0-9]{3,4} [0-9]{3,4}\b", 0.65, ("«(0161) 496 0000»",), ("(1161) 496 0000",), at_word=False
    ),
    _phone(
        _TRUNK, 0.6,
        ("Zürich «044 668 18 00»", "Berlin «030 / 1234567»", "«0961-7596216»", "東京 «03-3224-9999»"),
        ("000 123 456", "01-02-2003", "0123456789", "012 34", "0.123 456 789", "10-044 668 18 00"),
        starts=DIGITS, check=national,
    ),
    _phone(
        _ANNOUNCED, 0.6,
        ("Tel.: «030 / 1234567», Fax «0800 123456»", "Phone: «60-56-85-91»", "call me at «0494 92 82 32»",
         "«781 1704» office", "mobile «07700900123»"),
        ("2026-01-15", "telescope 12345678", "ISBN 978-3-16-148410-0", "1,000,000", "call 1111111",
         "call on 2026-01-15", "invoice 123 456 789", "call for $0.00000625", "call it 1966-1990",
         "94104-5401 phone", "call https://a.example/x/2762526/y"),
        starts=DIGITS, needs=True, check=announced, extent=spans.number_begins,
    ),
    _phone(
        r"\([0-9]{1,5}\)(?:[ /.-]?[0-9]){5,12}\b", 0.6,
        ("Phone: «(37) 788-063»", "office «(030) 1234567»"), ("(37) 788-063", "call (1) 2 3"),
        at_word=False, needs=True, check=announced, extent=None,
    ),
    Rule(
        "url", "url", r"(?i:https?|ftps?)://" + spans.LINK_SIGNS + "+", 0.8,
        ("see «https://example.org/a?b=c».", "([x](«http://a.example/(b)»))", "<«ftp://files.example/x»>"),
        ("http://", "the http:// scheme", "x://y"), starts=r"(?i:https?|ftps?)://[^\s]", extent=spans.link, whole=True,
        reach=spans.LONGEST_LINK,
    ),
    Rule(
        "url", "url", r"(?i:www)\.[0-9A-Za-z-]{1,63}\.[A-Za-z]" + spans.LINK_SIGNS + "*", 0.7,
        ("visit «www.example.com/path»!",), ("www.", "www"), starts=r"(?i:www)\.[0-9A-Za-z-]{1,63}\.[A-Za-z]",
        extent=spans.link, whole=True, reach=spans.LONGEST_LINK,
    ),
    Rule(
        "ip", "ip", rf"{_OCTET}(?:\.{_OCTET}){{3}}\b", 0.75, ("from «192.168.100.200».", "|«106.31.73.20»|"),
        ("version 1.2.3", "1.2.3.4.5", "256.1.1.1", "a-1.2.3.4", "01.2.3.4"), extent=spans.internet_address,
    ),
    Rule(
        "ip", "ip", rf"{_HEX}:(?:{_HEX}:|:){{1,7}}(?:{_HEX})?\b|{_HEX}(?::{_HEX}){{0,6}}::[0-9A-Fa-f:]{{0,30}}", 0.8,
        ("host «2001:db8::8a2e:370:7334»", "«2001:0db8:85a3:0000:0000:8a2e:0370:7334»"),
        ("12:30:45", "a::b::c", "std::vector"), starts=f"{_HEX}:(?:{_HEX}:|:)(?:{_HEX}:|:[0-9A-Fa-f])",
        extent=spans.internet_address,
    ),
    Rule(
        "mac", "device", r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}\b|[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){5}\b", 0.85,
        ("MAC «00:1A:2B:3C:4D:5E»", "«00-1a-2b-3c-4d-5e»"), ("00:1A:2B:3C:4D", "00:1A:2B:3C:4D:5E:6F:70", "12-30-45"),
        extent=spans.hardware_address,
    ),
)  # fmt: skip
