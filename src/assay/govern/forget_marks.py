"""Keyed digests of what is forgotten: it is recognised wherever it stands, and can be read from nowhere.

A text is divided into words (case-folded, NFKC, without invisible characters; one character is a word in scripts that
are written without spaces). Every run of five words is a shingle (A. Z. Broder, "On the resemblance and containment of
documents", 1997); a shorter text is one shingle. Only 64-bit digests of shingles under a random key are kept.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import secrets
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from assay.govern.forget_readings import values

Digests = NDArray[np.uint64]

SHINGLE = 5
"""Words in a shingle: in 1,300 pages of manuals few runs of five words are shared by two pages that share no text."""
NAMED = 3
"""A file's name or a document's id is looked for in running text from so many words on; below that only where it is
the whole of a value."""
_RARE_CHARS, _RARE_NUMBER = 8, 4
_MOST_WORDS = 1 << 20

_CHARS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[^\W_{_CHARS}]+|[{_CHARS}]")
_INVISIBLE = re.compile("[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff]")
_HASH = re.compile(r"[0-9a-f]{32,}\Z")
_NONE: Digests = np.empty(0, dtype=np.uint64)


def words(text: str) -> list[str]:
    """The words of a text, in order, in the form in which they are compared."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))
    return _WORD.findall(text.casefold())


def tag(kind: str, value: str) -> str:
    """What a row is told by that goes because of whose it is: `trace`, `key`, `slot` or `tenant`, and which."""
    return f"{kind}\0{value}"


class _Codes(dict[str, int]):
    """Words to keyed digests, remembered."""

    def __init__(self, key: bytes) -> None:
        super().__init__()
        self._key = key

    def __missing__(self, word: str) -> int:
        if len(self) > _MOST_WORDS:
            self.clear()
        data = word.encode("utf-8", "surrogatepass")
        code = int.from_bytes(hashlib.blake2b(data, digest_size=8, key=self._key).digest(), "little")
        self[word] = code
        return code


