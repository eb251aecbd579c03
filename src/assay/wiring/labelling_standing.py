"""How far a labelling task is: what is resolved, who labelled, how people agree, what the labels estimate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from assay.golden.labelling.agreement import Agreement, agreement
from assay.golden.labelling.estimate import Estimate, estimates
from assay.golden.labelling.queue import assignment
from assay.golden.labelling.resolve import disputes, resolved
from assay.golden.labelling.standing import Standing, standings
from assay.records.labels import LabelTask
from assay.stats.agreement import Measure
from assay.wiring import labelling
from assay.wiring.labelling import Place


@dataclass(frozen=True, slots=True)
class Status:
    """How far a task is."""

    task: LabelTask
    resolved: dict[str, int]
    """Items with a value, by how it came about."""
    disputed: int
    unlabelled: int
    """Items without any label that counts, and those that nobody could say anything of."""
    complete: int
    """Items with as many labels as the task asks for."""
    people: tuple[Standing, ...]
    assigned: Mapping[str, int]
    """Items to each person, where the task names them."""


def status(place: Place, name: str) -> Status:
    made, given, decided = (
        labelling.task(place, name),
        labelling.labels(place, name),
        labelling.adjudications(place, name),
    )
    found = resolved(made, given, decided)
    open_ = disputes(made, given, decided)
    how = {kind: sum(one.how == kind for one in found) for kind in ("agreed", "majority", "adjudicated", "single")}
    full = sum(len([x for x in one.labels if x.source != "adjudication"]) >= made.per_item for one in found)
    full += sum(len(one.labels) >= made.per_item for one in open_)
    load = Counter(person for people in assignment(made).values() for person in people)
    return Status(
        made, {kind: count for kind, count in how.items() if count}, len(open_),
        len(made.asked) - len(found) - len(open_), full, tuple(standings(made, given).values()), load,
    )  # fmt: skip


def clusters(place: Place, made: LabelTask) -> dict[str, str]:
    """The cluster of each case of a task's golden set that has one."""
    return {name: case.cluster for name, case in labelling.cases_of(place, made).items() if case.cluster}


def task_agreement(place: Place, name: str, measure: Measure = "nominal") -> tuple[LabelTask, Agreement]:
    made = labelling.task(place, name)
    return made, agreement(made, labelling.labels(place, name), clusters(place, made), measure=measure)


def task_estimates(place: Place, name: str, level: float = 0.95) -> tuple[LabelTask, tuple[Estimate, ...]]:
    made = labelling.task(place, name)
    found = estimates(
        made,
        labelling.labels(place, name),
        labelling.adjudications(place, name),
        labelling.frame(place, name),
        clusters(place, made),
        level=level,
    )
    return made, found
