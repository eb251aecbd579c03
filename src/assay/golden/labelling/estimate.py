"""The share of positives in the population that items were drawn from, and how many more labels would halve its width.

How it is drawn decides how it is estimated: strata (judge's verdicts, slices, or one of everything) by post-stratified
Beta posteriors, unequal sizes by Hájek's ratio. Both speak of cases like these, not only of these.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from assay.golden.labelling.drawing import Frame, Seen, Unit, chances
from assay.golden.labelling.resolve import disputes, resolved
from assay.records.evaluation import Interval
from assay.records.labels import Label, LabelTask
from assay.stats.judged import clustered_post_stratified, labels_needed, post_stratified
from assay.stats.weighted import weighted_share, width_after


@dataclass(frozen=True, slots=True)
class Plan:
    """How many more items to label for half the width, from which strata, and how many of them wait already.

    `draw` is how many must still be drawn; `reachable` is False when labelling everything would not do, and `more` is
    then everything.
    """

    more: int
    strata: dict[str, int]
    draw: int
    width_now: float
    width_then: float
    reachable: bool


@dataclass(frozen=True, slots=True)
class Estimate:
    """The share of positives in one run, or in all the task's runs together (`run_id` empty)."""

    run_id: str
    interval: Interval | None
    """None while there are too few labels; `why_not` says so."""
    why_not: str
    population: int
    labelled: int
    positive: int
    disputed: int
    between: tuple[float, float] | None
    """The estimates if every disputed item were negative, and positive."""
    plan: Plan | None


@dataclass(frozen=True, slots=True)
class _Data:
    """What one estimate is made from; `values` by unit id, `factor` what part of each stratum's draw is labelled."""

    units: tuple[Unit, ...]
    values: dict[str, int]
    probability: dict[str, float]
    clusters: dict[str, str]
    """Of every unit, by its id."""

    def counts(self) -> tuple[dict[str, int], dict[str, tuple[int, int]]]:
        """Units by stratum, and (positive, labelled) by stratum."""
        labelled: dict[str, list[int]] = defaultdict(list)
        for unit in self.units:
            if unit.unit_id in self.values:
                labelled[unit.stratum].append(self.values[unit.unit_id])
        return dict(Counter(u.stratum for u in self.units)), {k: (sum(v), len(v)) for k, v in labelled.items()}


def seen_by_stratum(task: LabelTask, labels: Sequence[Label], adjudications: Sequence[Label]) -> dict[str, Seen]:
    """What the labels say of each stratum so far: what `label more` allots by."""
    found: dict[str, Seen] = {}
    for one in resolved(task, labels, adjudications):
        before = found.get(one.item.stratum, Seen())
        positive = before.positive + (one.value in task.positive)
        found[one.item.stratum] = Seen(positive, before.labelled + 1)
    return found


def estimates(
    task: LabelTask, labels: Sequence[Label], adjudications: Sequence[Label], frame: Frame,
    clusters: Mapping[str, str], *, level: float = 0.95,
) -> tuple[Estimate, ...]:  # fmt: skip
    """One estimate of everything that was drawn from, and with several runs one of each before it.

    `clusters` gives the cluster of each case; a case without one is its own, shared by several replies to it.
    """
    runs = list(dict.fromkeys(unit.run_id for unit in frame.units))
    wanted = ([*runs, ""] if len(runs) > 1 else runs) or [""]
    return tuple(_estimate(task, labels, adjudications, frame, clusters, run, level) for run in wanted)


def _estimate(
    task: LabelTask, labels: Sequence[Label], adjudications: Sequence[Label], frame: Frame,
    clusters: Mapping[str, str], run_id: str, level: float,
) -> Estimate:  # fmt: skip
    units = tuple(unit for unit in frame.units if run_id in ("", unit.run_id))
    ours = {unit.unit_id for unit in units}
    done = [one for one in resolved(task, labels, adjudications) if one.item.item_id in ours]
    values = {one.item.item_id: int(one.value in task.positive) for one in done}
    data = _Data(units, values, _chances(task, values), _clusters(units, clusters))
    open_ = [one.item.item_id for one in disputes(task, labels, adjudications) if one.item.item_id in ours]
    weighted = task.design.by.partition(":")[0] == "risk"
    how = _weighted if weighted else _stratified
    why = _why_not(data)
    interval = None if why else how(data, level)
    return Estimate(
        run_id, interval, why, len(units), len(values), sum(values.values()), len(open_),
        None if why or not open_ else _between(task, data, open_, how, level),
        None if why else _plan(task, data, weighted, level),
    )  # fmt: skip


