"""How each person did on the attention checks, and whose labels are set aside for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from assay.records.labels import Label, LabelTask


@dataclass(frozen=True, slots=True)
class Standing:
    """One person's work on a task. `aside` says that none of their labels counts."""

    annotator: str
    labelled: int
    """Items that are really asked, with a label."""
    passed: int
    """Items that the person said nothing of."""
    checks: int
    """Attention checks answered."""
    checks_right: int
    aside: bool
    seconds: float | None
    """Median time per label, where it is known."""

    @property
    def pass_rate(self) -> float | None:
        return self.checks_right / self.checks if self.checks else None


def latest(labels: Iterable[Label]) -> dict[tuple[str, str], Label]:
    """The label that stands, by item and annotator: the last one given. Labels come in the order they were written."""
    return {(label.item_id, label.annotator): label for label in labels}


def standings(task: LabelTask, labels: Iterable[Label]) -> dict[str, Standing]:
    """By annotator, in the order of their first label.

    A person who answered fewer right than the task's floor is set aside once `check_least` checks, or all there are,
    are answered. Passing on a check counts as a wrong answer: whoever can read it knows it.
    """
    golds = {item.item_id: item.gold for item in task.checks}
    asked = {item.item_id for item in task.asked}
    theirs: dict[str, list[Label]] = defaultdict(list)
    for label in latest(labels).values():
        if label.item_id in golds or label.item_id in asked:
            theirs[label.annotator].append(label)
    return {annotator: _standing(task, annotator, given, golds) for annotator, given in theirs.items()}


def _standing(task: LabelTask, annotator: str, given: list[Label], golds: Mapping[str, str]) -> Standing:
    checked = [label for label in given if label.item_id in golds]
    right = sum(label.value == golds[label.item_id] for label in checked)
    enough = len(checked) >= min(task.check_least, len(golds)) > 0
    times = sorted(label.seconds for label in given if label.seconds is not None)
    return Standing(
        annotator,
        labelled=sum(bool(label.value) for label in given) - sum(bool(label.value) for label in checked),
        passed=sum(not label.value for label in given if label.item_id not in golds),
        checks=len(checked),
        checks_right=right,
        aside=enough and right < task.check_floor * len(checked),
        seconds=times[len(times) // 2] if times else None,
    )


def set_aside(task: LabelTask, labels: Iterable[Label]) -> frozenset[str]:
    """Who failed the attention checks."""
    return frozenset(one.annotator for one in standings(task, labels).values() if one.aside)
