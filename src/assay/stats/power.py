"""How many cases a question needs, and how small an effect a number of cases can show."""

from __future__ import annotations

import math
from collections.abc import Sequence

from assay.stats.special import normal_cdf, normal_ppf, t_cdf, t_ppf


def _quantiles(alpha: float, power: float, sides: int) -> float:
    if not 0.0 < alpha < 1.0 or not 0.0 < power < 1.0 or sides not in (1, 2):
        raise ValueError(f"power needs 0 < alpha, power < 1 and 1 or 2 sides, not ({alpha}, {power}, {sides})")
    return normal_ppf(1.0 - alpha / sides) + normal_ppf(power)


def exact_cases(variance: float, effect: float, *, alpha: float = 0.05, power: float = 0.8, sides: int = 2) -> float:
    """(z_alpha + z_power)² · variance / effect², before rounding. Raises ValueError for an effect of 0."""
    if effect == 0.0 or variance < 0.0:
        raise ValueError("the number of cases needs an effect other than 0 and a variance of at least 0")
    return _quantiles(alpha, power, sides) ** 2 * variance / effect**2


def paired_cases(
    spread: float, effect: float, *, alpha: float = 0.05, power: float = 0.8, sides: int = 2, deff: float = 1.0,
    pseudo: float = 0.0,
) -> int:  # fmt: skip
    """Cases needed to show a paired mean difference of `effect` when differences have standard deviation `spread`.

    For a non-inferiority test `effect` is margin plus true difference, `sides` is 1. `deff` is the design effect.
    `pseudo` is the squared sum of pseudo-cases in an interval for sparse differences: n then solves
    (z_alpha + z_power)² · (spread² · n + pseudo) / n² = effect².
    """
    linear = exact_cases(spread**2 * deff, effect, alpha=alpha, power=power, sides=sides)
    square = exact_cases(pseudo, effect, alpha=alpha, power=power, sides=sides)
    return math.ceil((linear + math.sqrt(linear**2 + 4.0 * square)) / 2.0 - 1e-9)


def paired_binary_cases(
    discordance: float, effect: float, *, alpha: float = 0.05, power: float = 0.8, sides: int = 2, deff: float = 1.0
) -> int:
    """Cases needed when a share `discordance` of them differs between the two systems; the rest as `paired_cases`."""
    return paired_cases(math.sqrt(discordance), effect, alpha=alpha, power=power, sides=sides, deff=deff)


def unpaired_binary_cases(p: float, effect: float, *, alpha: float = 0.05, power: float = 0.8, sides: int = 2) -> int:
    """Cases needed in each of two independent groups with success probability `p`."""
    return math.ceil(exact_cases(2.0 * p * (1.0 - p), effect, alpha=alpha, power=power, sides=sides) - 1e-9)


def smallest_effect(spread: float, n: int, *, alpha: float = 0.05, power: float = 0.8, sides: int = 2) -> float:
    """The paired mean difference that `n` cases can show, in the unit of `spread`."""
    if n <= 0:
        raise ValueError(f"the smallest effect needs n > 0, not {n}")
    return _quantiles(alpha, power, sides) * spread / math.sqrt(n)


def repeats_variance(between: float, within_a: float, within_b: float, repeats_a: int, repeats_b: int) -> float:
    """Variance per case of a paired difference when each case is asked several times (Miller 2024, section 5).

    `between` is the variance of the true differences over cases (ω²), `within_*` of the answers to one case (σ²).
    """
    if min(repeats_a, repeats_b) < 1:
        raise ValueError("every case is asked at least once")
    return between + within_a / repeats_a + within_b / repeats_b


def design_effect_of(cluster_size: float, correlation: float) -> float:
    """1 + (m - 1)·ρ: how much larger clusters of `cluster_size` with intra-class `correlation` make a variance."""
    return 1.0 + (cluster_size - 1.0) * correlation


