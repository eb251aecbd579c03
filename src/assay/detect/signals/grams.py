"""Hashed n-grams of characters and words, all from prefix sums, so that no Python loop walks the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.detect.signals.seen import SPACE

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHARACTERS = (3, 4, 5)
"""Lengths of the character n-grams."""
WORDS = (1, 2, 3)
"""Lengths of the word n-grams."""
_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 1 << 64)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_SALT = 0xA0761D6478BD642F
_LONGEST_ASKED = 4096


def _powers(base: int) -> NDArray[np.uint64]:
    found = np.full(_LONGEST_ASKED, base, dtype=np.uint64)
    found[0] = 1
    return np.multiply.accumulate(found)


_UP, _DOWN = _powers(_BASE), _powers(_INVERSE)


def buckets(codes: NDArray[np.uint32], bits: int) -> NDArray[np.int64]:
    """The distinct buckets, of 2 to the power of `bits`, that the n-grams of a window fall into; ascending.

    The hash of `codes[s:e]` is (H[e] - H[s]) / B^s modulo 2^64 with H the prefix sums of codes[i] * B^i (Karp and
    Rabin 1987, B odd and so invertible). A word is a run of letters and digits or one other sign; a word of n-gram
    order k is what stands between the beginning of a word and the end of its k-1-th successor, spaces included.
    Windows are at most 4,094 characters; raises ValueError beyond.
    """
    if not len(codes):
        return np.empty(0, dtype=np.int64)
    padded = np.concatenate(([SPACE], codes, [SPACE])).astype(np.uint64)
    size = len(padded)
    if size > _LONGEST_ASKED:
        raise ValueError(f"a window has at most {_LONGEST_ASKED - 2} characters, not {len(codes)}")
    sums = np.concatenate((np.zeros(1, dtype=np.uint64), np.cumsum(padded * _UP[:size], dtype=np.uint64)))
    hashes = [_salted((sums[n:] - sums[:-n]) * _DOWN[: size - n + 1], n) for n in CHARACTERS if size >= n]
    starts, ends = _words(padded)
    for n in WORDS:
        if len(starts) >= n:
            first, last = starts[: len(starts) - n + 1], ends[n - 1 :]
            hashes.append(_salted((sums[last] - sums[first]) * _DOWN[first], 16 + n))
    return np.unique((np.concatenate(hashes) >> np.uint64(64 - bits)).astype(np.int64))


def _salted(hashes: NDArray[np.uint64], family: int) -> NDArray[np.uint64]:
    """Hashes mixed so that their highest bits depend on all of them, apart for every family of n-grams."""
    mixed = hashes ^ np.uint64(_SALT * family % (1 << 64))
    mixed = (mixed ^ (mixed >> np.uint64(32))) * _MIX
    return (mixed ^ (mixed >> np.uint64(32))) * _MIX


def _words(padded: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Beginnings and ends of words: runs of ASCII letters, digits and all beyond ASCII; single signs."""
    letter = (padded >= 0x80) | ((padded >= 97) & (padded <= 122)) | ((padded >= 48) & (padded <= 57))
    sign = ~letter & (padded != SPACE)
    before = np.concatenate(([False], letter[:-1]))
    after = np.concatenate((letter[1:], [False]))
    starts = np.flatnonzero((letter & ~before) | sign)
    ends = np.flatnonzero((letter & ~after) | sign) + 1
    return starts, ends
