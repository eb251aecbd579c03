"""Is a system as good to every group: any measure of a run by the groups that its cases speak of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from assay.evaluate.classification_measures import said_label
from assay.evaluate.pairing import cluster_of, has_failed, pair
from assay.records.dialogue import Outcome
from assay.records.errors import CannotJudge, InputError
from assay.records.evaluation import Direction, Metric, MetricKind, Sample
from assay.records.golden import Case
from assay.stats.disparity import BEST, OVERALL, Disparity, Rules, Tolerance, disparity

USUAL = (
    "language", "dialect", "gender", "name_group", "origin", "identity", "age", "ethnicity", "religion", "disability",
    "nationality",
)  # fmt: skip
"""What cases are grouped by when nothing is named, where they say it."""
CROSSED = "*"


@dataclass(frozen=True, slots=True)
class Measured:
    """One value for each case (the mean over its repeats) of one measure. `dropped` counts cases without, by reason."""

    name: str
    share: bool
    higher_is_better: bool
    cases: tuple[Case, ...]
    values: tuple[float, ...]
    unit: str = ""
    dropped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Held:
    """One measure held by one dimension. `outside` counts cases that say nothing of it, or stand in no group asked."""

    measure: str
    by: str
    disparity: Disparity
    higher_is_better: bool
    outside: int = 0
    unit: str = ""
    dropped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: a measure, by which dimension (`language`, or `language*gender` for both at once), and how it is
    judged. `groups` names those that are looked at; all where it is empty."""

    measure: str
    by: str
    tolerance: Tolerance | None = None
    reference: str = OVERALL
    min_n: int = 30
    alpha: float = 0.05
    groups: tuple[str, ...] = ()


Of = Callable[[Case, Sample], float | None]


def _outcome(*wanted: Outcome) -> Of:
    return lambda _case, sample: float(_came_to(sample) in wanted)


def _came_to(sample: Sample) -> Outcome:
    return Outcome.FAILED if has_failed(sample) else sample.reply.outcome


def _false_block(case: Case, sample: Sample) -> float | None:
    return float(_came_to(sample) is not Outcome.ANSWERED) if case.expected.answerable else None


def _miss(case: Case, sample: Sample) -> float | None:
    return None if case.expected.answerable else float(_came_to(sample) is Outcome.ANSWERED)


OUTCOMES: dict[str, tuple[Of, Direction]] = {
    "answered": (_outcome(Outcome.ANSWERED), Direction.HIGHER),
    "abstained": (_outcome(Outcome.ABSTAINED), Direction.LOWER),
    "refused": (_outcome(Outcome.REFUSED), Direction.LOWER),
    "failed": (_outcome(Outcome.FAILED), Direction.LOWER),
    "false_block": (_false_block, Direction.LOWER),
    "miss": (_miss, Direction.LOWER),
}
"""Rates that every run has. `false_block`: answerable, and not answered; `miss`: not answerable, and answered."""


def _selected(label: str) -> Of:
    return lambda case, sample: float(not has_failed(sample) and said_label(case, sample.reply) == label)


def _among(of: Of, label: str, positive: bool) -> Of:
    def value(case: Case, sample: Sample) -> float | None:
        return of(case, sample) if case.expected.label and (case.expected.label == label) is positive else None

    return value


def _not(of: Of) -> Of:
    def value(case: Case, sample: Sample) -> float | None:
        found = of(case, sample)
        return None if found is None else 1.0 - found

    return value


def _of_label(kind: str, label: str) -> tuple[Of, Direction] | None:
    selected = _selected(label)
    match kind:
        case "selected":
            return selected, Direction.HIGHER
        case "tpr":
            return _among(selected, label, True), Direction.HIGHER
        case "fnr":
            return _not(_among(selected, label, True)), Direction.LOWER
        case "fpr":
            return _among(selected, label, False), Direction.LOWER
        case "tnr":
            return _not(_among(selected, label, False)), Direction.HIGHER
    return None


OF_LABELS = ("selected", "tpr", "fnr", "fpr", "tnr")
"""Rates of one class, as `fnr:LABEL`, for cases with a gold label."""


def measured(metrics: Sequence[Metric], samples: Sequence[Sample], cases: Sequence[Case], name: str) -> Measured:
    """A measure of a run by name: a metric that it was scored with, an outcome, or a rate of a class.

    What a system could not score because it failed or declined counts as it does in a comparison (`pairing`). Raises
    InputError `fairness.unknown_metric`.
    """
    for metric in metrics:
        if metric.name == name:
            pairs = pair(metric, samples, samples, cases)
            return Measured(
                name, metric.kind is MetricKind.BINARY, metric.direction is Direction.HIGHER, pairs.cases,
                pairs.baseline, metric.unit, pairs.dropped,
            )  # fmt: skip
    kind, _, label = name.partition(":")
    found = OUTCOMES.get(name) or (_of_label(kind, label) if label else None)
    if found is None:
        raise InputError(
            "fairness.unknown_metric", "the run has no such measure", where=name,
            remedy=f"use {', '.join([metric.name for metric in metrics])}, {', '.join(OUTCOMES)}, or "
            f"{', '.join(f'{one}:LABEL' for one in OF_LABELS)}",
        )  # fmt: skip
    return _from_samples(name, *found, samples, cases)


