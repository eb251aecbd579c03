"""Where the noise of a score comes from - cases, repeats, readings of a reply - and what more of each buys."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.records.evaluation import Interval
from assay.stats.mean import Floats
from assay.stats.special import check_level

Scores = Sequence[Sequence[float]]
Readings = Sequence[Sequence[Sequence[float]]]


@dataclass(frozen=True, slots=True)
class VarianceSplit:
    """Variance components, each with its bootstrap interval over cases; a component that no data can tell is None.

    `case` is how much true scores of cases differ, `repeat` how much answers to one case do, `judge` how much readings
    of one answer do. Estimates below 0, which moments can give, are 0.
    """

    cases: int
    case: Interval
    repeat: Interval | None
    judge: Interval | None

    def error(self, cases: int, repeats: int = 1, judges: int = 1) -> float:
        """The standard error of the mean score with this many of each. Raises ValueError for fewer than one of any."""
        if min(cases, repeats, judges) < 1:
            raise ValueError("a mean needs at least one case, one repeat and one reading")
        within = self.repeat.estimate if self.repeat else 0.0
        reading = self.judge.estimate if self.judge else 0.0
        return math.sqrt((self.case.estimate + (within + reading / judges) / repeats) / cases)


@dataclass(frozen=True, slots=True)
class PairedSplit:
    """Variance of a paired difference (Miller 2024, section 5): omega² of true differences, sigma² within each system.

    `between` feeds `power.repeats_variance` with `baseline` and `candidate`.
    """

    cases: int
    between: Interval
    baseline: Interval | None
    candidate: Interval | None


def variance_components(readings: Readings, *, level: float = 0.95, draws: int = 2000, seed: int = 0) -> VarianceSplit:
    """Split by nested moments; `readings` has shape (cases, repeats, readings of a reply), each of its own length.

    Scores without several readings come as one reading each. Unbiased for unequal numbers. A component stands only
    when it can be told: some case with two repeats, some reply with two readings; else it is part of the one above.
    Raises ValueError for fewer than two cases or an empty case or reply.
    """
    table = _moments(readings)
    point = _components(np.ones((1, len(table))), table)[:, 0]
    drawn = _components(_weights(len(table), draws, seed), table)
    parts = [_interval(float(p), row, level, len(table)) for p, row in zip(point, drawn, strict=True)]
    has_repeats, has_judges = bool(table[:, 2].sum() > 0), bool(table[:, 5].sum() > 0)
    return VarianceSplit(len(table), parts[0], parts[1] if has_repeats else None, parts[2] if has_judges else None)


def paired_components(
    baseline: Scores, candidate: Scores, *, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> PairedSplit:
    """Split the variance of candidate minus baseline; both have shape (cases, repeats), cases in the same order.

    Raises ValueError for numbers of cases that differ, fewer than two, or an empty case.
    """
    if len(baseline) != len(candidate):
        raise ValueError(f"pairs need the same cases, not {len(baseline)} and {len(candidate)}")
    a, b = (_moments([[[score] for score in case] for case in side]) for side in (baseline, candidate))
    gaps = b[:, 0] - a[:, 0]

    def split(weights: Floats) -> list[Floats]:
        within = [_pooled(weights, side[:, 1], side[:, 2]) for side in (a, b)]
        noise = sum(w * (weights @ side[:, 3]) / weights.sum(axis=1) for w, side in zip(within, (a, b), strict=True))
        return [np.maximum(_variance(weights, gaps) - noise, 0.0), *within]

    point, drawn = split(np.ones((1, len(a)))), split(_weights(len(a), draws, seed))
    parts = [_interval(float(p[0]), row, level, len(a)) for p, row in zip(point, drawn, strict=True)]
    told = [bool(side[:, 2].sum() > 0) for side in (a, b)]
    return PairedSplit(len(a), parts[0], parts[1] if told[0] else None, parts[2] if told[1] else None)


def repeats_worth(between: float, within: float, case_cost: float, repeat_cost: float, *, most: int = 100) -> int:
    """How often to ask each case so that a given budget yields the smallest error.

    sqrt(within / between · case_cost / repeat_cost), rounded to the better neighbour: `case_cost` is what one more case
    costs apart from asking it (writing, labelling), `repeat_cost` what asking once costs. When cases are free one
    repeat is always best. Raises ValueError for negative variances or costs, or asking that costs nothing.
    """
    if min(between, within, case_cost) < 0.0 or repeat_cost <= 0.0 or most < 1:
        raise ValueError("variances and costs are at least 0, and asking once costs more than 0")
    if within == 0.0 or case_cost == 0.0:
        return 1

    def price(repeats: int) -> float:
        return (between + within / repeats) * (case_cost + repeats * repeat_cost)

    ideal = math.sqrt(within / between * case_cost / repeat_cost) if between > 0.0 else float(most)
    first = int(min(max(1.0, math.floor(ideal)), most))
    return min((first, min(first + 1, most)), key=price)


def _moments(readings: Readings) -> Floats:
    """One row a case, shape (cases, 7): mean, sum of squares and df between repeats, 1/repeats, sum of squares and df
    between readings, and the weight of the reading variance in the case's mean."""
    if len(readings) < 2:
        raise ValueError("variance components need at least two cases")
    rows = []
    for case in readings:
        if not case or not all(case):
            raise ValueError("every case needs at least one repeat, and every reply at least one reading")
        means = np.array([np.mean(reply) for reply in case])
        counts = np.array([len(reply) for reply in case], dtype=np.float64)
        inside = math.fsum(float(((np.asarray(reply) - m) ** 2).sum()) for reply, m in zip(case, means, strict=True))
        r = len(case)
        rows.append([means.mean(), ((means - means.mean()) ** 2).sum(), r - 1, 1.0 / r, inside,
                     counts.sum() - r, (1.0 / counts).sum() / r**2])  # fmt: skip
    table = np.array(rows, dtype=np.float64)
    if not np.isfinite(table).all():
        raise ValueError("scores must be finite")
    return table


