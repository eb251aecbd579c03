"""The distribution functions that intervals need: normal, Student t and beta, in plain Python."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

_NORMAL = NormalDist()
_TINY = 1e-300
_MAX_TERMS = 100_000


def normal_cdf(x: float) -> float:
    """P(Z <= x) for a standard normal Z."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def normal_ppf(p: float) -> float:
    """The x with P(Z <= x) = p. Raises ValueError outside 0 < p < 1."""
    if not 0.0 < p < 1.0:
        raise ValueError(f"a normal quantile needs 0 < p < 1, not {p}")
    return _NORMAL.inv_cdf(p)


def betainc(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b): P(X <= x) for X ~ Beta(a, b).

    Continued fraction evaluated by the modified Lentz algorithm (DLMF 8.17.22), on the side where it converges fast.
    Raises ValueError unless a > 0, b > 0 and 0 <= x <= 1.
    """
    if a <= 0.0 or b <= 0.0 or not 0.0 <= x <= 1.0:
        raise ValueError(f"betainc needs a > 0, b > 0 and 0 <= x <= 1, not ({a}, {b}, {x})")
    if x in (0.0, 1.0):
        return x
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    front = math.exp(log_front)
    if x < (a + 1.0) / (a + b + 2.0):
        return min(1.0, front * _fraction(a, b, x) / a)
    return max(0.0, 1.0 - front * _fraction(b, a, 1.0 - x) / b)


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def _fraction(a: float, b: float, x: float) -> float:
    c = 1.0
    d = 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    result = d
    for m in range(1, _MAX_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        d = 1.0 / _away_from_zero(1.0 + even * d)
        c = _away_from_zero(1.0 + even / c)
        result *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        d = 1.0 / _away_from_zero(1.0 + odd * d)
        c = _away_from_zero(1.0 + odd / c)
        factor = d * c
        result *= factor
        if abs(factor - 1.0) < 1e-15:
            return result
    raise ArithmeticError(f"the incomplete beta function did not converge at ({a}, {b}, {x})")


@lru_cache(maxsize=4096)
def betaincinv(a: float, b: float, p: float) -> float:
    """The x with I_x(a, b) = p, by Newton steps kept inside a shrinking bracket.

    Raises ValueError unless a > 0, b > 0 and 0 <= p <= 1.
    """
    if a <= 0.0 or b <= 0.0 or not 0.0 <= p <= 1.0:
        raise ValueError(f"betaincinv needs a > 0, b > 0 and 0 <= p <= 1, not ({a}, {b}, {p})")
    if p in (0.0, 1.0):
        return p
    log_norm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    low, high, x = 0.0, 1.0, a / (a + b)
    for _ in range(400):
        gap = betainc(a, b, x) - p
        low, high = (x, high) if gap < 0.0 else (low, x)
        density = math.exp(log_norm + (a - 1.0) * math.log(x) + (b - 1.0) * math.log1p(-x))
        step = x - gap / density if density > 0.0 else math.nan
        if not low < step < high:
            # A geometric step reaches quantiles of 1e-12 and below in a few rounds, where halving needs dozens.
            step = math.sqrt(low * high) if low > 0.0 else (high * 1e-3 if high < 1e-3 else 0.5 * (low + high))
        if abs(step - x) <= 4e-16 * x or step in (low, high):
            return step
        x = step
    return x


def t_cdf(t: float, df: float) -> float:
    """P(T <= t) for Student's T with `df` > 0 degrees of freedom."""
    if df <= 0.0:
        raise ValueError(f"Student's t needs df > 0, not {df}")
    square = t * t
    if math.isinf(square):
        return 0.0 if t < 0 else 1.0
    if square < df:
        half = 0.5 * betainc(0.5, 0.5 * df, square / (df + square))
        return 0.5 - half if t < 0 else 0.5 + half
    tail = 0.5 * betainc(0.5 * df, 0.5, df / (df + square))
    return tail if t < 0 else 1.0 - tail


