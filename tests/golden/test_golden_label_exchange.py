"""Labels out to Label Studio, Argilla and CSV and back; whole files or nothing; the same file twice changes nothing."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from assay.golden.labelling import argilla
from assay.golden.labelling.exchange import BadLabels
from assay.golden.labelling.making import Question
from assay.records.errors import Busy, InputError
from assay.records.labels import ItemKind, Label
from assay.wiring import labelling, labelling_exchange, labelling_making
from assay.wiring.build import Workspace
from assay.wiring.labelling_making import Drawing
from label_examples import QUALITY, memory_lab

PAIRS = Question("pairs", "Which is better?", "Look.", ("a", "b", "tie"), ("b",), ItemKind.PAIR)
FORMATS = ("label-studio", "argilla", "csv")


def make(place: Workspace, asked: Question = QUALITY, count: int = 6, **drawing: Any) -> None:
    runs = ["aaaa", "bbbb"] if asked.kind is ItemKind.PAIR else ["aaaa"]
    labelling_making.create(place, asked, Drawing(count, **drawing), runs)


def take(place: Workspace, name: str, form: str, data: bytes, **more: Any) -> labelling_exchange.Imported:
    return labelling_exchange.import_labels(place, name, form, data, "labels.file", more.pop("who", {}), **more)


def words(place: Workspace, name: str) -> dict[tuple[str, str], str]:
    return {(label.item_id, label.annotator): label.value for label in labelling.labels(place, name)}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("asked", [QUALITY, PAIRS], ids=["reply", "pair"])
def test_labels_go_out_and_come_back_as_they_were(tmp_path: Path, form: str, asked: Question) -> None:
    """Into another workspace with the same task: value, person, and for Label Studio and CSV time, seconds and note."""
    one, two = memory_lab(), memory_lab()
    for place in (one, two):
        make(place, asked)
    for number, item in enumerate(labelling.task(one, asked.name).items):
        for person in ("ann", "bob"):
            seen = labelling.ahead(one, asked.name, person).shown
            assert seen is not None
            choice = seen.choices[number % 2]
            labelling.give(one, asked.name, seen.item_id, person, choice, seconds=4.5, note="=1+1" if number else "")
        assert item.item_id
    path = tmp_path / "out"
    labelling_exchange.export(one, asked.name, form, path, with_labels=True)
    who = {argilla.user_of(person): person for person in ("ann", "bob")}
    done = take(two, asked.name, form, path.read_bytes(), who=who)
    assert (done.new, done.repeated) == (12, False)
    assert words(two, asked.name) == words(one, asked.name)
    back, sent = (
        {(label.item_id, label.annotator): label for label in labelling.labels(place, asked.name)}
        for place in (two, one)
    )
    for key, label in back.items():
        assert label.note == sent[key].note
        assert label.source == f"import:{form}"
        assert label.import_sha256 == done.digest
        assert label.guidelines_sha256 == labelling.task(two, asked.name).guidelines_sha256
        if form != "argilla":
            assert (label.at, label.seconds) == (sent[key].at, sent[key].seconds)
    again = take(two, asked.name, form, path.read_bytes(), who=who)
    assert (again.new, again.unchanged, again.repeated) == (0, 12, True)
    assert len(labelling.labels(two, asked.name)) == 12


@pytest.mark.parametrize("form", FORMATS)
def test_what_goes_out_to_people_is_blind(tmp_path: Path, form: str) -> None:
    """No run, score, stratum, label, person, nor which items are attention checks."""
    place = memory_lab()
    make(place, by="judge:correct", swaps=2, swap_label="bad")
    made = labelling.task(place, "quality")
    labelling.give(place, "quality", made.asked[0].item_id, "zoe", "good", note="SECRETNOTE")
    path = tmp_path / "blind.json"
    labelling_exchange.export(place, "quality", form, path)
    text = path.read_text()
    for word in ("aaaa1111", "judge", "correct", "zoe", "SECRETNOTE", "gold", "check", "stratum", "probability"):
        assert word not in text, word
    assert text.count(made.checks[0].item_id) == text.count(made.asked[0].item_id) == 1


def test_the_fields_are_those_of_the_other_tools(tmp_path: Path) -> None:
    """As their documentation and source name them."""
    place = memory_lab()
    make(place, count=5)
    item = labelling.task(place, "quality").items[0].item_id
    labelling.give(place, "quality", item, "ann", "good", seconds=2.0)
    for form in ("label-studio", "argilla"):
        labelling_exchange.export(place, "quality", form, tmp_path / form, with_labels=True)
    studio = next(t for t in json.loads((tmp_path / "label-studio").read_text()) if t["data"]["item"] == item)
    (annotation,) = studio["annotations"]
    assert annotation["result"] == [
        {"from_name": "label", "to_name": "question", "type": "choices", "value": {"choices": ["good"]}}
    ]
    assert annotation["completed_by"] == {"email": "ann@assay.invalid"}
    assert {"was_cancelled", "ground_truth", "created_at", "updated_at", "lead_time"} <= set(annotation)
    record = next(r for r in json.loads((tmp_path / "argilla").read_text()) if r["id"] == item)
    assert set(record) == {"id", "fields", "metadata", "suggestions", "responses", "vectors", "_server_id"}
    assert record["responses"] == {"label": [{"value": "good", "user_id": argilla.user_of("ann")}]}
    interface = (tmp_path / "label-studio.xml").read_text()
    assert '<Choices name="label" toName="question"' in interface
    assert '<Text name="reply" value="$reply"/>' in interface


def test_an_export_of_label_studio_itself_is_read() -> None:
    """Numbers of users, skipped tasks, ids and keys that are not ours; `--who` says whose they are."""
    place = memory_lab()
    make(place, count=5)
    one, two, *_ = (item.item_id for item in labelling.task(place, "quality").items)
    result = {"id": "Dx", "from_name": "label", "to_name": "question", "type": "choices", "value": {"choices": ["bad"]}}
    tasks = [
        {"id": 9, "data": {"item": one}, "project": 83, "predictions": [], "annotations": [
            {"id": 1, "result": [result], "completed_by": 10, "was_cancelled": False, "lead_time": 4.288,
             "updated_at": "2031-03-09T22:16:08.728378Z"},
            {"id": 2, "result": [], "completed_by": {"id": 11, "email": "bob@x.org"}, "was_cancelled": True}]},
        {"id": 10, "data": {"item": two}, "annotations": []},
    ]  # fmt: skip
    done = take(place, "quality", "label-studio", json.dumps(tasks).encode(), who={"10": "ann", "bob@x.org": "bob"})
    assert (done.new, done.blank) == (2, 1)
    assert words(place, "quality") == {(one, "ann"): "bad", (one, "bob"): ""}
    first = labelling.labels(place, "quality")[0]
    assert (first.seconds, first.at) == (4.288, "2031-03-09T22:16:08.728378Z")


def sheet(*rows: tuple[str, ...]) -> bytes:
    file = io.StringIO()
    csv.writer(file).writerows([("item", "label", "annotator", "at"), *rows])
    return file.getvalue().encode()


def test_one_wrong_label_and_nothing_is_imported() -> None:
    """Every problem is told with its line: an unknown label, an item of another task, one that is gone, nobody."""
    place = memory_lab()
    make(place)
    make(place, PAIRS)
    item = labelling.task(place, "quality").items[0].item_id
    other = labelling.task(place, "pairs").items[0].item_id
    data = sheet(
        (item, "good", "ann", ""), (item, "great", "bob", ""), (other, "good", "ann", ""),
        ("f" * 16, "good", "ann", ""),
        (item, "good", "", ""), (item, "good", "a b", ""),
    )  # fmt: skip
    with pytest.raises(BadLabels) as caught:
        take(place, "quality", "csv", data, who={"": "cy"})
    told = [(problem.line, problem.code) for problem in caught.value.problems]
    assert told == [
        (3, "label.unknown_label"), (4, "label.foreign_item"), (5, "label.foreign_item"), (7, "label.annotator"),
    ]  # fmt: skip
    assert "another task (pairs)" in str(caught.value)
    assert "great" not in str(caught.value)
    assert labelling.labels(place, "quality") == ()
    with pytest.raises(BadLabels, match=r"whose label is it"):
        take(place, "quality", "csv", data)
    some = sheet((item, "good", "ann", ""), ("f" * 16, "good", "ann", ""))
    assert take(place, "quality", "csv", some, skip_unknown=True).unknown == 1
    assert words(place, "quality") == {(item, "ann"): "good"}


def test_a_later_word_corrects_and_an_older_file_does_not() -> None:
    place = memory_lab()
    make(place)
    item = labelling.task(place, "quality").items[0].item_id
    take(place, "quality", "csv", sheet((item, "good", "ann", "2026-02-01T10:00:00Z")))
    done = take(place, "quality", "csv", sheet((item, "bad", "ann", "2026-03-01T10:00:00+00:00")))
    assert done.new == 1
    old = take(place, "quality", "csv", sheet((item, "good", "ann", "2026-02-15T10:00:00")))
    assert (old.new, old.older) == (0, 1)
    history: list[Label] = list(labelling.labels(place, "quality"))
    assert [label.value for label in history] == ["good", "bad"], "both stay; the last one stands"
    assert labelling.resolved_labels(place, "quality")[0].value == "bad"


@pytest.mark.parametrize(
    ("form", "data"),
    [
        ("label-studio", b"{"),
        ("label-studio", b"[1]"),
        ("label-studio", b'[{"data": {}}]'),
        ("label-studio", b'[{"data": {"item": "x"}, "annotations": [{"completed_by": true, "result": []}]}]'),
        ("label-studio", b'[{"data": {"item": "x"}, "annotations": [{"completed_by": 1, "result": []}]}]'),
        ("argilla", b'[{"id": "x", "responses": {"label": [{"value": 3, "user_id": "u"}]}}]'),
        ("argilla", b'[{"id": "x", "responses": {"label": {}}}]'),
        ("argilla", b'[{"fields": {}}]'),
        ("csv", b"\xff\xfe"),
        ("csv", b"a,b\n1,2\n"),
        ("csv", b"item,label,annotator,seconds\nx,good,ann,-3\n"),
        ("csv", b""),
    ],
)
def test_files_that_are_not_what_they_should_be(form: str, data: bytes) -> None:
    place = memory_lab()
    make(place)
    with pytest.raises(BadLabels):
        take(place, "quality", form, data)


def test_a_task_is_never_replaced() -> None:
    place = memory_lab()
    make(place)
    before = labelling.task(place, "quality")
    with pytest.raises(Busy, match=r"label\.exists"):
        make(place, count=9)
    assert labelling.task(place, "quality") == before
    with pytest.raises(InputError, match=r"label\.format"):
        take(place, "quality", "xml", b"")
