"""One state of the index, searched by words and by vectors; access is applied before anything is scored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.adapters.embedded_index import lexical
from assay.adapters.embedded_index.rows import Segment, access_of
from assay.records.access import Scope
from assay.records.errors import InputError
from assay.records.retrieval import Hit
from assay.retrieve.analysis import Analyzer

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GATHER_BELOW = 0.25
"""Copying single rows out of a segment costs about four times what scanning them in place does."""


@dataclass(frozen=True)
class RowMap:
    """All chunks in order of their ids. `access` and `language` number into the lists of names; `place` is the row in
    `segments[segment]`, and `segment` is -1 where there is no vector."""

    chunk_ids: tuple[str, ...]
    access_names: tuple[str, ...]
    access: NDArray[np.int32]
    contents: NDArray[np.uint8]
    segment: NDArray[np.int32]
    place: NDArray[np.int32]
    languages: tuple[str, ...]

    def identity(self, analyzer: str, embedder: str, chunker: str) -> str:
        """SHA-256 over recipes, chunk ids, access lists, contents, and which of them have vectors."""
        header = {"analyzer": analyzer, "chunker": chunker, "embedder": embedder, "engine": lexical.RECIPE}
        digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
        named = [json.dumps(name).encode() for name in self.access_names]
        has_vector = self.segment >= 0
        for row, chunk_id in enumerate(self.chunk_ids):
            digest.update(json.dumps(chunk_id).encode() + named[self.access[row]])
            digest.update(self.contents[row].tobytes() + (b"v" if has_vector[row] else b"-"))
        return digest.hexdigest()


def map_segments(folder: Path, segments: Sequence[Segment]) -> tuple[dict[int, NDArray[np.float32]], tuple[int, ...]]:
    """Memory-mapped matrices by segment number, and the numbers of those that are torn or gone."""
    matrices: dict[int, NDArray[np.float32]] = {}
    torn: list[int] = []
    for segment in segments:
        path = folder / segment_file(segment.name)
        size = 4 * segment.count * segment.dimensions
        if not path.exists() or path.stat().st_size != size or not size:
            torn.append(segment.segment)
            continue
        matrices[segment.segment] = np.memmap(path, dtype="<f4", mode="r", shape=(segment.count, segment.dimensions))
    return matrices, tuple(torn)


def segment_file(name: str) -> str:
    return f"{name}.f32"


@dataclass(frozen=True)
class EmbeddedReader:
    """A searcher of the engine with the rows and vectors of the same commit; later writes do not reach it."""

    engine: Any
    searcher: Any
    analyzer: Analyzer
    chunker: str
    embedder: str
    """The recipe of the vectors; empty when there are none."""
    rows: RowMap
    matrices: Mapping[int, NDArray[np.float32]]
    _allowed: dict[Scope, NDArray[np.bool_]] = field(default_factory=dict)

    @cached_property
    def snapshot_id(self) -> str:
        return self.rows.identity(self.analyzer.recipe, self.embedder if self.vectors else "", self.chunker)

    @cached_property
    def vectors(self) -> int:
        return int((self.rows.segment >= 0).sum())

    @property
    def chunks(self) -> int:
        return len(self.rows.chunk_ids)

    def lexical(self, text: str, scope: Scope, limit: int) -> tuple[Hit, ...]:
        """BM25 inside the scope; no hit for a text without words."""
        return lexical.search(self.engine, self.searcher, self.analyzer, self.rows.languages, text, scope, limit)

    def dense(self, vector: NDArray[np.float32], scope: Scope, limit: int) -> tuple[Hit, ...]:
        """Inner products with every vector the scope allows: exact, so recall is 1 whatever the filter.

        Raises InputError (`index.vector_shape`) for a vector of another length than the index holds.
        """
        self._check(vector)
        if limit < 1 or not self.matrices:
            return ()
        allowed = self._allowed_names(scope)[self.rows.access] & (self.rows.segment >= 0)
        found: list[NDArray[np.int64]] = []
        scores: list[NDArray[np.float32]] = []
        for number, matrix in self.matrices.items():
            mine = np.flatnonzero(allowed & (self.rows.segment == number))
            if len(mine):
                found.append(mine)
                scores.append(_products(matrix, self.rows.place[mine], vector))
        if not found:
            return ()
        return self._best(np.concatenate(found), np.concatenate(scores), limit)

    def _best(self, rows: NDArray[np.int64], scores: NDArray[np.float32], limit: int) -> tuple[Hit, ...]:
        """Highest first; equal scores in order of chunk ids, which is the order of rows."""
        if len(rows) > limit:
            least = np.partition(scores, len(scores) - limit)[len(scores) - limit]
            near = scores >= least
            rows, scores = rows[near], scores[near]
        order = np.lexsort((rows, -scores))[:limit]
        return tuple(Hit(self.rows.chunk_ids[rows[i]], float(scores[i])) for i in order)

    def _allowed_names(self, scope: Scope) -> NDArray[np.bool_]:
        """One answer for each distinct access list; kept, because there are few scopes and few lists."""
        known = self._allowed.get(scope)
        if known is None:
            known = np.array([scope.allows(access_of(name)) for name in self.rows.access_names], dtype=np.bool_)
            if len(self._allowed) < 1024:
                self._allowed[scope] = known
        return known

    def _check(self, vector: NDArray[np.float32]) -> None:
        dimensions = {matrix.shape[1] for matrix in self.matrices.values()}
        if dimensions and (vector.ndim != 1 or {len(vector)} != dimensions):
            raise InputError(
                "index.vector_shape",
                f"the query's vector has shape {vector.shape} where the index holds vectors of length {dimensions}",
                remedy="search with the embedder that the index was built with",
            )


def _products(matrix: NDArray[np.float32], places: NDArray[np.int32], vector: NDArray[np.float32]) -> Any:
    if len(places) < _GATHER_BELOW * len(matrix):
        return matrix[places] @ vector
    return (matrix @ vector)[places]
