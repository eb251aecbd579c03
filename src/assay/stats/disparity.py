"""Are groups treated alike within a declared tolerance: fair, unfair, or not yet to be told.

Each group is held against all cases, against a named group, or against every other group, by tests of both sides. Fair
needs every group *shown* to lie within the tolerance (two one-sided tests, Schuirmann 1987; all must hold, so alpha is
not split: Berger 1982). Unfair needs one group shown to lie beyond it, with Holm's correction over the groups. All else
needs more data: a suite too small to see a disparity never counts as one without any.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations

import numpy as np

from assay.records.evaluation import Interval
from assay.stats.contrast import AgainstAll, Contrast, Limits, contrast, is_sparse
from assay.stats.mean import Floats, clustered, mean_interval, share_interval
from assay.stats.multiplicity import holm
from assay.stats.permutation import fisher_exact, same_means
from assay.stats.special import normal_ppf

OVERALL, BEST = "overall", "best"
POWER = 0.8


class Reading(StrEnum):
    """What the data say of a group, or of all of them."""

    FAIR = "fair"
    UNFAIR = "unfair"
    OPEN = "open"
    """More data are needed."""
    SMALL = "too few"
    """Fewer cases than a judgement needs."""
    REFERENCE = "reference"
    """The group that the others are held against."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a group may lie from its reference: at most `difference` either way, or a `ratio` of at most this and at
    least its inverse. Raises ValueError unless exactly one is given, difference above 0 or ratio above 1."""

    difference: float | None = None
    ratio: float | None = None

    def __post_init__(self) -> None:
        stated = [one for one in (self.difference, self.ratio) if one is not None]
        if len(stated) != 1 or not all(map(math.isfinite, stated)):
            raise ValueError("a tolerance is a difference or a ratio, one of them")
        if (self.difference is not None and self.difference <= 0.0) or (self.ratio is not None and self.ratio <= 1.0):
            raise ValueError("a tolerated difference lies above 0, a tolerated ratio above 1")

    def p_beyond(self, found: Contrast) -> float:
        """Two-sided p-value for "farther from the reference than tolerated"."""
        (upper, lower) = (self._p(found, up, up) for up in (True, False))
        return min(1.0, 2.0 * min(upper, lower))

    def p_within(self, found: Contrast) -> float:
        """p-value for "no farther than tolerated", by two one-sided tests."""
        return max(self._p(found, up, not up) for up in (True, False))

    def _p(self, found: Contrast, upper: bool, above: bool) -> float:
        if self.difference is not None:
            return found.p_difference(self.difference if upper else -self.difference, above)
        ratio = self.ratio or 1.0
        return found.p_ratio(ratio if upper else 1.0 / ratio, above)

    def __str__(self) -> str:
        return f"difference {self.difference:g}" if self.ratio is None else f"ratio {self.ratio:g}"


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group: its value with an interval, how it stands to its reference, and what that says.

    `p_equal` is for "as the reference", adjusted by Holm over the groups; `p_beyond` likewise; `p_within` is as it is.
    `n_needed` is how many cases of this group a judgement is likely to need.
    """

    name: str
    n: int
    value: float
    interval: Interval | None
    against: str
    difference: Limits | None = None
    ratio: Limits | None = None
    p_equal: float | None = None
    p_beyond: float | None = None
    p_within: float | None = None
    reading: Reading = Reading.OPEN
    n_needed: int | None = None


@dataclass(frozen=True, slots=True)
class Disparity:
    """All groups of one measure. `p_groups` is the omnibus permutation test of "group does not matter"."""

    rows: tuple[GroupRow, ...]
    n: int
    overall: float
    reference: str
    tolerance: Tolerance | None
    level: float
    p_groups: float | None
    reading: Reading
    largest_difference: float
    """Largest less smallest value over the groups that are large enough."""
    largest_ratio: float | None
    """Largest over smallest value; None where the smallest is 0."""

    @property
    def n_needed(self) -> int | None:
        return max((row.n_needed for row in self.rows if row.n_needed is not None), default=None)

    def of(self, reading: Reading) -> tuple[GroupRow, ...]:
        return tuple(row for row in self.rows if row.reading is reading)


@dataclass(frozen=True, slots=True)
class Rules:
    """How groups are judged. `reference` is `overall`, `best`, or the name of a group; `share` says that values are
    shares of 0 to 1; groups below `min_n` cases are shown and not judged. `alpha` is of each one-sided test."""

    reference: str = OVERALL
    tolerance: Tolerance | None = None
    share: bool = True
    higher_is_better: bool = True
    min_n: int = 30
    alpha: float = 0.05
    seed: int = 0


