"""Runs a system over a golden set: journalled before it is counted, resumable, bounded in time, retries and memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from assay.evaluate.journal import Journal
from assay.evaluate.runs import check_run, judged
from assay.ports.answering import Scorer, System
from assay.ports.reading import Clock
from assay.ports.storage import RunStore
from assay.records.dialogue import Outcome, Reply, Request, step
from assay.records.errors import AssayError
from assay.records.evaluation import Run, RunStatus, Sample
from assay.records.golden import Case, GoldenSet

RETRIED = frozenset({"chat.timeout", "chat.status", "chat.malformed_stream", "chat.dropped", "chat.rate_limited"})
"""Failures of the moment. Every other one would come back."""
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
    concurrency: int = 8, retry_budget: int = 20, deadline_s: float = 120.0, progress: Progress | None = None,
    stop: Stop | None = None, grace_s: float = GRACE_S,
) -> RunStatus:  # fmt: skip
    """Answer and score every case `run.repeats` times, at most `concurrency` at once, and journal every sample.

    Samples that `store` holds for this run are not repeated, so calling it again resumes. A reply that failed with one
    of RETRIED is asked for again after a growing wait, at most ATTEMPTS times in all and `retry_budget` times for the
    whole call; other failures, and a sample that takes more than `deadline_s` seconds with its retries
    (`evaluate.deadline`), are journalled as failed. A stop or a cancellation leaves the run INTERRUPTED with all
    finished samples kept, and so does an error of the store, which is raised.

    Raises CannotJudge when system, golden set or scorers are not those of `run`.
    """
    check_run(run, golden, system, scorers)
    await asyncio.to_thread(store.create, run)
    done = await asyncio.to_thread(store.done, run.run_id)
    count = _Count(len(golden.cases) * run.repeats, len(done), progress)
    journal = Journal(store, run.run_id, count.add)
    work = _Work(system, scorers, run, clock, journal, retry_budget, deadline_s, _left(golden, run, done), stop)
    try:
        await _work_off(work, journal, min(concurrency, max(1, count.total - count.done)), grace_s)
    finally:
        status = RunStatus.COMPLETE if count.done >= count.total else RunStatus.INTERRUPTED
        await asyncio.to_thread(store.finish, run.run_id, status)
    return status


def _left(golden: GoldenSet, run: Run, done: frozenset[tuple[str, int]]) -> Iterator[tuple[Case, int]]:
    """What is still to be answered, repeat by repeat, so that an interrupted run has seen as many cases as it can."""
    for repeat in range(run.repeats):
        for case in golden.cases:
            if (case.case_id, repeat) not in done:
                yield case, repeat


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
                return
            await self.journal.put(await self._sample(case, repeat))

    async def _sample(self, case: Case, repeat: int) -> Sample:
        request = Request(
            request_id=f"{self.run.run_id}/{case.case_id}/{repeat}",
            question=case.question,
            scope=case.scope,
            history=case.history,
            metadata={"run": self.run.run_id, "repeat": str(repeat)},
        )
        tries = _Tries()
        try:
            async with asyncio.timeout(self.deadline_s) as timer:
                reply = await self._reply(request, tries)
        except TimeoutError:
            if not timer.expired():
                raise
            reply = Reply(Outcome.FAILED, "evaluate.deadline", duration_ms=self.deadline_s * 1000)
        return judged(case, reply, self.scorers, repeat=repeat, attempts=tries.made)

    async def _reply(self, request: Request, tries: _Tries) -> Reply:
        while True:
            tries.made += 1
            reply = await self._ask(request)
            if reply.reason not in RETRIED or reply.outcome is not Outcome.FAILED:
                return reply
            if tries.made >= ATTEMPTS or self.retries_left <= 0:
                return reply
            self.retries_left -= 1
            await asyncio.sleep(self._wait_s(tries.made))

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
