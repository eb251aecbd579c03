"""Two groups held against each other: difference and ratio of shares or means, with limits and one-sided tests."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from assay.stats.effect import SPARSE
from assay.stats.mean import Floats, clustered, design_effect
from assay.stats.proportion import miettinen_nurminen_z
from assay.stats.ratio import risk_ratio_z
from assay.stats.special import check_level, normal_cdf, t_cdf

DRAWS = 1999


@dataclass(frozen=True, slots=True)
class Limits:
    """An estimate with its limits; None where there is none: a ratio to a rate of 0, a side without a bound."""

    estimate: float | None
    low: float | None
    high: float | None


class Contrast(Protocol):
    """A group against another one, or against all cases."""

    def p_difference(self, delta: float, above: bool) -> float:
        """One-sided p-value for "group minus other lies above (below) `delta`"."""
        ...

    def p_ratio(self, ratio: float, above: bool) -> float:
        """One-sided p-value for "group over other lies above (below) `ratio`"."""
        ...

    def difference(self, level: float) -> Limits: ...

    def ratio(self, level: float) -> Limits: ...


@dataclass(frozen=True, slots=True)
class ShareContrast:
    """Shares by the score tests of Miettinen and Nurminen (1985, differences) and of Koopman (1984, ratios).

    Counts are effective ones where cases hang together: n over the design effect, with Student's t of the smaller
    number of clusters less one in place of the normal (`df`; 0 is the normal).
    """

    x1: float
    n1: float
    x2: float
    n2: float
    df: float = 0.0

    def p_difference(self, delta: float, above: bool) -> float:
        if abs(delta) >= 1.0:
            return float(above is (delta > 0.0))
        return self._tail(miettinen_nurminen_z(self.x1, self.n1, self.x2, self.n2, delta), above)

    def p_ratio(self, ratio: float, above: bool) -> float:
        return self._tail(risk_ratio_z(self.x1, self.n1, self.x2, self.n2, ratio), above)

    def _tail(self, z: float, above: bool) -> float:
        z = -z if above else z
        return t_cdf(z, self.df) if self.df else normal_cdf(z)

    def difference(self, level: float) -> Limits:
        tail = check_level(level) / 2.0
        estimate = self.x1 / self.n1 - self.x2 / self.n2
        low = _search(lambda d: self.p_difference(d, True) < tail, -1.0, estimate)
        high = _search(lambda d: self.p_difference(d, False) >= tail, estimate, 1.0)
        return Limits(estimate, low, high)

    def ratio(self, level: float) -> Limits:
        tail = check_level(level) / 2.0
        p1, p2 = self.x1 / self.n1, self.x2 / self.n2
        if p1 == p2 == 0.0:
            return Limits(None, 0.0, None)
        low = 0.0 if p1 == 0.0 else _search_log(lambda r: self.p_ratio(r, True) < tail)
        high = None if p2 == 0.0 else _search_log(lambda r: self.p_ratio(r, False) >= tail)
        return Limits(p1 / p2 if p2 else None, low, high)


def _search(holds: Callable[[float], bool], low: float, high: float) -> float:
    """The end of the stretch from `low` on in which `holds` is true, by halving."""
    for _ in range(50):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if holds(middle) else (low, middle)
    return 0.5 * (low + high)


def _search_log(holds: Callable[[float], bool]) -> float:
    return math.exp(_search(lambda log: holds(math.exp(log)), -25.0, 25.0))


@dataclass(frozen=True, slots=True)
class Studentised:
    """A quantity, its standard error and the sorted studentised bootstrap draws (Hall 1988), shape (B,)."""

    estimate: float
    error: float
    draws: Floats

    def p(self, against: float, above: bool) -> float:
        """1 where nothing varies: what does not vary in a sample may in the next."""
        if self.error <= 0.0:
            return 1.0
        t, count = (self.estimate - against) / self.error, len(self.draws)
        reached = count - np.searchsorted(self.draws, t) if above else np.searchsorted(self.draws, t, side="right")
        return float(reached + 1) / (count + 1.0)

    def limits(self, level: float) -> tuple[float | None, float | None]:
        if self.error <= 0.0:
            return None, None
        tail = check_level(level) / 2.0
        place = max(0, math.ceil(tail * len(self.draws)) - 1)
        high, low = (self.estimate - float(self.draws[at]) * self.error for at in (place, len(self.draws) - 1 - place))
        return low if math.isfinite(low) else None, high if math.isfinite(high) else None


@dataclass(frozen=True, slots=True)
class MeanContrast:
    """Means by a studentised bootstrap of whole clusters; `logs` is None where a mean is not above 0."""

    gap: Studentised
    logs: Studentised | None

    def p_difference(self, delta: float, above: bool) -> float:
        return self.gap.p(delta, above)

    def p_ratio(self, ratio: float, above: bool) -> float:
        return self.logs.p(math.log(ratio), above) if self.logs else 1.0

    def difference(self, level: float) -> Limits:
        return Limits(self.gap.estimate, *self.gap.limits(level))

    def ratio(self, level: float) -> Limits:
        if self.logs is None:
            return Limits(None, None, None)
        low, high = self.logs.limits(level)
        return Limits(math.exp(self.logs.estimate), _exp(low), _exp(high))


def _exp(value: float | None) -> float | None:
    return None if value is None or value > 700.0 else math.exp(value)


@dataclass(frozen=True, slots=True)
class AgainstAll:
    """A group against all cases, its own among them, made of the group against the rest; `weight` is its share.

    Both quantities are monotone in those against the rest, so limits and p-values carry over exactly:
    d = (1 - w) d_rest and r = r_rest / (w r_rest + 1 - w).
    """

    rest: Contrast
    weight: float

    def p_difference(self, delta: float, above: bool) -> float:
        return self.rest.p_difference(delta / (1.0 - self.weight), above)

    def p_ratio(self, ratio: float, above: bool) -> float:
        left = 1.0 - self.weight * ratio
        if left <= 0.0:  # no group can be so far above a whole that holds it
            return float(above)
        return self.rest.p_ratio(ratio * (1.0 - self.weight) / left, above)

    def difference(self, level: float) -> Limits:
        found = self.rest.difference(level)
        return Limits(*(None if one is None else one * (1.0 - self.weight) for one in _three(found)))

    def ratio(self, level: float) -> Limits:
        found = self.rest.ratio(level)
        most = 1.0 / self.weight
        estimate = self._carried(found.estimate)
        if found.estimate is None and found.low:
            estimate = most  # the rest has no event at all
        return Limits(estimate, self._carried(found.low), most if found.high is None else self._carried(found.high))

    def _carried(self, ratio: float | None) -> float | None:
        return None if ratio is None else ratio / (self.weight * ratio + 1.0 - self.weight)


def _three(found: Limits) -> tuple[float | None, float | None, float | None]:
    return found.estimate, found.low, found.high


def contrast(
    one: Floats, other: Floats, labels: tuple[Sequence[str], Sequence[str]] | None = None, *, share: bool, seed: int = 0
) -> Contrast:
    """The contrast of two groups' values, shapes (n,) and (m,), with their cluster labels where cases hang together.

    Shares, and scores of 0 to 1 of which fewer than 20 differ from the commonest, are held by the score tests: p(1-p)
    bounds the variance of any score between 0 and 1 with that mean. All else by the bootstrap. A cluster may stand on
    both sides; shares then come out on the wide side. Raises ValueError for an empty group.
    """
    ours, theirs = labels or (None, None)
    a, b = clustered(one, ours), clustered(other, theirs)
    both = np.concatenate([one, other])
    if both.min() >= 0.0 and both.max() <= 1.0 and (share or is_sparse(both)):
        real = a.real or b.real
        n1, n2 = a.n / design_effect(a), b.n / design_effect(b)
        df = float(max(1, min(a.clusters, b.clusters) - 1)) if real else 0.0
        return ShareContrast(min(n1, a.mean * n1), n1, min(n2, b.mean * n2), n2, df)
    parts, mixed = _parts(one, other, ours, theirs)
    weights = _resampled(parts, mixed, np.random.default_rng(seed))
    gap = _studentised(parts, weights, logs=False)
    positive = min(a.mean, b.mean) > 0.0 and both.min() >= 0.0
    return MeanContrast(gap, _studentised(parts, weights, logs=True) if positive else None)


def is_sparse(values: Floats) -> bool:
    _, counts = np.unique(values, return_counts=True)
    return len(values) - int(counts.max()) < SPARSE


def _parts(one: Floats, other: Floats, ours: Sequence[str] | None, theirs: Sequence[str] | None) -> tuple[Floats, bool]:
    """Per cluster: sum and size on one side, sum and size on the other; shape (clusters, 4); and whether some cluster
    stands on both sides."""
    if ours is None or theirs is None:
        zeros = np.zeros
        first = np.stack([one, np.ones(len(one)), zeros(len(one)), zeros(len(one))], axis=1)
        return np.concatenate(
            [first, np.stack([zeros(len(other)), zeros(len(other)), other, np.ones(len(other))], axis=1)]
        ), False
    names, codes = np.unique(np.array([*ours, *theirs]), return_inverse=True)
    made = np.zeros((len(names), 4))
    for at, (values, part) in enumerate(((one, codes[: len(one)]), (other, codes[len(one) :]))):
        made[:, 2 * at] = np.bincount(part, weights=values, minlength=len(names))
        made[:, 2 * at + 1] = np.bincount(part, minlength=len(names))
    return made, bool(((made[:, 1] > 0) & (made[:, 3] > 0)).any())


def _resampled(parts: Floats, mixed: bool, rng: np.random.Generator) -> Floats:
    """How often each cluster was drawn, shape (B, clusters): within each side where no cluster stands on both."""
    strata = [np.arange(len(parts))] if mixed else [np.flatnonzero(parts[:, side] > 0) for side in (1, 3)]
    weights = np.zeros((DRAWS, len(parts)))
    for rows in strata:
        weights[:, rows] = rng.multinomial(len(rows), np.full(len(rows), 1.0 / len(rows)), size=DRAWS)
    return weights


def _studentised(parts: Floats, weights: Floats, *, logs: bool) -> Studentised:
    estimate, error = (float(one[0]) for one in _moments(parts, np.ones((1, len(parts))), logs))
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn, errors = _moments(parts, weights, logs)
        t = (drawn - estimate) / errors
    return Studentised(estimate, error, np.sort(np.where(np.isnan(t), 0.0, t)))


def _moments(parts: Floats, weights: Floats, logs: bool) -> tuple[Floats, Floats]:
    """The contrast of every draw and its cluster-robust standard error (linearised), each of shape (B,)."""
    totals = weights @ parts
    clusters = weights.sum(axis=1)
    m1, m2 = totals[:, 0] / totals[:, 1], totals[:, 2] / totals[:, 3]
    scale1, scale2 = (totals[:, 1] * m1, totals[:, 3] * m2) if logs else (totals[:, 1], totals[:, 3])
    # pull of a cluster: (a - s m1)/scale1 - (b - r m2)/scale2, squared and summed by its coefficients
    basis = np.stack([1.0 / scale1, -m1 / scale1, -1.0 / scale2, m2 / scale2], axis=1)
    products = np.einsum("ci,cj->cij", parts, parts).reshape(len(parts), 16)
    quadratic = (weights @ products).reshape(-1, 4, 4)
    variance = np.einsum("bi,bij,bj->b", basis, quadratic, basis) * clusters / np.maximum(clusters - 1.0, 1.0)
    value = np.log(m1) - np.log(m2) if logs else m1 - m2
    return value, np.sqrt(np.maximum(variance, 0.0))
