"""The life of a golden set at the command line: drafted, reviewed, sliced, looked at, checked, described."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from assay.cli.main import app
from assay.records.errors import AssayError
from assay.wiring import golden_looks, judging, releasing
from assay.wiring.build import open_workspace

PAGES = {
    "expenses": "# Expenses\n\nTravel expenses must be submitted within 30 days of the trip. Expenses are approved by "
    "the budget owner. To correct a submitted expense, open the form and choose Withdraw.\n",
    "incidents": "# Incidents\n\nThe incident lead is responsible for the written review. If a customer reports a "
    "leak, open the runbook and call the duty phone. Runbooks are stored in the operations folder.\n",
    "tools": "# Tools\n\nWe use Trello for tasks. You can use Trello on a phone.\n\n## Boards\n\nPeople who use Trello "
    "should archive old cards.\n\n## Cards\n\nMembers use Trello to plan and to open new cards.\n",
}


def call(place: Path, *words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, [*words, "-w", str(place)])
    if isinstance(done.exception, AssayError):
        assert done.exception.exit_code == code, str(done.exception)
        return str(done.exception)
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with three pages, searched by words alone, and what became of its drafts."""
    root = tmp_path_factory.mktemp("golden") / "place"
    CliRunner().invoke(app, ["init", str(root)])
    config = (root / "assay.yaml").read_text()
    config = config.replace("embedder: minilm ", "embedder: none ").replace("mode: hybrid", "mode: lexical")
    config = config.replace("\ngate:\n", "\ngate:\n  looks: {budget: 1, when_spent: refuse}\n")
    (root / "assay.yaml").write_text(config)
    pages = root.parent / "pages"
    pages.mkdir()
    for name, text in PAGES.items():
        (pages / f"{name}.md").write_text(text)
    call(root, "ingest", str(pages))
    return root


def open_rows(place: Path, name: str, file: Path) -> list[dict[str, Any]]:
    call(place, "golden", "review", name, "--export", str(file))
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_drafts_enter_the_set_only_by_a_persons_decision_and_all_or_nothing(place: Path, tmp_path: Path) -> None:
    told = call(place, "golden", "draft", "help", "--n", "60", "--unanswerable", "0.05", code=2)
    assert "of 60 drafts" in told
    call(place, "golden", "draft", "other", "--n", "2", "--from", "tools", "--unanswerable", "1")
    rows = open_rows(place, "help", tmp_path / "open.jsonl")
    assert len(rows) >= 6
    assert "help" not in call(place, "golden", "list")
    file = tmp_path / "decisions.jsonl"

    def decide(*decisions: dict[str, Any], code: int = 0) -> str:
        file.write_text("".join(json.dumps(one) + "\n" for one in decisions))
        return call(place, "golden", "review", "help", "--decisions", str(file), "--by", "Kim", code=code)

    accept = [{"draft": row["draft"], "decision": "accept"} for row in rows[:3]]
    foreign = open_rows(place, "other", tmp_path / "other.jsonl")[0]["draft"]
    assert "golden.unknown_draft" in decide(*accept, {"draft": foreign, "decision": "reject"}, code=64)
    unfit = {"draft": rows[3]["draft"], "decision": "edit", "case": {"evidence": [{"doc": rows[0]["evidence"][0]["doc"],
             "quote": "Words that stand nowhere."}]}}  # fmt: skip
    assert "golden.unfit_case" in decide(*accept, unfit, code=64)
    assert "golden.invalid" in decide({"draft": rows[0]["draft"], "decision": "maybe"}, code=64)
    assert "help" not in call(place, "golden", "list")

    edit = {"draft": rows[3]["draft"], "decision": "edit", "case": {"question": "Said by a person, is it not?"}}
    reject = {"draft": rows[4]["draft"], "decision": "reject", "reason": "odd"}
    assert "4 cases" in decide(*accept, edit, reject)
    assert "0 decisions kept" in decide(*accept, edit, reject)
    assert "golden.decided_draft" in decide({"draft": rows[4]["draft"], "decision": "accept"}, code=64)
    kept = json.loads(call(place, "golden", "show", "help", "--case", rows[3]["draft"]))
    assert kept["question"] == "Said by a person, is it not?"
    assert (kept["provenance"]["accepted_by"], kept["provenance"]["edited"]) == ("Kim", "question")
    assert kept["provenance"]["accepted_at"]
    assert rows[4]["draft"] not in {row["draft"] for row in open_rows(place, "help", tmp_path / "left.jsonl")}


