"""Before and after a move to another engine: the same questions put to both, and what changed in what they give."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from assay.evaluate.lab import ranking_reply
from assay.evaluate.retrieval_measures import ndcg_at
from assay.ports.answering import Retriever, Scorer
from assay.ports.reading import Clock
from assay.records.dialogue import Outcome, Reply
from assay.records.errors import CannotJudge
from assay.records.evaluation import Interval, MetricKind, Scored
from assay.records.golden import Case
from assay.records.retrieval import Query
from assay.stats.effect import paired_effect

DEPTH = 10
_WORST = 5


@dataclass(frozen=True, slots=True)
class Difference:
    """A question whose first ten passages changed most: the share that stayed, and nDCG@10 where it can be told."""

    case_id: str
    overlap: float
    before: float | None
    after: float | None


@dataclass(frozen=True, slots=True)
class Searched:
    """The searches of both engines. Intervals are 95 %, after minus before, paired by question."""

    questions: int
    overlap: float
    """Mean share of the first ten passages that both give."""
    same_order: float
    """Share of questions with the same first ten in the same order."""
    judged: int
    ndcg_before: float | None
    ndcg_after: float | None
    ndcg_change: Interval | None
    ms_before: tuple[float, float]
    """Median and 95th percentile of a whole search."""
    ms_after: tuple[float, float]
    differ_most: tuple[Difference, ...]

    @property
    def worse(self) -> bool:
        """Significantly: the whole interval lies below nothing."""
        return self.ndcg_change is not None and self.ndcg_change.high < 0


@dataclass(frozen=True, slots=True)
class Answered:
    """The answers of the app over both engines; `correct` only where the cases say what is right."""

    questions: int
    same: float
    """Share with the same outcome and the same words."""
    judged: int
    correct_before: float | None
    correct_after: float | None
    correct_change: Interval | None

    @property
    def worse(self) -> bool:
        return self.correct_change is not None and self.correct_change.high < 0


@dataclass(frozen=True, slots=True)
class _Search:
    case_id: str
    cluster: str
    ids: tuple[tuple[str, ...], tuple[str, ...]]
    ndcg: tuple[float, float] | None
    ms: tuple[float, float]

    @property
    def overlap(self) -> float:
        before, after = self.ids
        longest = max(len(before), len(after))
        return len(set(before) & set(after)) / longest if longest else 1.0


def compare_searches(
    cases: Sequence[Case],
    before: Retriever,
    after: Retriever,
    clock: Clock,
    *,
    mode: str = "hybrid",
    progress: Callable[[int, int], object] = lambda *_: None,
) -> Searched:
    """Every case's question to both, each inside the case's scope; who is asked first alternates, for the latency.

    Raises CannotJudge when there is no question.
    """
    if not cases:
        raise CannotJudge("moving.no_questions", "there is no question to put to both engines")
    found: list[_Search] = []
    for number, case in enumerate(cases):
        found.append(_both(case, before, after, clock, mode, turned=bool(number % 2)))
        progress(number + 1, len(cases))
    judged = [one for one in found if one.ndcg is not None]
    pairs = [one.ndcg for one in found if one.ndcg is not None]
    return Searched(
        questions=len(found),
        overlap=statistics.fmean(one.overlap for one in found),
        same_order=statistics.fmean(float(one.ids[0] == one.ids[1]) for one in found),
        judged=len(judged),
        ndcg_before=statistics.fmean(pair[0] for pair in pairs) if pairs else None,
        ndcg_after=statistics.fmean(pair[1] for pair in pairs) if pairs else None,
        ndcg_change=_change(MetricKind.MEAN, pairs, [one.cluster for one in judged]),
        ms_before=_percentiles([one.ms[0] for one in found]),
        ms_after=_percentiles([one.ms[1] for one in found]),
        differ_most=_most_different(found),
    )


def _both(case: Case, before: Retriever, after: Retriever, clock: Clock, mode: str, *, turned: bool) -> _Search:
    history = tuple(turn.content for turn in case.history if turn.role == "user")
    query = Query(case.question, case.scope, DEPTH, mode, history)
    ids: list[tuple[str, ...]] = [(), ()]
    replies: list[Reply | None] = [None, None]
    ms = [0.0, 0.0]
    for side in (1, 0) if turned else (0, 1):
        began = clock.monotonic()
        found = (before, after)[side].retrieve(query)
        ms[side] = 1000.0 * (clock.monotonic() - began)
        ids[side] = tuple(item.chunk.chunk_id for item in found.ranked)
        replies[side] = ranking_reply(found)
    judged = case.expected.answerable and bool(case.expected.evidence)
    scores = [_ndcg(case, reply) for reply in replies if reply is not None] if judged else []
    return _Search(
        case.case_id, case.cluster or case.case_id, (ids[0], ids[1]), (scores[0], scores[1]) if scores else None,
        (ms[0], ms[1]),
    )  # fmt: skip


def _ndcg(case: Case, reply: Reply) -> float:
    found = ndcg_at(DEPTH)(case, reply)
    return float(found) if isinstance(found, float | int) else 0.0


def compare_answers(cases: Sequence[Case], replies: Sequence[tuple[Reply, Reply]], scorer: Scorer) -> Answered:
    """`replies` holds the answers before and after, one pair a case; `scorer` judges each against its case."""
    same = [float(_said(before) == _said(after)) for before, after in replies]
    pairs: list[tuple[float, float]] = []
    clusters: list[str] = []
    for case, (before, after) in zip(cases, replies, strict=True):
        scores = [scorer.score(case, reply) for reply in (before, after)]
        if not any(isinstance(score, Scored) for score in scores):
            continue
        # One side has no score because it failed: that counts as wrong, so that failing does not help.
        values = [score.value if isinstance(score, Scored) else 0.0 for score in scores]
        pairs.append((values[0], values[1]))
        clusters.append(case.cluster or case.case_id)
    return Answered(
        questions=len(replies),
        same=statistics.fmean(same) if same else 1.0,
        judged=len(pairs),
        correct_before=statistics.fmean(pair[0] for pair in pairs) if pairs else None,
        correct_after=statistics.fmean(pair[1] for pair in pairs) if pairs else None,
        correct_change=_change(MetricKind.BINARY, pairs, clusters),
    )


def _said(reply: Reply) -> tuple[Outcome, str]:
    return reply.outcome, reply.text


def _change(kind: MetricKind, pairs: Sequence[tuple[float, float]], clusters: Sequence[str]) -> Interval | None:
    """The paired difference, where there are at least two independent questions."""
    if len(set(clusters)) < 2:
        return None
    return paired_effect(kind, [pair[0] for pair in pairs], [pair[1] for pair in pairs], list(clusters)).interval(0.95)


def _most_different(found: Sequence[_Search]) -> tuple[Difference, ...]:
    changed = [one for one in found if one.overlap < 1.0 or (one.ndcg is not None and one.ndcg[0] != one.ndcg[1])]
    ordered = sorted(changed, key=lambda one: (one.ndcg[1] - one.ndcg[0] if one.ndcg else 0.0, one.overlap))
    return tuple(
        Difference(one.case_id, one.overlap, *(one.ndcg if one.ndcg else (None, None))) for one in ordered[:_WORST]
    )


def _percentiles(values: Sequence[float]) -> tuple[float, float]:
    return float(np.percentile(values, 50)), float(np.percentile(values, 95))
