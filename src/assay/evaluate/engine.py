"""Runs a system over a golden set: journalled before it is counted, resumable, bounded in time, retries, memory and
money.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from assay.evaluate.caching import ReplyCache
from assay.evaluate.journal import Journal
from assay.evaluate.limits import Spending
from assay.evaluate.limits_admission import Admission
from assay.evaluate.limits_flow import Flow
from assay.evaluate.runs import check_run, judged
from assay.evaluate.sources import Sources, ordered
from assay.ports.answering import Scorer, System
from assay.ports.reading import Clock
from assay.ports.storage import RunStore
from assay.records.dialogue import Outcome, Reply, Request, step
from assay.records.errors import AssayError
from assay.records.evaluation import Run, RunStatus
from assay.records.golden import Case, GoldenSet

RETRIED = frozenset({
    "chat.timeout", "chat.status", "chat.malformed_stream", "chat.dropped", "chat.rate_limited",
    "endpoint.timeout", "endpoint.dropped", "endpoint.rate_limited", "endpoint.overloaded",
})  # fmt: skip
"""Failures of the moment. Every other one would come back."""
OVERLOAD = frozenset({
    "chat.timeout", "chat.rate_limited", "endpoint.timeout", "endpoint.rate_limited", "endpoint.overloaded",
})  # fmt: skip
"""Failures that ask for fewer requests at a time."""
RETRY_AFTER = "retry_after_ms"
"""A stage's detail of this name says how long the endpoint asked to be left alone."""
ATTEMPTS = 3
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 20.0
GRACE_S = 5.0
"""After a stop, answers that are under way get this long: they may have been paid for."""
POLL_S = 0.1
RAMP_S = 0.002
"""Between the starts of two workers. Workers that start together stay together: their answers come in bursts, and each
waits for the burst to be worked off (at 100 in flight 200 ms became 264 ms without this, and 207 ms with it)."""

Progress = Callable[[int, int], None]
"""Called in the event loop with durable samples and all samples of the run, after every batch."""


class Stop(Protocol):
    """A wish to end early, such as `threading.Event` or `asyncio.Event`."""

    def is_set(self) -> bool: ...


async def evaluate(
    system: System, golden: GoldenSet, scorers: Sequence[Scorer], store: RunStore, *, run: Run, clock: Clock,
    concurrency: int = 8, adaptive: bool = False, retry_budget: int = 20, deadline_s: float = 120.0,
    spending: Spending | None = None, cache: ReplyCache | None = None, progress: Progress | None = None,
    stop: Stop | None = None, grace_s: float = GRACE_S,
) -> RunStatus:  # fmt: skip
    """Answer and score every case `run.repeats` times, at most `concurrency` at once, and journal every sample.

    Samples that `store` holds for this run are not repeated, so calling it again resumes. A reply that failed with one
    of RETRIED is asked for again after the wait that the endpoint asked for or a growing one, at most ATTEMPTS times in
    all and `retry_budget` times for the whole call; other failures, and a sample that takes more than `deadline_s`
    seconds with its retries (`evaluate.deadline`), are journalled as failed. A stop, a ceiling of `spending` or a
    cancellation leaves the run INTERRUPTED with all finished samples kept, and so does an error of the store, which is
    raised.

    With `adaptive`, `concurrency` is only the most: how many are in flight follows what the system bears (`Flow`).
    `spending` is counted on in place, samples that the run already has included. Replies that `cache` holds are not
    asked for again; such samples say so and count for no latency.

    Raises CannotJudge when system, golden set or scorers are not those of `run`.
    """
    check_run(run, golden, system, scorers)
    await asyncio.to_thread(store.create, run)
    done = await asyncio.to_thread(store.done, run.run_id)
    count = _Count(len(golden.cases) * run.repeats, len(done), progress)
    most = min(concurrency, max(1, count.total - count.done))
    journal = Journal(store, run.run_id, count.add, cache.keep if cache else None)
    admission = Admission(Flow(most) if adaptive else None, spending)
    sources = Sources(golden.cases)
    if done and (sources.needed or spending is not None):
        await asyncio.to_thread(_remember, store, run.run_id, sources, spending)
    if cache is not None:
        cache.expect(golden.cases)
    left = _left(golden, run, done)
    work = _Work(
        system, scorers, run, clock, journal, retry_budget, deadline_s, left, stop, admission, spending, cache, sources
    )
    try:
        await _work_off(work, journal, most, grace_s)
    finally:
        status = RunStatus.COMPLETE if count.done >= count.total else RunStatus.INTERRUPTED
        await asyncio.to_thread(store.finish, run.run_id, status)
    return status


