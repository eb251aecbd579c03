"""The mean of bounded scores with a guarantee: betting against every candidate mean, whatever the distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from assay.records.evaluation import Interval
from assay.stats.mean import Floats
from assay.stats.special import check_level

_GRID = 1000


def betting_interval(
    values: Sequence[float] | Floats,
    *,
    level: float = 0.95,
    low: float = 0.0,
    high: float = 1.0,
    seed: int = 0,
) -> Interval:
    """The hedged-capital interval of a mean (Waudby-Smith and Ramdas 2024): covers at least `level` for every n.

    For independent `values`, shape (n,), between `low` and `high`; wider than Student's t, and right where t is not (no
    failure in thirty gives t a width of 0). The bets are predictable plug-in ones for a fixed n; they depend on the
    order, so the values are shuffled with `seed`. The limits lie on a grid of a thousandth of the range, outwards.
    Raises ValueError for no value, values outside the range or a range without width.
    """
    array = np.asarray(values, dtype=np.float64)
    if not high > low or array.ndim != 1 or len(array) == 0:
        raise ValueError("a bounded mean needs values in one dimension and a range with low < high")
    if not ((array >= low) & (array <= high)).all():
        raise ValueError(f"values lie between {low} and {high}")
    alpha = check_level(level)
    scaled = (np.random.default_rng(seed).permutation(array) - low) / (high - low)
    kept = np.flatnonzero(_log_capital(scaled, alpha) < math.log(1.0 / alpha))
    estimate = float(array.mean())
    floor, ceiling = (max(0, int(kept[0]) - 1) / _GRID, min(_GRID, int(kept[-1]) + 1) / _GRID) if len(kept) else (0, 1)
    width = high - low
    return Interval(
        estimate,
        min(estimate, low + width * floor),
        max(estimate, low + width * ceiling),
        level,
        "betting, bounded mean",
        len(array),
    )


def _log_capital(scaled: Floats, alpha: float) -> Floats:
    """The log of the larger of both hedged half-capitals against each mean of the grid, shape (grid + 1,)."""
    n = len(scaled)
    means = np.arange(_GRID + 1) / _GRID
    counts = np.arange(1, n + 1)
    centres = (0.5 + np.cumsum(scaled)) / (counts + 1)
    spreads = (0.25 + np.cumsum((scaled - centres) ** 2)) / (counts + 1)
    before = np.concatenate([[0.25], spreads[:-1]])
    bets = np.sqrt(2.0 * math.log(2.0 / alpha) / (before * n))
    with np.errstate(divide="ignore"):
        up_cap, down_cap = 0.5 / means, 0.5 / (1.0 - means)
    up, down = np.zeros(_GRID + 1), np.zeros(_GRID + 1)
    for x, bet in zip(scaled.tolist(), bets.tolist(), strict=True):
        gap = x - means
        up += np.log1p(np.minimum(bet, up_cap) * gap)
        down += np.log1p(-np.minimum(bet, down_cap) * gap)
    return np.asarray(np.maximum(up, down) - math.log(2.0), dtype=np.float64)