@dataclass(frozen=True)
class Marks:
    """What must stand nowhere any more. Arrays are sorted and keyed by the number of words in a shingle.

    `shingles` come from removed documents and may be allowed where a document that stays has them too; `subjects`, the
    people or numbers to forget, are allowed nowhere. `names` are digests of document ids, chunk ids, addresses and
    content hashes. `vectors` are the first eight bytes of removed float32 vectors.
    """

    key: bytes
    shingles: Mapping[int, Digests] = field(default_factory=dict)
    subjects: Mapping[int, Digests] = field(default_factory=dict)
    names: frozenset[int] = frozenset()
    telling: frozenset[int] = frozenset()
    """Those names that can hardly mean anything else and that nothing which stays is called by."""
    hashes: Digests = field(default_factory=lambda: _NONE)
    """Those names that are hashes of 32 hex digits or more: they are recognised inside running text too."""
    vectors: Digests = field(default_factory=lambda: _NONE)
    _codes: _Codes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_codes", _Codes(self.key))

    @property
    def count(self) -> int:
        """How many different shingles are looked for, those of subjects included."""
        return sum(len(known) for group in (self.shingles, self.subjects) for known in group.values())

    @property
    def digest(self) -> str:
        """SHA-256 over everything but the key; tells two sets of marks apart and nothing else."""
        return hashlib.sha256(_packed(replace(self, key=b"")) + self.key).hexdigest()

    def found(self, text: str) -> Digests:
        """The different marks that stand in a text: shingles, subjects, and names as one whole word."""
        codes = self._of(words(text))
        parts = [_members(codes, self.hashes)]
        for group in (self.shingles, self.subjects):
            parts.extend(_members(_joined(codes, n), known) for n, known in group.items())
        return np.unique(np.concatenate(parts))

    def holds(self, text: str) -> bool:
        """True when a mark stands in the text, or the text is a name that can hardly mean anything else."""
        return bool(len(self.found(text))) or self._is_telling(text)

    def owning(self, tags: Iterable[str]) -> Marks:
        """The same with these tags (see `tag`), which `is_tagged` knows and which are looked for in no text."""
        return replace(self, names=self.names | {self._codes[one] for one in tags})

    def is_tagged(self, kind: str, value: str) -> bool:
        return self.is_name(tag(kind, value))

    def is_name(self, text: str) -> bool:
        return bool(self.names) and self._codes[text] in self.names

    def in_json(self, text: str) -> int:
        """How many strings of a JSON text hold a mark. What only the names of its members spell is not counted."""
        suspect = bool(len(self.found(text)))
        return sum(self.holds(value) if suspect else self._is_telling(value) for value in values(text))

    def _is_telling(self, text: str) -> bool:
        return bool(self.telling) and self._codes[text] in self.telling

    def holds_subject(self, text: str) -> bool:
        codes = self._of(words(text))
        return any(len(_members(_joined(codes, n), known)) for n, known in self.subjects.items())

    def without(self, texts: Iterable[str]) -> Marks:
        """The same marks less those shingles that stand in texts which stay; subjects and names stay marks."""
        shingles = dict(self.shingles)
        for text in texts:
            codes = self._of(words(text))
            for n, known in shingles.items():
                met = _members(_joined(codes, n), known)
                if len(met):
                    shingles[n] = np.setdiff1d(known, met, assume_unique=True)
        return replace(self, shingles=shingles)

    def in_vectors(self, data: bytes) -> int:
        """How many vectors in a file of float32 numbers begin as a removed one does, wherever they stand."""
        if not len(self.vectors) or len(data) < 8:
            return 0
        numbers = np.frombuffer(data, dtype="<u4", count=len(data) // 4).astype(np.uint64)
        pairs = numbers[:-1] | (numbers[1:] << np.uint64(32))
        return int(np.isin(pairs, self.vectors).sum())

    def _of(self, found: Sequence[str]) -> Digests:
        return np.fromiter(map(self._codes.__getitem__, found), dtype=np.uint64, count=len(found))

    def to_bytes(self) -> bytes:
        """For the side file of a running erasure; holds the key and digests and no text."""
        return self.key + _packed(self)

    @staticmethod
    def from_bytes(data: bytes) -> Marks:
        """Raises ValueError for what is no such file."""
        key, rest = data[:32], io.BytesIO(data[32:])
        with np.load(rest, allow_pickle=False) as arrays:
            groups: dict[str, dict[int, Digests]] = {"shingles": {}, "subjects": {}}
            for kind, n in json.loads(bytes(arrays["groups"]).decode()):
                groups[kind][int(n)] = arrays[f"{kind}{n}"]
            names, telling = (frozenset(arrays[kind].tolist()) for kind in ("names", "telling"))
            held = groups["shingles"], groups["subjects"], names, telling, arrays["hashes"], arrays["vectors"]
            return Marks(key, *held)


def _packed(marks: Marks) -> bytes:
    listed = [("shingles", n) for n in sorted(marks.shingles)] + [("subjects", n) for n in sorted(marks.subjects)]
    arrays: dict[str, NDArray[np.uint64]] = {f"{kind}{n}": getattr(marks, kind)[n] for kind, n in listed}
    out = io.BytesIO()
    groups = np.frombuffer(json.dumps(listed).encode(), dtype=np.uint8)
    arrays["names"] = np.array(sorted(marks.names), dtype=np.uint64)
    arrays["telling"] = np.array(sorted(marks.telling), dtype=np.uint64)
    np.savez(out, groups=groups, hashes=marks.hashes, vectors=marks.vectors, **arrays)  # type: ignore[arg-type]
    return out.getvalue()


def new_marks(
    texts: Iterable[str] = (), subjects: Iterable[str] = (), names: Iterable[str] = (), shared: Collection[str] = ()
) -> Marks:
    """Marks of whole texts, of subjects (each counts wherever it stands) and of names, under a fresh key. Names that
    something which stays has too, such as a heading, are `shared`: only fields that hold ids are compared with them."""
    empty = Marks(secrets.token_bytes(32))
    stated = list(dict.fromkeys(names))
    shingles = _grouped(empty, texts, _enough)
    for n, known in _grouped(empty, map(_ending, stated), lambda found: len(found) >= NAMED).items():
        shingles[n] = np.union1d(shingles.get(n, _NONE), known)
    hashes = np.unique(empty._of([name for name in stated if _HASH.match(name)]))
    return replace(
        empty,
        shingles=shingles,
        subjects=_grouped(empty, subjects, bool),
        names=frozenset(empty._of(stated).tolist()),
        telling=frozenset(empty._of([n for n in stated if n not in shared and _enough(words(n))]).tolist()),
        hashes=hashes,
    )


def _ending(name: str) -> str:
    """The last words of a name: the folders that a path begins with are also those of files that stay."""
    return " ".join(words(name)[-SHINGLE:])


def _enough(found: Sequence[str]) -> bool:
    """A single word is only looked for when it can hardly stand elsewhere by chance."""
    if len(found) != 1:
        return len(found) > 1
    word = found[0]
    return len(word) >= _RARE_CHARS or (len(word) >= _RARE_NUMBER and any(c.isdigit() for c in word))


def _grouped(empty: Marks, texts: Iterable[str], taken: Callable[[Sequence[str]], bool]) -> dict[int, Digests]:
    parts: dict[int, list[Digests]] = {}
    for text in texts:
        found = words(text)
        if taken(found):
            n = min(SHINGLE, len(found))
            parts.setdefault(n, []).append(_joined(empty._of(found), n))
    return {n: np.unique(np.concatenate(arrays)) for n, arrays in parts.items()}


def _joined(codes: Digests, n: int) -> Digests:
    """One digest for every run of n words: a polynomial in the words' own digests, modulo 2^64."""
    count = len(codes) - n + 1
    if count < 1:
        return _NONE
    total = codes[:count].copy()
    for place in range(1, n):
        total = total * _FACTOR + codes[place : place + count]
    return total


_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def _members(codes: Digests, known: Digests) -> Digests:
    """Those codes that are known; `known` is sorted."""
    if not len(known) or not len(codes):
        return _NONE
    places = np.minimum(np.searchsorted(known, codes), len(known) - 1)
    members: Digests = codes[known[places] == codes]
    return members


def vector_marks(vectors: NDArray[np.float32]) -> Digests:
    """The first eight bytes of each row; shape (n, dimensions) with at least two numbers a row. A row that begins with
    a zero has no mark: zeros stand everywhere."""
    vectors = vectors[(vectors[:, :2] != 0).all(axis=1)]
    if not len(vectors):
        return _NONE
    pairs = np.ascontiguousarray(vectors[:, :2].astype("<f4")).view("<u8").reshape(-1)
    return np.unique(pairs.astype(np.uint64))
