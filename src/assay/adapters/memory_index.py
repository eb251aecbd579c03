"""An index in memory: an exact dense scan and a plain term score, held to the same conformance suite as the engines."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assay.records.access import Scope
from assay.records.digest import plain, sha256_json
from assay.records.documents import Chunk
from assay.records.errors import NotFound
from assay.records.retrieval import Hit, Snapshot

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WORD = re.compile(r"\w+")
ANALYZER = "memory.words.v1"


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _searched(chunk: Chunk) -> list[str]:
    return _words(" ".join((chunk.title, *chunk.heading_path, chunk.text)))


def _best(scores: Mapping[str, float], limit: int) -> tuple[Hit, ...]:
    """Highest first; equal scores by chunk id, so that a search is reproducible."""
    ordered = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Hit(chunk_id, score) for chunk_id, score in ordered[:limit])


@dataclass(frozen=True)
class MemoryReader:
    """One state of a MemoryIndex; later writes do not reach it."""

    snapshot_id: str
    kept: Mapping[str, Chunk]
    vectors_by_id: Mapping[str, NDArray[np.float32]]
    embedder: str = ""
    """The recipe of the vectors; empty when there are none."""

    @property
    def vectors(self) -> int:
        return len(self.vectors_by_id)

    @property
    def chunks(self) -> int:
        return len(self.kept)

    def lexical(self, text: str, scope: Scope, limit: int) -> tuple[Hit, ...]:
        """Sum over the query's distinct words of saturated count times inverse document frequency."""
        wanted = set(_words(text))
        counts = {chunk_id: Counter(_searched(chunk)) for chunk_id, chunk in self.kept.items()}
        weight = {
            word: math.log(1 + len(counts) / (0.5 + sum(1 for count in counts.values() if word in count)))
            for word in wanted
        }
        scores = {
            chunk_id: sum(weight[word] * count[word] / (count[word] + 1) for word in sorted(wanted))
            for chunk_id, count in counts.items()
            if scope.allows(self.kept[chunk_id].access) and not wanted.isdisjoint(count)
        }
        return _best(scores, limit)

    def dense(self, vector: NDArray[np.float32], scope: Scope, limit: int) -> tuple[Hit, ...]:
        """Inner products with every allowed vector."""
        scores = {
            chunk_id: float(stored @ vector)
            for chunk_id, stored in self.vectors_by_id.items()
            if scope.allows(self.kept[chunk_id].access)
        }
        return _best(scores, limit)


@dataclass
class MemoryIndex:
    """An `Index` without files. The newest recipe given to `add_vectors` is the one that is searched and frozen."""

    chunker: str = ""
    now: str = "2026-01-01T00:00:00.000000Z"
    by_document: dict[str, tuple[Chunk, ...]] = field(default_factory=dict)
    staged: dict[str, tuple[Chunk, ...]] = field(default_factory=dict)
    vectors: dict[str, dict[str, NDArray[np.float32]]] = field(default_factory=dict)
    recipe: str = ""
    frozen: dict[str, tuple[Snapshot, MemoryReader]] = field(default_factory=dict)

    def add(self, chunks: Sequence[Chunk]) -> None:
        grouped: dict[str, list[Chunk]] = {}
        for chunk in chunks:
            grouped.setdefault(chunk.doc_id, []).append(chunk)
        self.staged.update({doc_id: tuple(mine) for doc_id, mine in grouped.items()})

    def remove(self, doc_ids: Sequence[str]) -> None:
        self.staged.update(dict.fromkeys(doc_ids, ()))

    def commit(self) -> None:
        self.by_document = {d: c for d, c in (self.by_document | self.staged).items() if c}
        self.staged = {}
        current = self._chunks()
        for recipe, stored in self.vectors.items():
            self.vectors[recipe] = {chunk_id: vector for chunk_id, vector in stored.items() if chunk_id in current}

    def add_vectors(self, recipe: str, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        current = self._chunks()
        stored = self.vectors.setdefault(recipe, {})
        stored.update({chunk_id: vector for chunk_id, vector in vectors.items() if chunk_id in current})
        self.recipe = recipe

    def missing_vectors(self, recipe: str) -> tuple[str, ...]:
        have = self.vectors.get(recipe, {})
        missing = [chunk for chunk_id, chunk in self._chunks().items() if chunk_id not in have]
        return tuple(chunk.chunk_id for chunk in sorted(missing, key=lambda chunk: (len(chunk.text), chunk.chunk_id)))

    def head(self) -> MemoryReader:
        chunks, vectors = self._chunks(), dict(self.vectors.get(self.recipe, {}))
        content = {
            "analyzer": ANALYZER,
            "chunker": self.chunker,
            "chunks": {chunk_id: plain(chunk.access) for chunk_id, chunk in chunks.items()},
            "embedder": self.recipe,
            "vectors": sorted(vectors),
        }
        return MemoryReader(sha256_json(content), chunks, vectors, self.recipe if vectors else "")

    def freeze(self) -> Snapshot:
        reader = self.head()
        if reader.snapshot_id not in self.frozen:
            snapshot = Snapshot(
                snapshot_id=reader.snapshot_id,
                documents=len(self.by_document),
                chunks=reader.chunks,
                vectors=reader.vectors,
                embedder=self.recipe,
                analyzer=ANALYZER,
                chunker=self.chunker,
                created_at=self.now,
            )
            self.frozen[reader.snapshot_id] = (snapshot, reader)
        return self.frozen[reader.snapshot_id][0]

    def open(self, snapshot_id: str) -> MemoryReader:
        if snapshot_id not in self.frozen:
            raise NotFound(
                "index.no_snapshot", "there is no such snapshot", remedy="list the snapshots with `assay index status`"
            )
        return self.frozen[snapshot_id][1]

    def snapshots(self) -> tuple[Snapshot, ...]:
        return tuple(snapshot for snapshot, _ in self.frozen.values())

    def _chunks(self) -> dict[str, Chunk]:
        return {chunk.chunk_id: chunk for chunks in self.by_document.values() for chunk in chunks}
