"""A text's sketch for finding nearly the same ones: MinHash over word triples in one permutation, in bands."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BANDS, ROWS = 8, 4
"""Two texts are compared when a band of their sketches is equal: for a share s of common triples that happens with
1 - (1 - s^4)^8: .997 at .85, .66 at .6, .06 at .3 (Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, 3.4)."""
LEAST_TRIPLES = 20
"""A shorter text says too little to be the same as another."""
MOST_CHARS = 1_000_000
"""Of a longer text the beginning is sketched."""
_BINS = BANDS * ROWS
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB), np.uint64(0xD6E8FEB86659FD93))
_ROW_MIX = np.array((0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F), np.uint64)
_SIGNS = bytes(ord(chr(sign).lower()) if sign < 0x80 and chr(sign).isalnum() else 0x20 for sign in range(0x80)) + bytes(
    range(0x80, 0x100)
)
"""Letters and digits of ASCII in lower case, all other ASCII as blanks; bytes of other scripts as they are."""
_EDGE = b" " * 8
_KEPT = np.array([(1 << 8 * size) - 1 for size in range(9)], dtype=np.uint64)
_LONG_WORD = 20
"""In characters: words that are longer on average are none."""


def sketch(text: str) -> str:
    """Eight band hashes of 32 bits in base 64; empty for a text that is too short. Linear.

    One permutation is enough: the hashes are cut into 32 bins and each keeps its least, empty bins borrow from the next
    (Li, Owen and Zhang, "One Permutation Hashing", 2012; Shrivastava and Li, "Densifying", 2014).
    """
    triples = _triples(text[:MOST_CHARS])
    if len(triples) < LEAST_TRIPLES:
        return ""
    bands = _bands(_densified(np.sort(triples)).reshape(BANDS, ROWS))
    return base64.b64encode(bands.tobytes()).decode("ascii")


def bands_of(stored: str) -> tuple[int, ...]:
    """The band hashes of a stored sketch, each with its number in it."""
    found = np.frombuffer(base64.b64decode(stored), dtype=np.uint32)
    return tuple(int(value) << 3 | number for number, value in enumerate(found))


def _triples(text: str) -> NDArray[np.uint64]:
    """Hashes of every three neighbouring words; of characters where a script sets no spaces. Letters of ASCII in lower
    case, others as they stand."""
    hashes = _words(text)
    if len(text) > _LONG_WORD * (len(hashes) + 1):
        hashes = np.array([ord(sign) for sign in text if sign.isalnum()], dtype=np.uint64)
    if len(hashes) < 3:
        return np.empty(0, dtype=np.uint64)
    return _mixed(hashes[:-2] * _MIX[0] + hashes[1:-1] * _MIX[1] + hashes[2:] * _MIX[2])


def _words(text: str) -> NDArray[np.uint64]:
    """A number for each word, from its first and last eight bytes and its length: all words in a few passes."""
    data = _EDGE + text.encode("utf-8", "replace").translate(_SIGNS) + _EDGE
    inside = np.frombuffer(data, dtype=np.uint8) != ord(" ")
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    starts, ends = edges[::2], edges[1::2]
    eights = np.ndarray((len(data) - 7,), "<u8", data, 0, (1,))
    sizes = ends - starts
    heads = eights[starts] & _KEPT[np.minimum(sizes, 8)]
    tails = np.where(sizes > 8, eights[ends - 8], np.uint64(0))
    hashes: NDArray[np.uint64] = heads + tails * _MIX[1] + sizes.astype(np.uint64) * _MIX[2]
    return hashes


def _mixed(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's last steps, so that every bit depends on all (Steele, Lea and Flood, 2014)."""
    hashes = (hashes ^ (hashes >> np.uint64(30))) * _MIX[0]
    hashes = (hashes ^ (hashes >> np.uint64(27))) * _MIX[1]
    return hashes ^ (hashes >> np.uint64(31))


def _densified(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The least hash of each bin, which the highest five bits name; `hashes` ascend."""
    first = np.searchsorted(hashes, np.arange(_BINS, dtype=np.uint64) << np.uint64(59))
    ends = np.append(first[1:], len(hashes))
    full = np.flatnonzero(first < ends)
    after = full[np.searchsorted(full, np.arange(_BINS)) % len(full)]
    distance = (after - np.arange(_BINS)) % _BINS
    return hashes[first[after]] + distance.astype(np.uint64) * _MIX[2]


def _bands(rows: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """One hash a band."""
    return (_mixed((rows * _ROW_MIX).sum(axis=1, dtype=np.uint64)) >> np.uint64(32)).astype(np.uint32)
