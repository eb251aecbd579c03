"""Tasks in a workspace: made of runs, drawn from again, decided by a third person, turned into a golden version."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer

from assay.cli import label
from assay.golden.labelling.making import Question
from assay.golden.problems import BadCases
from assay.records.errors import AccessDenied, AssayError, CannotJudge, InputError, NotFound
from assay.records.evaluation import RunStatus
from assay.records.labels import ItemKind
from assay.records.ledger import Entry
from assay.wiring import labelling, labelling_exchange, labelling_making, labelling_standing
from assay.wiring.build import Workspace
from assay.wiring.labelling_making import Drawing
from label_examples import CASES, QUALITY, disk_lab, memory_lab


def make(place: Workspace, asked: Question = QUALITY, runs: tuple[str, ...] = ("aaaa",), **drawing: Any) -> Any:
    return labelling_making.create(place, asked, Drawing(**drawing), runs)


def truth(place: Workspace, name: str, person: str, wrong: int = 0) -> int:
    """Everything that waits for a person, labelled by the run's own score, the first `wrong` of it the other way."""
    made, done = labelling.task(place, name), 0
    while (seen := labelling.ahead(place, name, person).shown) is not None:
        item = labelling.item_of(place, made, seen.item_id)
        sample = place.stores.runs.sample(item.run_id, item.case_id)
        assert sample is not None
        right = bool(sample.scores["correct"]) and not item.gold
        labelling.give(place, name, item.item_id, person, "good" if right != (done < wrong) else "bad")
        done += 1
    return done


def test_strata_of_a_judge_are_all_drawn_from_with_their_chances() -> None:
    place = memory_lab()
    made = make(place, count=30, by="judge:correct", swaps=4, swap_label="bad")
    assert made.design.strata == {"judge:correct=0": 10, "judge:correct=1": 50}
    drawn = {name: sum(i.stratum == name for i in made.asked) for name in made.design.strata}
    assert sum(drawn.values()) == 30
    assert min(drawn.values()) >= 5
    assert {(i.stratum, i.probability) for i in made.asked} == {
        (n, drawn[n] / s) for n, s in made.design.strata.items()
    }
    assert {check.gold for check in made.checks} == {"bad"}
    assert all(check.shown_case not in ("", check.case_id) for check in made.checks)


def test_verdicts_in_the_ledger_serve_as_strata_by_card_or_digest() -> None:
    place = memory_lab()
    verdicts = [
        Entry("judge.verdict", "aaaa1111", f"v{n}", {"case_id": f"case-{n:02}", "repeat": 0, "judge": "d" * 64,
              "material": "", "judgement": {"value": None if n == 3 else n % 2}}) for n in range(CASES)
    ]  # fmt: skip
    place.stores.ledger.append([*verdicts, Entry("judge.card", "strict", "1", {"digest": "d" * 64})])
    made = make(place, count=20, by="judge:strict")
    assert made.design.strata == {"judge:strict=0": 30, "judge:strict=1": 29, "judge:strict=none": 1}
    assert make(place, replace(QUALITY, name="two"), count=20, by="judge:dddd").design.population == CASES
    with pytest.raises(InputError, match=r"label\.no_verdicts"):
        make(place, replace(QUALITY, name="three"), by="judge:other")


@pytest.mark.parametrize(("by", "strata"), [("slice:kind", {"kind=rare": 12, "kind=usual": 48}), ("risk", {"all": 60})])
def test_other_ways_to_draw(by: str, strata: dict[str, int]) -> None:
    made = make(memory_lab(), count=24, by=by)
    assert made.design.strata == strata
    assert len(made.asked) == 24
    if by == "risk":  # the unsure replies, confidence .2 against .9, have the greater chance
        chances = {item.case_id: item.probability for item in made.asked}
        sixth = [chance for case, chance in chances.items() if int(case[-2:]) % 6 == 0]
        assert len(sixth) >= 6
        assert min(sixth) > max(chance for case, chance in chances.items() if int(case[-2:]) % 6)


