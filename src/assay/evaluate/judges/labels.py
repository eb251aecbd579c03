"""What people said of the replies that a judge judges: from labelling tasks, and from a plain file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assay.records.digest import sha256_json
from assay.records.errors import InputError
from assay.records.labels import ItemKind, LabelTask, Resolved

PASS = frozenset({"1", "1.0", "true", "yes", "pass", "passed", "correct", "right", "good", "supported"})
FAIL = frozenset({"0", "0.0", "false", "no", "fail", "failed", "incorrect", "wrong", "bad", "unsupported"})
SIDES = {"a": 0.0, "model_a": 0.0, "baseline": 0.0, "b": 1.0, "model_b": 1.0, "candidate": 1.0, "tie": 0.5}


@dataclass(frozen=True, slots=True)
class HumanLabel:
    """What people together said: 1 passed, 0 failed; of a pair 0 the first reply is better, 1 the other, .5 neither.

    `probability` is the chance with which the item was drawn inside its `task`.
    """

    run_id: str
    case_id: str
    repeat: int
    value: float
    other_run: str = ""
    task: str = ""
    probability: float = 1.0
    annotators: tuple[str, ...] = ()


def from_task(task: LabelTask, resolved: Iterable[Resolved]) -> tuple[HumanLabel, ...]:
    """The labels of a task about replies, or about pairs of them; items about cases are no labels of replies.

    Raises InputError for a task about pairs with labels other than `a`, `b` and `tie`, or one about replies that does
    not say which labels are positive.
    """
    found = []
    for one in resolved:
        item = one.item
        if item.kind is ItemKind.CASE or item.shown_case or item.text:
            continue
        if item.kind is ItemKind.PAIR:
            value = SIDES.get(one.value)
            if value is None:
                raise InputError("judge.labels", "labels of pairs are a, b and tie", where=task.name)
        else:
            if not task.positive:
                raise InputError(
                    "judge.labels", "the task does not say which of its labels are positive", where=task.name
                )
            value = float(one.value in task.positive)
        people = tuple(sorted({label.annotator for label in one.labels}))
        found.append(
            HumanLabel(
                item.run_id, item.case_id, item.repeat, value, item.other_run, task.name, item.probability, people
            )
        )
    return tuple(found)


def read_labels(text: str, where: str, *, jsonl: bool, run_id: str = "", other_run: str = "") -> tuple[HumanLabel, ...]:
    """Rows with `case_id` and `label`, and optionally `run_id`, `other_run` and `repeat`, from CSV or JSONL.

    `label` is pass or fail (1/0, true/false, yes/no, correct/wrong) or, of a pair, a, b or tie. `run_id` and
    `other_run` stand in where a row does not say. Raises InputError with the line for a row that cannot be read and
    for two rows about one reply that say different things.
    """
    found: dict[tuple[str, str, str, int], HumanLabel] = {}
    task = f"file:{sha256_json(text)[:12]}"
    for line, row in _rows(text, where, jsonl):
        at = f"{where}:{line}"
        label = _label(row, at, task, run_id, other_run)
        key = (label.run_id, label.other_run, label.case_id, label.repeat)
        if key in found and found[key].value != label.value:
            raise InputError(
                "judge.labels", "this reply has another label further up", where=at,
                remedy="resolve it first: one label a reply, or use a labelling task",
            )  # fmt: skip
        found[key] = label
    if not found:
        raise InputError("judge.labels", "there is no label in the file", where=where)
    return tuple(found.values())


def _rows(text: str, where: str, jsonl: bool) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if not jsonl:
        reader = csv.DictReader(io.StringIO(text))
        if not {"case_id", "label"} <= set(reader.fieldnames or ()):
            raise InputError("judge.labels", "the columns case_id and label are needed", where=where)
        for row in reader:
            yield reader.line_num, row
        return
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except ValueError:
            raise InputError("judge.labels", "the line is not JSON", where=f"{where}:{number}") from None
        if not isinstance(found, dict):
            raise InputError("judge.labels", "the line is no JSON object", where=f"{where}:{number}")
        yield number, found


def _label(row: Mapping[str, Any], at: str, task: str, run_id: str, other_run: str) -> HumanLabel:
    case_id, run = str(row.get("case_id") or ""), str(row.get("run_id") or run_id)
    other = str(row.get("other_run") or other_run)
    if not case_id:
        raise InputError("judge.labels", "case_id is missing", where=at)
    if not run:
        raise InputError("judge.labels", "no run is named", where=at, remedy="add a column run_id, or --run RUN")
    repeat = str(row.get("repeat") or "0")
    if not repeat.isdecimal():
        raise InputError("judge.labels", "repeat is no number", where=at)
    word = str(row.get("label", "")).strip().lower()
    value = SIDES.get(word) if other else 1.0 if word in PASS else 0.0 if word in FAIL else None
    if value is None:
        wanted = "a, b or tie" if other else "pass or fail (or 1/0, true/false, yes/no, correct/wrong)"
        raise InputError("judge.labels", f"label must be {wanted}", where=at)
    person = str(row.get("annotator") or "")
    return HumanLabel(run, case_id, int(repeat), value, other, task, annotators=(person,) if person else ())


def labels_digest(labels: Iterable[HumanLabel]) -> str:
    """SHA-256 over what was said of what, in any order."""
    return sha256_json(sorted([one.run_id, one.other_run, one.case_id, one.repeat, one.value] for one in labels))