def _from_samples(
    name: str, of: Of, direction: Direction, samples: Sequence[Sample], cases: Sequence[Case]
) -> Measured:
    mine: dict[str, list[Sample]] = {}
    for sample in samples:
        mine.setdefault(sample.case_id, []).append(sample)
    kept: list[tuple[Case, float]] = []
    for case in cases:
        found = [value for sample in mine.get(case.case_id, ()) if (value := of(case, sample)) is not None]
        if found:
            kept.append((case, sum(found) / len(found)))
    return Measured(
        name, True, direction is Direction.HIGHER, tuple(case for case, _ in kept), tuple(value for _, value in kept)
    )


def group_of(case: Case, by: str) -> str:
    """The group of a case: the value of its slice `by=value`, else of its provenance; empty where it says nothing.

    Two values of one dimension stand joined, such as `black people+women`; dimensions joined by `*` give every
    combination, such as `de*female`.
    """
    parts = []
    for one in by.split(CROSSED):
        prefix = f"{one.strip()}="
        values = [name.removeprefix(prefix) for name in case.slices if name.startswith(prefix)]
        found = "+".join(sorted(set(values))) or case.provenance.get(one.strip(), "")
        if not found:
            return ""
        parts.append(found)
    return CROSSED.join(parts)


def dimensions(cases: Sequence[Case]) -> tuple[str, ...]:
    """What cases can be grouped by: the names before `=` of their slices with at least two values."""
    values: dict[str, set[str]] = {}
    for case in cases:
        for name in case.slices:
            dimension, equals, value = name.partition("=")
            if equals:
                values.setdefault(dimension, set()).add(value)
    return tuple(sorted(name for name, found in values.items() if len(found) > 1))


def hold(found: Measured, asked: Asked, *, seed: int = 0) -> Held:
    """One measure by one dimension. Raises CannotJudge `fairness.no_groups` where fewer than two groups have cases,
    InputError `fairness.no_reference`."""
    rows = [
        Value(value, group_of(case, asked.by), cluster_of(case))
        for case, value in zip(found.cases, found.values, strict=True)
    ]
    there = ", ".join(dimensions(found.cases)) or "none"
    remedy = f"give cases slices such as {asked.by}=VALUE; they can be grouped by: {there}"
    made = hold_values(
        rows, asked, share=found.share, higher_is_better=found.higher_is_better, seed=seed, remedy=remedy
    )
    return replace(made, unit=found.unit, dropped=found.dropped)


@dataclass(frozen=True, slots=True)
class Value:
    """What one case came to; `group` is empty where it says nothing of the dimension."""

    value: float
    group: str
    cluster: str


def hold_values(
    values: Sequence[Value], asked: Asked, *, share: bool = True, higher_is_better: bool = True, seed: int = 0,
    remedy: str = "",
) -> Held:  # fmt: skip
    """Values by group, held against the reference. Raises what `hold` raises."""
    rows = [one for one in values if one.group and (not asked.groups or one.group in asked.groups)]
    groups = [one.group for one in rows]
    if len(set(groups)) < 2:
        raise CannotJudge(
            "fairness.no_groups", f"{asked.measure} has values of fewer than two groups", where=asked.by, remedy=remedy
        )
    if asked.reference not in (OVERALL, BEST, *groups):
        raise InputError(
            "fairness.no_reference", "no case stands in the group that the others are held against",
            where=asked.reference, remedy=f"overall, best, or one of {', '.join(sorted(set(groups)))}",
        )  # fmt: skip
    share = share and all(0.0 <= one.value <= 1.0 for one in rows)
    rules = Rules(asked.reference, asked.tolerance, share, higher_is_better, asked.min_n, asked.alpha, seed)
    made = disparity(np.array([one.value for one in rows]), groups, [one.cluster for one in rows], rules)
    return Held(asked.measure, asked.by, made, higher_is_better, len(values) - len(rows))


def usual(cases: Sequence[Case]) -> tuple[str, ...]:
    """The dimensions that are asked for when none is named. Raises CannotJudge `fairness.no_dimension`."""
    there = dimensions(cases)
    found = tuple(name for name in USUAL if name in there)
    if not found:
        remedy = f"name one of {', '.join(there)}" if there else "give cases slices such as language=de"
        raise CannotJudge(
            "fairness.no_dimension", "the cases name no group of people, such as language or name_group",
            where="--by", remedy=remedy,
        )  # fmt: skip
    return found


def outcomes(samples: Sequence[Sample]) -> Counter[str]:
    """How many samples came to what."""
    return Counter(str(_came_to(sample)) for sample in samples)
