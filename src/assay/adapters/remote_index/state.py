"""A state of an index: its counts and a digest of its content, kept up to date by what each change adds and takes away.

The digest is a sum over rows, so that it depends on what is there and not on the order or history, and costs what the
change costs: SHAKE-256 of each row to 2,048 bits, added modulo 2**2048. Source: Bellare and Micciancio, "A New Paradigm
for Collision-free Hashing: Incrementality at Reduced Cost", EUROCRYPT 1997.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.adapters.remote_index.terms import RECIPE
from assay.records.digest import sha256_json
from assay.records.errors import InputError
from assay.records.retrieval import Snapshot

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BITS = 2048
_MODULUS = 1 << _BITS


@dataclass(frozen=True, slots=True)
class Vectors:
    """The vectors of one embedder in a state."""

    number: int
    """Names where they are kept."""
    dimensions: int
    count: int = 0
    digest: str = "0"


@dataclass(frozen=True, slots=True)
class State:
    """What is true after change number `version`. `access` counts chunks by access list, `languages` by language."""

    version: int = 0
    documents: int = 0
    chunks: int = 0
    digest: str = "0"
    languages: Mapping[str, int] = field(default_factory=dict)
    access: Mapping[str, int] = field(default_factory=dict)
    recipe: str = ""
    """The newest embedder: the one that is searched and frozen."""
    vectors: Mapping[str, Vectors] = field(default_factory=dict)

    @property
    def searched(self) -> Vectors | None:
        """The vectors that a search looks through; None when there are none."""
        found = self.vectors.get(self.recipe)
        return found if found and found.count else None

    def identity(self, analyzer: str, chunker: str) -> str:
        """64 hex digits: SHA-256 over recipes, counts and the digests of rows and vectors."""
        found = self.searched
        return sha256_json(
            {
                "analyzer": analyzer,
                "chunker": chunker,
                "engine": RECIPE,
                "chunks": [self.chunks, self.digest],
                "embedder": self.recipe if found else "",
                "vectors": [found.count, found.digest] if found else [],
            }
        )

    def snapshot(self, analyzer: str, chunker: str, now: str) -> Snapshot:
        found = self.searched
        return Snapshot(
            snapshot_id=self.identity(analyzer, chunker),
            documents=self.documents,
            chunks=self.chunks,
            vectors=found.count if found else 0,
            embedder=self.recipe if found else "",
            analyzer=analyzer,
            chunker=chunker,
            created_at=now,
        )

    def as_json(self) -> str:
        parts: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        parts["languages"], parts["access"] = dict(self.languages), dict(self.access)
        parts["vectors"] = {
            recipe: [kept.number, kept.dimensions, kept.count, kept.digest] for recipe, kept in self.vectors.items()
        }
        return json.dumps(parts)

    @staticmethod
    def from_json(text: str) -> State:
        parts = json.loads(text)
        parts["vectors"] = {recipe: Vectors(*kept) for recipe, kept in parts["vectors"].items()}
        return State(**parts)


@dataclass(frozen=True, slots=True)
class Kept:
    """What the digest and the counts need to know of one chunk."""

    chunk_id: str
    doc_id: str
    access: str
    content: bytes
    language: str

    def row(self) -> bytes:
        return json.dumps([self.chunk_id, self.access, self.content.hex()]).encode()

    def vector(self) -> bytes:
        return json.dumps([self.chunk_id, self.content.hex(), "vector"]).encode()


def moved(state: State, added: Iterable[Kept], removed: Iterable[Kept]) -> State:
    """The state after a commit, its vectors not yet looked at."""
    added, removed = tuple(added), tuple(removed)
    documents = len({kept.doc_id for kept in added}) - len({kept.doc_id for kept in removed})
    return replace(
        state,
        version=state.version + 1,
        documents=state.documents + documents,
        chunks=state.chunks + len(added) - len(removed),
        digest=_sum(state.digest, (kept.row() for kept in added), (kept.row() for kept in removed)),
        languages=_counted(state.languages, (k.language for k in added), (k.language for k in removed)),
        access=_counted(state.access, (k.access for k in added), (k.access for k in removed)),
    )


def with_vectors(state: State, recipe: str, vectors: Vectors, added: Iterable[Kept], removed: Iterable[Kept]) -> State:
    """The state with some vectors of one embedder more and some less."""
    added, removed = tuple(added), tuple(removed)
    changed = replace(
        vectors,
        count=vectors.count + len(added) - len(removed),
        digest=_sum(vectors.digest, (kept.vector() for kept in added), (kept.vector() for kept in removed)),
    )
    return replace(state, vectors={**state.vectors, recipe: changed})


def _counted(counts: Mapping[str, int], added: Iterable[str], removed: Iterable[str]) -> dict[str, int]:
    total = dict(counts)
    for name in added:
        total[name] = total.get(name, 0) + 1
    for name in removed:
        total[name] = total.get(name, 0) - 1
    return {name: count for name, count in total.items() if count}


def _sum(digest: str, added: Iterable[bytes], removed: Iterable[bytes]) -> str:
    total = int(digest, 16)
    for row in added:
        total += _number(row)
    for row in removed:
        total -= _number(row)
    return f"{total % _MODULUS:x}"


def _number(row: bytes) -> int:
    return int.from_bytes(hashlib.shake_256(row).digest(_BITS // 8), "big")


def check_vectors(dimensions: int | None, vectors: Iterable[NDArray[np.float32]]) -> int | None:
    """The length that all have, `dimensions` when it is known. Raises InputError."""
    for vector in vectors:
        mine = len(vector) if vector.ndim == 1 else -1
        dimensions = mine if dimensions is None else dimensions
        if mine != dimensions or mine < 1:
            raise InputError("index.vector_shape", "these vectors have another length than those of the same recipe")
        if not abs(float(np.linalg.norm(vector)) - 1.0) < 1e-2:  # also true for what is not finite
            raise InputError("index.vector_norm", "vectors must be finite and of length 1")
    return dimensions


def check_query(dimensions: int, vector: NDArray[np.float32]) -> None:
    """Raises InputError when a query cannot be compared with vectors of this length."""
    if vector.shape != (dimensions,):
        raise InputError(
            "index.vector_shape",
            f"the query's vector has shape {vector.shape} where the index holds vectors of length {dimensions}",
            remedy="search with the embedder that the index was built with",
        )
    if not np.isfinite(vector).all():
        raise InputError("index.vector_shape", "the query's vector holds a number that is not finite")
