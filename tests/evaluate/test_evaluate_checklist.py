"""Behavioural tests: a reply is held against the reply to the case its own was made from, in the same repeat."""

from __future__ import annotations

import asyncio
import threading

import pytest
from evaluation_examples import FakeSystem, answered, case, sentence

from assay.adapters.clocks import FakeClock, SystemClock
from assay.adapters.memory import MemoryRuns
from assay.evaluate.checklist import failure_rates
from assay.evaluate.engine import evaluate
from assay.evaluate.runs import judged, new_run, rescore
from assay.evaluate.scorers import scorer, scorers_for
from assay.evaluate.sources import ordered
from assay.records.dialogue import Finished, Outcome, Output, OutputReady, Reply, Request
from assay.records.evaluation import RunStatus
from assay.records.golden import Case, Expected, GoldenSet, Relation, RelationKind

INVARIANCE, DIRECTIONAL = RelationKind.INVARIANCE, RelationKind.DIRECTIONAL


def verdict(relation: Relation, reply: Reply, source: Reply | None) -> float | str:
    name = {INVARIANCE: "invariance", DIRECTIONAL: "directional"}[relation.kind]
    sample = judged(case("c-2", relation=relation), reply, (scorer(name),), source=source)
    return sample.scores[name] if name in sample.scores else sample.unscored[name]


def said(label: str = "", **scores: float) -> Reply:
    return answered(output=Output(label, scores))


def test_the_same_class_the_same_text_or_declining_twice_is_no_change() -> None:
    same = Relation(INVARIANCE, "c-1")
    assert verdict(same, said("a"), said("a")) == 1.0
    assert verdict(same, said("a"), said("b")) == 0.0
    assert verdict(same, answered(sentence("30 days.")), answered(sentence("30 Days"))) == 1.0
    assert verdict(same, answered(sentence("30 days.")), answered(sentence("60 days."))) == 0.0
    assert verdict(same, Reply(Outcome.ABSTAINED), Reply(Outcome.REFUSED)) == 1.0
    assert verdict(same, answered(sentence("30 days.")), Reply(Outcome.ABSTAINED)) == 0.0


def test_a_tolerance_says_how_much_a_text_or_a_quantity_may_move() -> None:
    texts = answered(sentence("It is 30 days")), answered(sentence("It lasts 30 days"))
    assert verdict(Relation(INVARIANCE, "c-1", tolerance=0.2), *texts) == 0.0
    assert verdict(Relation(INVARIANCE, "c-1", tolerance=0.3), *texts) == 1.0
    close = Relation(INVARIANCE, "c-1", "score:a", tolerance=0.1)
    assert verdict(close, said(a=0.55), said(a=0.5)) == 1.0
    assert verdict(close, said(a=0.7), said(a=0.5)) == 0.0


def test_a_quantity_must_move_in_its_direction_by_the_tolerance_at_least() -> None:
    up = Relation(DIRECTIONAL, "c-1", "score:a", "up", 0.1)
    assert verdict(up, said(a=0.7), said(a=0.5)) == 1.0
    assert verdict(up, said(a=0.55), said(a=0.5)) == 0.0
    assert verdict(up, said(a=0.3), said(a=0.5)) == 0.0
    assert verdict(Relation(DIRECTIONAL, "c-1", "score:a", "up"), said(a=0.5), said(a=0.5)) == 0.0
    down = Relation(DIRECTIONAL, "c-1", "confidence", "down")
    assert verdict(down, Reply(Outcome.ANSWERED, confidence=0.2), Reply(Outcome.ANSWERED, confidence=0.9)) == 1.0
    assert verdict(Relation(DIRECTIONAL, "c-1"), said("a"), said("b")) == 1.0
    assert verdict(Relation(DIRECTIONAL, "c-1"), said("a"), said("a")) == 0.0


def test_what_cannot_be_held_against_anything_says_why() -> None:
    up = Relation(DIRECTIONAL, "c-1", "score:a", "up")
    assert verdict(up, said("x"), said(a=0.5)) == "no_quantity"
    assert verdict(up, said(a=0.5), None) == "no_source"
    assert verdict(up, said(a=0.5), Reply(Outcome.FAILED, "x")) == "source_failed"
    assert verdict(Relation(DIRECTIONAL, "c-1", "score:a"), said(a=0.5), said(a=0.4)) == "no_direction"
    assert judged(case(), said("a"), (scorer("invariance"),)).unscored == {"invariance": "no_invariance_test"}


