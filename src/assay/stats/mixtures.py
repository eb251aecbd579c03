"""Boundaries that a random walk crosses at any time with probability at most alpha: mixtures and stitching.

Names and parameters as in Howard, Ramdas, McAuliffe and Sekhon 2021 ("Time-uniform, nonparametric, nonasymptotic
confidence sequences"): `v` is intrinsic time (a variance summed up), `v_opt` the one for which a boundary is tuned.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from assay.stats.special import betainc, gammainc, log_beta, normal_cdf, zeta


def _check_rate(alpha: float, *positive: float) -> None:
    if not 0.0 < alpha < 1.0 or min(positive) <= 0.0:
        raise ValueError(f"a boundary needs 0 < alpha < 1 and times above 0, not alpha {alpha}, {positive}")


def best_rho(v_opt: float, alpha: float, *, sides: int = 2) -> float:
    """The mixture parameter for which the normal boundary is tightest at `v_opt`."""
    rate = alpha if sides == 2 else 2.0 * alpha
    _check_rate(rate, v_opt)
    return v_opt / (2.0 * math.log(1.0 / rate) + math.log1p(2.0 * math.log(1.0 / rate)))


def normal_log_mixture(s: float, v: float, rho: float, *, sides: int = 2) -> float:
    """The logarithm of the normal mixture supermartingale at the walk's position `s`."""
    spread = v + rho
    if sides == 2:
        return 0.5 * math.log(rho / spread) + s * s / (2.0 * spread)
    cdf = normal_cdf(s / math.sqrt(spread))
    return 0.5 * math.log(4.0 * rho / spread) + s * s / (2.0 * spread) + math.log(max(cdf, 1e-300))


def normal_mixture_bound(v: float, alpha: float, v_opt: float, *, alpha_opt: float = 0.05, sides: int = 2) -> float:
    """How far a walk with sub-Gaussian (or asymptotically normal) steps gets; two-sided in closed form."""
    _check_rate(alpha, v, v_opt)
    rho = best_rho(v_opt, alpha_opt, sides=sides)
    if sides == 2:
        return math.sqrt((v + rho) * (math.log1p(v / rho) + 2.0 * math.log(1.0 / alpha)))
    return _bound(lambda s: normal_log_mixture(s, v, rho, sides=1), alpha, v)


def gamma_exponential_bound(v: float, alpha: float, v_opt: float, c: float, *, alpha_opt: float = 0.05) -> float:
    """One-sided, for sub-exponential steps of scale `c`."""
    _check_rate(alpha, v, v_opt, c)
    rho, square = best_rho(v_opt, alpha_opt, sides=1), c * c
    a = rho / square
    leading = a * math.log(a) - math.lgamma(a) - math.log(gammainc(a, a))
    shape = (v + rho) / square

    def log_mixture(s: float) -> float:
        reach = (c * s + v) / square
        inside = math.log(gammainc(shape, reach + a))
        return leading + math.lgamma(shape) + inside - shape * math.log(reach + a) + reach

    return _bound(log_mixture, alpha, v)


def beta_binomial_log_mixture(s: float, v: float, r: float, g: float, h: float, *, sides: int = 2) -> float:
    """The beta-binomial mixture for steps between -g and h; `r` is rho less g·h."""
    x, whole = (h / (g + h) if sides == 1 else 1.0), g + h
    inside = _log_incomplete_beta((r + v - g * s) / (g * whole), (r + v + h * s) / (h * whole), x)
    outside = _log_incomplete_beta(r / (g * whole), r / (h * whole), x)
    drift = (v + h * s) / (h * whole) * math.log(g) + (v - g * s) / (g * whole) * math.log(h)
    return v / (g * h) * math.log(whole) - drift + inside - outside


def beta_binomial_bound(
    v: float, alpha: float, v_opt: float, g: float, h: float, *, alpha_opt: float = 0.05, sides: int = 2
) -> float:
    """For steps that lie between -g and h: exact, so also for rare events; never above v / g."""
    _check_rate(alpha, v, v_opt, g, h)
    r = beta_binomial_r(v_opt, alpha_opt, g, h, sides=sides)

    def log_mixture(s: float) -> float:
        return beta_binomial_log_mixture(s, v, r, g, h, sides=sides)

    top = v / g * (1.0 - 1e-12)
    return v / g if log_mixture(top) < math.log(1.0 / alpha) else _bound(log_mixture, alpha, top)


def beta_binomial_r(v_opt: float, alpha_opt: float, g: float, h: float, *, sides: int) -> float:
    return max(best_rho(v_opt, alpha_opt, sides=sides) - g * h, 1e-3 * g * h)


