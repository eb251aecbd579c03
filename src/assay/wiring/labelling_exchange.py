"""Labels out of a workspace and into it: files for other tools, resolved labels, new versions of golden sets."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

from assay.golden.labelling import argilla, label_studio, sheet, to_golden
from assay.golden.labelling.exchange import BadLabels, Given, Incoming, Out
from assay.golden.labelling.making import PSEUDONYM
from assay.golden.labelling.queue import in_order
from assay.golden.labelling.resolve import resolved
from assay.golden.labelling.shown import choice_of, choices, value_of
from assay.golden.labelling.standing import latest
from assay.golden.problems import Problem
from assay.records.digest import plain, sha256_bytes
from assay.records.errors import InputError, NotFound
from assay.records.golden import GoldenSet
from assay.records.labels import Label, LabelItem, LabelTask, Resolved
from assay.records.ledger import Entry
from assay.wiring import labelling
from assay.wiring.labelling import Place

FORMATS: dict[str, ModuleType] = {"label-studio": label_studio, "argilla": argilla, "csv": sheet}


def _format(name: str) -> ModuleType:
    if name not in FORMATS:
        raise InputError("label.format", f"formats are {', '.join(FORMATS)}", where="--format")
    return FORMATS[name]


@dataclass(frozen=True, slots=True)
class Exported:
    items: int
    labels: int
    gone: int
    """Items whose case or reply is no longer kept."""
    interface: Path | None
    """Label Studio's labelling configuration, written beside the file."""


def export(place: Place, name: str, form: str, path: Path, *, with_labels: bool = False) -> Exported:
    """Write a task's items, blind and in a drawn order, attention checks among them; with the labels where asked."""
    writer = _format(form)
    made = labelling.task(place, name)
    given = list(latest(labelling.labels(place, name)).values()) if with_labels else []
    cases = labelling.cases_of(place, made)
    outs: list[Out] = []
    gone = 0
    for item in in_order(made, ""):
        try:
            seen = labelling.show(place, made, item, cases[item.case_id], None)
        except (KeyError, NotFound):
            gone += 1
            continue
        mine = [label for label in given if label.item_id == item.item_id]
        outs.append(Out(seen, tuple(_outgoing(made, item, label) for label in mine)))
    write_file(path, writer.write(name, outs))
    beside = path.with_suffix(".xml") if writer is label_studio else None
    if beside is not None:
        write_file(beside, label_studio.interface(made.question, made.guidelines, outs))
    return Exported(len(outs), sum(len(out.given) for out in outs), gone, beside)


def _outgoing(made: LabelTask, item: LabelItem, label: Label) -> Given:
    choice = choice_of(made, item, label.value)
    return Given(item.item_id, label.annotator, choice, label.at, label.seconds, label.note)


def write_file(path: Path, text: str) -> None:
    """The whole file or nothing: written beside and moved. Raises InputError `label.unwritable`."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8", newline="")
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        reason = (error.strerror or "unknown reason").lower()
        raise InputError("label.unwritable", f"cannot be written ({reason})", where=str(path)) from None


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file's labels. `repeated` says that exactly this file was imported before."""

    new: int
    unchanged: int
    older: int
    """Given before the label that the same person has here now."""
    unknown: int
    """Of items that the task does not have, left out because that was asked for."""
    blank: int
    repeated: bool
    digest: str


def import_labels(
    place: Place, name: str, form: str, data: bytes, file_name: str, who: Mapping[str, str], *,
    skip_unknown: bool = False,
) -> Imported:  # fmt: skip
    """Take a file's labels into a task: all of them or, when one is wrong, none (BadLabels tells every one).

    What a person has said here already is not written twice; what differs is a correction, unless the file's is older.
    """
    made, kept = labelling.task(place, name), labelling.labels(place, name)
    digest = sha256_bytes(data)
    repeated = any(label.import_sha256 == digest for label in kept)
    reader = _format(form)
    people = {argilla.user_of(one): one for one in (*made.annotators, *(label.annotator for label in kept))}
    found: Incoming = reader.read(data, file_name, people | dict(who))
    items = {item.item_id: item for item in made.items}
    known = [one for one in found.given if one.item_id in items or not skip_unknown]
    _check_incoming(place, made, known, items, file_name)
    entries, unchanged, older = _new_entries(place, made, known, items, kept, f"import:{form}", digest)
    if entries and place.stores.ledger.append(entries) < len(entries):
        raise labelling.meanwhile(name)
    unknown = len(found.given) - len(known)
    return Imported(len(entries), unchanged, older, unknown, found.blank, repeated, digest)


