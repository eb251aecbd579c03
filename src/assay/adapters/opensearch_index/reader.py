"""One state of the index in OpenSearch, searched by words and by vectors; access is a filter inside the search."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from heapq import nlargest
from typing import TYPE_CHECKING, Any

from assay.adapters.analysed import scope_terms
from assay.adapters.embedded_index.rows import access_of
from assay.adapters.opensearch_index.rows import Moment, Rows
from assay.adapters.remote_index.state import State, check_query
from assay.adapters.remote_index.terms import TermCounts, query_weights
from assay.records.access import Scope
from assay.records.retrieval import Hit
from assay.retrieve.analysis import Analyzer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SCANNED_BELOW = 10_000
"""Up to so many chunks in the scope every vector is compared, and recall is 1."""
_LEAST_NEAR = 200
_MOST_NEAR = 10_000
"""OpenSearch's own limit of `k`."""
_MOST_CLAUSES = 900
"""OpenSearch refuses a query of more than 1,024 clauses; of a longer one the heaviest terms are asked for."""


@dataclass(frozen=True, eq=False)
class OpenSearchReader:
    """The rows that were alive at one version; later writes do not reach it."""

    rows: Rows
    analyzer: Analyzer
    chunker: str
    state: State
    moment: Moment
    counts: TermCounts

    @cached_property
    def snapshot_id(self) -> str:
        return self.state.identity(self.analyzer.recipe, self.chunker)

    @property
    def embedder(self) -> str:
        """The recipe of the vectors; empty when there are none."""
        return self.state.recipe if self.state.searched else ""

    @property
    def vectors(self) -> int:
        found = self.state.searched
        return found.count if found else 0

    @property
    def chunks(self) -> int:
        return self.state.chunks

    def lexical(self, text: str, scope: Scope, limit: int) -> tuple[Hit, ...]:
        """BM25 over every chunk of the scope that holds a term of the text; no hit for a text without words."""
        weights = query_weights(self.analyzer, sorted(self.state.languages), text, self.counts, self.chunks)
        if limit < 1 or not weights or not self._inside(scope):
            return ()
        heaviest = nlargest(_MOST_CLAUSES, weights.items(), key=lambda item: (item[1], item[0]))
        should = [{"rank_feature": {"field": f"terms.{term}", "boost": w, "linear": {}}} for term, w in heaviest]
        query = {"bool": {"should": should, "minimum_should_match": 1, "filter": self._allowed(scope)}}
        return _hits(self._ask(self.rows.words, query, limit), lambda score: score)

    def dense(self, vector: NDArray[np.float32], scope: Scope, limit: int) -> tuple[Hit, ...]:
        """Nearest by inner product. Exact up to 10,000 chunks in the scope and wherever the graph finds too few.

        Raises InputError (`index.vector_shape`) for a vector of another length than the index holds.
        """
        kept = self.state.searched
        if kept is None:
            return ()
        check_query(kept.dimensions, vector)
        inside = self._inside(scope)
        if limit < 1 or not inside:
            return ()
        index, query = self.rows.vectors(kept), [float(value) for value in vector]
        if inside > SCANNED_BELOW and limit <= _MOST_NEAR:
            near = {"vector": query, "k": max(limit, _LEAST_NEAR), "filter": {"bool": {"filter": self._allowed(scope)}}}
            found = self._ask(index, {"knn": {"vector": near}}, limit)
            if len(found) == limit:
                return _hits(found, _inner_product)
        params = {"field": "vector", "query_value": query, "space_type": "innerproduct"}
        exact = {
            "script_score": {
                "query": {"bool": {"filter": self._allowed(scope)}},
                "script": {"source": "knn_score", "lang": "knn", "params": params},
            }
        }
        return _hits(self._ask(index, exact, limit), _inner_product)

    def _ask(self, index: str, query: dict[str, Any], limit: int) -> list[dict[str, Any]]:
        return self.rows.server.search(index, {"query": query, "size": limit, "_source": ["chunk"]})

    def _allowed(self, scope: Scope) -> list[dict[str, Any]]:
        return [{"terms": {"access": scope_terms(scope)}}, *self.moment.alive()]

    def _inside(self, scope: Scope) -> int:
        """How many chunks the scope allows."""
        return sum(count for name, count in self.state.access.items() if scope.allows(access_of(name)))


def _inner_product(score: float) -> float:
    """From the score that OpenSearch makes of an inner product, which is never negative, back to the product."""
    return score - 1.0 if score > 1.0 else 1.0 - 1.0 / score


def _hits(found: list[dict[str, Any]], value: Any) -> tuple[Hit, ...]:
    """Best first, equal scores by chunk id."""
    hits = [Hit(hit["_source"]["chunk"], float(value(hit["_score"]))) for hit in found]
    return tuple(sorted(hits, key=lambda hit: (-hit.score, hit.chunk_id)))