def _left(golden: GoldenSet, run: Run, done: frozenset[tuple[str, int]]) -> Iterator[tuple[Case, int]]:
    """What is still to be answered, repeat by repeat, so that an interrupted run has seen as many cases as it can; a
    case that is held against another comes after it."""
    cases = ordered(golden.cases)
    for repeat in range(run.repeats):
        for case in cases:
            if (case.case_id, repeat) not in done:
                yield case, repeat


def _remember(store: RunStore, run_id: str, sources: Sources, spending: Spending | None) -> None:
    """What an interrupted run already knows: the replies that others are held against, and what it has spent."""
    for sample in store.samples(run_id):
        sources.told(sample.case_id, sample.repeat, sample.reply)
        if spending is not None and not sample.cached:
            spending.add(sample.reply.usage, failed=bool(sample.error))


async def _work_off(work: _Work, journal: Journal, workers: int, grace_s: float) -> None:
    """Let workers take samples until there are none, a stop, or an error, and write down all that were finished."""
    writer = asyncio.create_task(journal.write())
    tasks = [asyncio.create_task(work.until_done()) for _ in range(workers)]
    try:
        await _until_done(tasks, writer, work, grace_s)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        await journal.close(writer)
    for result in ended:
        if isinstance(result, Exception):
            raise result


async def _until_done(tasks: list[asyncio.Task[None]], writer: asyncio.Task[None], work: _Work, grace_s: float) -> None:
    loop = asyncio.get_running_loop()
    patience_ends = float("inf")
    pending = set(tasks)
    while pending and loop.time() < patience_ends and not writer.done():
        ended, pending = await asyncio.wait(pending, timeout=POLL_S, return_when=asyncio.FIRST_EXCEPTION)
        if any(task.exception() for task in ended):
            return
        if work.stopped and patience_ends == float("inf"):
            patience_ends = loop.time() + grace_s


@dataclass
class _Count:
    total: int
    done: int
    progress: Progress | None

    def add(self, kept: int) -> None:
        self.done += kept
        if self.progress is not None:
            self.progress(self.done, self.total)