def test_a_minimum_functionality_test_asks_for_everything_that_is_expected() -> None:
    minimum = Relation(RelationKind.MINIMUM)
    both = case(label="a", answers=("30 days",), relation=minimum)
    right = Reply(Outcome.ANSWERED, sentences=(sentence("30 days."),), output=Output("a"))
    wrong = Reply(Outcome.ANSWERED, sentences=(sentence("60 days."),), output=Output("a"))
    made = (scorer("minimum_functionality"),)
    assert judged(both, right, made).scores == {"minimum_functionality": 1.0}
    assert judged(both, wrong, made).scores == {"minimum_functionality": 0.0}


def related(case_id: str, of: str, kind: RelationKind = INVARIANCE, **more: object) -> Case:
    return Case(case_id, f"Question {case_id}?", Expected(relation=Relation(kind, of)), **more)  # type: ignore[arg-type]


def test_sources_come_first_however_deep_and_a_circle_ends() -> None:
    cases = (related("c", "b"), related("b", "a"), case("a"), related("x", "y"), related("y", "x"), related("z", "?"))
    order = [one.case_id for one in ordered(cases)]
    assert order.index("a") < order.index("b") < order.index("c")
    assert sorted(order) == ["a", "b", "c", "x", "y", "z"]


class Parrot(FakeSystem):
    """Its class is the last letter of the case and the repeat; sources take longer than what was made from them."""

    async def answer(self, request: Request):  # type: ignore[no-untyped-def]
        name = request.metadata["case"]
        self.asked.append(request.request_id)
        await asyncio.sleep(0.02 if "~" not in name else 0.0)
        yield OutputReady(Output(name.split("~")[0][-1] + request.metadata["repeat"]))
        yield Finished(Outcome.ANSWERED, duration_ms=1.0)


async def test_the_engine_holds_each_reply_against_its_source_whichever_comes_first() -> None:
    cases = GoldenSet("demo", (related("c-1~t", "c-1"), case("c-1"), related("c-2~t", "c-1"), related("c-3", "gone")))
    scorers, store = scorers_for(cases.cases), MemoryRuns()
    run = new_run(cases, app="x", system="fake.v1", scorers=scorers, clock=FakeClock(), repeats=2)
    status = await evaluate(Parrot(), cases, scorers, store, run=run, clock=SystemClock(), concurrency=8)
    assert status is RunStatus.COMPLETE
    found = {(s.case_id, s.repeat): s for s in store.samples(run.run_id)}
    assert [found["c-1~t", r].scores["invariance"] for r in (0, 1)] == [1.0, 1.0]
    assert [found["c-2~t", r].scores["invariance"] for r in (0, 1)] == [0.0, 0.0]
    assert found["c-3", 0].unscored["invariance"] == "no_source"
    again = {(s.case_id, s.repeat): s.scores for s in rescore(run, found.values(), cases, scorers)}
    assert again == {key: sample.scores for key, sample in found.items()}


async def test_a_resumed_run_knows_the_replies_of_before() -> None:
    event = threading.Event()
    cases = GoldenSet("demo", (case("c-1"), *(related(f"c-1~{n}", "c-1") for n in range(6))))
    scorers, store = scorers_for(cases.cases), MemoryRuns()
    run = new_run(cases, app="x", system="fake.v1", scorers=scorers, clock=FakeClock())

    class Stopping(Parrot):
        async def answer(self, request: Request):  # type: ignore[no-untyped-def]
            if len(self.asked) == 2:
                event.set()
            async for said in super().answer(request):
                yield said

    first = await evaluate(Stopping(), cases, scorers, store, run=run, clock=SystemClock(), concurrency=1, stop=event)
    assert first is RunStatus.INTERRUPTED
    assert await evaluate(Parrot(), cases, scorers, store, run=run, clock=SystemClock()) is RunStatus.COMPLETE
    scores = [s.scores.get("invariance") for s in store.samples(run.run_id) if s.case_id != "c-1"]
    assert scores == [1.0] * 6


def test_failure_rates_stand_by_type_and_capability_and_count_failed_samples() -> None:
    robust = ("capability=robustness",)
    cases = [case("a"), *(related(f"a~{n}", "a", slices=robust) for n in range(3)), related("b", "gone")]
    made = (scorer("invariance"),)
    replies = [said("x"), said("x"), said("y"), Reply(Outcome.FAILED, "endpoint.timeout"), said("x")]
    samples = [
        judged(one, reply, made, source=None if one.case_id == "b" else said("x"))
        for one, reply in zip(cases, replies, strict=True)
    ]
    rates = {one.capability: one for one in failure_rates(samples, cases)}
    assert rates["robustness"].rate.estimate == pytest.approx(2 / 3)
    assert (rates["robustness"].failed, rates["robustness"].untested) == (2, 0)
    assert rates[""].untested == 1
    assert failure_rates([], cases) == ()