def test_drafting_from_nothing_is_refused_with_what_to_do(place: Path) -> None:
    assert "golden.no_documents" in call(place, "golden", "draft", "x", "--from", "nowhere", code=64)
    assert "golden.no_model" in call(place, "golden", "draft", "x", "--model", "nobody", code=64)
    assert "golden.unreadable" in call(place, "golden", "review", "x", "--decisions", "/no/such/file", code=64)


def test_a_set_is_sliced_gated_on_a_budget_checked_and_described(place: Path, tmp_path: Path) -> None:
    file = tmp_path / "set.jsonl"
    asked = ["Within how many days must travel expenses be submitted?", "Where are runbooks stored?",
             "Who approves expenses at the end of every month for the travel of the team?"]  # fmt: skip
    file.write_text("".join(json.dumps({"question": one, "answer": "30 days"}) + "\n" for one in asked))
    call(place, "golden", "import", "desk", str(file))
    rules = tmp_path / "rules.yaml"
    rules.write_text("slices:\n  long: {question_words: {min: 10}}\n  where: {question_type: [where]}\n")
    assert "long   " in call(place, "golden", "slice", "desk", "--rules", str(rules))
    for wrong in ("long: {}", "a b: {has: [number]}"):
        rules.write_text(wrong)
        assert "golden.bad_rules" in call(place, "golden", "slice", "desk", "--rules", str(rules), code=64)
    assert "golden.no_rules" in call(place, "golden", "slice", "desk", code=64)

    for run in ("one", "two"):
        call(place, "eval", "assistant", "--golden", "desk", "--set", f"evaluate.seed={len(run)}", "--fresh")
    told = json.loads(call(place, "golden", "looks", "desk", "--json"))
    assert (told["budget"], [look["number"] for look in told["splits"]["test"]]) == (1, [1, 2])
    newest, oldest = (told["splits"]["test"][at]["run_id"] for at in (1, 0))
    workspace = open_workspace(place)
    judging.compare(workspace, oldest, newest)
    decision = releasing.gate_runs(workspace, oldest, newest)
    assert [(one.kind, one.verdict.value) for one in decision.conditions if one.kind == "looks"] == [
        ("looks", "cannot_judge")
    ]
    assert decision.verdict.value == "cannot_judge"
    assert len(golden_looks.looks_of_splits(workspace, "desk")["test"]) == 2
    workspace.close()

    exported = tmp_path / "out.jsonl"
    call(place, "golden", "export", "desk", str(exported))
    assert "canary" in call(place, "golden", "canary", "check", "desk", str(exported), "--corpus", "--prompts", code=1)
    assert "nothing" in call(place, "golden", "canary", "check", "desk", "--corpus", "--prompts", "--training")
    assert "3 questions are near" in call(place, "golden", "coverage", "desk", "--file", str(exported))
    folder = tmp_path / "croissant"
    call(place, "golden", "croissant", "desk", str(folder), "--license", "CC0-1.0", "--creator", "Kim")
    assert json.loads((folder / "croissant.json").read_text())["distribution"][0]["@id"] == "desk.jsonl"
    assert "looks at split test | 2 of 1" in call(place, "golden", "show", "desk")
    assert "golden.unknown" in call(place, "golden", "diff", "desk@ffffffffffff", "desk", code=64)
    assert "golden.few_systems" in call(place, "golden", "items", "desk", code=3)
