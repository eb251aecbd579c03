"""Text made comparable, with a map from every character back to the original."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Normalised:
    """A comparable text. `origins[i]` is the offset in the original of what became character `i`; one entry longer
    than `text`, so that the end of a span maps too."""

    text: str
    origins: tuple[int, ...]

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original that `text[start:end]` came from; an empty span maps to an empty span."""
        if end <= start:
            return self.origins[start], self.origins[start]
        last = self.origins[end - 1]
        after = next((o for o in self.origins[end:] if o > last), self.origins[-1])
        return self.origins[start], after


def is_invisible(char: str) -> bool:
    """True for characters that show nothing: zero-width, soft hyphen, direction marks, tags, variation selectors."""
    point = ord(char)
    if point < 0xAD:
        return False
    return unicodedata.category(char) == "Cf" or 0xFE00 <= point <= 0xFE0F or 0xE0100 <= point <= 0xE01EF


def normalise(text: str) -> Normalised:
    """NFKC, invisible characters removed, white space of every kind as one space, none at the ends.

    A base character and its combining marks are composed as one; conjoining Hangul letters that were not composed in
    the source stay apart. Time is linear in the text's length for text as people write it. Source: Unicode Standard
    Annex 15.
    """
    out: list[str] = []
    origins: list[int] = []
    for start, end in _clusters(text):
        seen = "".join(char for char in text[start:end] if not is_invisible(char))
        for char in unicodedata.normalize("NFKC", seen):
            if is_invisible(char):
                continue
            shown = " " if char.isspace() else char
            if shown == " " and (not out or out[-1] == " "):
                continue
            out.append(shown)
            origins.append(start)
    if out and out[-1] == " ":
        out.pop()
        origins.pop()
    return Normalised("".join(out), (*origins, len(text)))


def _joins(char: str) -> bool:
    """True for combining and invisible characters, and for half-width sound marks, which NFKC joins to a letter."""
    return unicodedata.combining(char) > 0 or is_invisible(char) or char in "\uff9e\uff9f"


def _clusters(text: str) -> list[tuple[int, int]]:
    """Spans of one base character with what joins it."""
    starts = [i for i, char in enumerate(text) if i == 0 or char < "\xad" or not _joins(char)]
    return list(pairwise([*starts, len(text)]))


def comparable(text: str) -> str:
    """The text of `normalise`, case-folded: what two quotes of the same words have in common."""
    return normalise(text).text.casefold()
