"""Labelling tasks of a workspace, as the ledger keeps them: tasks, labels and adjudications, each written once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import msgspec

from assay.golden.labelling.drawing import Frame, Unit, unit_id
from assay.golden.labelling.estimate import seen_by_stratum
from assay.golden.labelling.making import PSEUDONYM, more_items
from assay.golden.labelling.queue import open_to, to_adjudicate
from assay.golden.labelling.resolve import disputes, resolved
from assay.golden.labelling.shown import Samples, Shown, choice_of, chunks_of, shown, value_of
from assay.golden.labelling.standing import latest, set_aside
from assay.ports.reading import Clock
from assay.records.access import Scope
from assay.records.digest import plain
from assay.records.errors import AccessDenied, Busy, InputError, NotFound
from assay.records.golden import Case
from assay.records.labels import ItemKind, Label, LabelItem, LabelTask, Resolved
from assay.records.ledger import Entry
from assay.wiring.workspace import Stores

TASK, FRAME, LABEL, ADJUDICATION = "label.task", "label.frame", "label", "label.adjudication"
MOST_NOTE = 2_000


class Place(Protocol):
    """A workspace, or the services of a server: what is kept, and the time."""

    @property
    def stores(self) -> Stores: ...
    @property
    def clock(self) -> Clock: ...


def names(place: Place) -> tuple[str, ...]:
    """The tasks there are, oldest first."""
    return place.stores.ledger.subjects(TASK)


def task(place: Place, name: str) -> LabelTask:
    """A task as it stands: with every item drawn since, each with its chance under all that was drawn.

    Raises NotFound `label.unknown_task` with the names there are.
    """
    waves = list(place.stores.ledger.entries(TASK, name)) if name else []
    if not waves:
        known = ", ".join(names(place)) or "none yet"
        raise NotFound(
            "label.unknown_task", f"there is no labelling task of this name (there are: {known})", where=name,
            remedy="assay label create NAME --runs RUN …",
        )  # fmt: skip
    made = msgspec.convert(waves[0].body, LabelTask)
    for wave in waves[1:]:
        made = _with_wave(made, wave)
    return made


def _with_wave(made: LabelTask, wave: Entry) -> LabelTask:
    """What a later draw added, and the chances that all items have since."""
    chances: dict[str, float] = wave.body["probabilities"]
    added = msgspec.convert(wave.body["items"], tuple[LabelItem, ...])
    known = tuple(replace(i, probability=chances.get(i.item_id, i.probability)) for i in made.items)
    return replace(made, items=(*known, *added))


def labels(place: Place, name: str) -> tuple[Label, ...]:
    """Every label ever given in a task, oldest first; a later one of the same person on the same item corrects."""
    return tuple(msgspec.convert(entry.body, Label) for entry in place.stores.ledger.entries(LABEL, name))


def adjudications(place: Place, name: str) -> tuple[Label, ...]:
    """Every adjudication ever given in a task, oldest first; the last one of an item decides."""
    return tuple(msgspec.convert(entry.body, Label) for entry in place.stores.ledger.entries(ADJUDICATION, name))


def resolved_labels(place: Place, task_name: str) -> tuple[Resolved, ...]:
    """What the people of a task together say, item by item: see `golden.labelling.resolve.resolved`."""
    return resolved(task(place, task_name), labels(place, task_name), adjudications(place, task_name))


def keep_task(place: Place, made: LabelTask, frame: Frame) -> None:
    """Write a new task with what it draws from. Raises Busy `label.exists`: a task is never replaced."""
    taken = made.name in names(place)
    entries = [
        Entry(TASK, made.name, "0", plain(made), made.created_at),
        Entry(FRAME, made.name, "0", _frame_body(made.kind, frame), made.created_at),
    ]
    if taken or not place.stores.ledger.append(entries):
        raise Busy(
            "label.exists", "there is a labelling task of this name", where=made.name,
            remedy="choose another name: labels stay with the guidelines that they were given by",
        )  # fmt: skip


def _frame_body(kind: ItemKind, frame: Frame) -> dict[str, Any]:
    """Names once and numbers after: a population has thousands of units."""
    runs = list(dict.fromkeys(run for unit in frame.units for run in (unit.run_id, unit.other_run)))
    strata = list(dict.fromkeys(unit.stratum for unit in frame.units))
    run_at, stratum_at = {run: n for n, run in enumerate(runs)}, {name: n for n, name in enumerate(strata)}
    units = [
        [u.case_id, run_at[u.run_id], u.repeat, run_at[u.other_run], stratum_at[u.stratum], u.size] for u in frame.units
    ]
    return {"kind": kind.value, "seed": frame.seed, "runs": runs, "strata": strata, "units": units}


def frame(place: Place, name: str) -> Frame:
    """The population that a task draws from, as it was when the task was made."""
    entry = place.stores.ledger.get(FRAME, name, "0")
    if entry is None:
        raise NotFound("label.unknown_task", "there is no labelling task of this name", where=name)
    body = entry.body
    units = []
    for case, run, repeat, other, stratum, size in body["units"]:
        one, two = body["runs"][run], body["runs"][other]
        made_id = unit_id(body["kind"], case, one, repeat, two)
        units.append(Unit(made_id, case, one, repeat, two, body["strata"][stratum], float(size)))
    return Frame(body["seed"], tuple(units))


def more(place: Place, name: str, count: int) -> tuple[LabelItem, ...]:
    """Draw `count` further items where they narrow the estimate most. Raises InputError `label.exhausted`."""
    if count < 1:
        raise InputError("label.count", "at least one item is drawn", where="--n")
    made = task(place, name)
    seen = seen_by_stratum(made, labels(place, name), adjudications(place, name))
    items, chances = more_items(made, frame(place, name), count, seen)
    body = {"items": plain(items), "probabilities": chances}
    if not place.stores.ledger.append([Entry(TASK, name, str(items[0].wave), body, place.clock.now())]):
        raise meanwhile(name)
    return items


def meanwhile(name: str) -> Busy:
    """Two writers wanted the same place in the ledger, and the other one has it."""
    """Two writers wanted the same place in the ledger, and the other one has it."""
    return Busy("label.meanwhile", "somebody else wrote at the same moment", where=name, remedy="try again")


def item_of(place: Place, made: LabelTask, item_id: str) -> LabelItem:
    """An item of this task. Raises InputError `label.foreign_item`, which says whose it is where that is known."""
    for item in made.items:
        if item.item_id == item_id:
            return item
    others = [other for other in names(place) if other != made.name]
    owner = next((other for other in others if any(i.item_id == item_id for i in task(place, other).items)), "")
    what = f"the item is of another task ({owner})" if owner else "the task has no such item"
    raise InputError("label.foreign_item", what, where=made.name)


def _item_inside(place: Place, made: LabelTask, item_id: str, scope: Scope) -> LabelItem:
    """The same for a caller of the server, who is not told what there is beyond their scope."""
    cases = cases_of(place, made)
    for item in made.items:
        if item.item_id == item_id and item.case_id in cases and scope.covers(cases[item.case_id].scope):
            return item
    raise InputError("label.foreign_item", "the task has no such item", where="$.item_id")


def tasks_inside(place: Place, scope: Scope) -> tuple[LabelTask, ...]:
    """The tasks of which a caller of the server may see something."""
    made = [task(place, name) for name in names(place)]
    return tuple(one for one in made if seen_by(place, one, scope))


def seen_by(place: Place, made: LabelTask, scope: Scope) -> bool:
    """True when a caller of the server may see some item of the task."""
    cases = cases_of(place, made)
    return any(item.case_id in cases and scope.covers(cases[item.case_id].scope) for item in made.items)


def give(
    place: Place, name: str, item_id: str, annotator: str, choice: str, *, seconds: float | None = None,
    note: str = "", adjudicate: bool = False, scope: Scope | None = None,
) -> Label:  # fmt: skip
    """Keep one person's word on an item; `choice` is one of those shown, empty for a pass. `scope` as in `ahead`.

    The same word again writes nothing; another one is a correction and is written after the first. Raises InputError
    and AccessDenied, code `label.*`.
    """
    made = task(place, name)
    item = item_of(place, made, item_id) if scope is None else _item_inside(place, made, item_id, scope)
    check_annotator(annotator)
    if len(note) > MOST_NOTE:
        raise InputError("label.note", f"a note has at most {MOST_NOTE:,} characters", where="note")
    if seconds is not None and not 0.0 <= seconds < 1e7:
        raise InputError("label.seconds", "the time that a label took is a number of seconds", where="seconds")
    given = labels(place, name)
    _check_allowed(made, item, annotator, given, adjudicate=adjudicate)
    label = Label(
        made.task_id, item_id, annotator, value_of(made, item, choice), place.clock.now(),
        "adjudication" if adjudicate else "person", seconds, note, made.guidelines_sha256,
    )  # fmt: skip
    kept = adjudications(place, name) if adjudicate else given
    return _keep_one(place, name, label, kept)


def _check_allowed(
    made: LabelTask, item: LabelItem, annotator: str, given: Sequence[Label], *, adjudicate: bool
) -> None:
    if adjudicate:
        if any((one.item_id, one.annotator) == (item.item_id, annotator) for one in given):
            raise AccessDenied("label.own_dispute", "a third person decides, not one who labelled the item")
        return
    if made.annotators and annotator not in made.annotators:
        open_to(made, given, annotator)
    if annotator in set_aside(made, given):
        raise AccessDenied(
            "label.set_aside", "this person's labels are set aside for the attention checks; no more are taken",
            where=made.name,
        )  # fmt: skip


def check_annotator(annotator: str) -> None:
    """Raise InputError `label.annotator` for what is no pseudonym."""
    if not PSEUDONYM.fullmatch(annotator):
        raise InputError(
            "label.annotator", "a pseudonym is one word of letters, digits and ._@+-, at most 64", where="--as"
        )


def _keep_one(place: Place, name: str, label: Label, kept: Sequence[Label]) -> Label:
    mine = [one for one in kept if (one.item_id, one.annotator) == (label.item_id, label.annotator)]
    if mine and (mine[-1].value, mine[-1].note) == (label.value, label.note):
        return mine[-1]
    if not place.stores.ledger.append([entry(name, label, len(mine))]):
        raise meanwhile(name)
    return label


def entry(name: str, label: Label, number: int) -> Entry:
    """The ledger's entry of a label; `number` counts that person's labels of that item before it, so that two
    corrections at one moment cannot both be the next."""
    kind = ADJUDICATION if label.source == "adjudication" else LABEL
    return Entry(kind, name, f"{label.item_id}/{label.annotator}/{number}", plain(label), label.at)


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a person has before them. `shown` is None when nothing is left for them; `dispute` are the labels that
    others gave, as this person would see them, where they are to decide between them."""

    shown: Shown | None
    done: int
    left: int
    withheld: int = 0
    """Items that this reader may not see, and that somebody else has to label."""
    dispute: tuple[tuple[str, str], ...] = ()
    """(choice, note) of each person, nobody named."""


