"""Several rankings into one, by reciprocal rank fusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assay.records.retrieval import Hit, Ranked


def reciprocal_ranks(rankings: Mapping[str, Sequence[Hit]], k: int = 60) -> tuple[Hit, ...]:
    """Sum of `1 / (k + rank)` over the rankings that hold a chunk, best first, equal scores by chunk id.

    Only ranks count, so engines whose scores have no common unit can be fused; the order of the rankings does not
    matter. Source: Cormack, Clarke and Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank
    learning methods", SIGIR 2009.
    """
    shares: dict[str, list[float]] = {}
    for hits in rankings.values():
        for rank, hit in enumerate(hits, 1):
            shares.setdefault(hit.chunk_id, []).append(1.0 / (k + rank))
    # Sorted before summing: floating-point addition is not associative, and fusion must not depend on the order.
    fused = [Hit(chunk_id, sum(sorted(share))) for chunk_id, share in shares.items()]
    return tuple(sorted(fused, key=lambda hit: (-hit.score, hit.chunk_id)))


def best_of_documents(ranked: Sequence[Ranked], per_document: int = 1) -> tuple[Ranked, ...]:
    """The first `per_document` chunks of each document, in the order given."""
    taken: dict[str, int] = {}
    kept: list[Ranked] = []
    for item in ranked:
        doc_id = item.chunk.doc_id
        if taken.get(doc_id, 0) < per_document:
            taken[doc_id] = taken.get(doc_id, 0) + 1
            kept.append(item)
    return tuple(kept)
