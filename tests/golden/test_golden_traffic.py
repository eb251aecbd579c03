"""Golden drafts from traffic: each question once, as it was kept and no more, and a person decides."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assay.cli.main import app
from assay.golden.traffic import DOWN, drafts_of
from assay.records.dialogue import Outcome
from assay.records.errors import InputError
from assay.records.operations import Feedback, Trace, Usage
from assay.wiring.build import create_workspace, open_workspace
from assay.wiring.golden_traffic import from_traffic

ONE = Trace(
    "t1", "assistant", "b" * 64, "", "acme", ("hr",), "2026-01-01T00:00:00Z", Outcome.ANSWERED, "", 0.9, 1.0, (), (),
    (), Usage(), "How long is leave?", "It is 25 days.",
)  # fmt: skip
BAD = Feedback("f1", "t1", "acme", DOWN, "", "2026-01-01T00:00:01Z")


def test_a_case_is_asked_by_whoever_asked_and_says_where_it_comes_from() -> None:
    (draft,) = drafts_of([(ONE, (BAD,))], [], "faq", 9).drafts
    case = draft.case
    assert (case.scope.tenant, case.scope.groups) == ("acme", frozenset({"hr"}))
    assert case.expected.answers == ("It is 25 days.",)
    assert "rating=down" in case.slices
    assert case.provenance["trace"] == "t1"


def test_a_question_that_was_declined_is_drafted_as_unanswerable() -> None:
    (draft,) = drafts_of([(replace(ONE, outcome=Outcome.ABSTAINED, answer=""), ())], [], "faq", 9).drafts
    assert not draft.case.expected.answerable


@pytest.mark.parametrize(
    ("trace", "why"),
    [
        (replace(ONE, question=""), "no content was kept"),
        (replace(ONE, outcome=Outcome.REFUSED), "neither answered nor declined"),
        (replace(ONE, question="x" * 3000), "too long"),
        (replace(ONE, question="HOW long is  leave"), "asked before"),
    ],
)
def test_what_makes_no_case_is_counted(trace: Trace, why: str) -> None:
    made = drafts_of([(trace, ())], ["How long is leave?"], "faq", 9)
    assert not made.drafts
    assert made.passed == {why: 1}


def test_only_answers_with_the_rating_that_was_asked_for() -> None:
    kept = [(ONE, ()), (replace(ONE, trace_id="t2", question="And sick leave?"), (BAD,))]
    made = drafts_of(kept, [], "faq", 9, rating=DOWN)
    assert [one.case.provenance["trace"] for one in made.drafts] == ["t2"]


def test_from_traces_to_a_set_without_anything_personal(tmp_path: Path) -> None:
    root = tmp_path / "w"
    create_workspace(root, "w")
    place = open_workspace(root)
    with pytest.raises(InputError, match="no trace has kept"):
        from_traffic(place, "faq", 9)
    place.stores.traces.append([replace(ONE, question="My card is 4111 1111 1111 1111, how long is leave?")])
    place.close()
    made = CliRunner().invoke(app, ["golden", "from-traffic", "faq", "-w", str(root), "--json"])
    (draft,) = json.loads(made.output)["drafts"]
    assert draft["case"]["question"] == "My card is [card], how long is leave?"
    again = CliRunner().invoke(app, ["golden", "from-traffic", "faq", "-w", str(root)])
    assert again.exit_code == 2
    decisions = tmp_path / "d.jsonl"
    decisions.write_text(json.dumps({"draft": draft["case"]["case_id"], "decision": "accept"}) + "\n")
    done = CliRunner().invoke(app, ["golden", "review", "faq", "-w", str(root), "--decisions", str(decisions)])
    assert "1 cases" in done.output, done.output
