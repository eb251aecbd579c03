"""Quantiles such as p95 of latency, with intervals that assume nothing about the shape of the distribution."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.stats.mean import Floats, clustered, design_effect
from assay.stats.special import betainc, betaincinv, check_level, normal_ppf, t_ppf


@dataclass(frozen=True, slots=True)
class QuantileInterval:
    """`share` is the share of values at or below `estimate`. A limit is None where too few values lie beyond the
    quantile to bound it: p95 has an upper limit at 95 % only from 72 independent values on."""

    share: float
    estimate: float
    low: float | None
    high: float | None
    level: float
    method: str
    n: int


def quantile_interval(
    values: Sequence[float] | Floats,
    share: float,
    clusters: Sequence[str] | Sequence[int] | None = None,
    level: float = 0.95,
) -> QuantileInterval:
    """The quantile of `values`, shape (n,), at `share`, with a two-sided interval between order statistics.

    The estimate is the smallest value with at least `share` of all at or below it. Independent values: exact binomial
    limits (Conover, Practical Nonparametric Statistics, 3.2), which cover at least `level` for whatever distribution.
    With `clusters`, labels of shape (n,), limits for the share below are inverted (Woodruff 1952), by Clopper-Pearson
    on the effective sample size with its correction for C - 1 degrees of freedom (Korn and Graubard 1998). Raises
    ValueError for no value, values that are not finite, or a share outside 0 to 1.
    """
    if not 0.0 < share < 1.0:
        raise ValueError(f"a quantile lies strictly between 0 and 1, not {share}")
    tail = check_level(level) / 2.0
    data = clustered(values, clusters)
    ordered = np.sort(data.values)
    estimate = float(ordered[math.ceil(share * data.n - 1e-9) - 1])
    if not data.real:
        below, above = _binomial_ranks(data.n, share, tail)
        return _between(ordered, estimate, below, above, share, level, "order statistics")
    if data.clusters < 2:
        return QuantileInterval(share, estimate, None, None, level, "one cluster", data.n)
    at_most = (data.values <= estimate).astype(np.float64)
    effect = design_effect(clustered(at_most, clusters))
    wider = (normal_ppf(1.0 - tail) / t_ppf(1.0 - tail, data.clusters - 1)) ** 2
    below, above = _woodruff_ranks(data.n, data.n / effect * wider, share, tail)
    return _between(ordered, estimate, below, above, share, level, "Woodruff, effective n")


def _binomial_ranks(n: int, share: float, tail: float) -> tuple[int, int]:
    """Ranks from 1: the largest with P(B < rank) <= tail and the smallest with P(B >= rank) <= tail, B ~ Bin(n, share).

    0 and n + 1 where there is none.
    """
    ranks = range(1, n + 2)
    low = bisect_right(ranks, tail, key=lambda rank: _binomial_below(rank, n, share))
    high = bisect_left(ranks, 1.0 - tail, key=lambda rank: _binomial_below(rank, n, share))
    return low, min(high + 1, n + 1)


def _binomial_below(rank: int, n: int, share: float) -> float:
    """P(B < rank) for B ~ Binomial(n, share)."""
    return 0.0 if rank <= 0 else 1.0 if rank > n else betainc(n - rank + 1.0, float(rank), 1.0 - share)


def _woodruff_ranks(n: int, effective: float, share: float, tail: float) -> tuple[int, int]:
    """Ranks of the limits of the share below the quantile, Clopper and Pearson on `effective` values."""
    expected = share * effective
    low, high = 0, n + 1
    if (1.0 - share) ** effective <= tail:
        low = max(1, math.ceil(betaincinv(expected, effective - expected + 1.0, tail) * n - 1e-9))
    if share**effective <= tail:
        high = min(n, math.ceil(betaincinv(expected + 1.0, effective - expected, 1.0 - tail) * n - 1e-9) + 1)
    return low, high


def _between(
    ordered: Floats, estimate: float, below: int, above: int, share: float, level: float, method: str
) -> QuantileInterval:
    low = float(ordered[below - 1]) if below >= 1 else None
    high = float(ordered[above - 1]) if above <= len(ordered) else None
    return QuantileInterval(share, estimate, low, high, level, method, len(ordered))
