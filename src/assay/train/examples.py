"""Questions with judged candidates: what a ranker is trained and proved on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import log2
from typing import TYPE_CHECKING

import numpy as np

from assay.ports.answering import Retriever
from assay.records.documents import Chunk
from assay.records.golden import Case, Evidence
from assay.records.retrieval import Query, Ranked
from assay.retrieve.features import ENGINES, CandidateFeatures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FETCH = 50
"""Chunks asked for; several of them may be of one document."""
DEPTH = 10
"""nDCG is taken over this many documents."""
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Example:
    """One question. `features` has shape (pool, features); `documents` names the document of every candidate, those
    behind the pool included; `evidence` holds, for each piece of evidence, its grade and which candidates of the pool
    carry it, shape (pool,). `reranked` is False where only one engine found anything: a ranker leaves that as it is."""

    case_id: str
    slices: tuple[str, ...]
    cluster: str
    features: Floats
    documents: tuple[str, ...]
    evidence: tuple[tuple[int, NDArray[np.bool_]], ...]
    grades: dict[str, int]
    reranked: bool = True

    def ndcg(self, scores: Floats) -> float:
        """nDCG@10 by document with the pool in the order of `scores`, shape (pool,); ties keep the order there was."""
        order = np.lexsort((np.arange(len(scores)), -scores))
        pool = len(self.features)
        ranked = dict.fromkeys((*(self.documents[row] for row in order), *self.documents[pool:]))
        return ndcg(tuple(ranked), self.grades)


def ndcg(documents: Sequence[str], grades: dict[str, int], depth: int = DEPTH) -> float:
    """Linear gain, log2 discount, as trec_eval computes it (Järvelin and Kekäläinen 2002)."""
    best = _discounted(sorted(grades.values(), reverse=True)[:depth])
    return _discounted([grades.get(name, 0) for name in documents[:depth]]) / best if best else 0.0


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / log2(rank + 1) for rank, gain in enumerate(gains, 1))


def usable(cases: Iterable[Case]) -> tuple[Case, ...]:
    """Those that name evidence."""
    return tuple(case for case in cases if case.expected.answerable and case.expected.evidence)


def examples_of(
    cases: Sequence[Case],
    retriever: Retriever,
    features: CandidateFeatures,
    pool: int,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[Example, ...]:
    """Search for every case inside its own scope with `retriever`, which must not rerank."""
    clusters = together(cases)
    made: list[Example] = []
    for number, case in enumerate(cases, 1):
        earlier = tuple(turn.content for turn in case.history if turn.role == "user")
        query = Query(case.question, case.scope, FETCH, "hybrid", earlier)
        ranked = retriever.retrieve(query).ranked
        made.append(_example(case, clusters[case.case_id], query, ranked, features, pool))
        progress(number, len(cases))
    return tuple(made)


def _example(
    case: Case, cluster: str, query: Query, ranked: Sequence[Ranked], features: CandidateFeatures, pool: int
) -> Example:
    seen = ranked[:pool]
    grades: dict[str, int] = {}
    for evidence in case.expected.evidence:
        grades[evidence.doc_id] = max(evidence.grade, grades.get(evidence.doc_id, 0))
    chunks = [item.chunk for item in seen]
    both = all(any(name in item.stages for item in seen) for name in ENGINES)
    carried = ((evidence.grade, carries(evidence, chunks)) for evidence in case.expected.evidence)
    return Example(
        case.case_id,
        (*case.slices, f"follow_up={'yes' if query.history else 'no'}"),
        cluster,
        features(query, seen),
        tuple(item.chunk.doc_id for item in ranked),
        tuple((grade, rows) for grade, rows in carried if both and rows.any()),
        grades,
        both,
    )


def carries(evidence: Evidence, chunks: Sequence[Chunk]) -> NDArray[np.bool_]:
    """Which chunks hold the evidence: those of its document with the quote in them, or all of the document where there
    is no quote or none of them holds it whole."""
    mine = np.array([chunk.doc_id == evidence.doc_id for chunk in chunks], dtype=bool)
    quote = _plain(evidence.quote)
    if not quote:
        return mine
    quoted = np.array([of and quote in _plain(chunk.text) for of, chunk in zip(mine, chunks, strict=True)], dtype=bool)
    return quoted if quoted.any() else mine


def _plain(text: str) -> str:
    return _SPACE.sub(" ", text).strip().casefold()


def together(cases: Sequence[Case]) -> dict[str, str]:
    """A label for each case id; cases that share a cluster or a document of evidence, even through others, share it."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for case in cases:
        mine = root(f"case {case.case_id}")
        names = [f"document {evidence.doc_id}" for evidence in case.expected.evidence]
        names += [f"cluster {case.cluster}"] if case.cluster else []
        for name in names:
            parent[root(name)] = mine
    return {case.case_id: root(f"case {case.case_id}") for case in cases}
