"""How many cases a question needs, and how small an effect a number of cases can show."""

from __future__ import annotations

import math

from assay.stats.special import normal_ppf


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
