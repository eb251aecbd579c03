"""How far coders agree beyond chance: Cohen's kappa, Gwet's AC1 and Krippendorff's alpha, with intervals."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from assay.records.evaluation import Interval
from assay.stats.mean import Floats, clustered, design_effect, share_interval
from assay.stats.proportion import wilson_limits
from assay.stats.special import check_level, normal_ppf, t_ppf

Measure = Literal["nominal", "ordinal", "interval", "ratio"]
Labels = Sequence[Hashable]
_AT_ONCE = 4_000_000


def percent_agreement(a: Labels, b: Labels, *, level: float = 0.95, clusters: Sequence[str] | None = None) -> Interval:
    """The share of items that `a` and `b`, both of shape (n,), label alike: Wilson's interval, clusters counted in.

    Says nothing about chance: two coders who both say "good" nine times in ten agree on 82 % by chance alone. Raises
    ValueError for no item or for lengths that differ.
    """
    _check_pair(a, b)
    return share_interval([float(x == y) for x, y in zip(a, b, strict=True)], clusters, level)


def cohen_kappa(a: Labels, b: Labels, *, level: float = 0.95, clusters: Sequence[str] | None = None) -> Interval:
    """Cohen's kappa of two coders, both of shape (n,): agreement beyond what their own margins give by chance.

    The interval is that of Fleiss, Cohen and Everitt (1969), by the influence of each item, on Fisher's z scale, robust
    to `clusters` (labels of shape (n,)) with a t quantile. Raises ValueError when both coders use one and the same
    label throughout, because kappa is then 0/0.
    """
    table = _Table.of(a, b)
    first, second = table.first.mean(axis=0), table.second.mean(axis=0)
    chance = float(first @ second)
    pull = table.first @ second + table.second @ first - 2.0 * chance
    return _beyond_chance(table.same, chance, pull, level, clusters, "Cohen's kappa, Fisher z")


def gwet_ac1(
    a: Labels,
    b: Labels,
    *,
    level: float = 0.95,
    clusters: Sequence[str] | None = None,
    categories: int | None = None,
) -> Interval:
    """Gwet's AC1 of two coders (Gwet 2008): stable where nearly all items carry one label and kappa collapses.

    `categories` is the number of labels a coder could choose from; None counts those that occur. Raises ValueError
    when fewer than two are known.
    """
    table = _Table.of(a, b)
    count = max(categories or 0, table.first.shape[1])
    if count < 2:
        raise ValueError("every item carries the same label: say how many labels there were to choose from")
    shares = (table.first + table.second) / 2.0
    margin = shares.mean(axis=0)
    chance = float((margin * (1.0 - margin)).sum()) / (count - 1)
    pull = ((shares - margin) @ (1.0 - 2.0 * margin)) / (count - 1)
    return _beyond_chance(table.same, chance, pull, level, clusters, "Gwet's AC1, Fisher z")


def krippendorff_alpha(
    ratings: Sequence[Mapping[str, str | float]],
    measure: Measure = "nominal",
    *,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> Interval:
    """Krippendorff's alpha (Krippendorff 2011): any number of coders, gaps allowed, for four kinds of value.

    `ratings` has one mapping a unit, from coder to value; a coder who is missing in it did not code the unit. Units
    with fewer than two values cannot be paired and are left out. The interval is the percentile bootstrap over units;
    where no unit shows any disagreement, its lower end allows for the units that would have (exact bound on a share).
    Raises ValueError for fewer than two pairable units, one value throughout, or numbers that the measure cannot take.
    """
    counts, values = _unit_counts(ratings, measure)
    tail = check_level(level) / 2.0
    point = _alphas(np.ones((1, len(counts))), counts, values, measure)
    if point is None:
        raise ValueError("every value is the same: agreement beyond chance is not defined")
    estimate = float(point[0])
    units = len(counts)
    if float((counts.max(axis=1) == counts.sum(axis=1)).mean()) == 1.0:
        pooled = counts.sum(axis=0) / counts.sum()
        differ = 1.0 - float(pooled @ pooled)
        low = max(-1.0, 1.0 - (1.0 - tail ** (1.0 / units)) / differ)
        return Interval(1.0, low, 1.0, level, "Krippendorff's alpha, exact bound", units)
    rng = np.random.default_rng(seed)
    found: list[Floats] = []
    rows = max(1, _AT_ONCE // max(counts.size, 1))
    for start in range(0, draws, rows):
        weights = rng.multinomial(units, np.full(units, 1.0 / units), size=min(rows, draws - start))
        part = _alphas(weights.astype(np.float64), counts, values, measure)
        if part is not None:
            found.append(part)
    drawn = np.concatenate(found)
    low, high = (float(np.quantile(drawn, p)) for p in (tail, 1.0 - tail))
    method = "Krippendorff's alpha, bootstrap of units"
    return Interval(estimate, min(low, estimate), max(high, estimate), level, method, units)


@dataclass(frozen=True, slots=True)
class _Table:
    """Both coders' labels as indicator rows, shape (n, labels), and whether they are the same, shape (n,)."""

    first: Floats
    second: Floats
    same: Floats

    @classmethod
    def of(cls, a: Labels, b: Labels) -> _Table:
        _check_pair(a, b)
        seen = {label: index for index, label in enumerate(dict.fromkeys((*a, *b)))}
        eye = np.eye(len(seen))
        left, right = np.array([seen[x] for x in a]), np.array([seen[x] for x in b])
        return cls(eye[left], eye[right], (left == right).astype(np.float64))


