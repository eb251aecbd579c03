"""What the people together say of each item, and which items wait for a third person."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from assay.golden.labelling.standing import latest, set_aside
from assay.records.labels import Label, LabelItem, LabelTask, Resolved


@dataclass(frozen=True, slots=True)
class Dispute:
    """An item on which people disagree and that nobody has adjudicated."""

    item: LabelItem
    labels: tuple[Label, ...]


def counted(task: LabelTask, labels: Sequence[Label]) -> dict[str, tuple[Label, ...]]:
    """The labels that count, by the item that is really asked: one per person, without passes, corrected labels and
    people who failed the attention checks."""
    aside = set_aside(task, labels)
    asked = {item.item_id for item in task.asked}
    found: dict[str, list[Label]] = defaultdict(list)
    for label in latest(labels).values():
        if label.value and label.item_id in asked and label.annotator not in aside:
            found[label.item_id].append(label)
    return {item_id: tuple(given) for item_id, given in found.items()}


def resolved(task: LabelTask, labels: Sequence[Label], adjudications: Sequence[Label] = ()) -> tuple[Resolved, ...]:
    """One value for every item that has one, in the task's order; attention checks are not among them.

    An adjudication decides, the last one given. Otherwise all who labelled agree (`agreed`), or more than half of at
    least three do (`majority`), or one person alone has labelled so far (`single`). Items without a label, and those
    on which people disagree, are open and left out: `disputes` lists the latter.

    `labels` and `adjudications` come in the order in which they were written.
    """
    decided = _decided(adjudications)
    given = counted(task, labels)
    return tuple(
        made for item in task.asked if (made := _resolved(item, given.get(item.item_id, ()), decided)) is not None
    )


def _decided(adjudications: Iterable[Label]) -> dict[str, Label]:
    return {label.item_id: label for label in adjudications if label.value}


def _resolved(item: LabelItem, given: tuple[Label, ...], decided: Mapping[str, Label]) -> Resolved | None:
    adjudicated = decided.get(item.item_id)
    if adjudicated is not None:
        return Resolved(item, adjudicated.value, "adjudicated", (*given, adjudicated))
    if not given:
        return None
    if len(given) == 1:
        return Resolved(item, given[0].value, "single", given)
    (value, votes), *_ = Counter(label.value for label in given).most_common(1)
    if votes == len(given):
        return Resolved(item, value, "agreed", given)
    return Resolved(item, value, "majority", given) if votes > len(given) / 2 else None


def disputes(task: LabelTask, labels: Sequence[Label], adjudications: Sequence[Label] = ()) -> tuple[Dispute, ...]:
    """Items on which the labels that count have no majority and nobody has decided, in the task's order."""
    decided = _decided(adjudications)
    given = counted(task, labels)
    return tuple(
        Dispute(item, theirs)
        for item in task.asked
        if (theirs := given.get(item.item_id, ())) and _resolved(item, theirs, decided) is None
    )
