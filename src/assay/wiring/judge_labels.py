"""People's labels for a judge: from labelling tasks, and from files that are read into the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from assay.evaluate.judges.labels import HumanLabel, from_task, read_labels
from assay.records.digest import plain, sha256_json
from assay.records.errors import InputError, NotFound
from assay.records.judging import CARD, JudgeCard
from assay.records.ledger import Entry
from assay.wiring import judges, judging, labelling
from assay.wiring.build import Workspace

LABEL = "judge.label"
"""The kind of ledger entries that hold labels from a file, under the judge's name."""


def newest_card(place: Workspace, name: str) -> JudgeCard | None:
    """The card that was made last for a judge of this name, whatever its recipe."""
    found = None
    for entry in place.stores.ledger.entries(CARD, name):
        found = msgspec.convert(entry.body, JudgeCard)
    return found


def human_labels(place: Workspace, name: str, sources: Sequence[str] = ()) -> tuple[HumanLabel, ...]:
    """Labels under the runs that first gave the replies.

    From the tasks and files in `sources`; else from the tasks that `assay.yaml` names for the judge, what its newest
    card was measured on, and every file read for it. Later files overrule earlier ones.
    """
    if sources:
        wanted = set(sources)
    else:
        card = newest_card(place, name)
        wanted = {*judges.setting_of(place, name).labels, *(card.labels.split(", ") if card else ())}
    found: list[HumanLabel] = []
    for task in labelling.names(place):
        if task in wanted:
            found.extend(from_task(labelling.task(place, task), labelling.resolved_labels(place, task)))
    for entry in place.stores.ledger.entries(LABEL, name):
        label = msgspec.convert(entry.body, HumanLabel)
        if not sources or label.task in wanted:
            found.append(label)
    return tuple(_rooted(place, found))


def _rooted(place: Workspace, labels: Sequence[HumanLabel]) -> list[HumanLabel]:
    runs = {run for label in labels for run in (label.run_id, label.other_run) if run}
    roots = {"": "", **{run: judges.root_of(place, run) for run in runs}}
    return [replace(label, run_id=roots[label.run_id], other_run=roots[label.other_run]) for label in labels]


def source(place: Workspace, name: str, given: str, run: str = "", against: str = "") -> str:
    """A labelling task by its name, or the file of this path, whose labels are kept then; either by the name that
    `human_labels` takes.

    Raises NotFound `judge.no_labels` when it is neither, and InputError for a file that cannot be read.
    """
    if given in labelling.names(place):
        return given
    path = Path(given).expanduser()
    if not path.is_file():
        known = ", ".join(labelling.names(place)) or "none yet"
        raise NotFound(
            "judge.no_labels", f"this is neither a labelling task (there are: {known}) nor a file", where=given,
            remedy="assay label create …, or a CSV or JSONL file with case_id, run_id and label",
        )  # fmt: skip
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise InputError("judge.labels", "the file cannot be read as UTF-8 text", where=given) from None
    jsonl = path.suffix.lower() in (".jsonl", ".ndjson")
    run_id = judging.run_named(place, run).run_id if run else ""
    other = judging.run_named(place, against).run_id if against else ""
    labels = read_labels(text, given, jsonl=jsonl, run_id=run_id, other_run=other)
    now = place.clock.now()
    place.stores.ledger.append([
        Entry(LABEL, name, f"{label.task}/{sha256_json(label)[:24]}", plain(label), now) for label in labels
    ])  # fmt: skip
    return labels[0].task
