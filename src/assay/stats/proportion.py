"""Intervals for one share of successes, and for the difference of two independent shares."""

from __future__ import annotations

import math
from collections.abc import Callable

from assay.records.evaluation import Interval
from assay.stats.special import betaincinv, check_level, normal_ppf


def _check(successes: float, n: float) -> None:
    if n <= 0 or not 0 <= successes <= n:
        raise ValueError(f"a proportion needs n > 0 and 0 <= successes <= n, not {successes} of {n}")


def wilson_limits(successes: float, n: float, z: float) -> tuple[float, float]:
    """Wilson's score limits at the normal (or t) quantile `z`; `n` may be an effective, fractional size."""
    _check(successes, n)
    p = successes / n
    centre = (successes + z * z / 2.0) / (n + z * z)
    half = z * math.sqrt(n * p * (1.0 - p) + z * z / 4.0) / (n + z * z)
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return low, high


def wilson(successes: int, n: int, level: float = 0.95) -> Interval:
    """Wilson's score interval (Wilson 1927): the one to report for a share.

    Raises ValueError unless n > 0 and 0 <= successes <= n.
    """
    low, high = wilson_limits(successes, n, normal_ppf(1.0 - check_level(level) / 2.0))
    return Interval(successes / n, low, high, level, "Wilson score", n)


def clopper_pearson(successes: int, n: int, level: float = 0.95) -> Interval:
    """The exact interval (Clopper and Pearson 1934), for safety claims: it always covers at least `level`."""
    _check(successes, n)
    tail = check_level(level) / 2.0
    low = 0.0 if successes == 0 else betaincinv(successes, n - successes + 1.0, tail)
    high = 1.0 if successes == n else betaincinv(successes + 1.0, n - successes, 1.0 - tail)
    return Interval(successes / n, low, high, level, "Clopper-Pearson", n)


def jeffreys(successes: int, n: int, level: float = 0.95) -> Interval:
    """The equal-tailed posterior interval under Beta(1/2, 1/2), with 0 and 1 kept at the ends (Brown et al. 2001)."""
    _check(successes, n)
    tail = check_level(level) / 2.0
    a, b = successes + 0.5, n - successes + 0.5
    low = 0.0 if successes == 0 else betaincinv(a, b, tail)
    high = 1.0 if successes == n else betaincinv(a, b, 1.0 - tail)
    return Interval(successes / n, low, high, level, "Jeffreys", n)


def upper_bound_zero_failures(n: int, alpha: float = 0.05) -> float:
    """The largest failure rate still compatible, at one-sided `alpha`, with no failure in `n` trials."""
    _check(0, n)
    return float(1.0 - alpha ** (1.0 / n))


def newcombe_difference(x1: int, n1: int, x2: int, n2: int, level: float = 0.95) -> Interval:
    """p1 - p2 of two independent groups by the hybrid score interval (Newcombe 1998, method 10 of that paper)."""
    z = normal_ppf(1.0 - check_level(level) / 2.0)
    low1, high1 = wilson_limits(x1, n1, z)
    low2, high2 = wilson_limits(x2, n2, z)
    p1, p2 = x1 / n1, x2 / n2
    low = p1 - p2 - math.hypot(p1 - low1, high2 - p2)
    high = p1 - p2 + math.hypot(high1 - p1, p2 - low2)
    return Interval(p1 - p2, low, high, level, "Newcombe hybrid score", n1 + n2)


def miettinen_nurminen(x1: int, n1: int, x2: int, n2: int, level: float = 0.95) -> Interval:
    """p1 - p2 of two independent groups by the score test with N/(N-1) (Miettinen and Nurminen 1985)."""
    return _score_difference(x1, n1, x2, n2, level, (n1 + n2) / (n1 + n2 - 1.0), "Miettinen-Nurminen score")


def miettinen_nurminen_z(x1: float, n1: float, x2: float, n2: float, delta: float) -> float:
    """The score statistic behind `miettinen_nurminen` for "p1 - p2 is `delta`", -1 < delta < 1; standard normal there,
    and it falls in `delta`. Counts may be effective, fractional ones."""
    _check(x1, n1)
    _check(x2, n2)
    p1, p2 = _restricted(x1, n1, x2, n2, delta)
    factor = (n1 + n2) / max(n1 + n2 - 1.0, 1.0)
    return _standardised(x1 / n1 - x2 / n2 - delta, (p1 * (1.0 - p1) / n1 + p2 * (1.0 - p2) / n2) * factor)


def mee(x1: int, n1: int, x2: int, n2: int, level: float = 0.95) -> Interval:
    """p1 - p2 of two independent groups by the score test without that factor (Mee 1984)."""
    return _score_difference(x1, n1, x2, n2, level, 1.0, "Mee score")


def _score_difference(x1: int, n1: int, x2: int, n2: int, level: float, factor: float, method: str) -> Interval:
    _check(x1, n1)
    _check(x2, n2)
    z = normal_ppf(1.0 - check_level(level) / 2.0)
    estimate = x1 / n1 - x2 / n2

    def score(delta: float) -> float:
        p1, p2 = _restricted(x1, n1, x2, n2, delta)
        variance = (p1 * (1.0 - p1) / n1 + p2 * (1.0 - p2) / n2) * factor
        return _standardised(estimate - delta, variance)

    low, high = score_limits(score, estimate, z)
    return Interval(estimate, low, high, level, method, n1 + n2)


def _standardised(gap: float, variance: float) -> float:
    if variance <= 0.0:
        return 0.0 if gap == 0.0 else math.copysign(math.inf, gap)
    return gap / math.sqrt(variance)


def _restricted(x1: float, n1: float, x2: float, n2: float, delta: float) -> tuple[float, float]:
    """Maximum-likelihood p1, p2 under p1 - p2 = delta: the closed form of the cubic in Miettinen and Nurminen 1985."""
    total = n1 + n2
    l2 = (n1 + 2.0 * n2) * delta - total - (x1 + x2)
    l1 = (n2 * delta - total - 2.0 * x2) * delta + x1 + x2
    l0 = x2 * delta * (1.0 - delta)
    q = l2**3 / (27.0 * total**3) - l1 * l2 / (6.0 * total**2) + l0 / (2.0 * total)
    p = math.copysign(math.sqrt(max(0.0, l2**2 / (9.0 * total**2) - l1 / (3.0 * total))), q)
    cosine = min(1.0, max(-1.0, q / p**3)) if p != 0.0 else 0.0
    angle = (math.pi + math.acos(cosine)) / 3.0
    p2 = min(1.0, max(0.0, 2.0 * p * math.cos(angle) - l2 / (3.0 * total)))
    return min(1.0, max(0.0, p2 + delta)), p2


def score_limits(score: Callable[[float], float], estimate: float, z: float) -> tuple[float, float]:
    """Invert a score statistic that falls in its argument on [-1, 1]: the deltas at which it is +z and -z."""
    return _crossing(score, z, -1.0, estimate), _crossing(score, -z, estimate, 1.0)


def _crossing(score: Callable[[float], float], target: float, low: float, high: float) -> float:
    for _ in range(80):
        middle = 0.5 * (low + high)
        if score(middle) > target:
            low = middle
        else:
            high = middle
        if high - low < 1e-13:
            break
    return 0.5 * (low + high)