def _chances(task: LabelTask, values: Mapping[str, int]) -> dict[str, float]:
    """The chance of each labelled item to be drawn and labelled: what is drawn is worked off in a random order, so the
    labelled part of a stratum's draw is a random part of it."""
    drawn = Counter(item.stratum for item in task.asked)
    labelled = Counter(item.stratum for item in task.asked if item.item_id in values)
    return {
        item.item_id: item.probability * labelled[item.stratum] / drawn[item.stratum]
        for item in task.asked
        if item.item_id in values
    }


def _clusters(units: Sequence[Unit], clusters: Mapping[str, str]) -> dict[str, str]:
    return {unit.unit_id: clusters.get(unit.case_id) or f"case {unit.case_id}" for unit in units}


def _why_not(data: _Data) -> str:
    if not data.values:
        return "no item has a label that counts yet"
    if len({data.clusters[name] for name in data.values}) < 2:
        return "labels on at least two independent cases are needed"
    return ""


def _stratified(data: _Data, level: float) -> Interval:
    """Strata of known size: post-stratified, by whole clusters where several units share one."""
    if len(set(data.clusters.values())) == len(data.units):
        sizes, labelled = data.counts()
        return post_stratified(sizes, labelled, level=level)
    posterior = clustered_post_stratified(
        [unit.stratum for unit in data.units], [data.values.get(unit.unit_id) for unit in data.units],
        [data.clusters[unit.unit_id] for unit in data.units],
    )  # fmt: skip
    return posterior.interval(level)


def _weighted(data: _Data, level: float) -> Interval:
    names = list(data.values)
    return weighted_share(
        [data.values[name] for name in names], [data.probability[name] for name in names],
        [data.clusters[name] for name in names], level=level,
    )  # fmt: skip


def _between(
    task: LabelTask, data: _Data, open_: Sequence[str], how: Callable[[_Data, float], Interval], level: float
) -> tuple[float, float]:
    """The estimate with every disputed item taken as negative, and as positive."""
    ends = []
    for value in (0, 1):
        values = {**data.values, **dict.fromkeys(open_, value)}
        ends.append(how(_Data(data.units, values, _chances(task, values), data.clusters), level).estimate)
    return ends[0], ends[1]


def _plan(task: LabelTask, data: _Data, weighted: bool, level: float) -> Plan | None:
    waiting = Counter(item.stratum for item in task.asked if item.item_id in data.clusters)
    waiting.subtract(Counter(u.stratum for u in data.units if u.unit_id in data.values))
    if weighted:
        return _weighted_plan(data, waiting, level)
    found = labels_needed(*data.counts(), level=level)
    strata = {name: count for name, count in found.allocation.items() if count}
    draw = sum(max(0, count - waiting[name]) for name, count in strata.items())
    return Plan(found.more, strata, draw, found.width_now, found.width_then, found.reachable)


def _weighted_plan(data: _Data, waiting: Counter[str], level: float) -> Plan | None:
    """The smallest number of further items at which the expected width is half of today's, by halving."""
    names = list(data.values)
    values, now = [data.values[name] for name in names], [data.probability[name] for name in names]
    have, everything = len(names), len(data.units)

    def then(count: int) -> float:
        later = chances(data.units, count)
        return width_after(
            values, now, [max(chance, later[n]) for n, chance in zip(names, now, strict=True)], level=level
        )

    width = then(have)
    low, high = have, everything
    reachable = then(everything) <= width / 2.0
    while reachable and high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if then(middle) <= width / 2.0 else (middle, high)
    more = high - have
    strata = {unit.stratum: 0 for unit in data.units}
    spread = {next(iter(strata)): more} if len(strata) == 1 else {}
    return Plan(more, spread, max(0, more - sum(waiting.values())), width, then(high), reachable)


def plan_sentence(plan: Plan, task_name: str) -> str:
    """Such as "label 35 more to halve this interval: 20 of judge:X=0, 15 of judge:X=1"."""
    if not plan.reachable:
        return (
            f"labelling all of the other {plan.more} would leave it {plan.width_then:.3f} wide: "
            "to halve this interval more cases are needed"
        )
    where = ", ".join(f"{count} of {name}" for name, count in plan.strata.items()) if len(plan.strata) > 1 else ""
    first = f"label {plan.more} more to halve this interval" + (f": {where}" if where else "")
    if not plan.draw:
        return f"{first} (they wait in the queue)"
    waiting = plan.more - plan.draw
    queue = f"{waiting} of them wait in the queue; " if waiting > 0 else ""
    return f"{first} ({queue}assay label more {task_name} --n {plan.draw})"