def ahead(place: Place, name: str, annotator: str, scope: Scope | None = None, *, adjudicate: bool = False) -> Ahead:
    """The next item for a person. `scope` is what a caller of the server may see; None for whoever runs the command
    line, who can read the workspace anyway."""
    check_annotator(annotator)
    made, given = task(place, name), labels(place, name)
    decided = adjudications(place, name)
    queue = to_adjudicate(made, given, decided, annotator) if adjudicate else open_to(made, given, annotator)
    cases = cases_of(place, made)
    gone = [item for item in queue if item.case_id not in cases]
    allowed = [i for i in queue if i.case_id in cases and (scope is None or scope.covers(cases[i.case_id].scope))]
    withheld = len(queue) - len(allowed) - len(gone)
    mine = [one for one in (latest(decided) if adjudicate else latest(given)).values() if one.annotator == annotator]
    if not allowed:
        return Ahead(None, len(mine), 0, withheld)
    item = allowed[0]
    seen = show(place, made, item, cases[item.case_id], scope)
    return Ahead(seen, len(mine), len(allowed), withheld, _dispute(made, item, given, decided) if adjudicate else ())


def _dispute(
    made: LabelTask, item: LabelItem, given: Sequence[Label], decided: Sequence[Label]
) -> tuple[tuple[str, str], ...]:
    for one in disputes(made, given, decided):
        if one.item.item_id == item.item_id:
            return tuple(sorted((choice_of(made, item, label.value), label.note) for label in one.labels))
    return ()