@dataclass
class _Work:
    """What the workers of one call share."""

    system: System
    scorers: Sequence[Scorer]
    run: Run
    clock: Clock
    journal: Journal
    retries_left: int
    deadline_s: float
    left: Iterator[tuple[Case, int]]
    stop: Stop | None
    admission: Admission
    spending: Spending | None
    cache: ReplyCache | None
    sources: Sources
    gate: asyncio.Lock = field(default_factory=asyncio.Lock)
    waits: int = 0

    @property
    def stopped(self) -> bool:
        return self.stop is not None and self.stop.is_set()

    async def until_done(self) -> None:
        """One worker: samples from the shared iterator, one at a time."""
        async with self.gate:
            await asyncio.sleep(RAMP_S)
        for case, repeat in self.left:
            if self.stopped:
                self.sources.give_up()
                return
            reply = None
            if self.cache is not None:
                reply = await asyncio.to_thread(self.cache.get, case, repeat)
            if reply is not None:
                await self._journal(case, repeat, reply, 0, cached=True)
            elif not await self._admitted(case, repeat):
                self.sources.give_up()
                return

    async def _admitted(self, case: Case, repeat: int) -> bool:
        """Answer a sample when its turn has come; False when no more may begin."""
        if not await self.admission.enter():
            return False
        try:
            if self.stopped:
                return False
            self.sources.begun(case.case_id, repeat)
            reply, attempts = await self._replied(case, repeat)
        finally:
            self.admission.leave()
        await self._journal(case, repeat, reply, attempts)
        return True

    async def _journal(self, case: Case, repeat: int, reply: Reply, attempts: int, *, cached: bool = False) -> None:
        self.sources.told(case.case_id, repeat, reply)
        try:
            source = await self.sources.reply(case, repeat)
        except LookupError:
            return  # without its source it would be scored wrongly for good; the next call asks again
        await self.journal.put(
            judged(case, reply, self.scorers, repeat=repeat, attempts=attempts, source=source, cached=cached)
        )

    async def _replied(self, case: Case, repeat: int) -> tuple[Reply, int]:
        request = Request(
            request_id=f"{self.run.run_id}/{case.case_id}/{repeat}",
            question=case.question,
            scope=case.scope,
            history=case.history,
            metadata={"run": self.run.run_id, "case": case.case_id, "repeat": str(repeat)},
        )
        tries = _Tries()
        try:
            async with asyncio.timeout(self.deadline_s) as timer:
                reply = await self._reply(request, tries)
        except TimeoutError:
            if not timer.expired():
                raise
            reply = Reply(Outcome.FAILED, "evaluate.deadline", duration_ms=self.deadline_s * 1000)
            self._learn(reply, overloaded=True)
        return reply, tries.made

    async def _reply(self, request: Request, tries: _Tries) -> Reply:
        while True:
            tries.made += 1
            reply = await self._ask(request)
            failed = reply.outcome is Outcome.FAILED
            self._learn(reply, overloaded=failed and reply.reason in OVERLOAD)
            if not failed or reply.reason not in RETRIED:
                return reply
            if tries.made >= ATTEMPTS or self.retries_left <= 0 or self.stopped:
                return reply
            self.retries_left -= 1
            await asyncio.sleep(max(self._wait_s(tries.made), _asked_wait_s(reply)))

    def _learn(self, reply: Reply, *, overloaded: bool) -> None:
        """Count what an attempt cost and how the system bore it."""
        if self.spending is not None:
            self.spending.add(reply.usage, failed=reply.outcome is Outcome.FAILED)
        if self.admission.flow is not None:
            self.admission.flow.replied(reply.duration_ms / 1000, self.admission.in_flight, overloaded=overloaded)

    async def _ask(self, request: Request) -> Reply:
        """Fold one stream. Failures are events; a system that raises one of ours all the same is counted, not fatal."""
        began = self.clock.monotonic()
        reply = Reply(Outcome.FAILED, "system.unfinished")
        try:
            async for event in self.system.answer(request):
                reply = step(reply, event)
        except AssayError as error:
            reply = replace(reply, outcome=Outcome.FAILED, reason=error.code)
        if reply.duration_ms:
            return reply
        return replace(reply, duration_ms=(self.clock.monotonic() - began) * 1000)

    def _wait_s(self, made: int) -> float:
        """Doubling waits, each shortened by up to half so that workers that failed together do not return together."""
        self.waits += 1
        spread = self.waits * 0.618034 % 1  # golden-ratio steps fill the interval evenly and can be repeated
        return float(min(FIRST_WAIT_S * 2 ** (made - 1), LONGEST_WAIT_S) * (1 - spread / 2))


@dataclass
class _Tries:
    made: int = 0


def _asked_wait_s(reply: Reply) -> float:
    """Seconds that the endpoint asked for, where it did; longer than LONGEST_WAIT_S is not waited."""
    asked = [stage.detail[RETRY_AFTER] for stage in reply.stages if RETRY_AFTER in stage.detail]
    return min(float(asked[-1]) / 1000, LONGEST_WAIT_S) if asked else 0.0
