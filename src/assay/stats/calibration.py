"""Does a confidence of .8 mean right four times in five? Brier score, calibration error and reliability bins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from assay.records.evaluation import Interval
from assay.stats.mean import Floats, mean_interval, share_interval
from assay.stats.special import normal_cdf

Scheme = Literal["width", "mass"]


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Items whose confidence lies in [`low`, `high`] (the lower end belongs to the bin before it, except at 0)."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: Interval


def brier(
    confidences: Sequence[float] | Floats,
    right: Sequence[float] | Sequence[bool],
    *,
    level: float = 0.95,
    clusters: Sequence[str] | None = None,
) -> Interval:
    """The mean of (confidence - right)² (Brier 1950), 0 to 1, lower is better; Student's t, clusters counted in.

    Both arguments have shape (n,). Raises ValueError for confidences outside 0 to 1, `right` other than 0 and 1, or
    fewer than two independent items.
    """
    stated, truth = _checked(confidences, right)
    found = mean_interval((stated - truth) ** 2, clusters, level)
    return Interval(found.estimate, max(0.0, found.low), min(1.0, found.high), level, found.method, found.n)


def ece(
    confidences: Sequence[float] | Floats,
    right: Sequence[float] | Sequence[bool],
    bins: int = 10,
    *,
    scheme: Scheme = "width",
    debiased: bool = False,
) -> float:
    """Expected calibration error: the mean over items of |accuracy - mean confidence| of the item's bin, 0 to 1.

    `scheme` "width" cuts 0 to 1 into equal parts, "mass" into bins of equally many items. With few items a perfectly
    calibrated system shows an error well above 0; `debiased` takes off what chance alone would add, bin by bin, by the
    mean of a folded normal (the debiasing of Kumar, Liang and Ma 2019 in closed form). Errors as `brier`.
    """
    stated, truth = _checked(confidences, right)
    total = 0.0
    for members, _, _ in _binned(stated, bins, scheme):
        n, accuracy = len(members), float(truth[members].mean())
        gap = abs(accuracy - float(stated[members].mean()))
        noise = math.sqrt(accuracy * (1.0 - accuracy) / n)
        bias = _folded_mean(gap, noise) - gap if debiased else 0.0
        total += n * (gap - bias)
    return max(0.0, total / len(stated))


def reliability(
    confidences: Sequence[float] | Floats,
    right: Sequence[float] | Sequence[bool],
    bins: int = 10,
    *,
    scheme: Scheme = "mass",
    level: float = 0.95,
    clusters: Sequence[str] | None = None,
) -> tuple[ReliabilityBin, ...]:
    """The reliability diagram's bins, lowest confidence first; a bin without items is left out. Errors as `brier`."""
    stated, truth = _checked(confidences, right)
    labels = None if clusters is None else np.asarray(clusters)
    found = []
    for members, low, high in _binned(stated, bins, scheme):
        inside = None if labels is None else labels[members].tolist()
        accuracy = share_interval(truth[members], inside, level)
        found.append(ReliabilityBin(low, high, len(members), float(stated[members].mean()), accuracy))
    return tuple(found)


def _checked(confidences: Sequence[float] | Floats, right: Sequence[float] | Sequence[bool]) -> tuple[Floats, Floats]:
    stated, truth = np.asarray(confidences, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if stated.ndim != 1 or stated.shape != truth.shape or len(stated) == 0:
        raise ValueError(f"expected as many confidences as outcomes, at least one, not {stated.shape}, {truth.shape}")
    if not ((stated >= 0.0) & (stated <= 1.0)).all():
        raise ValueError("confidences lie between 0 and 1")
    if not np.isin(truth, (0.0, 1.0)).all():
        raise ValueError("outcomes are 0 or 1")
    return stated, truth


def _binned(stated: Floats, bins: int, scheme: Scheme) -> list[tuple[NDArray[np.int64], float, float]]:
    """The members of every bin that has some, with its ends. Equal confidences are never split."""
    if bins < 1:
        raise ValueError(f"at least one bin is needed, not {bins}")
    if scheme == "width":
        edges = np.linspace(0.0, 1.0, bins + 1)
    elif scheme == "mass":
        edges = np.unique(np.quantile(stated, np.linspace(0.0, 1.0, bins + 1), method="inverted_cdf"))
    else:
        raise ValueError(f"a binning scheme is width or mass, not {scheme!r}")
    if len(edges) == 1:
        return [(np.arange(len(stated)), float(edges[0]), float(edges[0]))]
    place = np.clip(np.searchsorted(edges, stated, side="left") - 1, 0, len(edges) - 2)
    rows = [(np.flatnonzero(place == i), float(edges[i]), float(edges[i + 1])) for i in range(len(edges) - 1)]
    return [row for row in rows if len(row[0])]


def _folded_mean(mean: float, deviation: float) -> float:
    """E|X| of a normal X with this mean and standard deviation."""
    if deviation == 0.0:
        return abs(mean)
    ratio = mean / deviation
    bell = math.exp(-0.5 * ratio * ratio)
    return deviation * math.sqrt(2.0 / math.pi) * bell + mean * (1.0 - 2.0 * normal_cdf(-ratio))
