"""Verdicts on pairs in numbers: who wins, and how often the order of the two decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from assay.evaluate.judges.agreement import plain_interval
from assay.evaluate.summary import metric_interval
from assay.records.evaluation import Direction, Interval, Metric, MetricKind
from assay.records.judging import Verdict
from assay.stats.mean import share_interval

_WIN_RATE = Metric("win_rate", MetricKind.MEAN, Direction.HIGHER)


@dataclass(frozen=True, slots=True)
class PairStats:
    """The second of each pair against the first. A tie counts as half a win, and where the two orders disagree the
    mean of both counts; `consistent_win_rate` leaves those pairs out, `consistent_won` counts wins in both orders."""

    pairs: int
    won: int
    lost: int
    tied: int
    consistent_won: int
    win_rate: Interval | None
    consistent_win_rate: Interval | None
    flips: int
    flip_rate: Interval | None
    unscored: dict[str, int] = field(default_factory=dict)


def pair_stats(verdicts: Sequence[Verdict], clusters: Mapping[str, str], *, level: float = 0.95) -> PairStats:
    """`clusters` maps a case id to the label of the cases it is not independent of."""
    scored = [verdict for verdict in verdicts if verdict.judgement.value is not None]
    values = [verdict.judgement.value or 0.0 for verdict in scored]
    labels = [clusters.get(verdict.case_id, verdict.case_id) for verdict in scored]
    flips = [verdict.judgement.flipped is True for verdict in scored]
    agreed = [n for n, flipped in enumerate(flips) if not flipped]
    reasons = Counter(verdict.judgement.reason for verdict in verdicts if verdict.judgement.value is None)
    return PairStats(
        len(verdicts),
        won=sum(value > 0.5 for value in values),
        lost=sum(value < 0.5 for value in values),
        tied=sum(value == 0.5 for value in values),
        consistent_won=sum(values[n] == 1.0 for n in agreed),
        win_rate=metric_interval(_WIN_RATE, values, labels, level),
        consistent_win_rate=metric_interval(_WIN_RATE, [values[n] for n in agreed], [labels[n] for n in agreed], level),
        flips=sum(flips),
        flip_rate=plain_interval(share_interval([float(flip) for flip in flips], labels, level)) if flips else None,
        unscored=dict(sorted(reasons.items())),
    )
