"""Whether one text is another with a few values changed: a number, an address, an account."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

MOST_VALUES = 6
"""Words that may differ on either side for a text to count as a copy with other values."""
LEAST_ALIKE = 0.8
"""Share of words in common, repetitions counted, of a near-duplicate."""
LEAST_WORDS = 20
MOST_CHARS = 200_000
"""Longer texts are not compared word by word."""
_WORD = re.compile(r"\S+")
_EDGES = ".,;:!?()[]{}<>\"'«»„“”|*_`"
_VALUE = re.compile(r"\d|@|://|^www\.|\.(?:com|net|org|io|de|fr|example|info|biz|co|app|dev)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Likeness:
    """Share of words in common, and where in the one text the values stand that the other has otherwise."""

    share: float
    changed: tuple[tuple[int, int], ...] = ()


def likeness(one: str, other: str) -> Likeness | None:
    """How `one` relates to `other`; None for texts that are too different, too short or too long. Linear."""
    if max(len(one), len(other)) > MOST_CHARS:
        return None
    mine, theirs = _counted(one), _counted(other)
    total = max(mine.total(), theirs.total())
    common = (mine & theirs).total()
    if total < LEAST_WORDS or common < LEAST_ALIKE * total:
        return None
    added, removed = mine - theirs, theirs - mine
    values = 1 <= added.total() <= MOST_VALUES and 1 <= removed.total() <= MOST_VALUES
    if not values or not all(_VALUE.search(word) for word in (*added, *removed)):
        return Likeness(common / total)
    return Likeness(common / total, _places(one, added))


def _counted(text: str) -> Counter[str]:
    return Counter(word.strip(_EDGES).casefold() for word in text.split())


def _places(text: str, wanted: Mapping[str, int]) -> tuple[tuple[int, int], ...]:
    return tuple(match.span() for match in _WORD.finditer(text) if match.group().strip(_EDGES).casefold() in wanted)
