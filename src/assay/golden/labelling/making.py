"""Makes a labelling task: everything that is fixed before the first label, checked as one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from assay.golden.labelling.drawing import Frame, Seen, Unit, allot, draw, probabilities, random_number, unit_id
from assay.records.digest import sha256_json
from assay.records.errors import InputError
from assay.records.labels import Design, ItemKind, LabelItem, LabelTask

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
PSEUDONYM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
PAIR_LABELS = ("a", "b", "tie")


@dataclass(frozen=True, slots=True)
class Question:
    """What is put to people, and how."""

    name: str
    question: str
    guidelines: str
    labels: tuple[str, ...]
    positive: tuple[str, ...]
    kind: ItemKind = ItemKind.REPLY
    per_item: int = 2
    annotators: tuple[str, ...] = ()
    check_floor: float = 0.75


@dataclass(frozen=True, slots=True)
class Check:
    """An item with a known label. Either the unit as it is, or with another reply shown."""

    unit: Unit
    gold: str
    shown_case: str = ""
    text: str = ""


def check_question(asked: Question) -> Question:
    """The question with blanks trimmed. Raises InputError, code `label.*`, for what cannot be asked so."""
    labels = tuple(label.strip() for label in asked.labels)
    made = replace(
        asked, labels=labels, positive=tuple(p.strip() for p in asked.positive), question=asked.question.strip(),
        guidelines=asked.guidelines.strip(),
    )  # fmt: skip
    pairs = made.kind is ItemKind.PAIR
    problems = (
        (not NAME.fullmatch(made.name), "label.name", "a task's name has letters, digits, dots, dashes, underscores"),
        (not made.question, "label.no_question", "the question that is put to people is empty"),
        (not made.guidelines, "label.no_guidelines", "guidelines are fixed before the first label, and there are none"),
        (len(labels) < 2 or not all(labels), "label.labels", "at least two labels are needed, none of them empty"),
        (len(set(labels)) < len(labels), "label.labels", "a label is named twice"),
        (not made.positive, "label.positive", "name the labels that count as 1 where a share is estimated"),
        (bool(set(made.positive) - set(labels)), "label.positive", "a positive label is not among the labels"),
        (set(made.positive) == set(labels), "label.positive", "every label counts as positive: nothing to estimate"),
        (pairs and not {"a", "b"} <= set(labels) <= set(PAIR_LABELS), "label.labels", "pairs take a, b and tie"),
        (made.per_item < 1, "label.per_item", "every item is labelled by at least one person"),
        (not 0.0 <= made.check_floor <= 1.0, "label.check_floor", "the floor of the checks is between 0 and 1"),
        (len(set(made.annotators)) < len(made.annotators), "label.annotators", "a person is named twice"),
        (0 < len(made.annotators) < made.per_item, "label.annotators", "fewer people than labels per item"),
        (not all(map(PSEUDONYM.fullmatch, made.annotators)), "label.annotators", "a pseudonym is one plain word"),
    )
    for wrong, code, what in problems:
        if wrong:
            raise InputError(code, what, where=made.name if NAME.fullmatch(made.name) else "")
    return made


def new_task(
    asked: Question, frame: Frame, count: int, checks: Sequence[Check], *, by: str, guesses: Mapping[str, float],
    left_out: Mapping[str, int], golden_name: str, golden_version: str, now: str,
) -> LabelTask:  # fmt: skip
    """The task with `count` items drawn from the frame and the checks mixed in. Raises InputError `label.*`."""
    question = check_question(asked)
    if not frame.units:
        raise InputError(
            "label.nothing_to_label", "there is nothing to draw from", where=question.name,
            remedy="is the run complete, and did the system reply?",
        )  # fmt: skip
    if count < 1:
        raise InputError("label.count", "at least one item is drawn", where="--n")
    wrong = [check for check in checks if check.gold not in question.labels]
    if wrong:
        raise InputError("label.unknown_label", f"{len(wrong)} checks have a label that the task does not know")
    drawn = draw(frame, allot(count, frame.sizes, {}, {}, guesses=guesses))
    chance = probabilities(frame, frozenset(unit.unit_id for unit in drawn))
    items = [_item(question.kind, unit, chance[unit.unit_id]) for unit in drawn]
    mixed = [*items, *(_check_item(check) for check in checks)]
    mixed.sort(key=lambda item: random_number(frame.seed, item.item_id, "order"))
    made = LabelTask(
        task_id="", name=question.name, guidelines=question.guidelines, labels=question.labels,
        positive=question.positive, items=tuple(mixed), per_item=question.per_item, golden_name=golden_name,
        golden_version=golden_version, seed=frame.seed, created_at=now, question=question.question,
        kind=question.kind, annotators=question.annotators,
        design=Design(by, len(frame.units), frame.sizes, dict(left_out)), check_floor=question.check_floor,
    )  # fmt: skip
    return replace(made, task_id=sha256_json(made)[:16])


def _item(kind: ItemKind, unit: Unit, probability: float, wave: int = 0) -> LabelItem:
    return LabelItem(
        unit.unit_id, kind, unit.case_id, unit.run_id, unit.repeat, unit.other_run, unit.stratum, probability, wave=wave
    )


def _check_item(check: Check) -> LabelItem:
    """A check under an id of its own, so that the same unit can also be drawn as an item."""
    unit = check.unit
    kind = ItemKind.PAIR if unit.other_run else ItemKind.REPLY if unit.run_id else ItemKind.CASE
    salt = f"check\0{check.shown_case}\0{check.text}"
    made_id = unit_id(kind.value, unit.case_id, unit.run_id, unit.repeat, unit.other_run, salt)
    return LabelItem(
        made_id, kind, unit.case_id, unit.run_id, unit.repeat, unit.other_run, gold=check.gold,
        shown_case=check.shown_case, text=check.text,
    )  # fmt: skip


def more_items(
    task: LabelTask, frame: Frame, count: int, seen: Mapping[str, Seen]
) -> tuple[tuple[LabelItem, ...], dict[str, float]]:
    """`count` further items where they narrow the estimate most, and the chances that every item has since.

    Raises InputError `label.exhausted` when the whole population is drawn already.
    """
    drawn = frozenset(item.item_id for item in task.asked)
    have = {name: sum(i.stratum == name for i in task.asked) for name in frame.sizes}
    taken = draw(frame, allot(count, frame.sizes, have, seen), drawn)
    if not taken:
        raise InputError("label.exhausted", "everything there is to label is drawn already", where=task.name)
    chance = probabilities(frame, drawn | {unit.unit_id for unit in taken})
    wave = max((item.wave for item in task.items), default=0) + 1
    return tuple(_item(task.kind, unit, chance[unit.unit_id], wave) for unit in taken), chance


def swapped(
    units: Sequence[Unit],
    asked: Mapping[str, frozenset[str]],
    said: Mapping[str, frozenset[str]],
    count: int,
    seed: int,
) -> list[tuple[Unit, str]]:
    """Replies shown under another case's question: (unit asked about, case whose reply is shown), `count` of them.

    `asked` are the words of topic in each case's question, `said` those in its question and reply. A reply is taken
    from a case that says none of the words asked for, so that nobody who reads can call it right. Fewer where there
    are no such cases. No case is used twice.
    """
    order = sorted(units, key=lambda unit: random_number(seed, unit.unit_id, "swap"))
    made: list[tuple[Unit, str]] = []
    used: set[str] = set()
    for unit in order:
        if len(made) == count:
            break
        other = None if unit.case_id in used else _stranger(unit, order, asked, said, used)
        if other is not None:
            used |= {unit.case_id, other}
            made.append((unit, other))
    return made


def _stranger(
    unit: Unit, others: Iterable[Unit], asked: Mapping[str, frozenset[str]], said: Mapping[str, frozenset[str]],
    used: set[str],
) -> str | None:  # fmt: skip
    mine = asked.get(unit.case_id)
    if not mine:
        return None
    for other in others:
        theirs = said.get(other.case_id)
        taken = other.case_id in used or other.case_id == unit.case_id
        fits = (other.run_id, other.repeat) == (unit.run_id, unit.repeat)
        if theirs and fits and not taken and mine.isdisjoint(theirs):
            return other.case_id
    return None
