"""Canary tokens: letters without meaning that stand where nobody should repeat them, found again in any notation.

A token is drawn from sixteen consonants, so that it spells no word in any case, has no digit that a disguise could
borrow, and is the same for every client that holds the key. A stretch of 14 of its 20 letters is a find: 61 bits at
least, so it does not come about by chance.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
import numpy.typing as npt

from assay.detect.encodings import Points, readings

ALPHABET = "bcdfghjkmnpqrtwx"
LENGTH = 20
STRETCH = 16
"""So many letters in a row of a token are a find, however they are spelt."""
_STEPS = 13
"""So many steps from letter to letter are one, too, under any rotation of the alphabet."""
_BATCH = 1 << 20
_SIEVE_BITS = 20
KINDS = ("tenant", "prompt", "document", "request")
_LEET = {"8": "b", "(": "c", "<": "c", "6": "g", "9": "g", "#": "h", "7": "t", "+": "t"}


@dataclass(frozen=True, slots=True)
class Canary:
    """`kind` is `tenant`, `prompt`, `document` or `request`; `name` says which one."""

    kind: str
    name: str
    token: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """A canary was found; `notation` names the reading of the text that showed it. Never holds the token."""

    kind: str
    name: str
    notation: str


def token_of(key: bytes, kind: str, name: str, tenant: str = "") -> str:
    """The token of a tenant, prompt or document: the same for the same key, and not to be guessed without it.

    80 bits of HMAC-SHA-256 (RFC 2104). Raises ValueError for a key of less than 16 bytes and an unknown kind.
    """
    if len(key) < 16 or kind not in KINDS:
        raise ValueError("a canary needs a key of at least 16 bytes and a kind of " + ", ".join(KINDS))
    parts = (part.encode("utf-8", "replace") for part in (kind, tenant, name))
    stated = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return _spelt(hmac.digest(key, stated, hashlib.sha256))


def new_token() -> str:
    """A random token, for one request."""
    return _spelt(secrets.token_bytes(LENGTH // 2))


def _spelt(data: bytes) -> str:
    return "".join(ALPHABET[byte >> 4] + ALPHABET[byte & 15] for byte in data[: LENGTH // 2])


@cache
def _codes(leet: bool) -> Points:
    table = np.full(256, 255, np.uint8)
    for value, letter in enumerate(ALPHABET):
        table[ord(letter)] = table[ord(letter.upper())] = value
    for sign, letter in _LEET.items() if leet else ():
        table[ord(sign)] = ALPHABET.index(letter)
    return table


@cache
def _places() -> Points:
    table = np.full(256, 255, np.uint8)
    for place in range(26):
        table[ord("a") + place] = table[ord("A") + place] = place
    return table


@cache
def _useful() -> npt.NDArray[np.bool_]:
    """Signs that mean something to any of the tables; most of what encodings give means nothing to all of them."""
    useful: npt.NDArray[np.bool_] = (_codes(True) != 255) | (_places() != 255)
    return useful


class Finder:
    """Looks for many canaries at once, in every notation of `detect.encodings`, forwards and backwards, and under every
    rotation of the alphabet. Time is linear in the text, whatever the number of canaries."""

    def __init__(self, canaries: Iterable[Canary]) -> None:
        self._of: dict[int, Canary] = {}
        self._turned: dict[int, Canary] = {}
        for canary in canaries:
            if len(canary.token) != LENGTH or not set(canary.token) <= set(ALPHABET):
                raise ValueError(f"a canary's token has {LENGTH} letters of {ALPHABET}")
            self._add(canary)
        self._written, self._rotated = _Sieve(self._of), _Sieve(self._turned)

    def _add(self, canary: Canary) -> None:
        letters = np.frombuffer(canary.token.encode(), np.uint8)
        for row, mirrored in product((letters, letters[::-1]), (False, True)):
            steps = _steps(_places()[row])
            steps = (26 - steps) % 26 if mirrored else steps
            self._turned |= dict.fromkeys(_packed_steps(steps).tolist(), canary)
            if not mirrored:
                self._of |= dict.fromkeys(_packed(_codes(False)[row]).tolist(), canary)

    def find(self, text: str) -> tuple[Sighting, ...]:
        """One sighting for each canary that `text` shows, with the first notation that shows it."""
        found: dict[Canary, str] = {}
        for batch in _batches(readings(text)) if self._of and len(text) >= STRETCH // 4 else ():
            # All readings at once, since most texts hold nothing: only a find asks again which reading showed it.
            if not any(self._in(np.concatenate([letters for _, letters in batch]))):
                continue
            for notation, letters in batch:
                for canary in self._in(letters):
                    found.setdefault(canary, notation)
        return tuple(Sighting(one.kind, one.name, notation) for one, notation in found.items())

    def _in(self, letters: Points) -> Iterator[Canary]:
        letters = letters[_useful()[letters]]
        for leet in (False, True):
            codes = _codes(leet)[letters]
            for key in self._written.hits(_packed(codes[codes != 255])):
                yield self._of[key]
        places = _places()[letters]
        for key in self._rotated.hits(_packed_steps(_steps(places[places != 255]))):
            yield self._turned[key]


Reading = tuple[str, Points]


def _batches(found: Iterator[Reading]) -> Iterator[list[Reading]]:
    batch: list[Reading] = []
    size = 0
    for reading in found:
        batch.append(reading)
        size += len(reading[1])
        if size > _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


Numbers = npt.NDArray[np.uint64]


class _Sieve:
    """Which of many numbers are known: a table of bits sorts out nearly all of them, a set the rest."""

    def __init__(self, known: Iterable[int]) -> None:
        self._known = frozenset(known)
        # So small that it stays in the processor's cache, so large that few numbers pass it which are not known.
        self._bits = min(_SIEVE_BITS, max(16, len(self._known).bit_length() + 5))
        self._table = np.zeros(1 << self._bits, np.bool_)
        if self._known:
            self._table[self._slots(np.fromiter(self._known, np.uint64))] = True

    def hits(self, numbers: Numbers) -> list[int]:
        left = numbers[self._table[self._slots(numbers)]].tolist()
        return [number for number in dict.fromkeys(left) if number in self._known]

    def _slots(self, numbers: Numbers) -> Numbers:
        return (numbers * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - self._bits)


def _packed(codes: Points) -> Numbers:
    """Every 16 letters in a row as one number of 64 bits; by doubling, so four passes for all of them."""
    numbers = codes.astype(np.uint64)
    for width in (1, 2, 4, 8):
        if len(numbers) <= width:
            return np.zeros(0, np.uint64)
        numbers = (numbers[:-width] << np.uint64(4 * width)) | numbers[width:]
    return numbers


def _steps(places: Points) -> Points:
    """From each letter to the next, modulo 26: the same for a text under every rotation of the alphabet."""
    steps: Points = _modulo()[places[1:] - places[:-1]]
    return steps


@cache
def _modulo() -> Points:
    """A difference of two places, as it comes out in eight bits, modulo 26."""
    return (np.arange(256, dtype=np.uint8).view(np.int8).astype(np.int16) % 26).astype(np.uint8)


def _packed_steps(steps: Points) -> Numbers:
    """Every 13 steps in a row as one number below 26**13."""
    if len(steps) < _STEPS:
        return np.zeros(0, np.uint64)
    one = steps.astype(np.uint64)
    two = one[:-1] * np.uint64(26) + one[1:]
    four = two[:-2] * np.uint64(26**2) + two[2:]
    eight = four[:-4] * np.uint64(26**4) + four[4:]
    twelve = eight[:-4] * np.uint64(26**4) + four[8:]
    return twelve[:-1] * np.uint64(26) + one[12:]
