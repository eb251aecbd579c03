"""Rates and differences with the judge's error in them: strata by verdict, people's labels inside them."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from assay.evaluate.judges.agreement import plain_interval
from assay.evaluate.judges.labels import HumanLabel
from assay.evaluate.pairing import cluster_of, has_failed
from assay.records.evaluation import Interval, Sample
from assay.records.golden import Case
from assay.records.judging import JudgeSpec
from assay.stats.judged import (
    JudgedPosterior,
    clustered_post_stratified,
    paired_post_stratified,
    post_stratified_draws,
)
from assay.stats.special import normal_ppf

SILENT = "-"
"""A reply that failed or declined where an answer was owed: it counts as not passed, and nobody needs to label it."""
_OWED = frozenset({"abstained", "refused", "no_reply"})
_MOST = 1_000_000

Labels = Mapping[tuple[str, str, int], HumanLabel]
"""By root run, case and repeat."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A judged reply, or a pair of them, with what people said of it: 0 or 1, or a difference of -1, 0 or 1."""

    cluster: str
    stratum: str
    label: float | None = None
    chance: tuple[tuple[str, float], ...] = ()
    """Task and chance of every label in it."""


def by_reply(labels: Iterable[HumanLabel], root_of: Callable[[str], str]) -> dict[tuple[str, str, int], HumanLabel]:
    """Labels of single replies, under the run that first gave the reply; of two on one reply the later one stands."""
    return {(root_of(one.run_id), one.case_id, one.repeat): one for one in labels if not one.other_run}


def units_of_run(
    spec: JudgeSpec, samples: Iterable[Sample], root: str, labels: Labels, cases: Sequence[Case]
) -> tuple[Unit, ...]:
    """Every reply of a run that has a verdict, by verdict."""
    known = {case.case_id: case for case in cases}
    found = []
    for sample in samples:
        value = sample.scores.get(spec.metric.name)
        if value is None or sample.case_id not in known:
            continue
        label = labels.get((root, sample.case_id, sample.repeat))
        chance = ((label.task, label.probability),) if label else ()
        stratum = str(int(spec.passes(value)))
        found.append(Unit(cluster_of(known[sample.case_id]), stratum, label.value if label else None, chance))
    return tuple(found)


def units_of_pair(
    spec: JudgeSpec, baseline: Iterable[Sample], candidate: Iterable[Sample], roots: tuple[str, str], labels: Labels,
    cases: Sequence[Case],
) -> tuple[Unit, ...]:  # fmt: skip
    """Every case and repeat of which both runs have a verdict or owe one, by joint verdict such as `01`.

    A pair of which neither has a verdict does not apply; one of which the judge failed on a side is left out, as
    `evaluate.pairing` does.
    """
    ours = {(sample.case_id, sample.repeat): sample for sample in baseline}
    theirs = {(sample.case_id, sample.repeat): sample for sample in candidate}
    clusters = {case.case_id: cluster_of(case) for case in cases}
    found = []
    for place in sorted(ours.keys() & theirs.keys()):
        if place[0] not in clusters:
            continue
        sides = _side(spec, ours[place]), _side(spec, theirs[place])
        if None in sides or sides == (SILENT, SILENT):
            continue
        said = [_said(side or "", labels.get((root, *place))) for side, root in zip(sides, roots, strict=True)]
        stratum = f"{sides[0]}{sides[1]}"
        before, after = said[0][0], said[1][0]
        if before is None or after is None:
            found.append(Unit(clusters[place[0]], stratum))
        else:
            found.append(Unit(clusters[place[0]], stratum, after - before, (*said[0][1], *said[1][1])))
    return tuple(found)


def _side(spec: JudgeSpec, sample: Sample) -> str | None:
    value = sample.scores.get(spec.metric.name)
    if value is not None:
        return str(int(spec.passes(value)))
    owed = has_failed(sample) or sample.unscored.get(spec.metric.name) in _OWED
    return SILENT if owed else None


def _said(side: str, label: HumanLabel | None) -> tuple[float | None, tuple[tuple[str, float], ...]]:
    if side == SILENT:
        return 0.0, ()
    return (None, ()) if label is None else (label.value, ((label.task, label.probability),))


