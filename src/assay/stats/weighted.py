"""A share from items that were drawn with unequal, known chances: Hájek's estimate and its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.records.evaluation import Interval
from assay.stats.mean import Floats, clustered
from assay.stats.proportion import wilson_limits
from assay.stats.special import check_level, t_ppf

PRIOR = 4.0
"""Pseudo-observations behind the design effect of the weights alone (Kish), against the estimated one, which rests on
as many values as differ from the commonest: with two failures seen it is hardly known."""


@dataclass(frozen=True, slots=True)
class _Weighted:
    """0/1 values with their weights, and what the interval needs. `effective` is the size of a simple random sample
    that would say as much."""

    share: float
    effective: float
    df: int
    n: int


def weighted_share(
    values: Sequence[int] | Floats,
    probabilities: Sequence[float] | Floats,
    clusters: Sequence[str] | None = None,
    *,
    level: float = 0.95,
) -> Interval:
    """The share of ones in the population that `values`, shape (n,), were drawn from with `probabilities`, shape (n,).

    Hájek's ratio Σ y/π / Σ 1/π with its linearised variance Σ_c (Σ_i e_i/π_i)² · C/(C-1), robust to `clusters`: the
    spread over other populations of the same kind, not only over other samples of this one, so labelling everything
    does not make it zero. Limits are Wilson's on the effective sample size with a t quantile (Kott and Liu 2009 compare
    such intervals; the plain one collapses where few items have a large weight). Raises ValueError for no value, values
    other than 0 and 1, chances outside (0, 1], or fewer than two clusters.
    """
    found = _weighted(values, probabilities, clusters)
    quantile = t_ppf(1.0 - check_level(level) / 2.0, found.df)
    low, high = wilson_limits(min(found.share * found.effective, found.effective), found.effective, quantile)
    return Interval(found.share, low, high, level, "Hájek, Wilson on effective n", found.n)


def width_after(
    values: Sequence[int] | Floats,
    probabilities: Sequence[float] | Floats,
    future: Sequence[float] | Floats,
    *,
    level: float = 0.95,
) -> float:
    """How wide `weighted_share` is to be expected when the same items have the chances `future`, shape (n,), because
    more are drawn. Raises ValueError as `weighted_share`."""
    y, now = _checked(values, probabilities)
    then = np.asarray(future, dtype=np.float64)
    if then.shape != now.shape or (then < now - 1e-12).any() or (then > 1.0 + 1e-12).any():
        raise ValueError("chances after drawing more are at least those of today and at most 1")
    found = _weighted(values, probabilities, None)
    grown = found.effective * float(_spread(y, now, now) / _spread(y, now, then))
    df = max(1, round(found.df * grown / found.effective))
    low, high = wilson_limits(found.share * grown, grown, t_ppf(1.0 - check_level(level) / 2.0, df))
    return high - low


def _spread(y: Floats, now: Floats, then: Floats) -> float:
    """Σ over the population of e²/π', estimated from the sample, with half a one and half a zero more in it."""
    weights = 1.0 / now
    share = (float(weights @ y) + 0.5 * float(weights.mean())) / (float(weights.sum()) + float(weights.mean()))
    return float((weights / then) @ (y - share) ** 2)


def _checked(values: Sequence[int] | Floats, probabilities: Sequence[float] | Floats) -> tuple[Floats, Floats]:
    y, chance = np.asarray(values, dtype=np.float64), np.asarray(probabilities, dtype=np.float64)
    if y.shape != chance.shape or y.ndim != 1 or len(y) < 2 or not np.isin(y, (0.0, 1.0)).all():
        raise ValueError("a weighted share needs at least two values, each 0 or 1, and a chance for each")
    if not np.isfinite(chance).all() or (chance <= 0.0).any() or (chance > 1.0 + 1e-12).any():
        raise ValueError("the chance of being drawn is above 0 and at most 1")
    return y, chance


def _weighted(
    values: Sequence[int] | Floats, probabilities: Sequence[float] | Floats, clusters: Sequence[str] | None
) -> _Weighted:
    y, chance = _checked(values, probabilities)
    weights = 1.0 / chance
    share = min(1.0, float(weights @ y) / float(weights.sum()))
    data = clustered((y - share) * weights, clusters)
    units = clustered(weights, clusters)
    if data.clusters < 2:
        raise ValueError("a weighted share needs items from at least two clusters")
    kish = float(weights.sum()) ** 2 / float(units.sums @ units.sums)
    variance = float(data.sums @ data.sums) * data.clusters / (data.clusters - 1) / float(weights.sum()) ** 2
    seen = min(int(y.sum()), len(y) - int(y.sum()))
    simple = share * (1.0 - share)
    deff = variance / simple * len(y) if simple > 0.0 else 0.0
    blended = (seen * deff + PRIOR * len(y) / kish) / (seen + PRIOR)
    return _Weighted(share, min(len(y) / blended, float(len(y)) * 4.0), data.clusters - 1, len(y))
