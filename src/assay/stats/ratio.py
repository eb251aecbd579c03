"""The ratio of two means or shares with its interval: cost per answer, latency against latency, risk against risk."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from assay.records.evaluation import Interval
from assay.stats.mean import Floats, clustered
from assay.stats.special import check_level, normal_ppf, t_ppf


def fieller(
    top: float, bottom: float, var_top: float, var_bottom: float, covariance: float, quantile: float
) -> tuple[float, float]:
    """Fieller's limits (1954) of `top` / `bottom`, two means with these squared standard errors and covariance.

    Raises ValueError when `bottom` may be 0 at this quantile: the ratio is then not bounded, and no interval says so.
    """
    square = quantile * quantile
    a = bottom * bottom - square * var_bottom
    if a <= 0.0:
        raise ValueError("the denominator cannot be told from 0, so the ratio has no bounded interval")
    b = top * bottom - square * covariance
    c = top * top - square * var_top
    half = math.sqrt(max(0.0, b * b - a * c))
    return (b - half) / a, (b + half) / a


def paired_ratio(
    top: Sequence[float] | Floats,
    bottom: Sequence[float] | Floats,
    clusters: Sequence[str] | None = None,
    *,
    level: float = 0.95,
) -> Interval:
    """mean(top) / mean(bottom) where both, of shape (n,), come from the same cases: Fieller, clusters counted in.

    Candidate latency over baseline latency, or total cost over total answers. Raises ValueError for shapes that differ,
    fewer than two clusters, or a denominator that cannot be told from 0.
    """
    x, y = np.asarray(top, dtype=np.float64), np.asarray(bottom, dtype=np.float64)
    if x.shape != y.shape:
        raise ValueError(f"a paired ratio needs one shape, not {x.shape} and {y.shape}")
    parts = [clustered(values, clusters) for values in (x, y, x + y)]
    if parts[0].clusters < 2:
        raise ValueError("a ratio needs at least two independent cases or clusters")
    covariance = (parts[2].variance - parts[0].variance - parts[1].variance) / 2.0
    quantile = t_ppf(1.0 - check_level(level) / 2.0, parts[0].clusters - 1)
    low, high = fieller(parts[0].mean, parts[1].mean, parts[0].variance, parts[1].variance, covariance, quantile)
    method = "Fieller, cluster-robust" if parts[0].real else "Fieller"
    return Interval(parts[0].mean / parts[1].mean, low, high, level, method, len(x))


def ratio_of_means(
    top: Sequence[float] | Floats,
    bottom: Sequence[float] | Floats,
    *,
    level: float = 0.95,
    top_clusters: Sequence[str] | None = None,
    bottom_clusters: Sequence[str] | None = None,
) -> Interval:
    """mean(top) / mean(bottom) of two independent groups of positive values, on the log scale by the delta method.

    With the t quantile of the smaller group's degrees of freedom. Raises ValueError unless both means lie above 0.
    """
    one, other = clustered(top, top_clusters), clustered(bottom, bottom_clusters)
    if min(one.clusters, other.clusters) < 2 or min(one.mean, other.mean) <= 0.0:
        raise ValueError("a ratio of means needs two groups of at least two, both with a mean above 0")
    error = math.sqrt(one.variance / one.mean**2 + other.variance / other.mean**2)
    half = t_ppf(1.0 - check_level(level) / 2.0, min(one.clusters, other.clusters) - 1) * error
    ratio = one.mean / other.mean
    return Interval(ratio, ratio * math.exp(-half), ratio * math.exp(half), level, "log ratio, delta", one.n + other.n)


def risk_ratio(x1: int, n1: int, x2: int, n2: int, *, level: float = 0.95) -> Interval | None:
    """(x1 / n1) / (x2 / n2) of two independent groups by Koopman's score interval (1984); fit for rare events.

    None when the ratio is unbounded above: no event in the second group. Raises ValueError for impossible counts.
    """
    if min(n1, n2) < 1 or not 0 <= x1 <= n1 or not 0 <= x2 <= n2:
        raise ValueError(f"a risk ratio needs 0 <= x <= n and n > 0, not {x1} of {n1} and {x2} of {n2}")
    if x2 == 0:
        return None
    z = normal_ppf(1.0 - check_level(level) / 2.0)
    estimate = (x1 / n1) / (x2 / n2)

    def distance(ratio: float) -> float:
        return math.sqrt(_koopman(x1, n1, x2, n2, ratio)) - z

    low = 0.0 if x1 == 0 else _outward(distance, estimate, 0.5)
    start = estimate if x1 else 0.5 / n1 / (x2 / n2)
    high = _outward(distance, start, 2.0)
    return Interval(estimate, low, high, level, "Koopman score ratio", n1 + n2)


def risk_ratio_z(x1: float, n1: float, x2: float, n2: float, ratio: float) -> float:
    """The signed root of Koopman's statistic for "p1 / p2 is `ratio`", ratio > 0: standard normal there, and it falls
    in `ratio`. Counts may be effective, fractional ones; without any event in both groups it is 0."""
    if min(n1, n2) <= 0 or not 0 <= x1 <= n1 or not 0 <= x2 <= n2 or ratio <= 0.0:
        raise ValueError(f"a risk ratio needs 0 <= x <= n, n > 0 and ratio > 0, not {x1} of {n1} and {x2} of {n2}")
    return math.copysign(math.sqrt(_koopman(x1, n1, x2, n2, ratio)), x1 / n1 - ratio * x2 / n2)


def _koopman(x1: float, n1: float, x2: float, n2: float, ratio: float) -> float:
    """Pearson's statistic of both counts under the best rates with this ratio (closed form)."""
    total = n1 + n2
    b = n1 * ratio + x1 + n2 + x2 * ratio
    rate2 = (b - math.sqrt(max(0.0, b * b - 4.0 * total * ratio * (x1 + x2)))) / (2.0 * total * ratio)
    rate1 = min(1.0, rate2 * ratio)
    found = 0.0
    for x, n, p in ((x1, n1, rate1), (x2, n2, rate2)):
        variance = n * p * (1.0 - p)
        gap = x - n * p
        if variance > 1e-300:
            found += gap * gap / variance
        elif abs(gap) > 1e-9:
            return math.inf
    return found


def _outward(distance: Callable[[float], float], start: float, factor: float) -> float:
    """Where `distance` turns positive going from `start` by powers of `factor`, to 12 digits."""
    inner = outer = start
    while distance(outer) < 0.0:
        inner, outer = outer, outer * factor
    for _ in range(80):
        middle = math.sqrt(inner * outer)
        inner, outer = (middle, outer) if distance(middle) < 0.0 else (inner, middle)
    return outer