def test_two_runs_are_estimated_apart_and_together() -> None:
    place = memory_lab()
    make(place, runs=("aaaa", "bbbb"), count=80)
    for person in ("ann", "bob"):
        truth(place, "quality", person)
    _, found = labelling_standing.task_estimates(place, "quality")
    assert [one.run_id for one in found] == ["aaaa1111", "bbbb2222", ""]
    shares = [one.interval.estimate for one in found if one.interval]
    assert shares[0] == pytest.approx(5 / 6, abs=0.12)
    assert shares[1] == pytest.approx(4 / 6, abs=0.12)
    assert shares[1] < shares[2] < shares[0]


def test_failed_samples_are_left_out_and_told() -> None:
    place = memory_lab(failed=7)
    assert make(place, count=100).design.left_out == {"failed": 7}
    pairs = Question("pairs", "Which?", "Look.", ("a", "b", "tie"), ("b",), ItemKind.PAIR)
    assert make(place, pairs, ("aaaa", "bbbb"), count=10).design.population == CASES - 7


def test_disputes_go_to_a_third_person_who_sees_what_was_said_and_not_by_whom() -> None:
    place = memory_lab()
    make(place, count=12)
    truth(place, "quality", "ann")
    truth(place, "quality", "bob", wrong=3)
    assert labelling_standing.status(place, "quality").disputed == 3
    assert labelling.ahead(place, "quality", "ann", adjudicate=True).shown is None
    ahead = labelling.ahead(place, "quality", "dora", adjudicate=True)
    assert ahead.shown is not None
    assert sorted(choice for choice, _ in ahead.dispute) == ["bad", "good"]
    assert "ann" not in str(ahead.dispute)
    with pytest.raises(AccessDenied, match=r"label\.own_dispute"):
        labelling.give(place, "quality", ahead.shown.item_id, "ann", "good", adjudicate=True)
    labelling.give(place, "quality", ahead.shown.item_id, "dora", "good", adjudicate=True)
    assert labelling_standing.status(place, "quality").disputed == 2
    assert labelling_standing.status(place, "quality").resolved == {"agreed": 9, "adjudicated": 1}
    line = next(x for x in labelling_exchange.resolved_lines(place, "quality").splitlines() if "adjudicated" in x)
    kept = json.loads(line)
    assert [label["source"] for label in kept["labels"]] == ["person", "person", "adjudication"]
    assert all(label["guidelines_sha256"] == kept["guidelines_sha256"] for label in kept["labels"])


def test_who_clicks_without_reading_gets_no_more_and_counts_for_nothing() -> None:
    place = memory_lab()
    make(place, count=20, swaps=5, swap_label="bad")
    made = labelling.task(place, "quality")
    for check in made.checks[:4]:
        labelling.give(place, "quality", check.item_id, "bot", "good")
    with pytest.raises(AccessDenied, match=r"label\.set_aside"):
        labelling.give(place, "quality", made.asked[0].item_id, "bot", "good")
    assert labelling.ahead(place, "quality", "bot").shown is None
    assert labelling_standing.status(place, "quality").people[0].aside
    assert labelling.resolved_labels(place, "quality") == ()


def test_more_items_keep_every_chance_known_until_there_are_no_more() -> None:
    place = memory_lab()
    make(place, count=20)
    assert len(labelling.more(place, "quality", 15)) == 15
    made = labelling.task(place, "quality")
    assert {item.probability for item in made.asked} == {35 / 60}
    assert len({item.item_id for item in made.asked}) == 35
    assert len(labelling.more(place, "quality", 500)) == 25
    with pytest.raises(InputError, match=r"label\.exhausted"):
        labelling.more(place, "quality", 1)


