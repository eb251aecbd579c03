"""People's labels reach a judge's card from labelling tasks, and odd draws are noticed before an estimate is made."""

from __future__ import annotations

import pytest
from evaluation_examples import case

from assay.evaluate.judges.estimate import Unit, by_reply, pairs_to_label, posterior, uneven, units_of_pair
from assay.evaluate.judges.labels import from_task
from assay.records.dialogue import Outcome, Reply
from assay.records.errors import InputError
from assay.records.evaluation import Sample
from assay.records.labels import ItemKind, Label, LabelItem, LabelTask, Resolved
from judge_brains import rubric


def task(kind: ItemKind = ItemKind.REPLY, positive: tuple[str, ...] = ("good",)) -> LabelTask:
    return LabelTask("t-1", "round-1", "…", ("good", "bad"), positive, (), kind=kind)


def resolved(value: str, kind: ItemKind = ItemKind.REPLY, **more: object) -> Resolved:
    item = LabelItem("i-1", kind, "c-1", "run-a", **more)  # type: ignore[arg-type]
    people = tuple(Label("t-1", "i-1", name, value, "2026-01-01") for name in ("anna", "ben"))
    return Resolved(item, value, "agreed", people)


def test_a_task_about_replies_gives_passes_and_who_said_so() -> None:
    (good,) = from_task(task(), [resolved("good", probability=0.25)])
    assert (good.value, good.run_id, good.probability, good.annotators) == (1.0, "run-a", 0.25, ("anna", "ben"))
    assert from_task(task(), [resolved("bad")])[0].value == 0.0
    assert from_task(task(), [resolved("good", ItemKind.CASE), resolved("good", text="planted")]) == ()
    with pytest.raises(InputError):
        from_task(task(positive=()), [resolved("good")])


def test_a_task_about_pairs_gives_sides() -> None:
    labels = [from_task(task(), [resolved(v, ItemKind.PAIR, other_run="run-b")])[0].value for v in ("a", "b", "tie")]
    assert labels == [0.0, 1.0, 0.5]
    with pytest.raises(InputError):
        from_task(task(), [resolved("good", ItemKind.PAIR, other_run="run-b")])


def test_labels_drawn_unevenly_inside_a_verdict_are_noticed_and_stratified_draws_are_not() -> None:
    stratified = [Unit("a", "0", 1.0, (("t", 0.9),)), Unit("b", "1", 1.0, (("t", 0.1),))]
    assert uneven(stratified) == ""
    assert uneven([*stratified, Unit("c", "1", 0.0, (("t", 0.4),))]) == "1"
    assert uneven([*stratified, Unit("c", "1", 0.0, (("later", 0.4),))]) == "", "two even draws make an even one"


def sample(case_id: str, value: float | None, outcome: Outcome = Outcome.ANSWERED) -> Sample:
    scores = {} if value is None else {"judge:good": value}
    unscored = {"judge:good": "abstained" if outcome is Outcome.ABSTAINED else "judge.prose"} if value is None else {}
    return Sample(case_id, 0, Reply(outcome), scores, unscored)


def test_a_reply_that_declined_counts_as_not_passed_and_one_that_the_judge_failed_on_is_left_out() -> None:
    cases = [case(f"c-{n}") for n in range(3)]
    ours = [sample("c-0", 1.0), sample("c-1", 1.0), sample("c-2", None)]
    theirs = [sample("c-0", None, Outcome.ABSTAINED), sample("c-1", 0.0), sample("c-2", 1.0)]
    labels = by_reply(from_task(task(), [resolved("good")]), lambda run: run)
    labels = {("run-a", "c-0", 0): labels["run-a", "c-1", 0], **labels}
    units = units_of_pair(rubric(), ours, theirs, ("run-a", "run-b"), labels, cases)
    assert [(unit.stratum, unit.label) for unit in units] == [("1-", -1.0), ("10", None)]


def test_labels_without_a_loss_are_differences_all_the_same() -> None:
    units = [Unit(f"c-{n // 2}", "11", 0.0 if n < 20 else None) for n in range(40)]
    found = posterior([*units, Unit("d", "10")], paired=True)
    assert found is not None
    assert found.interval(0.95).low < 0.0, "a stratum that nobody labelled may be all losses"


def test_more_labels_are_asked_for_a_narrower_margin_and_none_where_cases_are_too_few() -> None:
    units = [Unit(str(n), "11" if n % 10 else "10", 0.0 if n < 30 else None) for n in range(800)]
    wide, narrow = pairs_to_label(units, 0.10, 0.05, 0.8), pairs_to_label(units, 0.03, 0.05, 0.8)
    assert wide is not None
    assert narrow is not None
    assert wide < narrow
    assert pairs_to_label(units[:50], 0.01, 0.05, 0.8) is None