def poly_stitching_bound(
    v: float, alpha: float, v_min: float, c: float = 0.0, *, s: float = 1.4, eta: float = 2.0
) -> float:
    """One-sided for sub-gamma steps of scale `c`, growing as sqrt(v log log v), which no boundary can beat."""
    _check_rate(alpha, v_min, s - 1.0, eta - 1.0)
    time = max(v, v_min)
    k1, k2 = (eta**0.25 + eta**-0.25) / math.sqrt(2.0), (math.sqrt(eta) + 1.0) / 2.0
    ell = s * math.log(math.log(eta * time / v_min)) + math.log(zeta(s) / math.log(eta) ** s) + math.log(1.0 / alpha)
    linear = k2 * c * ell
    return math.sqrt(k1 * k1 * time * ell + linear * linear) + linear


def quantile_bound(
    p: float, t: float, alpha: float, t_opt: float, *, delta: float = 0.5, s: float = 1.4, eta: float = 2.0
) -> float:
    """How far t · (share below the p-quantile - p) gets, for all p and t at once (double stitching).

    Howard and Ramdas 2022, "Sequential estimation of quantiles": for latencies, whose quantiles matter.
    """
    _check_rate(alpha, t, t_opt, delta, p, 1.0 - p)
    time, logit = max(t, t_opt), math.log(p / (1.0 - p))
    k1, k2 = (eta**0.25 + eta**-0.25) / math.sqrt(2.0), (math.sqrt(eta) + 1.0) / 2.0
    shifted = 1.0 / (1.0 + math.exp(-(logit + 2.0 * delta * math.sqrt(t_opt * eta / time))))
    r = p if p >= 0.5 else min(0.5, shifted)
    variance = r * (1.0 - r)
    layers = math.sqrt(time / t_opt) * abs(logit) / (2.0 * delta) + 1.0
    constant = 2.0 * zeta(s) * (2.0 * zeta(s) + 1.0) / (alpha * math.log(eta) ** s)
    ell = s * math.log(math.log(eta * time / t_opt)) + s * math.log(layers) + math.log(constant)
    linear = k2 * (1.0 - 2.0 * p) / 3.0 * ell
    walk = math.sqrt(k1 * k1 * variance * time * ell + linear * linear) + linear
    return delta * math.sqrt(eta * time * variance / t_opt) + walk


def empirical_process_bound(t: float, alpha: float, t_min: float, a: float = 0.85) -> float | None:
    """How far the empirical distribution function strays from the true one at any t >= `t_min`; None before.

    Howard and Ramdas 2022, theorem 2: a · sqrt((log(1 + log(t / t_min)) + C) / t) with the smallest C for alpha.
    """
    _check_rate(alpha, t, t_min, a - math.sqrt(0.5))
    if t < t_min:
        return None
    low, high = 1e-3, 5.0
    while _process_error(high, a) > alpha:
        high *= 2.0
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (low, middle) if _process_error(middle, a) <= alpha else (middle, high)
    return a * math.sqrt((math.log1p(math.log(t / t_min)) + high) / t)


def _process_error(c: float, a: float) -> float:
    """The smallest crossing probability over the geometric spacing eta, by golden section on the usable range."""

    def error(eta: float) -> float:
        gap = a - math.sqrt(2.0 * (eta - 1.0) / c)
        rate = 2.0 / eta * gap * gap if gap > 0.0 else 0.0
        return math.inf if rate <= 1.0 else 4.0 * math.exp(-rate * c) * (1.0 + 1.0 / ((rate - 1.0) * math.log(eta)))

    low, high = 1.0 + 1e-9, 2.0 * a * a
    for _ in range(80):
        middle = (low + high) / 2.0
        usable = math.sqrt(middle / 2.0) + math.sqrt(2.0 * (middle - 1.0) / c) < a
        low, high = (middle, high) if usable else (low, middle)
    return _golden(error, 1.0 + 1e-9, low)


def _golden(f: Callable[[float], float], low: float, high: float) -> float:
    share = (math.sqrt(5.0) - 1.0) / 2.0
    x, y = high - share * (high - low), low + share * (high - low)
    fx, fy = f(x), f(y)
    for _ in range(70):
        if fx < fy:
            high, y, fy = y, x, fx
            x = high - share * (high - low)
            fx = f(x)
        else:
            low, x, fx = x, y, fy
            y = low + share * (high - low)
            fy = f(y)
    return min(fx, fy)


def _bound(log_mixture: Callable[[float], float], alpha: float, start: float) -> float:
    """The position at which a rising log mixture reaches log(1 / alpha)."""
    target, high = math.log(1.0 / alpha), start
    for _ in range(60):
        if log_mixture(high) >= target:
            break
        high *= 2.0
    else:
        raise ArithmeticError("the mixture boundary was not found")
    low = 0.0
    for _ in range(200):
        middle = (low + high) / 2.0
        low, high = (middle, high) if log_mixture(middle) < target else (low, middle)
        if high - low <= 1e-13 * high:
            break
    return (low + high) / 2.0


def _log_incomplete_beta(a: float, b: float, x: float) -> float:
    whole = log_beta(a, b)
    return whole if x == 1.0 else whole + math.log(max(betainc(a, b, x), 1e-300))
