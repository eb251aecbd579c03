"""Looking at data as they come: confidence sequences and e-processes that hold at every look, however many there are.

Peeking twenty times with an ordinary z test raises a false alarm in a quarter of all runs that change nothing. What is
here may be looked at after every reply: the probability that it is wrong at any time at all is at most alpha.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from assay.records.evaluation import Interval
from assay.stats.mean import Floats, clustered
from assay.stats.mixtures import beta_binomial_log_mixture, beta_binomial_r, normal_mixture_bound
from assay.stats.special import betainc, check_level, log_beta


def sequence_half_width(variance: float, n: float, alpha: float, planned: float, *, sides: int = 2) -> float:
    """Half the width of the asymptotic confidence sequence of a mean after `n` values of this variance.

    Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2021, tuned to be tightest when `planned` values are in. Raises
    ValueError for n or `planned` below 1 or a negative variance.
    """
    if n < 1 or planned < 1 or variance < 0.0:
        raise ValueError(f"a confidence sequence needs n and planned of at least 1, not {n} and {planned}")
    return math.sqrt(variance) * normal_mixture_bound(n, alpha, planned, alpha_opt=alpha, sides=sides) / n


def mean_sequence(
    values: Sequence[float] | Floats,
    clusters: Sequence[str] | None = None,
    *,
    level: float = 0.95,
    planned: float = 1000.0,
    sides: int = 2,
) -> Interval:
    """The mean so far with limits that hold at every look; asymptotic, so look from some tens of clusters on.

    Clusters count as the steps of the walk: `planned` is a number of values, turned into clusters by their mean size.
    With one side only one of the two limits may be used, whichever was fixed beforehand.
    """
    data = clustered(values, clusters)
    alpha = check_level(level)
    if data.clusters < 2:
        raise ValueError("a confidence sequence needs at least two independent values or clusters")
    steps = planned * data.clusters / data.n
    variance = data.variance * data.clusters
    half = sequence_half_width(variance, data.clusters, alpha, max(1.0, steps), sides=sides)
    method = "asymptotic confidence sequence" + ("" if sides == 2 else ", one-sided")
    return Interval(data.mean, data.mean - half, data.mean + half, level, method, data.n)


def share_sequence(successes: int, n: int, *, level: float = 0.95, planned: float = 1000.0) -> Interval:
    """A share so far with exact limits that hold at every look: the beta-binomial mixture (Howard et al. 2021).

    Exact for any rate, also for rare events. Raises ValueError unless 0 <= successes <= n and n > 0.
    """
    if n <= 0 or not 0 <= successes <= n:
        raise ValueError(f"a share needs n > 0 and 0 <= successes <= n, not {successes} of {n}")
    alpha = check_level(level)
    share, target = successes / n, math.log(1.0 / alpha)

    def excess(p: float) -> float:
        r = beta_binomial_r(p * (1.0 - p) * planned, 0.05, p, 1.0 - p, sides=2)
        return beta_binomial_log_mixture((share - p) * n, p * (1.0 - p) * n, r, p, 1.0 - p) - target

    def crossing(outer: float, inner: float) -> float:
        for _ in range(60):
            middle = (outer + inner) / 2.0
            outer, inner = (middle, inner) if excess(middle) > 0.0 else (outer, middle)
        return (outer + inner) / 2.0

    low = crossing(0.0, share) if successes else 0.0
    high = crossing(1.0, share) if successes < n else 1.0
    return Interval(share, low, high, level, "beta-binomial confidence sequence", n)


def rare_event_evidence(events: int, n: int, limit: float, *, prior: tuple[float, float] = (0.5, 0.5)) -> float:
    """The e-value against "the event's rate is at most `limit`" after `events` in `n`: exact at every look.

    A beta mixture of bets on every rate above the limit. Reaching 1 / alpha at any time is an alarm whose probability
    under the limit is at most alpha (Ville). Raises ValueError for counts that do not fit or a limit outside 0 to 1.
    """
    if n < 0 or not 0 <= events <= n or not 0.0 < limit < 1.0:
        raise ValueError(f"rare events need 0 <= events <= n and 0 < limit < 1, not {events} of {n} at {limit}")
    a, b = prior
    top = log_beta(events + a, n - events + b) + _log_upper(events + a, n - events + b, limit)
    bottom = log_beta(a, b) + _log_upper(a, b, limit)
    stake = events * math.log(limit) + (n - events) * math.log1p(-limit)
    return math.exp(min(700.0, top - bottom - stake))


def _log_upper(a: float, b: float, x: float) -> float:
    """The logarithm of P(X > x) for X ~ Beta(a, b)."""
    return math.log(max(betainc(b, a, 1.0 - x), 1e-300))


def average_evidence(e_values: Sequence[float], weights: Sequence[float] | None = None) -> float:
    """One e-value from many about the same null hypothesis, however they depend on each other: their mean."""
    shares = [1.0] * len(e_values) if weights is None else list(weights)
    if not e_values or len(shares) != len(e_values) or min(e_values) < 0.0 or min(shares) < 0.0 or sum(shares) <= 0.0:
        raise ValueError("e-values and weights are at least 0, as many of one as of the other, and not all weights 0")
    return math.fsum(w * e for w, e in zip(shares, e_values, strict=True)) / math.fsum(shares)


def e_bh(e_values: Sequence[float], alpha: float = 0.05) -> tuple[bool, ...]:
    """Which hypotheses to reject with a false discovery rate of at most `alpha`, under any dependence.

    Wang and Ramdas 2022: the k largest with the k-th at least m / (k · alpha).
    """
    if not 0.0 < alpha < 1.0 or any(e < 0.0 for e in e_values):
        raise ValueError("e-values are at least 0 and alpha lies between 0 and 1")
    order = sorted(range(len(e_values)), key=lambda index: -e_values[index])
    enough = [k for k, index in enumerate(order, start=1) if e_values[index] >= len(e_values) / (k * alpha)]
    kept = set(order[: max(enough, default=0)])
    return tuple(index in kept for index in range(len(e_values)))


def sequential_sample_ratio(
    looks: Sequence[Sequence[int]], shares: Sequence[float], *, concentration: float = 10_000.0
) -> tuple[float, ...]:
    """An always-valid p-value at each look for "cases are assigned in these shares".

    `looks` holds cumulative counts by arm, shape (looks, arms); `shares` sums to 1. Dirichlet-multinomial Bayes factor
    (Lindon and Malek 2022) with its prior around the stated shares. Raises ValueError for counts that fall.
    """
    if len(shares) < 2 or min(shares) <= 0.0 or abs(math.fsum(shares) - 1.0) > 1e-9 or concentration <= 0.0:
        raise ValueError("shares of at least two arms lie above 0 and sum to 1")
    found, least, before = [], 1.0, [0] * len(shares)
    for counts in looks:
        if len(counts) != len(shares) or any(now < then for now, then in zip(counts, before, strict=True)):
            raise ValueError("counts are cumulative: as many as there are shares, and none may fall")
        before, total = list(counts), sum(counts)
        log_factor = math.lgamma(concentration) - math.lgamma(concentration + total)
        for count, share in zip(counts, shares, strict=True):
            prior = concentration * share
            log_factor += math.lgamma(prior + count) - math.lgamma(prior) - count * math.log(share)
        least = min(least, math.exp(-max(0.0, min(700.0, log_factor))))
        found.append(least)
    return tuple(found)
