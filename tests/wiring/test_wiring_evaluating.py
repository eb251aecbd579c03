"""Evaluating any system from the command line: planned, run, stopped at a ceiling, scored anew, compared and gated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from assay.cli.main import app
from assay.records.errors import AssayError

BOT = """
calls = 0
def answer(question):
    global calls
    calls += 1
    kind = "positive" if "good" in question.lower() else "negative"
    return {"label": kind, "usage": {"tokens_in": 10, "tokens_out": 1, "cost_usd": 0.01}}
def lucky(question):
    return {"label": "positive"}
def broken(question):
    raise KeyError(question)
"""
SYSTEMS = """
systems:
  bot: {kind: python, function: "bot.py:answer", cache: true}
  shop: {kind: http, url: "http://127.0.0.1:9/x", preset: openai, model: m}
gate: {clauses: [{metric: accuracy, margin: 0.1, min_n: 10}]}
"""


def go(place: Path, *words: str) -> tuple[str, AssayError | None]:
    done = CliRunner().invoke(app, [*words, "-w", str(place)])
    if done.exception is not None and not isinstance(done.exception, AssayError | SystemExit):
        raise done.exception
    return done.stdout, done.exception if isinstance(done.exception, AssayError) else None


def ok(place: Path, *words: str) -> str:
    said, error = go(place, *words)
    assert error is None, error
    return said


def refused(place: Path, *words: str) -> AssayError:
    _, error = go(place, *words)
    assert error is not None
    return error


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("systems")
    CliRunner().invoke(app, ["init", str(root)])
    (root / "bot.py").write_text(BOT)
    (root / "assay.yaml").write_text("version: 1\nname: systems\n" + SYSTEMS)
    rows = [
        {"id": f"c-{n}", "question": f"It is {'good' if n % 2 else 'bad'} number {n} here.",
         "label": "positive" if n % 2 else "negative", "slices": ["capability=words"]}
        for n in range(12)
    ]  # fmt: skip
    (root / "g.jsonl").write_text("\n".join(map(json.dumps, rows)))
    ok(root, "golden", "import", "tone", str(root / "g.jsonl"))
    return root


def evaluated(place: Path, target: str, *words: str) -> dict[str, Any]:
    return dict(json.loads(ok(place, "eval", target, "--golden", "tone", "--json", *words)))


def test_a_plan_asks_nothing_and_rests_on_an_earlier_run_once_there_is_one(place: Path) -> None:
    first = json.loads(ok(place, "eval", "bot", "--golden", "tone", "--plan", "--json", "--repeats", "2"))
    assert (first["cases"], first["repeats"], first["calls"], first["cost_usd"]) == (12, 2, 24, None)
    assert first["detectable"][0]["metric"] == "accuracy"
    assert ok(place, "runs", "list").count("tone@") == 0
    evaluated(place, "bot", "--no-cache")
    second = json.loads(ok(place, "eval", "bot", "--golden", "tone", "--plan", "--json", "--fresh"))
    assert second["cost_usd"] == pytest.approx(0.12)
    assert second["tokens_in"] == 120


def test_run_wide_measures_stand_in_the_report(place: Path) -> None:
    report = evaluated(place, "bot", "--no-cache", "--fresh")
    whole = {one["metric"]["name"]: one["interval"]["estimate"] for one in report["whole"]}
    assert (whole["macro_f1"], whole["matthews"]) == (1, 1)
    shown = ok(place, "runs", "show", report["run"]["run_id"], "--confusion")
    assert "macro_f1" in shown
    assert "taken for" in shown


def test_a_ceiling_ends_the_run_in_order_and_more_money_goes_on(place: Path) -> None:
    error = refused(place, "eval", "bot", "--golden", "tone", "--max-cost", "0.105", "--fresh", "--no-cache")
    assert (error.code, error.exit_code) == ("evaluate.ceiling", 3)
    assert "2 samples left" in error.what
    run_id = error.where.removeprefix("run ")
    assert "interrupted" in ok(place, "runs", "show", run_id)
    more = evaluated(place, "bot", "--max-cost", "5", "--no-cache")
    assert (more["run"]["run_id"], more["run"]["status"]) == (run_id, "complete")


def test_a_ceiling_on_an_unknown_price_is_refused_before_anything_is_asked(place: Path) -> None:
    error = refused(place, "eval", "shop", "--golden", "tone", "--max-cost", "1")
    assert (error.code, error.exit_code) == ("evaluate.unknown_price", 64)


def test_kept_replies_are_used_again_and_say_so(place: Path) -> None:
    evaluated(place, "bot", "--fresh")
    again = evaluated(place, "bot", "--fresh")
    assert again["cached"] == 12
    latency = next(one for one in again["summaries"] if one["metric"]["name"] == "latency_ms")
    assert (latency["scored"], latency["unscored"]) == (0, {"cached": 12})
    assert "kept replies used: 12" in ok(place, "runs", "show", again["run"]["run_id"])


def test_a_run_in_which_everything_failed_cannot_be_judged(place: Path) -> None:
    error = refused(place, "eval", "python:bot.py:broken", "--golden", "tone")
    assert (error.code, error.exit_code) == ("evaluate.all_failed", 3)
    assert "good number" not in str(error)


def test_replies_of_a_run_are_scored_anew_without_a_call(place: Path) -> None:
    run_id = evaluated(place, "bot", "--no-cache", "--fresh")["run"]["run_id"]
    made = json.loads(ok(place, "runs", "rescore", run_id, "--metric", "rouge1", "--json"))
    assert made["run"]["run_id"] != run_id
    assert made["run"]["versions"]["rescored_from"] == run_id
    names = {one["metric"]["name"] for one in made["summaries"]}
    assert {"accuracy", "rouge1"} <= names
    assert refused(place, "runs", "rescore", run_id, "--metric", "nonsense").code == "evaluate.unknown_scorer"


def test_two_runs_of_any_systems_are_compared_and_gated_and_release_nothing(place: Path) -> None:
    lines = [{"id": f"c-{n}", "label": "positive" if n % 2 else "negative"} for n in range(12)]
    (place / "old.jsonl").write_text("\n".join(map(json.dumps, lines)))
    good = evaluated(place, "replies:old.jsonl")["run"]["run_id"]
    bad = evaluated(place, "python:bot.py:lucky")["run"]["run_id"]
    assert "accuracy" in ok(place, "compare", good, bad)
    done = CliRunner().invoke(app, ["gate", "--runs", good, bad, "-w", str(place), "--json"])
    decision = json.loads(done.stdout)
    assert (done.exit_code, decision["verdict"]) == (1, "do_not_ship")
    assert (decision["candidate_run"], decision["candidate_bundle"]) == (bad, "")
    assert CliRunner().invoke(app, ["gate", "--runs", good, good, "-w", str(place)]).exit_code != 0
    assert refused(place, "gate", "x", "--runs", good, bad).code == "gate.bundle_or_runs"
    assert refused(place, "gate").code == "gate.what"


def test_recorded_replies_to_unknown_cases_are_refused_and_missing_ones_counted(place: Path) -> None:
    (place / "few.jsonl").write_text('{"id": "c-1", "label": "positive"}')
    report = evaluated(place, "replies:few.jsonl")
    assert report["failures"] == {"replies.missing": 11}
    (place / "odd.jsonl").write_text('{"id": "c-one", "label": "positive"}')
    assert refused(place, "eval", "replies:odd.jsonl", "--golden", "tone").code == "replies.unknown_case"


def test_behavioural_tests_are_made_run_and_reported(place: Path) -> None:
    said = ok(place, "golden", "perturb", "tone", "--kinds", "casing,negation,numbers,contractions")
    assert "cases" in said
    shown = ok(place, "eval", "bot", "--golden", "tone", "--no-cache")
    assert "behavioural test" in shown
    assert "negation" in shown
    assert refused(place, "golden", "perturb", "tone", "--kinds", "nope").code == "golden.unknown_perturbation"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("nobody",), "evaluate.unknown_system"), (("http://127.0.0.1:9/v1/chat/completions",), "evaluate.no_model"),
        (("python:bot",), "system.function"), (("replies:none.jsonl",), "replies.unreadable"),
        (("bot", "--concurrency", "many"), "evaluate.concurrency"),
        (("bot", "--metric", "nonsense"), "evaluate.unknown_scorer"),
        (("bot", "--split", "none"), "golden.empty_split"),
    ],
)  # fmt: skip
def test_what_cannot_be_evaluated_is_a_clear_error(place: Path, words: tuple[str, ...], code: str) -> None:
    assert refused(place, "eval", *words, "--golden", "tone").code == code