def test_the_same_word_again_writes_nothing_and_another_one_corrects() -> None:
    place = memory_lab()
    make(place, count=3)
    item = labelling.task(place, "quality").items[0].item_id
    for value in ("good", "good", "bad"):
        labelling.give(place, "quality", item, "ann", value)
    assert [label.value for label in labelling.labels(place, "quality")] == ["good", "bad"]
    assert [one.value for one in labelling.resolved_labels(place, "quality")] == ["bad"]


def test_labels_become_a_new_golden_version_and_the_old_one_stays() -> None:
    """Answers from replies that people called good; whether a case is answerable; never against a case in silence."""
    place = memory_lab()
    old = place.stores.golden.get("faq")
    make(place, count=60)
    for person in ("ann", "bob"):
        truth(place, "quality", person)
    golden, change = labelling_exchange.make_golden(place, "quality", "", "answer")
    assert (len(change.cases), change.conflicts) == (50, ())
    case = next(case for case in golden.cases if case.case_id == "case-01")
    assert case.expected.answers == ("answer01", "It is answer01 says alpha.")
    assert case.provenance["label_task"] == "quality"
    assert case.provenance["label_people"] == "2"
    assert place.stores.golden.get("faq", old.version) == old
    with pytest.raises(InputError, match=r"label\.conflicts"):
        labelling_exchange.make_golden(place, "quality", "", "answerable")
    made, change = labelling_exchange.make_golden(place, "quality", "other", "answerable", replacing=True)
    assert made.name == "other"
    assert len(change.conflicts) == 10
    assert sum(not case.expected.answerable for case in made.cases) == 10


def test_checks_from_a_file(tmp_path: Path) -> None:
    place = memory_lab()
    path = tmp_path / "checks.jsonl"
    path.write_text('{"case": "case-01", "gold": "bad", "reply": "Bananas."}\n{"case": "case-02", "gold": "good"}\n')
    made = make(place, count=5, checks=path)
    assert sorted((check.case_id, check.gold, check.text) for check in made.checks) == [
        ("case-01", "bad", "Bananas."), ("case-02", "good", ""),
    ]  # fmt: skip
    path.write_text('{"case": "nothing", "gold": "bad"}\n{"case": "case-02", "gold": "great"}\n')
    with pytest.raises(BadCases, match="2 problems"):
        make(place, replace(QUALITY, name="two"), checks=path)


WRONG: list[tuple[str, Question, dict[str, Any], type[AssayError]]] = [
    ("label.no_runs", QUALITY, {"runs": ()}, InputError),
    ("label.same_run", QUALITY, {"runs": ("aaaa", "aaaa1111")}, InputError),
    ("label.two_runs", replace(QUALITY, kind=ItemKind.PAIR, labels=("a", "b"), positive=("b",)), {}, InputError),
    ("label.labels", replace(QUALITY, labels=("good",)), {}, InputError),
    ("label.labels", replace(QUALITY, labels=("good", "good")), {}, InputError),
    ("label.labels", replace(QUALITY, kind=ItemKind.PAIR), {"runs": ("aaaa", "bbbb")}, InputError),
    ("label.positive", replace(QUALITY, positive=("great",)), {}, InputError),
    ("label.positive", replace(QUALITY, positive=("good", "bad")), {}, InputError),
    ("label.no_guidelines", replace(QUALITY, guidelines=" "), {}, InputError),
    ("label.no_question", replace(QUALITY, question=""), {}, InputError),
    ("label.name", replace(QUALITY, name="a b"), {}, InputError),
    ("label.annotators", replace(QUALITY, annotators=("ann",)), {}, InputError),
    ("label.per_item", replace(QUALITY, per_item=0), {}, InputError),
    ("label.count", QUALITY, {"count": 0}, InputError),
    ("label.by", QUALITY, {"by": "luck"}, InputError),
    ("label.by", QUALITY, {"by": "slice:"}, InputError),
    ("label.floor", QUALITY, {"by": "risk", "floor": 0.0}, InputError),
    ("label.unknown_metric", QUALITY, {"by": "risk:luck"}, InputError),
    ("label.swap_label", QUALITY, {"swaps": 2}, InputError),
    ("label.no_swaps", QUALITY, {"swaps": 50, "swap_label": "bad"}, NotFound),
    ("label.no_golden", replace(QUALITY, kind=ItemKind.CASE), {"runs": ()}, InputError),
]


