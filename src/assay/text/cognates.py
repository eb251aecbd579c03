"""How alike two words of different languages are in writing: Kalifornien and California, Universität and university."""

from __future__ import annotations

import re
from functools import lru_cache

_SOUNDS = re.compile(r"sch|sh|ph|th|ck|qu|c(?=[eiy])|([a-z])\1|[czyjwq]")
_ONE_SOUND = {"sch": "s", "sh": "s", "ph": "f", "th": "t", "ck": "k", "qu": "k", "c": "k", "z": "s", "y": "i", "j": "i"}
_ONE_SOUND |= {"w": "v", "q": "k"}
_SOFT = "s"
_BEGINNINGS = {"k": "c", "c": "kz", "z": "c", "f": "p", "p": "f", "w": "v", "v": "w", "j": "iy", "i": "jy", "y": "ij"}
SHORTEST = 4
"""Letters below which likeness says nothing."""


def likeness(first: str, second: str) -> float:
    """Dice coefficient of letter pairs, 0 to 1, after spellings of one sound are made equal; the beginning counts as a
    pair too. Source: McEnery and Oakes, "Sentence and word alignment in the CRATER project", 1996."""
    ours, theirs = _pairs(first), _pairs(second)
    return 2 * len(ours & theirs) / (len(ours) + len(theirs))


def beginnings(word: str) -> tuple[str, ...]:
    """The two letters with which a cognate of the word may begin."""
    return tuple(first + word[1:2] for first in (word[:1], *_BEGINNINGS.get(word[:1], "")))


@lru_cache(maxsize=1 << 15)
def _pairs(word: str) -> frozenset[str]:
    plain = "^" + _SOUNDS.sub(_sound, word)
    return frozenset(plain[at : at + 2] for at in range(len(plain) - 1))


def _sound(match: re.Match[str]) -> str:
    found = match.group()
    if match.group(1):
        return found[0]
    if found == "c" and match.string[match.end() : match.end() + 1] in ("e", "i", "y"):
        return _SOFT
    return _ONE_SOUND[found]
