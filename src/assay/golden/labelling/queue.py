"""Who labels which item next: balanced, nobody twice on one item, attention checks mixed in, order drawn."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations

from assay.golden.labelling.drawing import random_number
from assay.golden.labelling.resolve import disputes
from assay.golden.labelling.standing import latest, set_aside
from assay.records.errors import AccessDenied
from assay.records.labels import Label, LabelItem, LabelTask

BLOCK = 20
"""Items are worked off in blocks of so many, the same for all, so that what is begun gets its second label; inside a
block everybody has an order of their own."""


def assignment(task: LabelTask) -> dict[str, tuple[str, ...]]:
    """Who is to label each item, for a task that names its people: everybody about the same number, every pair of
    people about the same number together. Attention checks go to everybody. Empty when the task names nobody.
    """
    if not task.annotators:
        return {}
    load: Counter[str] = Counter()
    together: Counter[tuple[str, str]] = Counter()
    made: dict[str, tuple[str, ...]] = {check.item_id: task.annotators for check in task.checks}
    for item in task.asked:
        chosen: list[str] = []
        for _ in range(min(task.per_item, len(task.annotators))):
            chosen.append(_next_person(task, item, chosen, load, together))
        load.update(chosen)
        together.update(combinations(sorted(chosen), 2))
        made[item.item_id] = tuple(chosen)
    return made


def _next_person(
    task: LabelTask, item: LabelItem, chosen: Sequence[str], load: Counter[str], together: Counter[tuple[str, str]]
) -> str:
    def rank(person: str) -> tuple[int, int, float]:
        met = sum(together[(min(person, other), max(person, other))] for other in chosen)
        return load[person], met, random_number(task.seed, f"{item.item_id}\0{person}", "assign")

    return min((person for person in task.annotators if person not in chosen), key=rank)


def in_order(task: LabelTask, annotator: str) -> list[LabelItem]:
    """Every item in the order in which this person meets it; later draws come after earlier ones."""
    drawn: dict[int, list[LabelItem]] = defaultdict(list)
    for item in task.items:
        drawn[item.wave].append(item)
    ordered: list[LabelItem] = []
    for wave in sorted(drawn):
        items = sorted(drawn[wave], key=lambda item: random_number(task.seed, item.item_id, "block"))
        for start in range(0, len(items), BLOCK):
            block = items[start : start + BLOCK]
            ordered += sorted(block, key=lambda i: random_number(task.seed, f"{i.item_id}\0{annotator}", "mine"))
    return ordered


def open_to(task: LabelTask, labels: Sequence[Label], annotator: str) -> list[LabelItem]:
    """What this person may still label, in their order. Raises AccessDenied for somebody the task does not name.

    Somebody who failed the attention checks gets nothing more. Places of people who failed them are free again.
    """
    if task.annotators and annotator not in task.annotators:
        raise AccessDenied(
            "label.not_on_task", "this task names the people who label it, and this is none of them", where=task.name,
            remedy="assay label status shows them",
        )  # fmt: skip
    aside = set_aside(task, labels)
    if annotator in aside:
        return []
    standing = latest(labels)
    mine = {item_id for item_id, who in standing if who == annotator}
    taken = Counter(item_id for item_id, who in standing if who not in aside)
    wanted = assignment(task)
    return [
        item
        for item in in_order(task, annotator)
        if item.item_id not in mine and (item.gold or _free(task, item, annotator, wanted, standing, taken, aside))
    ]


def _free(
    task: LabelTask, item: LabelItem, annotator: str, wanted: Mapping[str, tuple[str, ...]],
    standing: Mapping[tuple[str, str], Label], taken: Counter[str], aside: frozenset[str],
) -> bool:  # fmt: skip
    """True when the item has a place for this person: their own, or one that nobody fills or is going to fill."""
    assigned = wanted.get(item.item_id, ())
    if annotator in assigned:
        return True
    coming = sum(who not in aside and (item.item_id, who) not in standing for who in assigned)
    return taken[item.item_id] + coming < task.per_item


def to_adjudicate(
    task: LabelTask, labels: Sequence[Label], adjudications: Sequence[Label], annotator: str
) -> list[LabelItem]:
    """Items on which others disagree and that this person has not labelled, in the task's order."""
    given = {(label.item_id, label.annotator) for label in labels}
    passed = {(label.item_id, label.annotator) for label in adjudications if not label.value}
    return [
        dispute.item
        for dispute in disputes(task, labels, adjudications)
        if (dispute.item.item_id, annotator) not in given | passed
    ]