@dataclass(frozen=True, slots=True)
class _Data:
    values: Floats
    groups: Sequence[str]
    clusters: Sequence[str] | None
    rules: Rules

    def at(self, *names: str) -> Floats:
        return self.values[self._mask(names)]

    def labels(self, *names: str) -> list[str] | None:
        if self.clusters is None:
            return None
        return [one for one, take in zip(self.clusters, self._mask(names), strict=True) if take]

    def _mask(self, names: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        return np.isin(np.asarray(self.groups), list(names))

    def names(self) -> list[str]:
        return sorted(set(self.groups))

    def rest(self, name: str) -> list[str]:
        return [other for other in self.names() if other != name]


@dataclass(frozen=True, slots=True)
class _Pair:
    one: str
    other: str
    contrast: Contrast
    p_equal: float


def disparity(
    values: Sequence[float] | Floats,
    groups: Sequence[str],
    clusters: Sequence[str] | None = None,
    rules: Rules = Rules(),
) -> Disparity:
    """Hold groups against each other. `values`, `groups` and `clusters`, labels of cases that are not independent, have
    shape (n,). Raises ValueError for no value, shapes that differ, or a reference that is no group.
    """
    array = clustered(values, clusters).values
    if len(groups) != len(array):
        raise ValueError(f"{len(array)} values came with {len(groups)} groups")
    if clusters is not None and len(set(clusters)) == len(clusters):
        clusters = None
    data = _Data(array, groups, clusters, rules)
    names = data.names()
    if rules.reference not in (OVERALL, BEST, *names):
        raise ValueError(f"no case stands in the group {rules.reference}")
    large = [name for name in names if _enough(data, name)]
    pairs = _pairs(data, large)
    judged = _judged(pairs, rules)
    rows = tuple(_row(data, name, large, pairs, judged) for name in names)
    means = [row.value for row in rows if row.name in large] or [row.value for row in rows]
    p_groups = None
    if len(large) > 1:
        p_groups = same_means(data.at(*large), [g for g in groups if g in large], data.labels(*large), seed=rules.seed)
    return Disparity(
        rows, len(array), float(array.mean()), rules.reference, rules.tolerance, 1.0 - 2.0 * rules.alpha, p_groups,
        _whole(rows, rules), max(means) - min(means), max(means) / min(means) if min(means) > 0.0 else None,
    )  # fmt: skip


def _enough(data: _Data, name: str) -> bool:
    found = clustered(data.at(name), data.labels(name))
    return found.n >= data.rules.min_n and found.clusters >= 2


def _pairs(data: _Data, large: Sequence[str]) -> list[_Pair]:
    """What is held against what: each group with the reference, or every group with every other."""
    reference = data.rules.reference
    if reference == BEST:
        return [_pair(data, one, other, [other]) for one, other in combinations(large, 2)]
    if reference == OVERALL:
        return [_pair(data, name, OVERALL, rest) for name in large if (rest := data.rest(name))]
    return [_pair(data, name, reference, [reference]) for name in large if reference in large and name != reference]


def _pair(data: _Data, name: str, shown: str, others: Sequence[str]) -> _Pair:
    one, other = data.at(name), data.at(*others)
    ours, theirs = data.labels(name), data.labels(*others)
    labels = (ours, theirs) if ours is not None and theirs is not None else None
    found = contrast(one, other, labels, share=data.rules.share, seed=data.rules.seed)
    if shown == OVERALL:
        found = AgainstAll(found, len(one) / (len(one) + len(other)))
    return _Pair(name, shown, found, _p_equal(data, one, other, labels))


def _p_equal(data: _Data, one: Floats, other: Floats, labels: tuple[list[str], list[str]] | None) -> float:
    """Fisher's exact test for counts of independent cases, else a permutation of cases and clusters."""
    both = np.concatenate([one, other])
    if labels is None and np.isin(both, (0.0, 1.0)).all():
        return fisher_exact(int(one.sum()), len(one), int(other.sum()), len(other))
    sides = ["one"] * len(one) + ["other"] * len(other)
    return same_means(both, sides, [*labels[0], *labels[1]] if labels else None, seed=data.rules.seed)


@dataclass(frozen=True, slots=True)
class _Judged:
    equal: float
    beyond: float | None
    within: float | None
    reading: Reading


def _judged(pairs: Sequence[_Pair], rules: Rules) -> list[_Judged]:
    equal = holm([pair.p_equal for pair in pairs])
    if rules.tolerance is None:
        return [_Judged(p, None, None, Reading.OPEN) for p in equal]
    beyond = holm([rules.tolerance.p_beyond(pair.contrast) for pair in pairs])
    made = []
    for pair, p_equal, p_beyond in zip(pairs, equal, beyond, strict=True):
        within = rules.tolerance.p_within(pair.contrast)
        unfair, fair = p_beyond <= rules.alpha, within <= rules.alpha
        made.append(
            _Judged(p_equal, p_beyond, within, Reading.UNFAIR if unfair else Reading.FAIR if fair else Reading.OPEN)
        )
    return made


def _row(data: _Data, name: str, large: Sequence[str], pairs: Sequence[_Pair], judged: Sequence[_Judged]) -> GroupRow:
    rules, values = data.rules, data.at(name)
    level = 1.0 - 2.0 * rules.alpha
    row = GroupRow(name, len(values), float(values.mean()), _interval(data, name, level), rules.reference)
    if name not in large:
        return replace(row, reading=Reading.SMALL, n_needed=max(rules.min_n, _planned(data)))
    if name == rules.reference:
        return replace(row, reading=Reading.REFERENCE)
    mine = [(pair, one) for pair, one in zip(pairs, judged, strict=True) if name in (pair.one, pair.other)]
    if not mine:
        return replace(row, reading=Reading.OPEN)
    pair, found = _telling(data, name, mine, large)
    readings = {one.reading for _, one in mine}
    reading = next(r for r in (Reading.UNFAIR, Reading.OPEN, Reading.FAIR) if r in readings)
    turned = pair.one != name
    difference, ratio = pair.contrast.difference(level), pair.contrast.ratio(level)
    return replace(
        row,
        against=pair.one if turned else pair.other,
        difference=_negative(difference) if turned else difference,
        ratio=_inverse(ratio) if turned else ratio,
        p_equal=found.equal,
        p_beyond=found.beyond,
        p_within=found.within,
        reading=reading,
        n_needed=_needed(data, row, difference, ratio) if reading is Reading.OPEN else None,
    )


def _telling(
    data: _Data, name: str, mine: Sequence[tuple[_Pair, _Judged]], large: Sequence[str]
) -> tuple[_Pair, _Judged]:
    """With `best` the pair with the best group (for the best itself, with the worst); else the only one."""
    if data.rules.reference != BEST:
        return mine[0]
    sign = 1.0 if data.rules.higher_is_better else -1.0
    order = sorted(large, key=lambda one: (-sign * float(data.at(one).mean()), one))
    other = order[0] if order[0] != name else order[-1]
    return next((pair, one) for pair, one in mine if other in (pair.one, pair.other))


def _negative(found: Limits) -> Limits:
    low, high = (None if one is None else -one for one in (found.high, found.low))
    return Limits(None if found.estimate is None else -found.estimate, low, high)


def _inverse(found: Limits) -> Limits:
    def turned(one: float | None) -> float | None:
        return 1.0 / one if one else None

    estimate = 0.0 if found.estimate is None and found.low else turned(found.estimate)
    return Limits(estimate, 0.0 if found.high is None else turned(found.high), turned(found.low))


def _interval(data: _Data, name: str, level: float) -> Interval | None:
    values, labels = data.at(name), data.labels(name)
    bounded = values.min() >= 0.0 and values.max() <= 1.0
    if bounded and (data.rules.share or is_sparse(values)):
        found = share_interval(values, labels, level)
    elif clustered(values, labels).clusters < 2:
        return None
    else:
        found = mean_interval(values, labels, level)
    return Interval(float(found.estimate), float(found.low), float(found.high), found.level, found.method, found.n)


def _needed(data: _Data, row: GroupRow, difference: Limits, ratio: Limits) -> int | None:
    """Cases that are likely to settle an open group if there is no disparity, from the width that its interval has with
    as many as it has now, clusters counted in; planned without it where that has no bounds. None without tolerance."""
    tolerance, found = data.rules.tolerance, difference
    if tolerance is None:
        return None
    if tolerance.ratio is not None:
        low, high = (math.log(one) if one else None for one in (ratio.low, ratio.high))
        found = Limits(None, low, high)
    if found.low is None or found.high is None:
        return max(row.n + 1, _planned(data))
    margin = math.log(tolerance.ratio) if tolerance.ratio else tolerance.difference or 1.0
    z = normal_ppf(1.0 - data.rules.alpha)
    error = (found.high - found.low) / (2.0 * z)
    return max(row.n + 1, math.ceil(row.n * ((z + normal_ppf(1.0 - (1.0 - POWER) / 2.0)) * error / margin) ** 2))


def _planned(data: _Data) -> int:
    """Cases that show a group within the tolerance with power .8 if there is no disparity: a normal approximation."""
    rules = data.rules
    if rules.tolerance is None:
        return rules.min_n
    values, n = data.values, len(data.values)
    mean = float(values.mean())
    spread = float(values.var())
    if rules.share and values.min() >= 0.0 and values.max() <= 1.0:
        mean = (float(values.sum()) + 0.5) / (n + 1.0)
        spread = mean * (1.0 - mean)
    z = normal_ppf(1.0 - rules.alpha) + normal_ppf(1.0 - (1.0 - POWER) / 2.0)
    margin, scale = rules.tolerance.difference, 1.0
    if margin is None:
        margin, scale = math.log(rules.tolerance.ratio or 1.0), 1.0 / mean**2 if mean > 0.0 else math.inf
    others = 1.0 if rules.reference == OVERALL else 2.0  # a small group's reference is nearly all cases
    found = others * z * z * spread * scale / margin**2
    return math.ceil(min(found, 1e9))


def _whole(rows: Sequence[GroupRow], rules: Rules) -> Reading:
    """Unfair where one is; fair where all are; open otherwise, and wherever a group has too few cases."""
    if any(row.reading is Reading.UNFAIR for row in rows):
        return Reading.UNFAIR
    if len(rows) < 2 or rules.tolerance is None:
        return Reading.OPEN
    settled = all(row.reading in (Reading.FAIR, Reading.REFERENCE) for row in rows)
    return Reading.FAIR if settled and any(row.reading is Reading.FAIR for row in rows) else Reading.OPEN
