"""Two groups of independent units: was traffic split as planned, and how far do they differ, outright or relatively?

From sums alone, so that a store can be asked for them: a group is its count, sum and sum of squares.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from assay.records.evaluation import Interval
from assay.stats.mean import Floats
from assay.stats.sequential import sequence_half_width
from assay.stats.special import check_level, chi_square_tail, t_cdf, t_ppf

Scale = Literal["absolute", "relative"]


@dataclass(frozen=True, slots=True)
class Group:
    """`n` units with the sum and the sum of squares of their values."""

    n: int
    total: float
    squares: float

    def __post_init__(self) -> None:
        if self.n < 2:
            raise ValueError(f"a group needs at least two units, not {self.n}")

    @classmethod
    def of(cls, values: Sequence[float] | Floats) -> Group:
        array = np.asarray(values, dtype=np.float64)
        return cls(len(array), float(array.sum()), float(array @ array))

    @classmethod
    def of_share(cls, successes: int, n: int) -> Group:
        """Zeros and ones; their variance is p · (1 - p)."""
        share = successes / n
        variance = share * (1.0 - share)
        return cls(n, float(successes), variance * (n - 1) + successes * share)

    @property
    def mean(self) -> float:
        return self.total / self.n

    @property
    def variance(self) -> float:
        return max(0.0, (self.squares - self.total**2 / self.n) / (self.n - 1))


@dataclass(frozen=True, slots=True)
class Difference:
    """Group b against group a. `error` is the standard error; `df` Welch's degrees of freedom."""

    estimate: float
    error: float
    df: float
    n: int
    scale: Scale

    def interval(self, level: float = 0.95) -> Interval:
        half = t_ppf(1.0 - check_level(level) / 2.0, self.df) * self.error
        method = "Welch t" if self.scale == "absolute" else "Welch t, delta method"
        return Interval(self.estimate, self.estimate - half, self.estimate + half, level, method, self.n)

    def sequence(self, level: float = 0.95, planned: float = 5000.0) -> Interval:
        """Limits that hold at every look, tightest when `planned` units are in both groups together."""
        half = sequence_half_width(self.error**2 * self.n, self.n, check_level(level), planned)
        method = "asymptotic confidence sequence"
        return Interval(self.estimate, self.estimate - half, self.estimate + half, level, method, self.n)

    def p_value(self, against: float = 0.0) -> float:
        """Two-sided, for "the difference is `against`"."""
        if self.error == 0.0:
            return float(self.estimate == against)
        return 2.0 * t_cdf(-abs(self.estimate - against) / self.error, self.df)


def difference(a: Group, b: Group, *, scale: Scale = "absolute") -> Difference:
    """b minus a by Welch's t, or that relative to a by the delta method (Deng, Knoblich and Lu 2018).

    Raises ValueError for a relative difference to a mean of 0.
    """
    var_a, var_b = a.variance / a.n, b.variance / b.n
    spread = var_a**2 / (a.n - 1) + var_b**2 / (b.n - 1)
    df = (var_a + var_b) ** 2 / spread if spread > 0.0 else float(a.n + b.n - 2)
    if scale == "absolute":
        return Difference(b.mean - a.mean, math.sqrt(var_a + var_b), df, a.n + b.n, scale)
    if a.mean == 0.0:
        raise ValueError("a difference relative to a mean of 0 is not defined")
    variance = var_b / a.mean**2 + var_a * b.mean**2 / a.mean**4
    return Difference((b.mean - a.mean) / a.mean, math.sqrt(variance), df, a.n + b.n, scale)


def sample_ratio_p(counts: Sequence[int], shares: Sequence[float] | None = None) -> float:
    """Pearson's chi-square p-value for "units were assigned in these shares" (equal ones when None).

    Below .001 the split is broken and no comparison of the groups means anything; for repeated looks take
    `sequential_sample_ratio`. Raises ValueError for fewer than two groups, no unit, or shares that do not sum to 1.
    """
    parts = [1.0 / len(counts)] * len(counts) if shares is None else list(shares)
    total = sum(counts)
    if len(counts) < 2 or len(parts) != len(counts) or min(counts) < 0 or total == 0:
        raise ValueError("a sample ratio needs counts of at least two groups, not all of them 0")
    if min(parts) <= 0.0 or abs(math.fsum(parts) - 1.0) > 1e-9:
        raise ValueError("shares lie above 0 and sum to 1")
    statistic = math.fsum((n - total * part) ** 2 / (total * part) for n, part in zip(counts, parts, strict=True))
    return chi_square_tail(statistic, len(counts) - 1)


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Both groups after CUPED. `theta` is the slope; `kept` the share of variance that is left, 1 - correlation²."""

    a: Floats
    b: Floats
    theta: float
    kept: float

    def difference(self, *, scale: Scale = "absolute") -> Difference:
        return difference(Group.of(self.a), Group.of(self.b), scale=scale)


def cuped(
    a: Sequence[float] | Floats,
    a_before: Sequence[float] | Floats,
    b: Sequence[float] | Floats,
    b_before: Sequence[float] | Floats,
) -> Adjusted:
    """Take out of both groups what was known before (Deng, Xu, Kohavi and Walker 2013): y - theta · (x - mean x).

    Values and covariates have shape (units,) in each group. The slope is pooled within groups, so the groups' own
    difference does not enter it; a covariate without spread changes nothing. The covariate must be from before the
    split: raises ValueError only for shapes that differ.
    """
    one, other, x_one, x_other = (np.asarray(v, dtype=np.float64) for v in (a, b, a_before, b_before))
    if one.shape != x_one.shape or other.shape != x_other.shape or min(len(one), len(other)) < 2:
        raise ValueError("every unit needs its value and its covariate, at least two units in each group")
    pairs = [(y - y.mean(), x - x.mean()) for y, x in ((one, x_one), (other, x_other))]
    shared = math.fsum(float(y @ x) for y, x in pairs)
    spread = math.fsum(float(x @ x) for _, x in pairs)
    whole = math.fsum(float(y @ y) for y, _ in pairs)
    theta = shared / spread if spread > 0.0 else 0.0
    kept = 1.0 - shared**2 / (spread * whole) if spread > 0.0 and whole > 0.0 else 1.0
    centre = float(np.concatenate([x_one, x_other]).mean())
    return Adjusted(one - theta * (x_one - centre), other - theta * (x_other - centre), theta, max(0.0, kept))