def power_at(
    spread: float,
    distance: float,
    n: int,
    *,
    alpha: float = 0.05,
    sides: int = 1,
    pseudo: float = 0.0,
    cluster_size: float = 1.0,
) -> float:
    """The chance that `n` cases show what they should, in closed form.

    `distance` is how far the truth lies from the line: margin plus true gain for non-inferiority, true gain less margin
    for superiority. `spread` is the standard deviation per case, clusters counted in; `pseudo` as in `paired_cases`.
    With a `cluster_size` above 1 the quantile is Student's for n / cluster_size - 1 degrees of freedom. Raises
    ValueError for fewer than two clusters, a negative spread, or alpha and sides that make no test.
    """
    clusters = n / cluster_size
    if n < 2 or cluster_size < 1.0 or clusters < 2.0 or spread < 0.0 or pseudo < 0.0:
        raise ValueError(f"power needs at least two independent cases, not {n} in clusters of {cluster_size:g}")
    _quantiles(alpha, 0.5, sides)
    error = math.sqrt(spread**2 * n + pseudo) / n
    if error == 0.0:
        return float(distance > 0.0)
    if cluster_size > 1.0:
        df = clusters - 1.0
        return t_cdf(distance / error - t_ppf(1.0 - alpha / sides, df), df)
    return normal_cdf(distance / error - normal_ppf(1.0 - alpha / sides))


def power_curve(
    spread: float,
    distance: float,
    sizes: Sequence[int],
    *,
    alpha: float = 0.05,
    sides: int = 1,
    pseudo: float = 0.0,
    cluster_size: float = 1.0,
) -> tuple[tuple[int, float], ...]:
    """`power_at` for each number of cases in `sizes`."""
    return tuple(
        (n, power_at(spread, distance, n, alpha=alpha, sides=sides, pseudo=pseudo, cluster_size=cluster_size))
        for n in sizes
    )


def smallest_margin(
    spread: float, n: int, *, alpha: float = 0.05, power: float = 0.8, sides: int = 1, pseudo: float = 0.0
) -> float:
    """The distance from the line that `n` cases show with `power`: the margin, when the systems are equal."""
    if n < 2 or spread < 0.0 or pseudo < 0.0:
        raise ValueError(f"a margin needs n of at least 2 and a spread of at least 0, not {n} and {spread}")
    return _quantiles(alpha, power, sides) * math.sqrt(spread**2 * n + pseudo) / n


def cases_on_scale(today: int, needed: int | None, *, count: int = 9) -> tuple[int, ...]:
    """Round numbers of cases for a table or a curve, from well below today's number to well above what is needed."""
    if today < 1 or count < 2:
        raise ValueError("a scale starts at one case and has at least two steps")
    low, high = max(10, min(today, needed or today) // 2), 2 * max(today, needed or 4 * today, 20)
    steps = {_rounded(low * (high / low) ** (i / (count - 1))) for i in range(count)}
    return tuple(sorted(steps | {n for n in (today, needed) if n is not None and n >= 2}))


def _rounded(value: float) -> int:
    unit: int = 10 ** max(0, math.floor(math.log10(value)) - 1)
    return round(value / unit) * unit


def two_group_total(
    p: float, effect: float, shares: tuple[float, float], *, alpha: float = 0.05, power: float = 0.8, sides: int = 2
) -> float:
    """Units in all groups together, before rounding, to show a change of `p` by `effect` between two of them.

    `shares` of the traffic go to baseline and candidate. Raises ValueError unless p and p + effect lie in 0 to 1.
    """
    if not 0.0 <= p <= 1.0 or not 0.0 <= p + effect <= 1.0 or min(shares) <= 0.0 or sum(shares) > 1.0 + 1e-9:
        raise ValueError("rates lie between 0 and 1 and shares above 0, together at most 1")
    moved = p + effect
    variance = p * (1.0 - p) / shares[0] + moved * (1.0 - moved) / shares[1]
    return exact_cases(variance, effect, alpha=alpha, power=power, sides=sides)
