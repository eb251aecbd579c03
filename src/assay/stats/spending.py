"""A fixed number of looks planned ahead: group-sequential bounds by alpha spending (Lan and DeMets 1983)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from assay.stats.mean import Floats
from assay.stats.special import normal_ppf

MOST = 8.0
"""No bound lies above this; a later look that may spend less than 1e-7 gets it, and its share is spent afterwards."""

_LEAST = 1e-7
_STEP = 0.02


def spending_bounds(
    fractions: Sequence[float], *, alpha: float = 0.05, sides: int = 2, power: float = 2.0
) -> tuple[float, ...]:
    """The z bound of each look, so that crossing any of them by chance has probability `alpha` in all.

    `fractions` of the planned information at the looks rise to at most 1; at fraction t, alpha · t^power may be spent.
    Two-sided bounds spend half on each side. For a few planned looks they are narrower than a confidence sequence,
    which needs no plan. Raises ValueError for fractions that do not rise within 0 to 1.
    """
    times = np.asarray(fractions, dtype=np.float64)
    if len(times) == 0 or times[0] <= 0.0 or times[-1] > 1.0 + 1e-12 or (np.diff(times) <= 0.0).any():
        raise ValueError("information fractions rise and lie above 0 and at most at 1")
    if not 0.0 < alpha < 1.0 or sides not in (1, 2) or power <= 0.0:
        raise ValueError("alpha lies between 0 and 1, sides are 1 or 2, and the power lies above 0")
    allowed, spent, bounds = alpha / sides * times**power, 0.0, []
    grid, density = np.zeros(1), np.ones(1)
    for look, time in enumerate(times.tolist()):
        step = math.sqrt(time - (times[look - 1] if look else 0.0))
        share = float(allowed[look]) - spent
        bound = MOST * math.sqrt(time) if look and share < _LEAST else _edge(grid, density, step, share, time)
        spent += _beyond(grid, density, step, bound)
        bounds.append(bound / math.sqrt(time))
        grid, density = _walked(grid, density, step, bound, time)
    return tuple(bounds)


def _edge(grid: Floats, density: Floats, step: float, share: float, time: float) -> float:
    """The position beyond which the walk that is still inside now lies with probability `share`."""
    if len(grid) == 1:
        return min(MOST, -normal_ppf(share)) * math.sqrt(time)
    low, high = 0.0, MOST * math.sqrt(time)
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if _beyond(grid, density, step, middle) > share else (low, middle)
    return (low + high) / 2.0


def _beyond(grid: Floats, density: Floats, step: float, bound: float) -> float:
    tails = np.array([0.5 * math.erfc(x / math.sqrt(2.0)) for x in ((bound - grid) / step).tolist()])
    return float(tails[0]) if len(grid) == 1 else _integral(density * tails, grid)


def _walked(grid: Floats, density: Floats, step: float, bound: float, time: float) -> tuple[Floats, Floats]:
    """The density of the walk on the points below the bound, after one more step."""
    count = math.ceil((bound / math.sqrt(time) + MOST) / _STEP) | 1
    points = np.linspace(-MOST * math.sqrt(time), bound, min(count, 1001))
    kernel = np.exp(-0.5 * ((points[:, None] - grid[None, :]) / step) ** 2) / (step * math.sqrt(2.0 * math.pi))
    if len(grid) == 1:
        return points, kernel[:, 0]
    weights = np.full(len(grid), grid[1] - grid[0])
    weights[[0, -1]] *= 0.5
    return points, kernel @ (density * weights)


def _integral(values: Floats, grid: Floats) -> float:
    """By the trapezoidal rule."""
    return float((values.sum() - 0.5 * (values[0] + values[-1])) * (grid[1] - grid[0]))
