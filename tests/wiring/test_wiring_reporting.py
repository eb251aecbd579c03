"""`assay report` on a real workspace: one run, a run against a baseline, a run with a judge, and bad input."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from assay.cli.main import app
from assay.records.dialogue import AnswerSentence, Check, CheckStatus, Outcome, Reply
from assay.records.errors import AssayError, CannotJudge, NotFound, Unavailable
from assay.records.evaluation import Direction, Metric, MetricKind, Run, RunStatus, Sample
from assay.records.golden import Case, Expected, GoldenSet
from assay.wiring import judge_anchors, judge_cards, judges, labelling, reporting
from assay.wiring.build import Workspace, create_workspace, open_workspace
from judge_brains import right_when
from judge_server import judge_server

CASES = 60
METRICS = (
    Metric("correct", MetricKind.BINARY, Direction.HIGHER),
    Metric("latency_ms", MetricKind.SKEWED, Direction.LOWER, "ms"),
)
JUDGED = """
version: 1
models:
  extractive: {{kind: extractive}}
  grader: {{kind: openai, base_url: '{url}', model: gpt-tiny, timeout_s: 5, max_retries: 0}}
judges:
  good: {{kind: rubric, model: grader, criterion: The reply is right.}}
"""


def reply(text: str, n: int) -> Reply:
    sentence = AnswerSentence(text, (), Check(CheckStatus.SUPPORTED, 1.0))
    return Reply(Outcome.ANSWERED, "", (sentence,), confidence=0.3 + n / 100, duration_ms=10.0 + n)


def add_run(place: Workspace, golden: GoldenSet, name: str, wrong: int, status: RunStatus = RunStatus.COMPLETE) -> None:
    run = Run(name, "assistant", "chat.v1(model=openai_chat.v1(model=claude-x, endpoint=h), t=0)", "", golden.name,
              golden.version, len(golden.cases), 1, 7, METRICS, place.clock.now(), RunStatus.RUNNING)  # fmt: skip
    place.stores.runs.create(run)
    samples = []
    for n, case in enumerate(golden.cases):
        right = n >= wrong
        made = reply(f"{'right' if right else 'other'} <script>{n}</script>", n)
        samples.append(Sample(case.case_id, 0, made, {"correct": float(right), "latency_ms": 10.0 + n}, {}))
    place.stores.runs.append(name, samples)
    place.stores.runs.finish(name, status)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """One workspace for all tests: they add runs and labels, and change none."""
    place = open_workspace(create_workspace(tmp_path_factory.mktemp("reporting") / "lab"))
    cases = [
        Case(f"c-{n:03}", f"SECRET {n}?", Expected(answers=("yes",)), slices=(f"half={n < 30}",)) for n in range(CASES)
    ]
    golden = GoldenSet("smoke", tuple(cases))
    place.stores.golden.put(golden)
    add_run(place, golden, "run-a", 5)
    add_run(place, golden, "run-b", 25)
    yield place
    place.close()


def report(place: Workspace, *arguments: object) -> Result:
    return CliRunner().invoke(app, ["report", *map(str, arguments), "-w", str(place.root)])


def test_a_run_is_reported_as_text_page_markdown_json_pictures_and_tables(place: Workspace, tmp_path: Path) -> None:
    page, markdown, figures = tmp_path / "out" / "r.html", tmp_path / "out" / "r.md", tmp_path / "out" / "figures"
    done = report(place, "run-b", "--html", page, "--markdown", markdown, "--figures", figures)
    assert done.exit_code == 0, done.output
    assert "worse in half=True" in done.output
    assert "p95" in done.output
    assert "<script>0</script>" not in page.read_text()
    assert "&lt;script&gt;0" in page.read_text()
    assert "(figures/slices-1.svg)" in markdown.read_text(), "pictures are linked from where the file stands"
    assert "SECRET" not in markdown.read_text() + done.output
    pictures = sorted(figures.glob("*.svg"))
    assert {picture.stem for picture in pictures} >= {"slices-1", "reliability", "risk-coverage", "spread-latency_ms"}
    for picture in pictures:
        ElementTree.parse(picture)
        assert len(list(csv.reader(picture.with_suffix(".csv").open(newline="")))) > 1
    assert not list((tmp_path / "out").rglob("*.partial"))
    made = json.loads(report(place, "run-b", "--json").output)
    assert made["headline"].startswith("correct 58.3\u00a0%")
    assert made["worst"][0]["case_id"] == "c-000"


def test_against_a_baseline_it_says_what_would_decide(place: Workspace) -> None:
    done = report(place, "run-b", "--against", "run-a")
    assert done.exit_code == 0, done.output
    assert "The candidate is worse in correct (−33.3 points)" in done.output
    assert "correct 0 won, 20 lost of 60" in done.output
    assert "Power: correct: not worse by more than 0.03" in done.output
    written = place.store / "reports" / "run-run-b.html"
    assert 'id="forest-title"' in written.read_text()
    compared = CliRunner().invoke(app, ["compare", "run-a", "run-b", "-w", str(place.root)])
    assert compared.exit_code == 0
    page = (place.store / "reports" / "compare-run-a-run-b.html").read_text()
    for identity in ("forest", "flips", "power-1", "spread-latency_ms"):
        assert f'id="{identity}-title"' in page


def test_an_unfinished_run_is_reported_with_a_warning_and_never_compared(place: Workspace) -> None:
    add_run(place, place.stores.golden.get("smoke"), "run-c", 3, RunStatus.INTERRUPTED)
    made = reporting.report(place, "run-c")
    assert "the run is interrupted" in made.found.headline
    assert "The run is not complete: what follows may change." in made.found.notes
    with pytest.raises(CannotJudge, match="not complete"):
        reporting.report(place, "run-b", "run-c")


def test_bad_input_is_refused_and_writes_nothing(place: Workspace, tmp_path: Path) -> None:
    with pytest.raises(AssayError):
        reporting.report(place, "no-such-run")
    other = GoldenSet("other", (Case("x", "?", Expected()),))
    place.stores.golden.put(other)
    add_run(place, other, "elsewhere", 0)
    with pytest.raises(CannotJudge, match="different golden sets"):
        reporting.report(place, "run-b", "elsewhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot be written"):
        reporting.write_html(place, reporting.report(place, "run-b"), tmp_path / "file" / "r.html")
    assert (tmp_path / "file").read_text() == ""
    assert isinstance(report(place, "no-such-run").exception, (NotFound, CannotJudge))


def test_a_judges_card_and_the_corrected_rate_stand_beside_its_own(place: Workspace, tmp_path: Path) -> None:
    config = place.root / "assay.yaml"
    before = config.read_text()
    with judge_server(right_when("right")) as server:
        config.write_text(JUDGED.format(url=server.base_url))
        lab = place.with_overrides(())
        config.write_text(before)
        judged = judges.judge_run(lab, "run-b", "good", progress=quiet).run
        assert judged is not None
        without = reporting.report(lab, judged.run_id).found
        assert without.corrected[0].naive is not None
        assert without.corrected[0].corrected is None
        assert "labelled" in without.corrected[0].why_not
        labels = tmp_path / "labels.csv"
        rows = [f"run-b,c-{n:03},{'pass' if n >= 25 or n == 4 else 'fail'},anna" for n in range(0, CASES, 2)]
        labels.write_text("\n".join(["run_id,case_id,label,annotator", *rows]))
        judge_anchors.freeze_anchors(lab, "good", "run-b", 20)
        judge_cards.card(lab, "good", [str(labels)], sample=3, progress=quiet)
        found = reporting.report(lab, judged.run_id).found
    (row,) = found.corrected
    assert row.naive is not None
    assert row.corrected is not None
    assert row.labels == 30
    assert row.corrected.estimate > row.naive.estimate, "one reply that it fails is right by people's word"
    (shown,) = found.sections["Judges"]
    assert "may not be relied on" in shown.takeaway, "thirty labels and no second reading of the anchors are too little"
    assert "kappa" in [name for name, *_ in shown.rows]


def test_what_people_found_in_a_labelling_task_stands_in_the_report(place: Workspace, tmp_path: Path) -> None:
    (tmp_path / "guide.md").write_text("Is the reply right?")
    made = CliRunner().invoke(app, [
        "label", "create", "rightness", "--question", "Is it right?", "--guidelines", str(tmp_path / "guide.md"),
        "--runs", "run-b", "--labels", "yes,no", "--positive", "yes", "--n", "40", "--per-item", "1",
        "-w", str(place.root),
    ])  # fmt: skip
    assert made.exit_code == 0, made.output
    empty = reporting.report(place, "run-b").found.corrected[0]
    assert (empty.corrected, empty.labels) == (None, 0)
    assert empty.why_not
    task = labelling.task(place, "rightness")
    for item in task.items:
        value = "yes" if int(item.case_id[2:]) >= 25 else "no"
        labelling.give(place, "rightness", item.item_id, "anna", value)
    row = reporting.report(place, "run-b").found.corrected[0]
    assert row.subject == "labelling task rightness: yes"
    assert row.labels == 40
    assert row.corrected is not None
    assert row.corrected.low < 35 / 60 < row.corrected.high
    assert reporting.report(place, "run-a").found.corrected == ()


def quiet(*_: Any) -> None:
    return None


def test_a_report_of_a_run_whose_app_is_gone_still_stands(place: Workspace) -> None:
    run = place.stores.runs.run("run-b")
    renamed = replace(run, run_id="run-z", app="gone", status=RunStatus.RUNNING)
    place.stores.runs.create(renamed)
    place.stores.runs.append("run-z", list(place.stores.runs.samples("run-b")))
    place.stores.runs.finish("run-z", RunStatus.COMPLETE)
    assert reporting.report(place, "run-z").found.headline.startswith("correct")