@lru_cache(maxsize=4096)
def t_ppf(p: float, df: float) -> float:
    """The t with P(T <= t) = p for Student's T. Raises ValueError outside 0 < p < 1 or for df <= 0."""
    if not 0.0 < p < 1.0 or df <= 0.0:
        raise ValueError(f"a t quantile needs 0 < p < 1 and df > 0, not ({p}, {df})")
    if p > 0.5:
        return -t_ppf(1.0 - p, df)
    if p == 0.5:
        return 0.0
    if 2.0 * p < 0.5:
        x = betaincinv(0.5 * df, 0.5, 2.0 * p)
        return -math.sqrt(df * (1.0 - x) / x)
    y = betaincinv(0.5, 0.5 * df, 1.0 - 2.0 * p)
    return -math.sqrt(df * y / (1.0 - y))


def check_level(level: float) -> float:
    """The two-sided tail 1 - level. Raises ValueError unless 0 < level < 1."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"a confidence level lies strictly between 0 and 1, not {level}")
    return 1.0 - level


def gammainc(a: float, x: float) -> float:
    """The regularised lower incomplete gamma function P(a, x): P(X <= x) for X ~ Gamma(a, 1).

    The power series below a + 1, the continued fraction (DLMF 8.9.2, modified Lentz) above. Raises ValueError unless
    a > 0 and x >= 0.
    """
    if a <= 0.0 or x < 0.0:
        raise ValueError(f"gammainc needs a > 0 and x >= 0, not ({a}, {x})")
    if x == 0.0:
        return 0.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1.0:
        term = total = 1.0 / a
        for n in range(1, _MAX_TERMS):
            term *= x / (a + n)
            total += term
            if term < total * 1e-16:
                return min(1.0, front * total)
        raise ArithmeticError(f"the incomplete gamma function did not converge at ({a}, {x})")
    return max(0.0, 1.0 - front * _gamma_fraction(a, x))


def _gamma_fraction(a: float, x: float) -> float:
    b = x + 1.0 - a
    c, d = 1.0 / _TINY, 1.0 / _away_from_zero(b)
    result = d
    for n in range(1, _MAX_TERMS):
        step = -n * (n - a)
        b += 2.0
        d = 1.0 / _away_from_zero(step * d + b)
        c = _away_from_zero(b + step / c)
        result *= d * c
        if abs(d * c - 1.0) < 1e-15:
            return result
    raise ArithmeticError(f"the incomplete gamma function did not converge at ({a}, {x})")


def chi_square_tail(x: float, df: float) -> float:
    """P(X > x) for a chi-square X with `df` > 0 degrees of freedom, exact in the far tail."""
    if df <= 0.0 or x < 0.0:
        raise ValueError(f"a chi-square tail needs df > 0 and x >= 0, not ({df}, {x})")
    a, half = 0.5 * df, 0.5 * x
    if half < a + 1.0:
        return 1.0 - gammainc(a, half)
    return math.exp(a * math.log(half) - half - math.lgamma(a)) * _gamma_fraction(a, half)


def log_beta(a: float, b: float) -> float:
    """The logarithm of the beta function B(a, b)."""
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


@lru_cache(maxsize=64)
def zeta(s: float) -> float:
    """Riemann's zeta function for s > 1, by Euler and Maclaurin's sum from the twentieth term on."""
    if s <= 1.0:
        raise ValueError(f"zeta needs s > 1, not {s}")
    n = 20.0
    head = math.fsum(float(k) ** -s for k in range(1, 20))
    tail: float = n ** (1.0 - s) / (s - 1.0) + 0.5 * n**-s + s * n ** (-s - 1.0) / 12.0
    third: float = s * (s + 1.0) * (s + 2.0) * n ** (-s - 3.0)
    return head + tail - third / 720.0 + third * (s + 3.0) * (s + 4.0) / (30240.0 * n * n)