def uneven(units: Sequence[Unit]) -> str:
    """A stratum whose labelled units were drawn with different chances inside one task, so that they are no random
    sample of it; empty when there is none."""
    seen: defaultdict[tuple[str, tuple[str, ...]], set[float]] = defaultdict(set)
    for unit in units:
        if unit.label is not None and unit.chance:
            tasks = tuple(task for task, _ in unit.chance)
            seen[unit.stratum, tasks].add(round(math.prod(chance for _, chance in unit.chance), 9))
    return next((stratum for (stratum, _), chances in seen.items() if len(chances) > 1), "")


def labelled_count(units: Sequence[Unit]) -> int:
    """Units that people were needed for and have labelled."""
    return sum(unit.label is not None and bool(unit.chance) for unit in units)


def posterior(units: Sequence[Unit], *, paired: bool, seed: int = 0) -> JudgedPosterior | None:
    """The rate, or the difference, that people would find; None without labels from two independent clusters."""
    touched = {unit.cluster for unit in units if unit.label is not None}
    if len(touched) < 2:
        return None
    if len({unit.cluster for unit in units}) < len(units):
        return clustered_post_stratified(
            [unit.stratum for unit in units],
            [unit.label for unit in units],
            [unit.cluster for unit in units],
            seed=seed,
            paired=paired,
        )
    judged = Counter(unit.stratum for unit in units)
    table = _table(units)
    if paired:
        return paired_post_stratified(judged, {name: _three(found) for name, found in table.items()}, seed=seed)
    return post_stratified_draws(
        judged, {name: (int(found[1.0]), sum(found.values())) for name, found in table.items()}, seed=seed
    )


def _table(units: Sequence[Unit]) -> dict[str, Counter[float]]:
    table: defaultdict[str, Counter[float]] = defaultdict(Counter)
    for unit in units:
        if unit.label is not None:
            table[unit.stratum][unit.label] += 1
    return dict(table)


def _three(found: Counter[float]) -> tuple[int, int, int]:
    return found[-1.0], found[0.0], found[1.0]


def corrected(units: Sequence[Unit], level: float = 0.95, seed: int = 0) -> Interval | None:
    """The share of replies that people would pass, from the verdicts on all and the labels on some."""
    found = posterior(units, paired=False, seed=seed)
    return plain_interval(found.interval(level)) if found is not None else None


@dataclass(frozen=True, slots=True)
class JudgedEffect:
    """An `Effect` (stats.effect) that carries the judge's error. More cases alone would not narrow it, so it gives
    no spread to plan cases by."""

    posterior: JudgedPosterior
    clusters: int
    spread: float = 0.0
    pseudo: float = 0.0

    @property
    def estimate(self) -> float:
        return self.posterior.estimate

    def interval(self, level: float) -> Interval:
        return plain_interval(self.posterior.interval(level))

    def p_below(self, threshold: float) -> float:
        return self.posterior.p_below(threshold)

    def p_beyond(self, threshold: float, *, below: bool) -> float:
        return self.posterior.p_below(threshold) if below else self.posterior.p_above(threshold)


def pairs_to_label(units: Sequence[Unit], distance: float, alpha: float, power: float) -> int | None:
    """Labelled pairs at which a one-sided test at `alpha` shows a difference of `distance` from its line with `power`,
    drawn evenly over the strata; None when even labels on all of them would not do, because there are too few cases.

    Variance: that inside the strata over the labels, and that between them over all pairs; a stratum without labels
    is taken at its widest.
    """
    if not units or distance <= 0.0:
        return None
    table = _table(units)
    sizes = Counter(unit.stratum for unit in units)
    n = len(units)
    means, inside = {}, 0.0
    for name, size in sizes.items():
        down, same, up = (one + prior for one, prior in zip(_three(table.get(name, Counter())), _PRIOR, strict=True))
        total = down + same + up
        means[name] = (up - down) / total
        inside += size / n * ((up + down) / total - means[name] ** 2)
    centre = sum(size * means[name] for name, size in sizes.items()) / n
    between = sum(size * (means[name] - centre) ** 2 for name, size in sizes.items()) / n
    quantiles = normal_ppf(1.0 - alpha) + normal_ppf(power)
    room = (distance / quantiles) ** 2 - between / n
    needed = math.ceil(inside / room) if room > 0.0 else _MOST + 1
    return needed if needed <= n else None


_PRIOR = (0.25, 0.5, 0.25)