def _check_incoming(
    place: Place, made: LabelTask, given: Sequence[Given], items: Mapping[str, LabelItem], file_name: str
) -> None:
    problems: list[Problem] = []
    foreign = sorted({one.item_id for one in given} - set(items))
    owners = _owners(place, made.name, foreign) if foreign else {}
    for one in given:
        item = items.get(one.item_id)
        if item is None:
            owner = owners.get(one.item_id, "")
            what = f"the item is of another task ({owner})" if owner else "the task has no such item (any more)"
            problems.append(Problem(one.line, "$.item", "label.foreign_item", what))
        elif one.choice and one.choice not in choices(made, item):
            what = f"is none of the task's labels ({', '.join(choices(made, item))})"
            problems.append(Problem(one.line, "$.label", "label.unknown_label", what))
        if not PSEUDONYM.fullmatch(one.annotator):
            problems.append(Problem(one.line, "$.annotator", "label.annotator", "is no pseudonym; name it with --who"))
        elif made.annotators and one.annotator not in made.annotators:
            problems.append(Problem(one.line, "$.annotator", "label.not_on_task", "is none of the task's people"))
    if problems:
        raise BadLabels(file_name, problems)


def _owners(place: Place, name: str, foreign: Sequence[str]) -> dict[str, str]:
    wanted = set(foreign)
    others = [other for other in labelling.names(place) if other != name]
    return {i.item_id: other for other in others for i in labelling.task(place, other).items if i.item_id in wanted}


def _new_entries(
    place: Place, made: LabelTask, given: Sequence[Given], items: Mapping[str, LabelItem], kept: Sequence[Label],
    source: str, digest: str,
) -> tuple[list[Entry], int, int]:  # fmt: skip
    """Entries to write, how many say what is known, and how many are older than what is known."""
    now = place.clock.now()
    stand = latest(kept)
    counts = Counter((label.item_id, label.annotator) for label in kept)
    entries: list[Entry] = []
    unchanged = older = 0
    for one in given:
        key = (one.item_id, one.annotator)
        value, before = value_of(made, items[one.item_id], one.choice), stand.get(key)
        if before is not None and (before.value, before.note or one.note) == (value, one.note or before.note):
            unchanged += 1
            continue
        if before is not None and _is_older(one.at, before.at):
            older += 1
            continue
        label = Label(
            made.task_id, one.item_id, one.annotator, value, one.at if _moment(one.at) else now, source, one.seconds,
            one.note, made.guidelines_sha256, digest,
        )  # fmt: skip
        entries.append(labelling.entry(made.name, label, counts[key]))
        counts[key] += 1
        stand[key] = label
    return entries, unchanged, older


def _is_older(at: str, known: str) -> bool:
    one, other = _moment(at), _moment(known)
    return one is not None and other is not None and one < other


def _moment(text: str) -> datetime | None:
    """A time as ISO 8601 has it, taken as UTC where it names no zone; None for anything else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def resolved_lines(place: Place, name: str) -> str:
    """The resolved labels with everything they rest on, one JSON object a line."""
    made = labelling.task(place, name)
    found = resolved(made, labelling.labels(place, name), labelling.adjudications(place, name))
    return "".join(json.dumps(_line(made, one), ensure_ascii=False) + "\n" for one in found)


def _line(made: LabelTask, one: Resolved) -> dict[str, object]:
    item = one.item
    return {
        "task": made.name,
        "task_id": made.task_id,
        "guidelines_sha256": made.guidelines_sha256,
        "item": item.item_id,
        "case": item.case_id,
        "run": item.run_id,
        "repeat": item.repeat,
        **({"other_run": item.other_run} if item.other_run else {}),
        "stratum": item.stratum,
        "probability": item.probability,
        "value": one.value,
        "positive": one.value in made.positive,
        "how": one.how,
        "labels": plain(one.labels),
    }


def make_golden(
    place: Place, name: str, into: str, use: to_golden.Use, *, replacing: bool = False
) -> tuple[GoldenSet, to_golden.Change]:
    """A new version of the golden set `into` (empty: the task's own), with what people said as what is expected.

    The version before stays as it is. Raises InputError `label.conflicts` when people contradict what a case expects
    already, unless `replacing`.
    """
    made = labelling.task(place, name)
    target = into or made.golden_name
    known = target in place.stores.golden.names()
    base = place.stores.golden.get(target) if known else place.stores.golden.get(made.golden_name, made.golden_version)
    found = labelling.resolved_labels(place, name)
    replies = {
        one.item.item_id: sample.reply
        for one in found
        if (sample := place.stores.runs.sample(one.item.run_id, one.item.case_id, one.item.repeat)) is not None
    }
    cases, change = to_golden.changed(base.cases, made, found, replies, use)
    if change.conflicts and not replacing:
        listed = ", ".join(change.conflicts[:10]) + (", …" if len(change.conflicts) > 10 else "")
        raise InputError(
            "label.conflicts", f"people contradict what {len(change.conflicts)} cases expect: {listed}", where=target,
            remedy="look at them, then --replace",
        )  # fmt: skip
    if not change.cases:
        raise InputError("label.nothing_new", "the labels change no case of this golden set", where=target)
    golden = replace(base, name=target, cases=cases, created_at=place.clock.now(), note=f"labels of {made.name}")
    place.stores.golden.put(golden)
    return golden, change
