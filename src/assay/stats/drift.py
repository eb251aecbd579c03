"""Did what comes in, or what comes out, move since a reference window? A stated test with a margin, and descriptions.

A test against "no change at all" alarms on nothing once the window is large. Here the mean must have moved by more than
a margin that matters, at any look, with the number of watched measures counted in. PSI, Kolmogorov-Smirnov and
Cramér's V describe how a distribution changed; none of them decides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from assay.records.evaluation import Interval
from assay.stats.mean import Floats, clustered
from assay.stats.sequential import sequence_half_width
from assay.stats.special import check_level, chi_square_tail


class Drift(StrEnum):
    MOVED = "moved"
    STEADY = "steady"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Shift:
    """Window mean minus reference mean. `interval` is a confidence sequence and covers at every look at once.

    `moved` when all of it lies beyond the margin, `steady` when all of it lies within, else `open`. `standardised` is
    the difference in standard deviations of the reference, None when the reference does not vary.
    """

    verdict: Drift
    interval: Interval
    margin: float
    standardised: float | None
    reference: int
    window: int
    test: str = "confidence sequence of the mean's shift against the margin"


def mean_shift(
    reference: Sequence[float] | Floats,
    window: Sequence[float] | Floats,
    margin: float,
    *,
    level: float = 0.95,
    planned: float = 1000.0,
    measures: int = 1,
    reference_clusters: Sequence[str] | None = None,
    window_clusters: Sequence[str] | None = None,
) -> Shift:
    """Has the mean moved by more than `margin` since the reference? Look as often as you like.

    `reference` and `window` have shape (n,) and (m,); the window grows, and the limits are tightest at `planned` of its
    values. `measures` is how many are watched: each gets its share of the error (Bonferroni), so that no false alarm
    is raised on any of them at any time with probability `level`. Raises ValueError for a negative margin or fewer than
    two independent values on a side.
    """
    if not math.isfinite(margin) or margin < 0.0 or measures < 1:
        raise ValueError(f"a margin is finite and at least 0, and at least one measure is watched, not {margin}")
    before, now = clustered(reference, reference_clusters), clustered(window, window_clusters)
    if min(before.clusters, now.clusters) < 2:
        raise ValueError("a shift needs at least two independent values before and now")
    alpha = check_level(level) / measures
    steps = max(1.0, planned * now.clusters / now.n)
    # The walk is the window's; the reference adds its own error, fixed since the window began.
    variance = (before.variance + now.variance) * now.clusters
    half = sequence_half_width(variance, now.clusters, alpha, steps)
    gap = now.mean - before.mean
    low, high = gap - half, gap + half
    spread = float(before.values.std(ddof=1))
    verdict = Drift.OPEN
    if low > margin or high < -margin:
        verdict = Drift.MOVED
    elif low > -margin and high < margin:
        verdict = Drift.STEADY
    interval = Interval(gap, low, high, 1.0 - alpha, "asymptotic confidence sequence", now.n)
    return Shift(verdict, interval, margin, gap / spread if spread > 0.0 else None, before.n, now.n)


@dataclass(frozen=True, slots=True)
class CountShift:
    """How two tables of counts differ, for description: `psi` and Cramér's V `effect`; `p_value` says "at all"."""

    psi: float
    effect: float
    p_value: float
    categories: int


def count_shift(reference: Mapping[str, int], window: Mapping[str, int]) -> CountShift:
    """Population stability index, Cramér's V and chi-square p-value of categories before and now.

    Half a count is added to every category in PSI, which is infinite without it. Raises ValueError for a side without
    a count or fewer than two categories.
    """
    names = sorted(set(reference) | set(window))
    a, b = (np.array([side.get(name, 0) for name in names], dtype=np.float64) for side in (reference, window))
    used = a + b > 0
    a, b = a[used], b[used]
    if len(a) < 2 or a.sum() == 0 or b.sum() == 0 or min(a.min(), b.min()) < 0:
        raise ValueError("categories need counts on both sides, at least two of them, none below 0")
    p, q = (a + 0.5) / (a + 0.5).sum(), (b + 0.5) / (b + 0.5).sum()
    total = a.sum() + b.sum()
    expected = [(a + b) * side.sum() / total for side in (a, b)]
    statistic = sum(float(((side - want) ** 2 / want).sum()) for side, want in zip((a, b), expected, strict=True))
    effect = math.sqrt(statistic / float(total))
    return CountShift(float(((q - p) * np.log(q / p)).sum()), effect, chi_square_tail(statistic, len(a) - 1), len(a))


def psi_of(reference: Sequence[float] | Floats, window: Sequence[float] | Floats, bins: int = 10) -> CountShift:
    """`count_shift` of numbers, cut at the reference's quantiles. Raises ValueError when the reference is constant."""
    a, b = np.asarray(reference, dtype=np.float64), np.asarray(window, dtype=np.float64)
    if len(a) == 0 or len(b) == 0 or bins < 2:
        raise ValueError("both sides need values, and at least two bins are needed")
    edges = np.unique(np.quantile(a, np.linspace(0.0, 1.0, bins + 1)[1:-1]))
    places = [np.bincount(np.searchsorted(edges, side, side="right"), minlength=len(edges) + 1) for side in (a, b)]
    before, now = ({str(i): int(n) for i, n in enumerate(place)} for place in places)
    return count_shift(before, now)


def ks_distance(reference: Sequence[float] | Floats, window: Sequence[float] | Floats) -> float:
    """The largest gap between both distribution functions (Kolmogorov-Smirnov), 0 to 1, for description."""
    a, b = (np.sort(np.asarray(side, dtype=np.float64)) for side in (reference, window))
    if len(a) == 0 or len(b) == 0:
        raise ValueError("both sides need values")
    points = np.concatenate([a, b])
    gaps = np.searchsorted(a, points, side="right") / len(a) - np.searchsorted(b, points, side="right") / len(b)
    return float(np.abs(gaps).max())
