"""What must almost never happen: how often it still may after what was seen, and how many tries prove a limit."""

from __future__ import annotations

import math

from assay.stats.proportion import clopper_pearson
from assay.stats.risk import binomial_cdf

_MOST = 100_000_000


def rate_at_most(events: int, n: int, alpha: float = 0.05) -> float:
    """The one-sided exact upper limit of an event's rate (Clopper and Pearson 1934): right at least 1 - alpha.

    Without an event it is 1 - alpha^(1/n), about 3/n at .05. Raises ValueError for counts that do not fit.
    """
    _check_alpha(alpha)
    return clopper_pearson(events, n, 1.0 - 2.0 * alpha).high if events else _none_seen(n, alpha)


def _none_seen(n: int, alpha: float) -> float:
    if n < 1:
        raise ValueError(f"a rate needs at least one try, not {n}")
    return -math.expm1(math.log(alpha) / n)


def tries_needed(limit: float, *, allowed: int = 0, alpha: float = 0.05) -> int:
    """The fewest tries that, with at most `allowed` events among them, show the rate to be at most `limit`."""
    _check_limit(limit, allowed, alpha)
    low, high = allowed, max(8, 4 * (allowed + 1))
    while binomial_cdf(allowed, high, limit) > alpha:
        low, high = high, high * 2
        if high > _MOST:
            raise ValueError(f"a limit of {limit} would take more than {_MOST:,} tries")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if binomial_cdf(allowed, middle, limit) > alpha else (low, middle)
    return high


def events_allowed(n: int, limit: float, *, alpha: float = 0.05) -> int | None:
    """The most events among `n` tries that still show the rate to be at most `limit`; None when even none would not."""
    _check_limit(limit, 0, alpha)
    if n < 1 or binomial_cdf(0, n, limit) > alpha:
        return None
    low, high = 0, n
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if binomial_cdf(middle, n, limit) <= alpha else (low, middle)
    return low


def chance_to_show(n: int, limit: float, rate: float, *, alpha: float = 0.05) -> float:
    """The power of `n` tries to show a rate of at most `limit` when it truly is `rate`."""
    allowed = events_allowed(n, limit, alpha=alpha)
    return 0.0 if allowed is None else binomial_cdf(allowed, n, rate)


def k_of_n(p: float, k: int, n: int) -> float:
    """The probability of at least `k` successes in `n` independent tries of success probability `p`."""
    if not 0.0 <= p <= 1.0 or not 0 <= k <= n:
        raise ValueError(f"k of n needs 0 <= p <= 1 and 0 <= k <= n, not {k} of {n} at {p}")
    return 1.0 if k == 0 else 1.0 - binomial_cdf(k - 1, n, p)


def pass_at_k(right: int, n: int, k: int) -> float:
    """The chance that at least one of `k` answers is right, without bias from `right` of `n` (Chen et al. 2021)."""
    _check_draws(right, n, k)
    return 1.0 - math.comb(n - right, k) / math.comb(n, k)


def pass_hat_k(right: int, n: int, k: int) -> float:
    """The chance that all of `k` answers are right, without bias from `right` of `n` (tau-bench; Yao et al. 2024)."""
    _check_draws(right, n, k)
    return math.comb(right, k) / math.comb(n, k)


def _check_draws(right: int, n: int, k: int) -> None:
    if not 0 <= right <= n or not 1 <= k <= n:
        raise ValueError(f"needs 0 <= right <= n and 1 <= k <= n, not {right} of {n}, k {k}")


def _check_alpha(alpha: float) -> None:
    if not 0.0 < alpha < 0.5:
        raise ValueError(f"alpha lies between 0 and .5, not {alpha}")


def _check_limit(limit: float, allowed: int, alpha: float) -> None:
    _check_alpha(alpha)
    if not 0.0 < limit < 1.0 or allowed < 0:
        raise ValueError(f"a limit lies between 0 and 1 and allows at least 0 events, not {limit} and {allowed}")
