"""One state of the index in Qdrant, searched by words and by vectors; access is a filter inside the search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.adapters.analysed import scope_terms
from assay.adapters.embedded_index.rows import access_of
from assay.adapters.qdrant_index.points import Points, alive_at, matching
from assay.adapters.remote_index.state import State, check_query
from assay.adapters.remote_index.terms import TermCounts, query_weights
from assay.records.access import Scope
from assay.records.retrieval import Hit
from assay.retrieve.analysis import Analyzer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WORDS = "words"
"""The name of the sparse vectors."""
SCANNED_BELOW = 10_000
"""Up to so many chunks in the scope every vector is compared; above it Qdrant's graph is asked first."""
_LEAST_SEARCHED = 128


@dataclass(frozen=True, eq=False)
class QdrantReader:
    """The points that were alive at one version; later writes do not reach it."""

    words: Points
    dense_points: Points | None
    analyzer: Analyzer
    chunker: str
    state: State
    counts: TermCounts

    @property
    def snapshot_id(self) -> str:
        return self.state.identity(self.analyzer.recipe, self.chunker)

    @property
    def embedder(self) -> str:
        """The recipe of the vectors; empty when there are none."""
        return self.state.recipe

    @property
    def vectors(self) -> int:
        found = self.state.searched
        return found.count if found else 0

    @property
    def chunks(self) -> int:
        return self.state.chunks

    def lexical(self, text: str, scope: Scope, limit: int) -> tuple[Hit, ...]:
        """BM25 over every chunk of the scope that holds a term of the text; no hit for a text without words."""
        from qdrant_client import models

        weights = query_weights(self.analyzer, sorted(self.state.languages), text, self.counts, self.chunks)
        if limit < 1 or not weights or not self._inside(scope):
            return ()
        query = models.SparseVector(indices=list(weights), values=list(weights.values()))
        return _hits(self._ask(self.words, query, scope, limit, using=WORDS))

    def dense(self, vector: NDArray[np.float32], scope: Scope, limit: int) -> tuple[Hit, ...]:
        """Nearest by inner product. Exact up to 10,000 chunks in the scope and wherever the graph finds too few.

        Raises InputError (`index.vector_shape`) for a vector of another length than the index holds.
        """
        from qdrant_client import models

        kept = self.state.searched
        if kept is None or self.dense_points is None:
            return ()
        check_query(kept.dimensions, vector)
        inside = self._inside(scope)
        if limit < 1 or not inside:
            return ()
        query = [float(value) for value in vector]
        if inside > SCANNED_BELOW:
            near = models.SearchParams(hnsw_ef=max(2 * limit, _LEAST_SEARCHED))
            found = self._ask(self.dense_points, query, scope, limit, search_params=near)
            if len(found) == limit:
                return _hits(found)
        exact = models.SearchParams(exact=True)
        return _hits(self._ask(self.dense_points, query, scope, limit, search_params=exact))

    def _ask(self, points: Points, query: Any, scope: Scope, limit: int, **options: Any) -> list[Any]:
        allowed = matching(access=scope_terms(scope), **alive_at(self.state.version))
        if not points.client.server:  # its local mode warns that it is exact anyway
            options.pop("search_params", None)
        with points.client.calls() as raw:
            found = raw.query_points(
                points.collection, query=query, query_filter=allowed, limit=limit, with_payload=["chunk"], **options
            )
        return list(found.points)

    def _inside(self, scope: Scope) -> int:
        """How many chunks the scope allows."""
        return sum(count for name, count in self.state.access.items() if scope.allows(access_of(name)))


def _hits(points: list[Any]) -> tuple[Hit, ...]:
    """Best first, equal scores by chunk id."""
    hits = [Hit(str(point.payload["chunk"]), float(point.score)) for point in points]
    return tuple(sorted(hits, key=lambda hit: (-hit.score, hit.chunk_id)))
