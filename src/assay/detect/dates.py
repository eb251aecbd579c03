"""Dates inside numbers, and dates as people write them."""

from __future__ import annotations

from calendar import monthrange

_FIRST_YEAR, _LAST_YEAR = 1850, 2100


def a_day(year: int, month: int, day: int) -> bool:
    """Whether the calendar has this day, in the years in which people who are of interest were born or may be."""
    return _FIRST_YEAR <= year <= _LAST_YEAR and 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]


def a_short_day(year: int, month: int, day: int) -> bool:
    """As `a_day` where the century is not said: 29 February counts in any year that could have it."""
    return a_day(1900 + year, month, day) or a_day(2000 + year, month, day)


def ymd(digits: str) -> bool:
    """Whether six digits begin with a date YYMMDD."""
    return a_short_day(int(digits[:2]), int(digits[2:4]), int(digits[4:6]))


def dmy(digits: str) -> bool:
    """Whether six digits begin with a date DDMMYY."""
    return a_short_day(int(digits[4:6]), int(digits[2:4]), int(digits[:2]))


def written(text: str) -> bool:
    """Whether the numbers of a written date can be one in some order; a month's name is taken as right."""
    numbers = [int(part) for part in _numbers(text)]
    if len(numbers) == 2:  # the month is a word
        return any(1 <= day <= 31 and _year(year) for day, year in (numbers, numbers[::-1]))
    if len(numbers) < 3:
        return False
    first, second, third = numbers[:3]
    orders = ((first, second, third), (third, second, first), (third, first, second))
    return any(_year(year) and a_short_day(year % 100, month, day) for year, month, day in orders)


def _year(year: int) -> bool:
    return 0 <= year <= 99 or _FIRST_YEAR <= year <= _LAST_YEAR


def _numbers(text: str) -> list[str]:
    return "".join(sign if "0" <= sign <= "9" else " " for sign in text).split()
