"""Numbers, dates, percentages and amounts in one spelling, so that 1,000 and 1000 are the same number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from assay.text.lists import word_set

_NUMBER = re.compile(
    r"(?P<sign>(?<![\w)\]])[-−–](?=\d)|)(?P<currency>[$€£¥]\s?|)(?P<digits>\d+(?:[.,:’'\u202f]\d+)*)(?P<part>[½¼¾⅓⅔]|)"
    r"(?P<percent>\s?%|)"
)
_BEGINS = re.compile(r"[-−–$€£¥\d]")
"""What every number begins with: the search for this sign is quick, that for all its optional parts is not."""
_UNIT = re.compile(r"(?P<gap>[ \u00a0\u202f-]?)(?P<unit>[€$£¥]|[A-Za-zµäöüÄÖÜ]+)")
_WORDS = re.compile(r"[^\W\d_]+")
_PARTS = {"": "0", "½": "0.5", "¼": "0.25", "¾": "0.75", "⅓": "0.333", "⅔": "0.667"}
_DECIMAL_COMMA = word_set("de fr es it pt nl da sv no nb fi pl cs ru tr")


def _spellings(table: dict[str, str]) -> dict[str, str]:
    """Each spelling to its name, from a table of names and their spellings."""
    return {spelling: name for name, spellings in table.items() for spelling in spellings.split()}


_MULTIPLIERS = {
    spelling: int(power)
    for spelling, power in _spellings(
        {
            "3": "thousand tausend k",
            "6": "million millions mio millionen mn",
            "9": "billion billions mrd milliarde milliarden bn",
        }
    ).items()
}
_UNITS = _spellings(
    {
        "%": "% percent prozent pct",
        "usd": "$ usd dollar dollars",
        "eur": "€ eur euro euros",
        "gbp": "£ gbp pound pounds",
        "jpy": "¥ jpy yen",
        "ms": "ms millisecond milliseconds millisekunde millisekunden",
        "s": "s sec second seconds sekunde sekunden",
        "min": "min minute minutes minuten",
        "h": "h hour hours stunde stunden",
        "day": "day days tag tage tagen",
        "week": "week weeks woche wochen",
        "month": "month months monat monate monaten",
        "year": "year years jahr jahre jahren",
    }
) | {name: name for name in word_set("kb mb gb tb kib mib gib kg mg mm cm km mhz ghz")}
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january januar jänner jan",
            "february februar feb",
            "march märz mar mrz",
            "april apr",
            "may mai",
            "june juni jun",
            "july juli jul",
            "august aug",
            "september sep sept",
            "october oktober oct okt",
            "november nov",
            "december dezember dec dez",
        ),
        start=1,
    )
    for name in names.split()
}
_COUNTED = {
    name: value
    for value, names in enumerate(
        (
            "zero null",
            "one eins",
            "two zwei",
            "three drei",
            "four vier",
            "five fünf",
            "six sechs",
            "seven sieben",
            "eight acht",
            "nine neun",
            "ten zehn",
            "eleven elf",
            "twelve zwölf",
            "thirteen dreizehn",
            "fourteen vierzehn",
            "fifteen fünfzehn",
            "sixteen sechzehn",
            "seventeen siebzehn",
            "eighteen achtzehn",
            "nineteen neunzehn",
            "twenty zwanzig",
        )
    )
    for name in names.split()
}
_TOO_COMMON = word_set("one eins zero null")
"""Words that are more often no count ("one of them"), so that nobody is asked to prove them."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as it was meant: `value` in its shortest decimal spelling, `unit` such as `%`, `usd`, `h`, or empty.

    A month name beside a number is a quantity of unit `month-name`. `weak` marks number words that often count
    nothing, such as "one".
    """

    value: str
    unit: str
    start: int
    end: int
    weak: bool = False

    @property
    def key(self) -> str:
        return self.value + self.unit


def quantities(text: str, language: str = "") -> tuple[Quantity, ...]:
    """Every number of a text in order: digits, amounts, dates, and number words up to twenty (English, German).

    `language` decides between decimal comma and decimal point where the spelling leaves it open.
    """
    found: list[Quantity] = []
    covered = 0
    for match in _numbers(text):
        if match.start("digits") < covered or _inside_word(text, match.start("digits")):
            continue
        found.extend(_digits(text, match, language))
        covered = max(covered, found[-1].end)
    found.extend(_number_words(text))
    return tuple(sorted(found, key=lambda quantity: quantity.start))


def _numbers(text: str) -> Iterator[re.Match[str]]:
    at = 0
    while (begins := _BEGINS.search(text, at)) is not None:
        match = _NUMBER.match(text, begins.start())
        at = begins.end() if match is None else match.end()
        if match is not None:
            yield match


def number_keys(text: str, language: str = "") -> frozenset[str]:
    """What a text can vouch for: the keys of its quantities, number words included."""
    return frozenset(quantity.key for quantity in quantities(text, language))


def _inside_word(text: str, at: int) -> bool:
    """True for digits that are part of an identifier, such as `v2` or `sha256`; names.py looks after those."""
    return at > 0 and (text[at - 1].isalpha() or text[at - 1] == "_") and text[at - 1].isascii()


def _digits(text: str, match: re.Match[str], language: str) -> list[Quantity]:
    digits = match["digits"]
    start, end = match.span()
    date = _iso_date(text, match)
    if date:
        return date
    value = _decimal(digits, language)
    if value is None:  # a version, an address or a time: its spelling is its value
        return [Quantity(digits, "", start, end)]
    value += Decimal(_PARTS[match["part"]])
    unit = "%" if match["percent"] else _UNITS.get(match["currency"].strip(), "")
    after = _UNIT.match(text, end)
    if after and not match["percent"]:
        word = after["unit"].casefold()
        if word in _MULTIPLIERS and (word != "k" or not after["gap"]):
            value = value.scaleb(_MULTIPLIERS[word])
            end = after.end()
            after = _UNIT.match(text, end)
            word = after["unit"].casefold() if after else ""
        if after and not unit and word in _UNITS:
            unit, end = _UNITS[word], after.end()
    sign = "-" if match["sign"] and not match["currency"] else ""
    return [Quantity(sign + _shortest(value), unit, start, end), *_month_beside(text, match)]


def _shortest(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _decimal(digits: str, language: str) -> Decimal | None:
    """The value of a spelling; None when it is no single number (1.2.3, 10:30)."""
    digits = digits.replace("’", ",").replace("'", ",").replace("\u202f", ",")
    if ":" in digits:
        return None
    separators = [char for char in digits if char in ".,"]
    if not separators:
        return Decimal(digits)
    groups = digits.replace(",", ".").split(".")
    thousands = len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])
    kinds = set(separators)
    if len(kinds) == 2:
        last = separators[-1]
        whole = all(len(group) == 3 for group in groups[1:-1]) and separators.count(last) == 1
        return Decimal("".join(groups[:-1]) + "." + groups[-1]) if whole else None
    if len(separators) > 1:
        return Decimal("".join(groups)) if thousands else None
    comma_is_decimal = language in _DECIMAL_COMMA
    if thousands and (separators[0] == ",") != comma_is_decimal:
        return Decimal("".join(groups))
    return Decimal(".".join(groups))


def _iso_date(text: str, match: re.Match[str]) -> list[Quantity]:
    """2024-05-03 and 03.05.2024 as day, month and year."""
    iso = _ISO.match(text, match.start("digits"))
    if iso and 1 <= int(iso[2]) <= 12:
        start, end = iso.span()
        return _date(iso[1], iso[2], iso[3], start, end)
    german = _DOTTED.fullmatch(match["digits"])
    if german and 1 <= int(german[2]) <= 12:
        start, end = match.span("digits")
        return _date(german[3], german[2], german[1], start, end)
    return []


_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?!\d)")
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")


def _date(year: str, month: str, day: str, start: int, end: int) -> list[Quantity]:
    parts = ((day, ""), (month, "month-name"), (year, ""))
    return [Quantity(str(int(value)), unit, start, end) for value, unit in parts]


def _month_beside(text: str, match: re.Match[str]) -> list[Quantity]:
    """A month's name directly before or after a number, so that `May 3` and `2024-05-03` agree."""
    start, end = match.span("digits")
    before = _LAST_WORD.search(text[max(0, start - 14) : start])
    after = _NEXT_WORD.match(text, end)
    for word in (before, after):
        if word and word[1].casefold() in _MONTHS:
            return [Quantity(str(_MONTHS[word[1].casefold()]), "month-name", start, end)]
    return []


_LAST_WORD = re.compile(r"([^\W\d_]+)\.?,?\s$")
_NEXT_WORD = re.compile(r"(?:st|nd|rd|th|\.)?\s(?:of\s)?([^\W\d_]+)")


def _number_words(text: str) -> list[Quantity]:
    found: list[Quantity] = []
    if _COUNTED.keys().isdisjoint(_WORDS.findall(text.casefold())):
        return found
    for match in _WORDS.finditer(text):
        word = match.group().casefold()
        if word not in _COUNTED:
            continue
        value, end = Decimal(_COUNTED[word]), match.end()
        after = _UNIT.match(text, end)
        follows = after["unit"].casefold() if after else ""
        if after and follows in _MULTIPLIERS and follows != "k":
            value, end = value.scaleb(_MULTIPLIERS[follows]), after.end()
            after = _UNIT.match(text, end)
            follows = after["unit"].casefold() if after else ""
        unit = _UNITS.get(follows, "")
        end = after.end() if after and unit else end
        found.append(Quantity(_shortest(value), unit, match.start(), end, word in _TOO_COMMON))
    return found
