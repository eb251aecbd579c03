"""Two shares on the same cases: Tango's and Newcombe's intervals and McNemar's tests."""

from __future__ import annotations

import math

from assay.records.evaluation import Interval
from assay.stats.proportion import score_limits, wilson_limits
from assay.stats.special import check_level, normal_ppf


def _check_table(won: float, lost: float, n: float) -> None:
    if n <= 0 or won < 0 or lost < 0 or won + lost > n * (1 + 1e-12):
        raise ValueError(f"a paired table needs n > 0 and won + lost <= n, not {won} + {lost} of {n}")


def tango_score(won: float, lost: float, n: float, delta: float) -> float:
    """Tango's score statistic for "the paired difference of shares is `delta`" (Tango 1998, equation 9).

    The difference is (won - lost) / n; the statistic falls in `delta` and is standard normal at the truth.
    """
    a = 2.0 * n
    b = -won - lost + (2.0 * n - won + lost) * delta
    c = -lost * delta * (1.0 - delta)
    q = (math.sqrt(max(0.0, b * b - 4.0 * a * c)) - b) / (2.0 * a)
    variance = n * (2.0 * q + delta * (1.0 - delta))
    gap = won - lost - n * delta
    if variance <= 1e-300:
        return 0.0 if abs(gap) < 1e-12 else math.copysign(math.inf, gap)
    return gap / math.sqrt(variance)


def tango_limits(won: float, lost: float, n: float, quantile: float) -> tuple[float, float]:
    """Both limits of Tango's score interval at a normal (or t) quantile; counts may be effective, fractional ones."""
    _check_table(won, lost, n)
    estimate = (won - lost) / n
    return score_limits(lambda delta: tango_score(won, lost, n, delta), estimate, quantile)


def tango(won: int, lost: int, n: int, level: float = 0.95) -> Interval:
    """The paired difference (won - lost) / n of two shares by Tango's score interval (Tango 1998)."""
    low, high = tango_limits(won, lost, n, normal_ppf(1.0 - check_level(level) / 2.0))
    return Interval((won - lost) / n, low, high, level, "Tango score", n)


def newcombe_paired(both: int, won: int, lost: int, neither: int, level: float = 0.95) -> Interval:
    """The paired difference (won - lost) / n by Newcombe's method 10 (Newcombe 1998, paired data).

    Wilson limits of both shares, joined with the correlation, which is corrected for continuity when positive.
    """
    n = both + won + lost + neither
    _check_table(won, lost, n)
    z = normal_ppf(1.0 - check_level(level) / 2.0)
    p1, p2 = (both + won) / n, (both + lost) / n
    low1, high1 = wilson_limits(both + won, n, z)
    low2, high2 = wilson_limits(both + lost, n, z)
    margins = (both + won) * (lost + neither) * (both + lost) * (won + neither)
    product = float(both * neither - won * lost)
    if product > 0:
        product = max(0.0, product - n / 2.0)
    phi = product / math.sqrt(margins) if margins > 0 else 0.0
    d_low1, d_high1, d_low2, d_high2 = p1 - low1, high1 - p1, p2 - low2, high2 - p2
    down = math.sqrt(max(0.0, d_low1**2 - 2.0 * phi * d_low1 * d_high2 + d_high2**2))
    up = math.sqrt(max(0.0, d_high1**2 - 2.0 * phi * d_high1 * d_low2 + d_low2**2))
    return Interval(p1 - p2, p1 - p2 - down, p1 - p2 + up, level, "Newcombe method 10", n)


def bonett_price(won: int, lost: int, n: int, level: float = 0.95) -> Interval:
    """The paired difference by the Wald interval with one more win and one more loss (Bonett and Price 2012)."""
    _check_table(won, lost, n)
    z = normal_ppf(1.0 - check_level(level) / 2.0)
    p12, p21 = (won + 1.0) / (n + 2.0), (lost + 1.0) / (n + 2.0)
    half = z * math.sqrt((p12 + p21 - (p12 - p21) ** 2) / (n + 2.0))
    low, high = max(-1.0, p12 - p21 - half), min(1.0, p12 - p21 + half)
    return Interval((won - lost) / n, low, high, level, "Bonett-Price", n)


def mcnemar_exact(won: int, lost: int) -> float:
    """Two-sided p-value of McNemar's exact conditional test; 1 without any discordant pair."""
    return min(1.0, 2.0 * _binomial_tail(min(won, lost), won + lost))


def mcnemar_midp(won: int, lost: int) -> float:
    """Two-sided mid-p value of McNemar's test (Fagerland et al. 2013): the one to use for "different"."""
    n, smaller = won + lost, min(won, lost)
    if won == lost:
        return 1.0 if n == 0 else 1.0 - _binomial_point(smaller, n)
    return min(1.0, 2.0 * _binomial_tail(smaller, n) - _binomial_point(smaller, n))


def _binomial_point(k: int, n: int) -> float:
    return math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2.0))


def _binomial_tail(k: int, n: int) -> float:
    return math.fsum(_binomial_point(i, n) for i in range(k + 1))
