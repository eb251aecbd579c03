"""A run spends no more than it may, feels out what a system bears, and pays for no reply twice."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field, replace

import pytest
from evaluation_examples import FakeSystem, case, golden
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.adapters.clocks import FakeClock, SystemClock
from assay.adapters.memory import MemoryRuns
from assay.adapters.memory_ledger import MemoryCache
from assay.evaluate import engine
from assay.evaluate.caching import ReplyCache
from assay.evaluate.engine import evaluate
from assay.evaluate.limits import UNKNOWN_PRICE, Ceiling, Spending
from assay.evaluate.limits_admission import Admission
from assay.evaluate.limits_flow import Flow
from assay.evaluate.runs import new_run
from assay.evaluate.scorers import scorer
from assay.records.access import Scope
from assay.records.dialogue import Finished, Outcome, Request, StageDone, Usage
from assay.records.evaluation import Run, RunStatus
from assay.records.golden import GoldenSet

SCORERS = (scorer("correct"), scorer("latency_ms"), scorer("cost_usd"))


def run_of(cases: GoldenSet, **more: object) -> Run:
    return new_run(cases, app="helpdesk", system="fake.v1", scorers=SCORERS, clock=FakeClock(), **more)  # type: ignore[arg-type]


async def go(system: FakeSystem, cases: GoldenSet, store: MemoryRuns, run: Run, **more: object) -> RunStatus:
    return await evaluate(system, cases, SCORERS, store, run=run, clock=SystemClock(), **more)  # type: ignore[arg-type]


def costing(usd: float | None, tokens: int | None = 10) -> FakeSystem:
    usage = Usage(tokens, 0 if tokens is not None else None, usd)
    return FakeSystem(lambda _r, _a: Finished(Outcome.ANSWERED, usage=usage, duration_ms=1.0), delay_s=0.001)


async def test_a_run_never_passes_its_ceiling_when_replies_cost_alike_and_a_higher_one_goes_on() -> None:
    store, cases = MemoryRuns(), golden(count=50)
    run = run_of(cases)
    spent = Spending(Ceiling(cost_usd=0.105))
    system = costing(0.01)
    assert await go(system, cases, store, run, concurrency=8, spending=spent) is RunStatus.INTERRUPTED
    assert len(system.asked) == len(store.done(run.run_id)) == 10
    assert spent.cost_usd == pytest.approx(0.10)
    assert (spent.reached, spent.refusal) == (True, "")
    more = Spending(Ceiling(cost_usd=10.0))
    again = costing(0.01)
    assert await go(again, cases, store, run, concurrency=8, spending=more) is RunStatus.COMPLETE
    assert len(again.asked) == 40
    assert more.cost_usd == pytest.approx(0.50)  # what the first call spent is counted


async def test_a_ceiling_on_tokens_stops_as_one_on_cost_does() -> None:
    store, cases = MemoryRuns(), golden(count=20)
    spent = Spending(Ceiling(tokens=55))
    assert await go(costing(None), cases, store, run_of(cases), spending=spent) is RunStatus.INTERRUPTED
    assert spent.tokens == 50


async def test_one_reply_without_a_price_ends_a_run_with_a_ceiling_on_cost() -> None:
    store, cases, system = MemoryRuns(), golden(count=20), costing(None)
    spent = Spending(Ceiling(cost_usd=5.0))
    assert await go(system, cases, store, run_of(cases), concurrency=8, spending=spent) is RunStatus.INTERRUPTED
    assert len(system.asked) == 1  # until the first reply is back, one is in flight
    assert spent.refusal == UNKNOWN_PRICE


def test_an_attempt_that_failed_silently_counts_as_the_dearest() -> None:
    spent = Spending(Ceiling(cost_usd=1.0))
    spent.add(Usage(5, 5, 0.2))
    spent.add(Usage(), failed=True)
    assert spent.cost_usd == pytest.approx(0.4)
    assert (spent.unsaid, spent.refusal) == (1, "")
    with pytest.raises(ValueError, match="above 0"):
        Ceiling(cost_usd=0.0)


@settings(max_examples=50)
@given(
    st.lists(st.floats(0.001, 1.0), min_size=1, max_size=40), st.floats(0.001, 10.0), st.integers(1, 8), st.randoms()
)
def test_a_ceiling_is_passed_by_no_more_than_the_last_replies_cost_above_the_dearest_before(
    prices: list[float], ceiling: float, most: int, order: object
) -> None:
    spent, left, flying = Spending(Ceiling(cost_usd=ceiling)), list(prices), list[float]()
    excess = 0.0
    while True:
        while left and len(flying) < most and spent.room_for(len(flying)):
            flying.append(left.pop())
        if not flying:
            break
        price = flying.pop(order.randrange(len(flying)))  # type: ignore[attr-defined]
        excess += max(0.0, price - spent.dearest_usd) * (len(flying) + 1)
        spent.add(Usage(1, 1, price))
    assert spent.cost_usd <= ceiling + excess + 1e-9


def test_an_adaptive_limit_grows_while_answers_are_quick_and_shrinks_on_refusals() -> None:
    flow = Flow(64)
    for _ in range(200):
        flow.replied(0.2, flow.slots, overloaded=False)
    assert flow.slots == 64
    flow.replied(0.2, flow.slots, overloaded=True)
    assert flow.slots == 44
    for _ in range(44):
        flow.replied(0.2, 44, overloaded=True)  # these were under way when the limit fell
    assert flow.slots >= 44 * 0.7 - 1
    for _ in range(2000):
        flow.replied(0.1, 1, overloaded=True)
    assert flow.slots == 1


def test_an_adaptive_limit_shrinks_when_answers_take_longer_and_does_not_grow_unused() -> None:
    flow = Flow(50)
    for _ in range(100):
        flow.replied(0.1, flow.slots, overloaded=False)
    before = flow.limit
    for _ in range(300):
        flow.replied(0.5, flow.slots, overloaded=False)
    assert flow.limit < before
    idle = Flow(50)
    for _ in range(100):
        idle.replied(0.1, 1, overloaded=False)
    assert idle.limit == Flow(50).limit


@dataclass
class Bounded(FakeSystem):
    """Refuses what goes beyond `room` requests at a time."""

    room: int = 6
    refused: int = 0

    async def answer(self, request: Request):  # type: ignore[no-untyped-def]
        if self.in_flight >= self.room:
            self.refused += 1
            yield Finished(Outcome.FAILED, "chat.rate_limited", duration_ms=1.0)
            return
        async for event in super().answer(request):
            yield event


async def test_auto_concurrency_settles_at_what_the_system_bears(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "FIRST_WAIT_S", 0.002)
    system, store, cases = Bounded(delay_s=0.002), MemoryRuns(), golden(count=300)
    run = run_of(cases)
    status = await go(system, cases, store, run, concurrency=64, adaptive=True, retry_budget=1000)
    assert status is RunStatus.COMPLETE
    assert system.most_in_flight <= 6
    assert system.refused < 90  # of 300: at a fixed 64 nearly every sample would be refused first
    assert sum(bool(sample.error) for sample in store.samples(run.run_id)) < 15


async def test_those_who_wait_at_the_door_come_in_in_their_order_or_are_all_sent_away() -> None:
    door, came = Admission(Flow(1)), []

    async def guest(number: int) -> None:
        if await door.enter():
            came.append(number)
            await asyncio.sleep(0)
            door.leave()

    await asyncio.gather(*(guest(number) for number in range(6)))
    assert came == list(range(6))
    spent = Spending(Ceiling(tokens=1))
    shut = Admission(None, spent)
    assert await shut.enter()
    spent.add(Usage(1, 0))
    waiting = [asyncio.create_task(shut.enter()) for _ in range(3)]
    await asyncio.sleep(0)
    shut.leave()
    assert await asyncio.gather(*waiting) == [False] * 3
    assert shut.in_flight == 0


async def test_one_who_is_called_in_and_cancelled_at_once_gives_the_place_back() -> None:
    door = Admission(Flow(1))
    assert await door.enter()
    waiting = asyncio.create_task(door.enter())
    await asyncio.sleep(0)
    door.leave()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert door.in_flight == 0


@dataclass
class Resting(FakeSystem):
    """Asks to be left alone for a moment, then answers."""

    waits: list[float] = field(default_factory=list)

    async def answer(self, request: Request):  # type: ignore[no-untyped-def]
        self.waits.append(asyncio.get_running_loop().time())
        if len(self.waits) == 1:
            yield StageDone("refused", 0.0, 0.0, {"retry_after_ms": 60})
            yield Finished(Outcome.FAILED, "endpoint.rate_limited", duration_ms=1.0)
            return
        async for event in super().answer(request):
            yield event


async def test_a_retry_waits_as_long_as_the_endpoint_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "FIRST_WAIT_S", 0.001)
    system, store, cases = Resting(), MemoryRuns(), golden(count=1)
    assert await go(system, cases, store, run_of(cases)) is RunStatus.COMPLETE
    assert system.waits[1] - system.waits[0] >= 0.059


def cache_of(store: MemoryCache, fingerprint: str = "f", now: float = 0.0) -> ReplyCache:
    return ReplyCache(store, fingerprint, FakeClock(now))


async def test_a_reply_is_asked_for_once_by_input_system_and_repeat_and_a_kept_one_has_no_latency() -> None:
    kept, store, cases = MemoryCache(), MemoryRuns(), golden(count=4)
    first = FakeSystem()
    await go(first, cases, store, run_of(cases, repeats=2), cache=cache_of(kept))
    assert len(first.asked) == 8  # the second repeat is no copy of the first
    second, cache, again = FakeSystem(), cache_of(kept), run_of(cases, repeats=2, seed=1)
    await go(second, cases, store, again, cache=cache)
    assert (second.asked, cache.hits) == ([], 8)
    for sample in store.samples(again.run_id):
        assert (sample.cached, sample.attempts, sample.scores["correct"]) == (True, 0, 1.0)
        assert sample.unscored["latency_ms"] == "cached"
    other = FakeSystem()
    await go(other, cases, store, run_of(cases, seed=2), cache=cache_of(kept, "another system"))
    assert len(other.asked) == 4


async def test_a_failure_is_never_kept() -> None:
    kept, store, cases = MemoryCache(), MemoryRuns(), golden(count=3)
    failing = FakeSystem(lambda _r, _a: Finished(Outcome.FAILED, "assist.no_model"))
    await go(failing, cases, store, run_of(cases), cache=cache_of(kept))
    assert kept.kept == {}


def test_what_is_asked_decides_the_key_and_nothing_else_of_the_case() -> None:
    cache = cache_of(MemoryCache())
    one = case("c-1", "How long?")
    assert cache.key(one, 0) == cache.key(replace(one, case_id="c-2", slices=("a=b",)), 0)
    others = [
        cache.key(replace(one, question="How long"), 0),
        cache.key(replace(one, scope=Scope("other")), 0),
        cache.key(one, 1),
        cache_of(MemoryCache(), "g").key(one, 0),
    ]
    assert len({cache.key(one, 0), *others}) == 5


async def test_an_old_or_broken_kept_reply_is_a_miss() -> None:
    kept, store, cases = MemoryCache(), MemoryRuns(), golden(count=1)
    await go(FakeSystem(), cases, store, run_of(cases), cache=cache_of(kept))
    only = cases.cases[0]
    assert cache_of(kept).get(only, 0) is not None
    assert cache_of(kept, now=8 * 86_400).get(only, 0) is None
    for broken in ("", "{}", '{"at":"yesterday","reply":{"outcome":"answered"}}', "[1"):
        kept.kept = dict.fromkeys(kept.kept, broken)
        assert cache_of(kept).get(only, 0) is None


async def test_a_stop_while_samples_wait_at_the_door_ends_the_run_in_order() -> None:
    event = threading.Event()

    class Stopping(FakeSystem):
        async def answer(self, request: Request):  # type: ignore[no-untyped-def]
            event.set()
            async for said in super().answer(request):
                yield said

    store, cases = MemoryRuns(), golden(count=20)
    run = run_of(cases)
    system: FakeSystem = Stopping(delay_s=0.005)
    assert await go(system, cases, store, run, concurrency=8, adaptive=True, stop=event) is RunStatus.INTERRUPTED
    assert 0 < len(store.done(run.run_id)) == len(system.asked) < 20
