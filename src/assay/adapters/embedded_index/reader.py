"""One state of the index, searched by words and by vectors; access is applied before anything is scored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.adapters.embedded_index import lexical
from assay.adapters.embedded_index.allowed import AllowedRows
from assay.adapters.embedded_index.dense import DenseRows
from assay.adapters.embedded_index.mapped import MappedSegment
from assay.adapters.embedded_index.words import WordSearch
from assay.records.access import Scope
from assay.records.errors import InputError
from assay.records.retrieval import Hit
from assay.retrieve.analysis import Analyzer

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
    segments: Mapping[int, MappedSegment]

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
        return self._words.search(text, scope, limit)

    @cached_property
    def _words(self) -> WordSearch:
        return WordSearch(self.engine.schema, self.searcher, self.analyzer, self.rows.languages, self._allowed)

    def dense(self, vector: NDArray[np.float32], scope: Scope, limit: int) -> tuple[Hit, ...]:
        """Inner products with every vector the scope allows: exact, so recall is 1 whatever the filter.

        Raises InputError (`index.vector_shape`) for a vector of another length than the index holds or one that is not
        finite.
        """
        vector = self._checked(vector)
        if limit < 1 or not self.segments:
            return ()
        rows, scores = self._dense_rows.best(vector, scope, limit)
        return self._best(rows, scores, limit)

    @cached_property
    def _allowed(self) -> AllowedRows:
        return AllowedRows(self.rows.access_names, self.rows.access)

    @cached_property
    def _dense_rows(self) -> DenseRows:
        return DenseRows(self.rows.segment, self.rows.place, self.segments, self._allowed)

    def _best(self, rows: NDArray[np.int32], scores: NDArray[np.float32], limit: int) -> tuple[Hit, ...]:
        """Highest first; equal scores in order of chunk ids, which is the order of rows."""
        if len(rows) > limit:
            least = np.partition(scores, len(scores) - limit)[len(scores) - limit]
            near = scores >= least
            rows, scores = rows[near], scores[near]
        order = np.lexsort((rows, -scores))[:limit]
        return tuple(Hit(self.rows.chunk_ids[rows[i]], float(scores[i])) for i in order)

    def _checked(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        dimensions = {mapped.matrix.shape[1] for mapped in self.segments.values()}
        if dimensions and (vector.ndim != 1 or {len(vector)} != dimensions):
            raise InputError(
                "index.vector_shape",
                f"the query's vector has shape {vector.shape} where the index holds vectors of length {dimensions}",
                remedy="search with the embedder that the index was built with",
            )
        if not np.isfinite(vector).all():
            raise InputError("index.vector_shape", "the query's vector holds a number that is not finite")
        return np.ascontiguousarray(vector, dtype=np.float32)
