"""A text as the signals see it: normalised, case-folded, as code points with their places in the original."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assay.text.normalise import normalise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

WINDOW = 1000
"""Characters of a window; a text of at most one and a half of them is one window."""
STRIDE = 500
SPACE = 32
_SPACES = np.array([9, 10, 11, 12, 13, 28, 29, 30, 31, SPACE], dtype=np.uint32)


@dataclass(frozen=True, slots=True)
class Seen:
    """`codes[i]` came from character `origins[i]` of the original; `origins` is one longer and ends at its length."""

    codes: NDArray[np.uint32]
    origins: NDArray[np.int64]


def see(text: str) -> Seen:
    """NFKC without invisible characters, white space as one space, case-folded. Time is linear in the text."""
    if text.isascii():
        return _plain(text)
    plain = normalise(text.encode("utf-8", "replace").decode("utf-8"))
    folded = plain.text.casefold()
    origins = np.array(plain.origins, dtype=np.int64)
    if len(folded) != len(plain.text):
        lengths = [len(char.casefold()) for char in plain.text]
        origins = np.append(np.repeat(origins[:-1], lengths), origins[-1])
    return Seen(_codes(folded), origins)


def _plain(text: str) -> Seen:
    codes = np.frombuffer(text.lower().encode("ascii"), dtype=np.uint8).astype(np.uint32)
    blank = np.isin(codes, _SPACES)
    codes[blank] = SPACE
    first = np.concatenate(([True], blank[:-1])) if len(blank) else blank
    kept = np.flatnonzero(~(blank & first))
    if len(kept) and blank[kept[-1]]:
        kept = kept[:-1]
    return Seen(codes[kept], np.append(kept, len(text)))


def _codes(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)


def windows(length: int) -> Iterator[tuple[int, int]]:
    """Overlapping spans that cover `length` characters; none for an empty text."""
    at = 0
    while length - at > WINDOW + STRIDE:
        yield at, at + WINDOW
        at += STRIDE
    if length:
        yield at, length