_read: dict[tuple[str, str], dict[str, Case]] = {}
"""Cases by golden set and version, which is their hash: reading and checking a set for every label is slow."""
_READ_KEPT = 4


def cases_of(place: Place, made: LabelTask) -> dict[str, Case]:
    """The cases of the task's golden version, by id; of the newest where an erasure has replaced that version.

    Raises NotFound `label.gone` when nothing is left of the set.
    """
    name = made.golden_name
    versions = [version for version, _, _ in place.stores.golden.versions(name)]
    if not versions:
        raise NotFound("label.gone", "the golden set of this task is no longer kept", where=made.name)
    version = made.golden_version if made.golden_version in versions else versions[-1]
    for stale in [key for key in _read if key[0] == name and key[1] not in versions]:
        _read.pop(stale, None)
    if (name, version) not in _read:
        while len(_read) >= _READ_KEPT:
            _read.pop(next(iter(_read)), None)
        _read[(name, version)] = {case.case_id: case for case in place.stores.golden.get(name, version).cases}
    return _read[(name, version)]


def samples_of(place: Place, item: LabelItem) -> Samples:
    """The replies that an item is about."""
    case = item.shown_case or item.case_id
    runs = [run for run in (item.run_id, item.other_run) if run]
    found = {(run, case, item.repeat): place.stores.runs.sample(run, case, item.repeat) for run in runs}
    return {key: sample for key, sample in found.items() if sample is not None}


def show(place: Place, made: LabelTask, item: LabelItem, case: Case, scope: Scope | None) -> Shown:
    """The item as this reader may see it: by today's access lists for a caller of the server."""
    samples = samples_of(place, item)
    if scope is None:
        return shown(made, item, case, samples)
    visible = place.stores.catalog.visible(sorted(chunks_of(item, samples)), scope)
    return shown(made, item, case, samples, visible)
