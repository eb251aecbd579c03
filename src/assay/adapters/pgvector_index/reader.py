"""One state of the index in PostgreSQL, searched by words and by vectors; access is in the search itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.adapters.embedded_index.rows import access_of
from assay.adapters.pgvector_index.connection import Server
from assay.adapters.remote_index.state import State, check_query
from assay.adapters.remote_index.terms import HEAVIEST, TERMS, TermCounts, Weights, query_weights
from assay.records.access import Scope
from assay.records.retrieval import Hit
from assay.retrieve.analysis import Analyzer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sqlalchemy import Connection

SCANNED_BELOW = 10_000
"""Up to so many vectors in the scope every one is compared: a few milliseconds, and recall is 1."""
_LEAST_SEARCHED = 200
_MOST_SEARCHED = 1000
"""pgvector's own limit of `hnsw.ef_search`."""
_MOST_VISITED = 1_000_000

_WORDS = """
SELECT chunk_id, words <#> %(query)s AS distance FROM chunks
WHERE terms && %(terms)s::integer[] AND access_id = ANY(%(access)s::integer[])
  AND born <= %(version)s AND died > %(version)s
ORDER BY distance, chunk_id LIMIT %(limit)s"""
_MEANING = """
SELECT chunk_id, embedding <#> %(query)s AS distance FROM vectors_{number}
WHERE access_id = ANY(%(access)s::integer[]) AND born <= %(version)s AND died > %(version)s
ORDER BY embedding <#> %(query)s LIMIT %(limit)s"""
_SCAN = "SELECT set_config('enable_indexscan', 'off', true)"
_GRAPH = """SELECT set_config('hnsw.iterative_scan', 'strict_order', true),
  set_config('hnsw.ef_search', %(searched)s, true), set_config('hnsw.max_scan_tuples', %(visited)s, true)"""


@dataclass(frozen=True, eq=False)
class PgvectorReader:
    """The rows that were alive at one version; later writes do not reach it."""

    server: Server
    analyzer: Analyzer
    chunker: str
    state: State
    counts: TermCounts
    access_ids: Mapping[str, int]

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
        weights = query_weights(self.analyzer, sorted(self.state.languages), text, self.counts, self.chunks)
        allowed = self._allowed(scope)
        if limit < 1 or not weights or not allowed:
            return ()
        values = {**self._values(allowed, limit), "query": _sparse(weights)}
        rare = rarest(weights, self.counts, limit)
        with self.server.transaction() as connection:
            found = connection.exec_driver_sql(_WORDS, {**values, "terms": rare}).all()
            if len(rare) < len(weights):
                least = -float(found[-1][1]) if len(found) == limit else 0.0
                needed = needed_terms(weights, least)
                if not set(needed) <= set(rare):
                    found = connection.exec_driver_sql(_WORDS, {**values, "terms": needed}).all()
        return _hits(found, limit)

    def dense(self, vector: NDArray[np.float32], scope: Scope, limit: int) -> tuple[Hit, ...]:
        """Nearest by inner product. Exact up to 10,000 chunks in the scope and wherever the graph finds too few.

        Raises InputError (`index.vector_shape`) for a vector of another length than the index holds.
        """
        kept = self.state.searched
        if kept is None:
            return ()
        check_query(kept.dimensions, vector)
        allowed = self._allowed(scope)
        if limit < 1 or not allowed:
            return ()
        values = {**self._values(allowed, limit), "query": vector}
        statement = _MEANING.format(number=kept.number)
        inside = sum(self.state.access[name] for name in allowed)
        with self.server.transaction() as connection:
            if inside > SCANNED_BELOW and limit <= _MOST_SEARCHED:
                near = _by_graph(connection, statement, values)
                if len(near) == limit:
                    return _hits(near, limit)
            connection.exec_driver_sql(_SCAN)
            found = connection.exec_driver_sql(statement, values).all()
        return _hits(found, limit)

    def _allowed(self, scope: Scope) -> tuple[str, ...]:
        return tuple(name for name in self.state.access if scope.allows(access_of(name)))

    def _values(self, allowed: tuple[str, ...], limit: int) -> dict[str, object]:
        ids = [self.access_ids[name] for name in allowed]
        return {"access": ids, "version": self.state.version, "limit": limit}


def rarest(weights: Weights, counts: TermCounts, limit: int) -> list[int]:
    """The rarest terms, as many as it takes for twice `limit` chunks to hold one of them."""
    chosen: list[int] = []
    held = 0
    for term in sorted(weights, key=lambda term: (counts.of(term), term)):
        if held >= 2 * limit:
            break
        chosen.append(term)
        held += counts.of(term)
    return chosen


def needed_terms(weights: Weights, least: float) -> list[int]:
    """The terms of which a chunk must hold one to score `least` or more: common words that cannot lift a chunk that
    far all together are left out, and the result is the same. Source: Turtle and Flood, "Query evaluation: strategies
    and optimizations", Information Processing & Management 31(6), 1995 (MaxScore)."""
    ordered = sorted(weights, key=lambda term: (weights[term], term))
    lifted = 0.0
    for place, term in enumerate(ordered):
        lifted += HEAVIEST * weights[term]
        if lifted >= least:
            return ordered[place:]
    return []


def _by_graph(connection: Connection, statement: str, values: Mapping[str, object]) -> list[tuple[bytes, float]]:
    """Through HNSW, going on until enough rows pass the filter: pgvector's default stops after the first few."""
    searched = min(max(2 * int(str(values["limit"])), _LEAST_SEARCHED), _MOST_SEARCHED)
    connection.exec_driver_sql(_GRAPH, {"searched": str(searched), "visited": str(_MOST_VISITED)})
    return [(row[0], row[1]) for row in connection.exec_driver_sql(statement, dict(values))]


def _hits(rows: object, limit: int) -> tuple[Hit, ...]:
    """Best first, equal scores by chunk id. Distances are negative inner products."""
    hits = [Hit(bytes(row[0]).decode("utf-8", "surrogatepass"), -float(row[1])) for row in rows]  # type: ignore[attr-defined]
    return tuple(sorted(hits, key=lambda hit: (-hit.score, hit.chunk_id))[:limit])


def _sparse(weights: Weights) -> object:
    from pgvector import SparseVector

    return SparseVector(weights, TERMS)
