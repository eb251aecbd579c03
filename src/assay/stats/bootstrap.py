"""Seeded resampling of clusters: the BCa bootstrap of a mean and the sign-flip permutation test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.records.evaluation import Interval
from assay.stats.mean import Clustered, Floats
from assay.stats.special import check_level, normal_cdf, normal_ppf

_DRAWS_AT_ONCE = 4_000_000


@dataclass(frozen=True, slots=True)
class BootstrapMean:
    """The bootstrap distribution of a mean over clusters, with what BCa needs (Efron 1987).

    `draws` has shape (B,), sorted; `bias` is z0, `acceleration` is a.
    """

    estimate: float
    draws: Floats
    bias: float
    acceleration: float
    n: int

    def interval(self, level: float = 0.95) -> Interval:
        tail = check_level(level) / 2.0
        low, high = (float(np.quantile(self.draws, self._adjusted(p))) for p in (tail, 1.0 - tail))
        return Interval(self.estimate, low, high, level, "BCa bootstrap", self.n)

    def _adjusted(self, p: float) -> float:
        z = self.bias + normal_ppf(p)
        return normal_cdf(self.bias + z / (1.0 - self.acceleration * z))

    def p_below(self, threshold: float) -> float:
        """One-sided p-value for "the mean is below `threshold`": the tail at which the upper limit reaches it."""
        count = len(self.draws)
        below = int(np.searchsorted(self.draws, threshold, side="left"))
        share = (below + int(np.searchsorted(self.draws, threshold, side="right"))) / 2.0 / count
        w = normal_ppf(min(max(share, 1.0 / (count + 1)), count / (count + 1.0))) - self.bias
        return 1.0 - normal_cdf(w / (1.0 + self.acceleration * w) - self.bias)


def bootstrap_mean(data: Clustered, *, draws: int = 4999, seed: int = 0) -> BootstrapMean:
    """Resample whole clusters `draws` times with `seed`; the statistic is Σ sums / Σ sizes.

    Raises ValueError for fewer than two clusters or values without spread.
    """
    if data.clusters < 2 or data.variance == 0.0:
        raise ValueError("a bootstrap needs at least two clusters that differ")
    rng = np.random.default_rng(seed)
    means = np.empty(draws)
    rows = max(1, _DRAWS_AT_ONCE // data.clusters)
    for start in range(0, draws, rows):
        stop = min(start + rows, draws)
        picks = rng.integers(0, data.clusters, size=(stop - start, data.clusters), dtype=np.int32)
        means[start:stop] = data.sums[picks].sum(axis=1) / data.sizes[picks].sum(axis=1)
    means.sort()
    below = (np.count_nonzero(means < data.mean) + np.count_nonzero(means <= data.mean)) / 2.0 / draws
    bias = normal_ppf(min(max(below, 1.0 / (draws + 1)), draws / (draws + 1.0)))
    left_out = (data.sums.sum() - data.sums) / (data.n - data.sizes)
    pull = left_out.mean() - left_out
    scale = float((pull**2).sum()) ** 1.5
    acceleration = float((pull**3).sum()) / (6.0 * scale) if scale > 0.0 else 0.0
    return BootstrapMean(data.mean, means, bias, acceleration, data.n)


def sign_flip(data: Clustered, *, draws: int = 9999, seed: int = 0) -> float:
    """Two-sided p-value for "the mean difference is 0" by flipping the sign of whole clusters.

    Exact (all 2^C flips) up to 12 clusters, else `draws` seeded flips plus the observed one (Phipson and Smyth 2010).
    """
    observed = abs(float(data.sums.sum()))
    tolerance = 1e-12 * max(1.0, float(np.abs(data.sums).sum()))
    if data.clusters <= 12:
        bits = np.arange(2**data.clusters)[:, None] >> np.arange(data.clusters) & 1
        totals = np.abs((2.0 * bits - 1.0) @ data.sums)
        return float((totals >= observed - tolerance).mean())
    rng = np.random.default_rng(seed)
    hits, rows = 0, max(1, _DRAWS_AT_ONCE // data.clusters)
    for start in range(0, draws, rows):
        count = min(rows, draws - start)
        signs = 2.0 * rng.integers(0, 2, size=(count, data.clusters), dtype=np.int8) - 1.0
        hits += int((np.abs(signs @ data.sums) >= observed - tolerance).sum())
    return (hits + 1) / (draws + 1)