def _check_pair(a: Labels, b: Labels) -> None:
    if len(a) != len(b):
        raise ValueError(f"two coders need labels for the same items, not {len(a)} and {len(b)}")
    if not a:
        raise ValueError("there is no item that both coders labelled")


def _beyond_chance(
    same: Floats, chance: float, pull: Floats, level: float, clusters: Sequence[str] | None, method: str
) -> Interval:
    """(observed - chance) / (1 - chance) with its interval; `pull` is each item's influence on the chance agreement."""
    observed, n = float(same.mean()), len(same)
    tail = check_level(level) / 2.0
    if n < 2 or (clusters is not None and len(set(clusters)) < 2):
        raise ValueError("an interval for agreement needs at least two independent items")
    if chance >= 1.0:
        raise ValueError("both coders gave every item the same label: agreement beyond chance is not defined")
    value = (observed - chance) / (1.0 - chance)
    data = clustered((same - observed) / (1.0 - chance) - (1.0 - observed) * pull / (1.0 - chance) ** 2, clusters)
    quantile = t_ppf(1.0 - tail, data.clusters - 1)
    if observed in (0.0, 1.0) or abs(value) >= 1.0 or data.variance == 0.0:
        # Without any disagreement the delta method says "exactly one"; Wilson's limit of the raw agreement does not.
        effective = n / design_effect(clustered(same, clusters))
        quantile = quantile if data.real else normal_ppf(1.0 - tail)
        ends = wilson_limits(observed * effective, effective, quantile)
        low, high = ((end - chance) / (1.0 - chance) for end in ends)
        return Interval(value, max(-1.0, low), min(1.0, high), level, method.replace("Fisher z", "Wilson"), n)
    half = quantile * math.sqrt(data.variance) / (1.0 - value * value)
    return Interval(value, math.tanh(math.atanh(value) - half), math.tanh(math.atanh(value) + half), level, method, n)


def _unit_counts(ratings: Sequence[Mapping[str, str | float]], measure: Measure) -> tuple[Floats, Floats]:
    """How often each unit got each value, shape (units, values), and the values as numbers, shape (values,)."""
    if measure not in ("nominal", "ordinal", "interval", "ratio"):
        raise ValueError(f"a measure is nominal, ordinal, interval or ratio, not {measure!r}")
    pairable = [list(unit.values()) for unit in ratings if len(unit) >= 2]
    if len(pairable) < 2:
        raise ValueError("agreement needs at least two units that two or more coders labelled")
    if measure == "nominal":
        names: list[str | float] = list(dict.fromkeys(value for unit in pairable for value in unit))
        values = np.arange(len(names), dtype=np.float64)
    else:
        numbers = [[_number(value, measure) for value in unit] for unit in pairable]
        names = sorted({value for unit in numbers for value in unit})
        values = np.array(names, dtype=np.float64)
        pairable = [list(unit) for unit in numbers]
    place = {name: index for index, name in enumerate(names)}
    counts = np.zeros((len(pairable), len(names)))
    for row, unit in enumerate(pairable):
        for value in unit:
            counts[row, place[value]] += 1.0
    return counts, values


def _number(value: str | float, measure: Measure) -> float:
    try:
        number = float(value)
    except ValueError:
        raise ValueError(f"an {measure} measure needs numbers: give words their rank first") from None
    if not math.isfinite(number) or (measure == "ratio" and number < 0.0):
        raise ValueError("values must be finite, and at least 0 on a ratio scale")
    return number


def _alphas(weights: Floats, counts: Floats, values: Floats, measure: Measure) -> Floats | None:
    """Alpha under each row of unit `weights`, shape (draws, units); rows in which all values are equal are left out."""
    sizes = counts.sum(axis=1)
    margin = weights @ counts
    total = margin.sum(axis=1)
    if measure == "ordinal":
        ranks = np.cumsum(margin, axis=1) - margin / 2.0  # the ordinal distance is that of mid-ranks
        within = np.einsum("du,du->d", weights / (sizes - 1.0), sizes * (ranks**2 @ counts.T) - (ranks @ counts.T) ** 2)
        expected = total * (margin * ranks**2).sum(axis=1) - (margin * ranks).sum(axis=1) ** 2
    else:
        unit, expected = _fixed_distance(counts, sizes, margin, values, measure)
        within = weights @ (unit / (sizes - 1.0))
    usable = expected > 1e-12 * np.maximum(1.0, total**2)
    if not usable.any():
        return None
    return np.asarray(1.0 - (total[usable] - 1.0) * within[usable] / expected[usable], dtype=np.float64)


def _fixed_distance(
    counts: Floats, sizes: Floats, margin: Floats, values: Floats, measure: Measure
) -> tuple[Floats, Floats]:
    """Half the sum of squared distances over ordered pairs inside each unit, and over all values of each draw."""
    if measure == "interval":
        centred = values - values.mean()  # the sums of squares below would cancel far from 0
        unit = sizes * (counts @ centred**2) - (counts @ centred) ** 2
        return unit, margin.sum(axis=1) * (margin @ centred**2) - (margin @ centred) ** 2
    distance = _distances(values, measure)
    unit = np.einsum("uv,uv->u", counts @ distance, counts) / 2.0
    return unit, np.einsum("dv,dv->d", margin @ distance, margin) / 2.0


def _distances(values: Floats, measure: Measure) -> NDArray[np.float64]:
    if measure == "nominal":
        return 1.0 - np.eye(len(values))
    sums = values[:, None] + values[None, :]
    gaps = values[:, None] - values[None, :]
    return np.asarray((gaps / np.where(sums == 0.0, 1.0, sums)) ** 2, dtype=np.float64)
