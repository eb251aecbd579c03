"""Labelling tasks of a workspace, as the ledger keeps them: tasks, labels and adjudications, each written once."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import msgspec

from assay.golden.labelling.resolve import resolved
from assay.ports.reading import Clock
from assay.records.digest import plain
from assay.records.errors import Busy, NotFound
from assay.records.labels import Label, LabelItem, LabelTask, Resolved
from assay.records.ledger import Entry
from assay.wiring.workspace import Stores

TASK, LABEL, ADJUDICATION = "label.task", "label", "label.adjudication"


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


def keep_task(place: Place, made: LabelTask) -> None:
    """Write a new task. Raises Busy `label.exists` when the name is taken: a task is never replaced."""
    if not place.stores.ledger.append([Entry(TASK, made.name, "0", plain(made), made.created_at)]):
        raise Busy(
            "label.exists", "there is a labelling task of this name", where=made.name,
            remedy="choose another name: labels stay with the guidelines that they were given by",
        )  # fmt: skip
