"""The engine counts what is durable, resumes what was interrupted, and tells every failure by its reason."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from evaluation_examples import FakeSystem, case, golden

from assay.adapters.clocks import FakeClock, SystemClock
from assay.adapters.memory import MemoryRuns
from assay.adapters.sql.database import open_database
from assay.adapters.sql.runs import SqlRuns
from assay.evaluate import engine
from assay.evaluate.engine import evaluate
from assay.evaluate.runs import new_run, rescore, rescored_run
from assay.evaluate.scorers import default_scorers, scorer
from assay.records.dialogue import Finished, Outcome, Request
from assay.records.errors import CannotJudge, InputError, Unavailable
from assay.records.evaluation import Run, RunStatus, Sample
from assay.records.golden import GoldenSet

SCORERS = (scorer("correct"), scorer("latency_ms"))


def run_of(cases: GoldenSet, **more: object) -> Run:
    return new_run(cases, app="helpdesk", system="fake.v1", scorers=SCORERS, clock=FakeClock(), **more)  # type: ignore[arg-type]


async def go(system: FakeSystem, cases: GoldenSet, store: MemoryRuns | SqlRuns, run: Run, **more: object) -> RunStatus:
    return await evaluate(system, cases, SCORERS, store, run=run, clock=SystemClock(), **more)  # type: ignore[arg-type]


async def test_every_case_is_answered_once_per_repeat_and_the_run_is_complete() -> None:
    system, store, cases = FakeSystem(), MemoryRuns(), golden(count=7)
    run = run_of(cases, repeats=3)
    seen: list[tuple[int, int]] = []
    status = await go(system, cases, store, run, concurrency=4, progress=lambda done, total: seen.append((done, total)))
    assert status is RunStatus.COMPLETE
    assert store.run(run.run_id).status is RunStatus.COMPLETE
    assert Counter(sample.case_id for sample in store.samples(run.run_id)) == {f"c-{n}": 3 for n in range(7)}
    assert seen[-1] == (21, 21)
    assert {sample.scores["correct"] for sample in store.samples(run.run_id)} == {1.0}


async def test_no_more_than_the_stated_number_are_in_flight() -> None:
    system, cases = FakeSystem(delay_s=0.005), golden(count=40)
    await go(system, cases, MemoryRuns(), run_of(cases), concurrency=6)
    assert system.most_in_flight == 6


@dataclass
class SlowStore(MemoryRuns):
    """Durable only after a while; notes how many samples were durable when `append` returned."""

    durable: int = 0

    def append(self, run_id: str, samples: Sequence[Sample]) -> None:
        threading.Event().wait(0.01)
        super().append(run_id, samples)
        self.durable += len(samples)


async def test_a_sample_is_counted_only_once_the_store_has_it() -> None:
    store, cases = SlowStore(), golden(count=30)
    early: list[int] = []

    def progress(done: int, _total: int) -> None:
        if done > store.durable:
            early.append(done)

    await go(FakeSystem(), cases, store, run_of(cases), concurrency=10, progress=progress)
    assert early == []
    assert store.durable == 30


def stopped_after(count: int, event: threading.Event) -> FakeSystem:
    def behave(_request: Request, _attempt: int) -> None:
        if len(system.asked) >= count:
            event.set()

    system = FakeSystem(behave)
    return system


async def test_a_run_interrupted_twice_ends_with_every_sample_once(tmp_path: Path) -> None:
    database = open_database(tmp_path / "assay.db")
    store, cases = SqlRuns(database), golden(count=30)
    run, asked, kept = run_of(cases), [], []
    for expected in (RunStatus.INTERRUPTED, RunStatus.INTERRUPTED, RunStatus.COMPLETE):
        event = threading.Event()
        system = stopped_after(10, event) if expected is RunStatus.INTERRUPTED else FakeSystem()
        assert await go(system, cases, store, run, concurrency=4, stop=event) is expected
        assert store.run(run.run_id).status is expected
        asked += system.asked
        kept.append(len(store.done(run.run_id)))
    assert 0 < kept[0] < kept[1] < kept[2] == 30
    assert len(asked) == len(set(asked)) == 30  # finished samples were kept, so none was paid for twice
    database.close()


async def test_cancellation_keeps_finished_samples_and_marks_the_run_interrupted() -> None:
    hang = asyncio.Event()

    class Hanging(FakeSystem):
        async def answer(self, request: Request):  # type: ignore[no-untyped-def]
            if len(self.asked) >= 5:
                await hang.wait()
            async for event in super().answer(request):
                yield event

    store, cases = MemoryRuns(), golden(count=20)
    run = run_of(cases)
    task = asyncio.create_task(go(Hanging(), cases, store, run, concurrency=5))
    while len(store.journal.get(run.run_id, {})) < 5:
        await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert store.run(run.run_id).status is RunStatus.INTERRUPTED
    assert len(store.done(run.run_id)) == 5


async def test_a_stop_cancels_what_does_not_end_in_its_grace_and_keeps_the_rest() -> None:
    event = threading.Event()

    class Hanging(FakeSystem):
        async def answer(self, request: Request):  # type: ignore[no-untyped-def]
            if request.question == "Question 1?":
                event.set()
                await asyncio.sleep(3600)
            async for said in super().answer(request):
                yield said

    store, cases = MemoryRuns(), golden(count=4)
    run = run_of(cases)
    assert await go(Hanging(), cases, store, run, concurrency=2, stop=event, grace_s=0.05) is RunStatus.INTERRUPTED
    assert ("c-1", 0) not in store.done(run.run_id)


def failing(code: str, times: int = 99) -> FakeSystem:
    return FakeSystem(lambda _r, attempt: Finished(Outcome.FAILED, code) if attempt <= times else None)


async def test_a_failure_of_the_moment_is_retried_and_the_attempts_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "FIRST_WAIT_S", 0.001)
    store, cases = MemoryRuns(), golden(count=2)
    run = run_of(cases)
    assert await go(failing("chat.timeout", times=2), cases, store, run) is RunStatus.COMPLETE
    assert {(s.attempts, s.error) for s in store.samples(run.run_id)} == {(3, "")}


async def test_retries_stop_at_the_budget_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "FIRST_WAIT_S", 0.001)
    system, store, cases = failing("chat.rate_limited"), MemoryRuns(), golden(count=10)
    run = run_of(cases)
    assert await go(system, cases, store, run, retry_budget=5) is RunStatus.COMPLETE
    assert len(system.asked) == 15
    assert Counter(s.error for s in store.samples(run.run_id)) == {"chat.rate_limited": 10}


async def test_a_failure_that_would_come_back_is_not_retried_and_scores_nothing() -> None:
    system, store, cases = failing("assist.no_model"), MemoryRuns(), golden(count=3)
    run = run_of(cases)
    await go(system, cases, store, run)
    assert len(system.asked) == 3
    for sample in store.samples(run.run_id):
        assert (sample.error, sample.scores) == ("assist.no_model", {})
        assert set(sample.unscored.values()) == {"no_reply"}


async def test_an_error_of_ours_that_a_system_raises_is_counted_by_its_code() -> None:
    def refuse(_request: Request, _attempt: int) -> Finished:
        raise Unavailable("store.full", "the disk is full")

    store, cases = MemoryRuns(), golden(count=2)
    run = run_of(cases)
    assert await go(FakeSystem(refuse), cases, store, run) is RunStatus.COMPLETE
    assert [s.error for s in store.samples(run.run_id)] == ["store.full"] * 2


async def test_a_defect_of_a_system_ends_the_run_loudly_and_keeps_what_was_finished() -> None:
    def break_down(request: Request, _attempt: int) -> None:
        if request.question == "Question 5?":
            raise ZeroDivisionError

    store, cases = MemoryRuns(), golden(count=10)
    run = run_of(cases)
    with pytest.raises(ZeroDivisionError):
        await go(FakeSystem(break_down), cases, store, run, concurrency=1)
    assert store.run(run.run_id).status is RunStatus.INTERRUPTED
    assert len(store.done(run.run_id)) == 5


async def test_a_sample_past_its_deadline_is_a_counted_failure() -> None:
    store, cases = MemoryRuns(), golden(count=2)
    run = run_of(cases)
    status = await go(FakeSystem(delay_s=60), cases, store, run, deadline_s=0.02)
    assert status is RunStatus.COMPLETE
    assert [(s.error, s.reply.duration_ms) for s in store.samples(run.run_id)] == [("evaluate.deadline", 20.0)] * 2


@dataclass
class FullDisk(MemoryRuns):
    room: int = 3

    def append(self, run_id: str, samples: Sequence[Sample]) -> None:
        if len(self.journal[run_id]) >= self.room:
            raise Unavailable("store.full", "the disk is full")
        super().append(run_id, samples)


async def test_a_store_that_fails_ends_the_run_with_its_error_and_a_later_call_resumes() -> None:
    store, cases = FullDisk(), golden(count=400)
    run, system = run_of(cases), FakeSystem(delay_s=0.01)
    with pytest.raises(Unavailable) as raised:
        await go(system, cases, store, run, concurrency=4)
    assert raised.value.code == "store.full"
    assert len(system.asked) < 400
    assert store.run(run.run_id).status is RunStatus.INTERRUPTED
    store.room = 10_000
    assert await go(FakeSystem(), cases, store, run, concurrency=50) is RunStatus.COMPLETE


async def test_a_complete_run_asks_nothing_more() -> None:
    store, cases = MemoryRuns(), golden(count=3)
    run = run_of(cases)
    await go(FakeSystem(), cases, store, run)
    again = FakeSystem()
    assert await go(again, cases, store, run) is RunStatus.COMPLETE
    assert again.asked == []


async def test_a_run_is_not_continued_with_another_golden_set_system_or_scorers() -> None:
    cases, store = golden(count=3), MemoryRuns()
    run = run_of(cases)
    with pytest.raises(CannotJudge, match=r"evaluate\.other_golden"):
        await go(FakeSystem(), golden(count=4), store, run)
    with pytest.raises(CannotJudge, match=r"evaluate\.other_golden"):
        await go(FakeSystem(), golden(case("c-9"), count=2), store, run)
    dev = run_of(cases, split="dev", golden_version="f" * 64)
    with pytest.raises(CannotJudge, match=r"evaluate\.other_golden"):
        await go(FakeSystem(), golden(case("c-9"), count=2), store, dev)
    with pytest.raises(CannotJudge, match=r"evaluate\.other_system"):
        await go(FakeSystem(recipe="fake.v2"), cases, store, run)
    with pytest.raises(CannotJudge, match=r"evaluate\.other_scorers"):
        await go(FakeSystem(), cases, store, replace(run, metrics=run.metrics[:1]))
    altered = replace(run, versions={**run.versions, "scorer:correct": "correct.v0"})
    with pytest.raises(CannotJudge, match=r"evaluate\.other_scorers"):
        await go(FakeSystem(), cases, store, altered)
    assert store.runs() == ()


async def test_two_cases_with_one_id_are_refused_before_anything_is_asked() -> None:
    twins, system = golden(case("c-1"), case("c-1")), FakeSystem()
    with pytest.raises(InputError, match=r"golden\.duplicate_id"):
        await go(system, twins, MemoryRuns(), run_of(twins))
    assert system.asked == []


async def test_replies_are_scored_again_under_a_new_run_without_asking_the_system() -> None:
    store, cases = MemoryRuns(), golden(count=3)
    run = run_of(cases)
    await go(FakeSystem(), cases, store, run)
    made = rescored_run(run, default_scorers(), FakeClock(99))
    store.create(made)
    store.append(made.run_id, list(rescore(run, store.samples(run.run_id), cases, default_scorers())))
    assert made.run_id != run.run_id
    assert made.versions["rescored_from"] == run.run_id
    assert [s.scores["exact_match"] for s in store.samples(made.run_id)] == [1.0] * 3
    with pytest.raises(CannotJudge):
        list(rescore(run, store.samples(run.run_id), golden(count=2), SCORERS))


async def test_a_run_says_how_its_scores_were_made() -> None:
    run = run_of(golden(count=1), versions={"model": "tiny"}, seed=4)
    assert run.versions["scorer:correct"] == "correct.v1"
    assert run.versions["model"] == "tiny"
    assert {"python", "assay"} <= run.versions.keys()
    assert run.run_id != run_of(golden(count=1), seed=5).run_id
