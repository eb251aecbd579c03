"""One published state of a LanceDB index, searched by words and by vectors; access is part of the search itself."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from assay.adapters.analysed import asked, scope_terms
from assay.adapters.embedded_index.lexical import HEAD_BOOST
from assay.adapters.embedded_index.rows import access_of
from assay.adapters.lance_index.failures import lance_errors
from assay.adapters.lance_index.published import Place, identity
from assay.adapters.lance_index.tables import Tables
from assay.adapters.remote_index.state import State, check_query
from assay.records.access import Scope
from assay.records.retrieval import Hit
from assay.retrieve.analysis import Analyzer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EXACT_UP_TO = 2_000
"""A scope that allows no more chunks than this is scanned exactly: through the approximate index recall was .955 at
1,000 allowed of 100,000, for no less time."""
_LEAST_PROBES = 16
_VECTORS_A_PROBE = 16_384
_REFINE = 8


@dataclass(frozen=True)
class LanceReader:
    """Tables at the versions of one state; later writes do not reach it. Raises Unavailable when the store is away."""

    uri: str
    tables: Tables
    state: State
    chunk_place: Place | None
    vector_place: Place | None
    analyzer: Analyzer
    chunker: str

    @cached_property
    def snapshot_id(self) -> str:
        return identity(self.state, self.analyzer.recipe, self.chunker)

    @property
    def embedder(self) -> str:
        """The recipe of the vectors; empty when there are none."""
        return self.state.recipe if self.state.searched else ""

    @property
    def vectors(self) -> int:
        return self.state.searched.count if self.state.searched else 0

    @property
    def chunks(self) -> int:
        return self.state.chunks

    @cached_property
    def _chunk_table(self) -> Any:
        return self.tables.at(self.chunk_place) if self.chunk_place else None

    @cached_property
    def _vector_table(self) -> Any:
        return self.tables.at(self.vector_place) if self.vector_place else None

    def lexical(self, text: str, scope: Scope, limit: int) -> tuple[Hit, ...]:
        """BM25 inside the scope; no hit for a text without words."""
        terms = asked(self.analyzer, sorted(self.state.languages), text)
        if limit < 1 or not terms or not self.state.chunks:
            return ()
        with lance_errors(self.uri, "searching"):
            search = self._chunk_table.search(_query(terms), query_type="fts").where(_allowed(scope), prefilter=True)
            found = search.select(["chunk", "_score"]).limit(limit).to_arrow()
        return _hits(found["chunk"].to_pylist(), found["_score"].to_pylist())

    def dense(self, vector: NDArray[np.float32], scope: Scope, limit: int) -> tuple[Hit, ...]:
        """Inner products: exact where the index or the scope is small, through the approximate index elsewhere.

        Never fewer hits than the scope holds: where the approximate index finds too few, the exact scan answers.
        Raises InputError (`index.vector_shape`).
        """
        held = self.state.searched
        if held is None:
            return ()
        check_query(held.dimensions, vector)
        allowed = sum(count for key, count in self.state.access.items() if scope.allows(access_of(key)))
        if limit < 1 or not allowed:
            return ()
        with lance_errors(self.uri, "searching"):
            hits = () if allowed <= EXACT_UP_TO else self._nearest(vector, scope, limit, exact=False)
            if len(hits) < limit:
                hits = self._nearest(vector, scope, limit, exact=True)
        return hits

    def _nearest(self, vector: NDArray[np.float32], scope: Scope, limit: int, *, exact: bool) -> tuple[Hit, ...]:
        search = self._vector_table.search(vector, vector_column_name="vector").distance_type("dot")
        search = search.where(_allowed(scope), prefilter=True).select(["chunk", "_distance"]).limit(limit)
        if exact:
            search = search.bypass_vector_index()
        else:
            probes = max(_LEAST_PROBES, self.vectors // _VECTORS_A_PROBE)
            search = search.minimum_nprobes(probes).maximum_nprobes(0).refine_factor(_REFINE)
        found = search.to_arrow()
        return _hits(found["chunk"].to_pylist(), [1.0 - distance for distance in found["_distance"].to_pylist()])


def _query(terms: dict[str, int]) -> Any:
    """Any of the terms, in the body or, at HEAD_BOOST, in the head; a term asked for twice counts twice."""
    from lancedb import query

    by_count: dict[int, list[str]] = defaultdict(list)
    for term, count in terms.items():
        by_count[count].append(term)
    match: Any = query.MatchQuery  # its fields have defaults that mypy does not see
    parts = [
        (query.Occur.SHOULD, match(" ".join(some), column, boost=boost * count))
        for count, some in by_count.items()
        for column, boost in (("body", 1.0), ("head", HEAD_BOOST))
    ]
    return query.BooleanQuery(parts)


def _allowed(scope: Scope) -> str:
    """The filter for a scope; its terms are hexadecimal."""
    return f"array_has_any(access, [{', '.join(repr(term) for term in scope_terms(scope))}])"


def _hits(chunk_ids: list[str], scores: list[float]) -> tuple[Hit, ...]:
    """Highest first; equal scores by chunk id."""
    hits = [Hit(chunk_id, float(score)) for chunk_id, score in zip(chunk_ids, scores, strict=True)]
    return tuple(sorted(hits, key=lambda hit: (-hit.score, hit.chunk_id)))
