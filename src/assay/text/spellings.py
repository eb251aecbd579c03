"""Numbers, dates and code names in one spelling for search, so that 1,000 and 1.000 or a date in words are one term."""

from __future__ import annotations

import re
from functools import cache

from assay.text.lists import word_set

DECIMAL_COMMA = word_set("da de el es fi fr hu it nl no pt ro ru sv tr")
"""Languages whose point divides thousands and whose comma divides decimals."""
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar jänner janvier enero gennaio januari janeiro",
            "february feb februar février febrero febbraio februari fevereiro",
            "march mar märz mrz mars marzo maart março",
            "april apr avril abril aprile",
            "may mai mayo maggio mei maio",
            "june jun juni juin junio giugno junho",
            "july jul juli juillet julio luglio julho",
            "august aug août agosto augustus",
            "september sep sept septembre septiembre settembre setembro",
            "october oct oktober okt octobre octubre ottobre outubro",
            "november nov novembre noviembre novembro",
            "december dec dezember dez décembre diciembre dicembre december dezembro",
        ),
        start=1,
    )
    for name in names.split()
}
_COMMA_SEEN = re.compile(r"\d,\d")  # cheap, and says whether the dearer ones are worth their time
_POINT_SEEN = re.compile(r"\d\.\d{3}")
_COMMAS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d,])")
_POINTS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:\.\d{3})+(?!\d|\.\d)")
_GAPS = re.compile("(?<![\\d.,])[1-9]\\d{0,2}(?:[\u00a0\u2009\u202f'’]\\d{3})+(?!\\d)")
_DECIMAL = re.compile(r"(?<![\d.,])(\d+),(\d{1,2}|0\d{2,})(?![\d,])")
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_MEASURE = re.compile(r"(\d+(?:\.\d+)?)([^\W\d_]{1,4})")
_VERSION = re.compile(r"v(\d+(?:\.\d+)+(?:[-.+]\w+)*)")
_HUMP = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_YEAR_FIRST = re.compile(r"(?<!\d)([12]\d{3})([-/.])(\d{1,2})\2(\d{1,2})(?!\d)")
_DAY_FIRST = re.compile(r"(?<!\d)(\d{1,2})\.\s?(\d{1,2})\.\s?([12]\d{3})(?!\d)")


def plain_numbers(text: str, language: str) -> str:
    """Thousands without their separators, decimals with a point.

    A point divides thousands only in languages that write it so; 192.168.100.200 is an address everywhere.
    """
    if "\u00a0" in text or "\u202f" in text or "\u2009" in text or "'" in text or "’" in text:
        text = _GAPS.sub(lambda match: re.sub(r"\D", "", match.group()), text)
    if language in DECIMAL_COMMA and _POINT_SEEN.search(text):
        text = _POINTS.sub(_without_points, text)
    if "," in text and _COMMA_SEEN.search(text):
        text = _COMMAS.sub(lambda match: match.group().replace(",", ""), text)
        text = _DECIMAL.sub(r"\1.\2", text)
    return text


def _without_points(match: re.Match[str]) -> str:
    return match.group() if _ADDRESS.fullmatch(match.group()) else match.group().replace(".", "")


def dates(text: str) -> list[str]:
    """Every date of a lower-cased text as `2024-01-15`, except those already written so. Month/day with slashes can be
    read two ways and is left alone."""
    found = [_iso(y, m, d) for y, mark, m, d in _YEAR_FIRST.findall(text) if mark != "-" or len(m) + len(d) < 4]
    found += [_iso(y, m, d) for d, m, y in _DAY_FIRST.findall(text)]
    for day, month, after, year in _in_words().findall(text):
        found.append(_iso(year, str(_MONTHS[month]), day or after))
    return [date for date in found if date]


@cache
def _in_words() -> re.Pattern[str]:
    """`15 January 2024`, `15. Januar 2024`, `15 de enero de 2024`, `January 15th, 2024`."""
    months = "|".join(sorted(_MONTHS, key=len, reverse=True))
    day = r"(\d{1,2})(?:st|nd|rd|th|er|\.|º)?"
    before = rf"(?:(?<!\d){day}(?:\sof|\sde)?\s)?"
    after = rf"(?:\s{day}(?!\d))?"
    return re.compile(rf"{before}\b({months})\b\.?{after},?(?:\sde)?\s([12]\d{{3}})(?!\d)")


def _iso(year: str, month: str, day: str) -> str:
    """Empty where there is no such day."""
    if not (day and 1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return ""
    return f"{year}-{int(month):02}-{int(day):02}"


def other_spellings(token: str) -> list[str]:
    """Further terms of a lower-cased token: `5gb` is 5 and gb, `v1.2.3` is 1.2.3 too."""
    measure = _MEASURE.fullmatch(token)
    if measure:
        return list(measure.groups())
    version = _VERSION.fullmatch(token)
    return [version.group(1)] if version else []


def humps(word: str) -> list[str]:
    """The words in `getUserName`, lower-cased; none in `iOS`."""
    parts = [part.lower() for part in _HUMP.findall(word) if len(part) > 1]
    return parts if len(parts) > 1 else []