@pytest.mark.parametrize(("code", "asked", "how", "kind"), WRONG, ids=[f"{n}-{row[0]}" for n, row in enumerate(WRONG)])
def test_what_cannot_be_asked_is_refused_before_anything_is_written(
    code: str, asked: Question, how: dict[str, Any], kind: type[AssayError]
) -> None:
    place = memory_lab()
    with pytest.raises(kind) as caught:
        make(place, asked, **how)
    assert caught.value.code == code
    assert labelling.names(place) == ()


def test_runs_that_cannot_be_labelled_together() -> None:
    place = memory_lab()
    place.stores.runs.finish("bbbb2222", RunStatus.INTERRUPTED)
    with pytest.raises(CannotJudge, match=r"label\.incomplete"):
        make(place, runs=("aaaa", "bbbb"))
    with pytest.raises(NotFound, match=r"label\.unknown_task"):
        labelling.task(place, "quality")


def test_the_whole_story_at_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Create, label, see that one person is not enough, a second one, estimate, draw more, export, golden version."""
    place = disk_lab(tmp_path)
    (tmp_path / "g.md").write_text("Say good when it is.\n")
    (tmp_path / "keys").write_text("1\nu\n2\nn from \x1b[31mme\nbad\nwhat\ns\n" + "1\n2\n" * 9)
    only = typer.Typer()
    label.register(only)
    command = typer.main.get_command(only)  # once: making the commands costs more than running them

    def run(*arguments: str, code: int = 0) -> str:
        done = command.main(["label", *arguments, "-w", str(place.root)], standalone_mode=False)
        assert (done or 0) == code
        return capsys.readouterr().out

    ask = ["--question", "Right?", "--guidelines", str(tmp_path / "g.md"), "--labels", "good,bad", "--positive", "good"]
    assert "14 of 60 drawn by judge:correct" in run(
        "create", "q", "--runs", "aaaa", *ask, "--n", "14", "--by", "judge:correct"
    )
    run("estimate", "q", code=2)
    out = run("do", "q", "--as", "ann", "--answers", str(tmp_path / "keys"))
    assert "nothing is left for you; 14 done" in out
    assert "1 good   2 bad" in out
    assert "aaaa" not in out
    words = [one.value for one in labelling.labels(place, "q")]
    assert words[:4] == ["good", "bad", "bad", ""], "the second is a correction of the first"
    assert "agreement cannot be said" in run("agreement", "q")
    (tmp_path / "two").write_text("2\nq\n")
    assert "stopped; 1 done, 13 left" in run("do", "q", "--as", "bob", "--answers", str(tmp_path / "two"))
    (tmp_path / "three").write_text("1\n" * 14)
    run("do", "q", "--as", "bob", "--answers", str(tmp_path / "three"))
    assert "Cohen's kappa" in run("agreement", "q")
    told = run("estimate", "q")
    assert "to halve this interval" in told
    assert "the labels themselves are in doubt" in told
    assert "A third person decides" in run("status", "q")
    assert "somebody said: good" in run("adjudicate", "q", "--as", "dora", "--answers", str(tmp_path / "three"))
    assert "6 more items" in run("more", "q", "--n", "6")
    assert "20 items, without labels" in run("export", "q", str(tmp_path / "o.csv"), "--format", "csv")
    assert "20 items had no label" in run("import", "q", str(tmp_path / "o.csv"), "--format", "csv")
    assert "resolved items" in run("resolve", "q", "--out", str(tmp_path / "r.jsonl"))
    assert "cases changed" in run("to-golden", "q", "--use", "label")
    assert "Say good when it is." in run("show", "q")
    assert run("list").count("\n") == 3
    place.close()
