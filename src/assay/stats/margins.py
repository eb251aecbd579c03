"""Not worse than a margin, better, or neither: what a difference shows against a margin that was set beforehand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from assay.records.evaluation import Direction, Interval
from assay.stats.effect import Effect


class Shown(StrEnum):
    """What the data show, strongest first."""

    SUPERIOR = "superior"
    NON_INFERIOR = "non-inferior"
    WORSE = "worse than the margin"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Conclusion:
    """`interval` has the level 1 - 2·alpha, so its limits are the one-sided ones the conclusion rests on.

    The p-values are one-sided: for "not worse than the margin", "better than 0" and "worse than the margin".
    """

    shown: Shown
    interval: Interval
    p_not_worse: float
    p_better: float
    p_worse: float


def check_margin(margin: float, *, scale: float | None = None) -> float:
    """The margin, if it makes sense: finite, at least 0, and smaller than `scale`, the range of the scores.

    Raises ValueError otherwise: below 0 every system is worse than itself, and at the whole range nothing can fail.
    """
    if not math.isfinite(margin) or margin < 0.0:
        raise ValueError(f"a margin is a finite number of at least 0, not {margin}")
    if scale is not None and margin >= scale:
        raise ValueError(f"a margin of {margin:g} is no smaller than the range {scale:g} of the scores: it allows all")
    return margin


def conclude(
    effect: Effect,
    margin: float,
    *,
    alpha: float = 0.05,
    direction: Direction = Direction.HIGHER,
    scale: float | None = None,
) -> Conclusion:
    """Non-inferiority first, superiority only after it: a fixed sequence, so both at full alpha.

    `scale` is the range of the scores, if they have one. Raises ValueError for a margin that makes no sense or an alpha
    outside 0 to .5.
    """
    check_margin(margin, scale=scale)
    if not 0.0 < alpha < 0.5:
        raise ValueError(f"alpha lies between 0 and .5, not {alpha}")
    higher = direction is Direction.HIGHER
    line = -margin if higher else margin
    worse = effect.p_beyond(line, below=higher)
    not_worse, better = _p_past(effect, line, above=higher), _p_past(effect, 0.0, above=higher)
    interval = effect.interval(1.0 - 2.0 * alpha)
    clears, gains = (interval.low > line, interval.low > 0.0) if higher else (interval.high < line, interval.high < 0.0)
    if clears:
        shown = Shown.SUPERIOR if gains else Shown.NON_INFERIOR
    else:
        shown = Shown.WORSE if worse <= alpha else Shown.OPEN
    return Conclusion(shown, interval, not_worse, better, float(worse))


def _p_past(effect: Effect, line: float, *, above: bool) -> float:
    below = float(effect.p_below(line))
    return 1.0 - below if above else below
