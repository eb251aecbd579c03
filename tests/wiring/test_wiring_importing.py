"""An imported log is a run like any other: paired, gated, idempotent, and never half-written."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import foreign_logs as logs
from assay.adapters.imports.rows import Wishes
from assay.golden.jsonl import read_cases
from assay.records.comparison import Verdict
from assay.records.errors import ConfigError, InputError
from assay.records.evaluation import MetricKind, RunStatus
from assay.records.golden import GoldenSet
from assay.wiring import exporting, judging, releasing
from assay.wiring.build import Workspace, create_workspace, open_workspace
from assay.wiring.importing import Imported, import_runs
from mlflow_server import FakeMlflow, on_loopback

GATE = "gate.clauses=[{metric: match, margin: 0.05}]"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(create_workspace(tmp_path / "work"), [GATE])
    yield opened
    opened.close()


def log(path: Path, values: list[Any], **changes: Any) -> Path:
    samples = [logs.inspect_sample(f"q{n}", value=value, metadata={"document": f"d{n}"}, **changes)
               for n, value in enumerate(values)]  # fmt: skip
    path.write_bytes(logs.inspect_eval(samples))
    return path


def one(place: Workspace, path: Path, **stated: Any) -> Imported:
    (made,) = import_runs(place, path, **stated)
    return made


def test_two_logs_over_one_dataset_are_compared_and_gated(place: Workspace, tmp_path: Path) -> None:
    chance = random.Random(5)
    before = ["C" if chance.random() < 0.9 else "I" for _ in range(300)]
    worse = ["I" if chance.random() < 0.2 else value for value in before]
    a = one(place, log(tmp_path / "a.eval", before), name="before", golden="sums")
    b = one(place, log(tmp_path / "b.eval", worse), name="after", golden="sums")
    assert a.run.golden_version == b.run.golden_version
    assert place.stores.golden.versions("sums")[0][2] == 300
    assert (a.run.status, a.run.split, a.run.created_at[:10]) == (RunStatus.COMPLETE, "test", "2026-05-04")
    compared = judging.compare(place, "before", "after")
    delta = next(d for d in compared.comparison.deltas if d.metric.name == "match")
    assert delta.interval.high < 0
    assert releasing.gate_runs(place, "before", "after").verdict is Verdict.DO_NOT_SHIP
    assert releasing.gate_runs(place, "after", "before").verdict is Verdict.SHIP


def test_the_same_log_twice_is_one_run(place: Workspace, tmp_path: Path) -> None:
    path = log(tmp_path / "a.eval", ["C", "I"])
    first, second = one(place, path, name="a"), one(place, path, name="a")
    assert (first.known, second.known) == (False, True)
    assert first.run == second.run
    assert len(place.stores.runs.runs()) == 1


def test_an_import_that_was_killed_is_completed_by_the_next(place: Workspace, tmp_path: Path) -> None:
    path = log(tmp_path / "a.eval", ["C", "I", "C"])
    made = one(place, path, name="a")
    cut = open_workspace(create_workspace(tmp_path / "cut"))
    cut.stores.golden.put(made.golden)
    cut.stores.runs.create(replace(made.run, status=RunStatus.RUNNING, samples_digest=""))
    cut.stores.runs.append(made.run.run_id, list(place.stores.runs.samples(made.run.run_id))[:1])
    again = one(cut, path, name="a")
    assert not again.known
    assert len(tuple(cut.stores.runs.samples(made.run.run_id))) == 3
    assert cut.stores.runs.run(made.run.run_id).samples_digest == made.run.samples_digest
    cut.close()


def test_a_log_that_is_wrong_leaves_nothing_behind(place: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(logs.lm_eval_line(1, 1.0)) + "\n{cut")
    with pytest.raises(InputError, match=r"import\.bad_json"):
        import_runs(place, path, name="a", golden="g")
    assert place.stores.runs.runs() == ()
    assert place.stores.golden.names() == ()


def test_a_log_of_another_dataset_version_is_refused_under_that_golden_set(place: Workspace, tmp_path: Path) -> None:
    one(place, log(tmp_path / "a.eval", ["C", "I"]), name="a", golden="g")
    changed = log(tmp_path / "b.eval", ["C", "I"], input="Another question?")
    with pytest.raises(InputError, match=r"2 of the log's 2 cases .* \[import\.golden_differs\]"):
        one(place, changed, name="b", golden="g")
    alone = one(place, changed, name="b")
    assert alone.golden.name == "sums"
    assert alone.run.golden_version != place.stores.golden.get("g").version


def test_scores_alone_attach_to_the_cases_and_the_split_of_a_golden_set(place: Workspace, tmp_path: Path) -> None:
    rows = [{"id": f"q{n}", "question": f"Q{n}?", "split": "dev" if n < 2 else "test"} for n in range(6)]
    cases = "\n".join(map(json.dumps, rows)).encode()
    place.stores.golden.put(GoldenSet("handbook", read_cases(cases, "cases"), place.clock.now()))
    table = tmp_path / "scores.csv"
    table.write_text("case_id,right\n" + "".join(f"q{n},{n % 2}\n" for n in range(2, 6)))
    made = one(place, table, name="theirs", golden="handbook")
    assert (made.run.split, made.run.cases, made.run.status) == ("test", 4, RunStatus.COMPLETE)
    assert made.run.golden_version == place.stores.golden.get("handbook").version
    table.write_text("case_id,right\nq2,1\nq3,1\n")
    part = one(place, table, name="part", golden="handbook")
    assert part.run.status is RunStatus.INTERRUPTED
    assert "2 of 4 cases have no reply" in part.notes[0]
    table.write_text("case_id,right\nother,1\n")
    with pytest.raises(InputError, match=r"import\.golden_differs"):
        one(place, table, name="wrong", golden="handbook")
    ids_only = one(place, table, name="alone", golden="of-ids")
    assert "holds ids only" in ids_only.notes[0]


def test_a_log_that_stopped_early_is_no_complete_run(place: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "a.eval"
    path.write_bytes(logs.inspect_eval([logs.inspect_sample("q1")], status="cancelled"))
    made = one(place, path, name="a")
    assert made.run.status is RunStatus.INTERRUPTED
    assert "cancelled" in made.notes[0]


def test_a_case_with_fewer_replies_than_others_is_told_and_first_keeps_one(place: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "a.eval"
    path.write_bytes(
        logs.inspect_eval([logs.inspect_sample("q1", 1), logs.inspect_sample("q1", 2), logs.inspect_sample("q2")])
    )
    uneven = one(place, path, name="a")
    assert uneven.run.status is RunStatus.INTERRUPTED
    assert any("--first" in note for note in uneven.notes)
    assert one(place, path, name="b", first=True).run.status is RunStatus.COMPLETE


def test_scores_that_happen_to_be_zero_or_one_are_measured_as_in_the_run_before(
    place: Workspace, tmp_path: Path
) -> None:
    one(place, log(tmp_path / "a.eval", ["C", "P"]), name="a", golden="g")
    plain = one(place, log(tmp_path / "b.eval", ["C", "I"]), name="b", golden="g")
    assert next(m for m in plain.run.metrics if m.name == "match").kind is MetricKind.MEAN
    stated = one(
        place, log(tmp_path / "b.eval", ["C", "I"]), name="c", golden="g",
        wishes=Wishes(kinds={"match": MetricKind.BINARY}),
    )  # fmt: skip
    assert any("they do not compare" in note for note in stated.notes)


def test_several_systems_of_one_log_become_runs_of_their_own(place: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(logs.promptfoo([logs.promptfoo_result("a", True, name) for name in ("one", "two")]))
    made = import_runs(place, path, name="pf")
    assert [run.run.app for run in made] == ["pf/one", "pf/two"]
    assert made[0].run.golden_version == made[1].run.golden_version


def test_an_exported_log_read_again_pairs_with_the_run_it_came_from(place: Workspace, tmp_path: Path) -> None:
    failed = logs.inspect_sample("q2", error={"message": "boom"}, metadata={"document": "d2"})
    samples = [logs.inspect_sample("q1", metadata={"document": "d1"}), failed]
    (tmp_path / "a.eval").write_bytes(logs.inspect_eval(samples))
    made = one(place, tmp_path / "a.eval", name="a", golden="g")
    exporting.write(tmp_path / "out.eval", exporting.export_run(place, "a", "inspect"))
    again = one(place, tmp_path / "out.eval", name="again", golden="g", wishes=Wishes(cluster="cluster"))
    assert again.run.golden_version == made.run.golden_version
    assert again.failed == 1
    pairs = zip(place.stores.runs.samples(made.run.run_id), place.stores.runs.samples(again.run.run_id), strict=True)
    for before, after in pairs:
        assert (before.case_id, before.scores, before.reply.text) == (after.case_id, after.scores, after.reply.text)


def test_a_run_is_logged_to_the_configured_mlflow_with_the_secret_of_the_environment(
    place: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one(place, log(tmp_path / "a.eval", ["C", "I", "C", "C"]), name="a")
    fake = FakeMlflow()
    monkeypatch.setenv("MLFLOW_SECRET", "hush")
    with on_loopback(fake) as address:
        there = place.with_overrides([GATE, f"mlflow.tracking_uri={address}", "mlflow.token_env=MLFLOW_SECRET"])
        run, run_id, known = exporting.log_to_mlflow(there, "a")
        assert exporting.log_to_mlflow(there, "a") == (run, run_id, True)
    assert not known
    assert fake.headers["authorization"] == "Bearer hush"
    logged = fake.runs[run_id]
    assert logged["metrics"]["match"] == 0.75
    assert logged["params"]["golden_version"] == run.golden_version
    assert "| match | 0.750 |" in logged["tags"]["mlflow.note.content"]
    monkeypatch.delenv("MLFLOW_SECRET")
    with pytest.raises(ConfigError, match="MLFLOW_SECRET"):
        exporting.log_to_mlflow(there, "a")


def test_mlflow_and_formats_that_are_not_there_are_refused(place: Workspace, tmp_path: Path) -> None:
    one(place, log(tmp_path / "a.eval", ["C", "I"]), name="a")
    with pytest.raises(ConfigError, match=r"mlflow\.not_configured"):
        exporting.log_to_mlflow(place, "a")
    with pytest.raises(InputError, match=r"export\.unknown_format"):
        exporting.export_run(place, "a", "xlsx")
    with pytest.raises(InputError, match=r"export\.unwritable"):
        exporting.write(tmp_path / "a.eval" / "x.json", b"{}")
    assert json.loads(exporting.export_run(place, "a", "json"))["report"]["run"]["app"] == "a"
