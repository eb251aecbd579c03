"""Gold evidence put back into a pipeline at one stage, so that replaying tells which stage lost it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from assay.ports.answering import Retriever
from assay.ports.index import IndexReader
from assay.records.access import Scope
from assay.records.documents import Chunk
from assay.records.retrieval import Hit, Query, Ranked, Retrieved

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Placement(StrEnum):
    """Where gold evidence is placed, in the order of the pipeline."""

    ENGINES = "engines"
    """First in what each engine finds."""
    RANKING = "ranking"
    """First after fusion and reranking, before near-duplicates are folded."""
    PASSAGES = "passages"
    """First among the passages handed to the generator."""
    ALONE = "alone"
    """The only passages the generator sees."""


@dataclass(frozen=True)
class PlacedReader:
    """An `IndexReader` in which every engine finds the gold chunks first; scope still decides who may see them."""

    inner: IndexReader
    gold: tuple[Chunk, ...]

    @property
    def snapshot_id(self) -> str:
        return self.inner.snapshot_id

    @property
    def vectors(self) -> int:
        return self.inner.vectors

    @property
    def chunks(self) -> int:
        return self.inner.chunks

    @property
    def embedder(self) -> str:
        return str(getattr(self.inner, "embedder", ""))

    def lexical(self, text: str, scope: Scope, limit: int) -> tuple[Hit, ...]:
        return self._first(self.inner.lexical(text, scope, limit), scope, limit)

    def dense(self, vector: NDArray[np.float32], scope: Scope, limit: int) -> tuple[Hit, ...]:
        return self._first(self.inner.dense(vector, scope, limit), scope, limit)

    def _first(self, hits: Sequence[Hit], scope: Scope, limit: int) -> tuple[Hit, ...]:
        best = hits[0].score if hits else 1.0
        mine = [chunk.chunk_id for chunk in self.gold if scope.allows(chunk.access)]
        others = [hit for hit in hits if hit.chunk_id not in mine]
        return (*(Hit(chunk_id, best) for chunk_id in mine), *others)[:limit]


@dataclass(frozen=True)
class PlacedRetriever:
    """A `Retriever` that puts the gold chunks first, or returns nothing else."""

    inner: Retriever
    gold: tuple[Chunk, ...]
    alone: bool = False

    @property
    def recipe(self) -> str:
        return f"placed({'alone' if self.alone else 'first'}) in {self.inner.recipe}"

    def retrieve(self, query: Query) -> Retrieved:
        found = self.inner.retrieve(query)
        best = found.ranked[0].score if found.ranked else 1.0
        mine = tuple(Ranked(chunk, best) for chunk in self.gold if query.scope.allows(chunk.access))
        names = {item.chunk.chunk_id for item in mine}
        others = () if self.alone else tuple(item for item in found.ranked if item.chunk.chunk_id not in names)
        return replace(found, ranked=(*mine, *others)[: query.limit])