def _components(weights: Floats, table: Floats) -> Floats:
    """Case, repeat and judge variance under each row of case weights, shape (3, draws)."""
    judge = _pooled(weights, table[:, 4], table[:, 5])
    share = _ratio(weights @ (table[:, 2] * table[:, 6] / table[:, 3]), weights @ table[:, 2])
    repeat = np.maximum(_pooled(weights, table[:, 1], table[:, 2]) - judge * share, 0.0)
    total = weights.sum(axis=1)
    noise = repeat * (weights @ table[:, 3]) / total + judge * (weights @ table[:, 6]) / total
    return np.stack([np.maximum(_variance(weights, table[:, 0]) - noise, 0.0), repeat, judge])


def _pooled(weights: Floats, squares: Floats, df: Floats) -> Floats:
    return _ratio(weights @ squares, weights @ df)


def _ratio(top: Floats, bottom: Floats) -> Floats:
    return np.asarray(np.where(bottom > 0.0, top / np.where(bottom > 0.0, bottom, 1.0), 0.0), dtype=np.float64)


def _variance(weights: Floats, values: Floats) -> Floats:
    """The variance over cases under each row of weights, without bias for equal weights and for the bootstrap."""
    n = weights.sum(axis=1)
    centred = values - values.mean()
    mean = weights @ centred / n
    biased = weights @ centred**2 / n - mean**2
    resampled = weights.max(axis=1) > 1.0
    return np.asarray(np.maximum(biased, 0.0) * n / (n - 1.0) * np.where(resampled, n / (n - 1.0), 1.0))


def _weights(n: int, draws: int, seed: int) -> Floats:
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1.0 / n), size=draws).astype(np.float64)


def _interval(estimate: float, drawn: Floats, level: float, n: int) -> Interval:
    tail = check_level(level) / 2.0
    low, high = (float(np.quantile(drawn, p)) for p in (tail, 1.0 - tail))
    return Interval(estimate, min(low, estimate), max(high, estimate), level, "moments, bootstrap of cases", n)
