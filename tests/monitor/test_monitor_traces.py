"""Every answer leaves a trace, no answer waits for the store, and what is lost is counted."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from assay.adapters.clocks import FakeClock
from assay.adapters.memory import MemoryTraces
from assay.monitor.show import trace_lines
from assay.monitor.traces import Traced, TraceWriter
from assay.records.access import Scope
from assay.records.dialogue import (
    AnswerSentence,
    Check,
    CheckStatus,
    Finished,
    Outcome,
    Passage,
    PassagesChosen,
    ReplyEvent,
    Request,
    SentenceReady,
    SentenceWithheld,
    StageDone,
    Usage,
)
from assay.records.documents import Span
from assay.records.errors import Unavailable
from assay.records.operations import Trace

SUPPORTED, FAILED = Check(CheckStatus.SUPPORTED, 1.0), Check(CheckStatus.UNSUPPORTED, 0.25, ("number",))
PASSAGE = Passage(1, "chunk-1", Span("hr/probation", "a" * 64, 100, 160), 0.5, {"bm25": (1, 12.25)})
EVENTS: list[ReplyEvent] = [
    StageDone("retrieve", 0.0, 4.0, {"hits": 8}),
    PassagesChosen((PASSAGE,), "e" * 64),
    SentenceReady(AnswerSentence("Six months.", (), SUPPORTED)),
    SentenceWithheld(FAILED),
    StageDone("verify", 4.0, 1.0),
    Finished(Outcome.ANSWERED, confidence=0.75, usage=Usage(120, 30, 0.0012), duration_ms=8.0),
]
REQUEST = Request("r-1", "How long is probation?", Scope("acme", frozenset({"legal", "hr"})))


@dataclass
class Scripted:
    events: list[ReplyEvent] = field(default_factory=lambda: list(EVENTS))
    error: Exception | None = None
    closed: int = 0
    recipe: str = "scripted.v1"

    async def answer(self, request: Request) -> AsyncIterator[ReplyEvent]:
        try:
            for event in self.events:
                yield event
            if self.error:
                raise self.error
        finally:
            self.closed += 1


@dataclass
class Fragile(MemoryTraces):
    """A store that fails while `broken` is set, and waits for `gate` before each write."""

    broken: bool = False
    gate: threading.Event = field(default_factory=threading.Event)
    batches: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate.set()

    def append(self, traces: Sequence[Trace]) -> None:
        assert self.gate.wait(10)
        if self.broken:
            raise Unavailable("store.disk_full", "the disk is full")
        self.batches.append(len(traces))
        super().append(traces)


def traced(system: Scripted, store: MemoryTraces, keep_content: bool = False) -> tuple[Traced, TraceWriter]:
    writer = TraceWriter(store, interval_s=0.001, retry_s=0.001)
    wrapped = Traced(
        system, writer, app="helpdesk", bundle_id="b" * 64, clock=FakeClock(), keep_content=keep_content
    )  # fmt: skip
    return wrapped, writer


async def kept(system: Scripted, keep_content: bool = False, request: Request = REQUEST) -> Trace:
    store = MemoryTraces()
    wrapped, writer = traced(system, store, keep_content)
    async for _ in wrapped.answer(request):
        pass
    writer.close()
    return store.get(request.request_id)


def a_trace(number: int = 0) -> Trace:
    return Trace(
        trace_id=f"t-{number}", app="helpdesk", bundle_id="", snapshot_id="", tenant="acme", groups=(),
        at=f"{number:06}", outcome=Outcome.ABSTAINED, reason="assist.below_threshold", confidence=None,
        duration_ms=0.0, stages=(),
        passages=(), checks=(), usage=Usage(),
    )  # fmt: skip


async def test_a_trace_holds_what_happened_under_the_request_s_id_and_no_content() -> None:
    trace = await kept(Scripted())
    assert (trace.trace_id, trace.app, trace.bundle_id, trace.snapshot_id) == ("r-1", "helpdesk", "b" * 64, "e" * 64)
    assert (trace.tenant, trace.groups) == ("acme", ("hr", "legal"))
    assert (trace.outcome, trace.reason, trace.confidence, trace.duration_ms) == (Outcome.ANSWERED, "", 0.75, 8.0)
    assert [stage.name for stage in trace.stages] == ["retrieve", "verify"]
    assert trace.passages == (PASSAGE,)
    assert trace.checks == (SUPPORTED, FAILED)
    assert trace.usage == Usage(120, 30, 0.0012)
    assert (trace.question, trace.answer) == ("", "")
    assert "probation?" not in repr(trace)


async def test_content_is_kept_when_the_workspace_says_so() -> None:
    trace = await kept(Scripted(), keep_content=True, request=replace(REQUEST, question="How \ud800 long?"))
    assert (trace.question, trace.answer) == ("How ? long?", "Six months.")


async def test_tracing_changes_no_event_and_no_recipe() -> None:
    system = Scripted()
    wrapped, writer = traced(system, MemoryTraces())
    assert [event async for event in wrapped.answer(REQUEST)] == EVENTS
    assert wrapped.recipe == system.recipe
    writer.close()


async def test_an_answer_that_nobody_reads_on_is_traced_and_closed() -> None:
    store, system = MemoryTraces(), Scripted()
    wrapped, writer = traced(system, store)
    stream = wrapped.answer(REQUEST)
    async for event in stream:
        if isinstance(event, SentenceReady):
            break
    await stream.aclose()  # type: ignore[attr-defined]
    writer.close()
    trace = store.get("r-1")
    assert (trace.outcome, trace.reason) == (Outcome.FAILED, "client.gone")
    assert [stage.name for stage in trace.stages] == ["retrieve"]
    assert system.closed == 1


async def test_a_cancelled_answer_is_traced() -> None:
    class Endless(Scripted):
        async def answer(self, request: Request) -> AsyncIterator[ReplyEvent]:
            yield EVENTS[0]
            await asyncio.Event().wait()

    async def read() -> None:
        async for _ in wrapped.answer(REQUEST):
            begun.set()

    store, begun = MemoryTraces(), asyncio.Event()
    wrapped, writer = traced(Endless(), store)
    task = asyncio.create_task(read())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    writer.close()
    assert store.get("r-1").reason == "client.gone"


async def test_a_system_that_breaks_its_word_and_raises_is_traced_and_heard() -> None:
    store = MemoryTraces()
    wrapped, writer = traced(Scripted(events=[EVENTS[0]], error=RuntimeError("a defect")), store)
    with pytest.raises(RuntimeError, match="a defect"):
        async for _ in wrapped.answer(REQUEST):
            pass
    writer.close()
    assert (store.get("r-1").outcome, store.get("r-1").reason) == (Outcome.FAILED, "system.raised")


async def test_a_stream_that_never_finishes_is_a_failure() -> None:
    trace = await kept(Scripted(events=EVENTS[:2]))
    assert (trace.outcome, trace.reason) == (Outcome.FAILED, "system.unfinished")


def test_traces_are_written_in_batches() -> None:
    store = Fragile()
    store.gate.clear()
    writer = TraceWriter(store, batch=50, interval_s=0.001)
    for number in range(120):
        assert writer.offer(a_trace(number))
    store.gate.set()
    assert writer.flush()
    assert sum(store.batches) == 120
    assert max(store.batches) <= 50
    assert len(store.batches) <= 4
    assert writer.close().written == 120


def test_what_does_not_fit_is_dropped_at_once_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    store = Fragile()
    store.gate.clear()
    writer = TraceWriter(store, capacity=10, interval_s=0.001)
    taken = [writer.offer(a_trace(number)) for number in range(25)]
    assert taken == [True] * 10 + [False] * 15
    store.gate.set()
    with caplog.at_level(logging.ERROR):
        state = writer.close()
    assert (state.written, state.dropped, state.waiting) == (10, 15, 0)
    assert "15 traces were not kept" in caplog.text


def test_traces_wait_while_the_store_fails_and_are_written_when_it_is_back() -> None:
    store = Fragile(broken=True)
    writer = TraceWriter(store, interval_s=0.001, retry_s=0.001)
    for number in range(5):
        writer.offer(a_trace(number))
    assert not writer.flush()
    assert writer.state().error == "store.disk_full"
    assert writer.state().waiting == 5
    store.broken = False
    assert writer.flush()
    state = writer.close()
    assert (state.written, state.dropped, state.error) == (5, 0, "")
    assert len(store.kept) == 5


def test_closing_while_the_store_fails_ends_and_says_what_was_lost() -> None:
    writer = TraceWriter(Fragile(broken=True), interval_s=0.001, retry_s=60.0)
    writer.offer(a_trace())
    state = writer.close()
    assert (state.written, state.dropped, state.error) == (0, 1, "store.disk_full")
    assert not writer.offer(a_trace())


def test_a_writer_that_never_got_a_trace_starts_no_thread_and_closes_at_once() -> None:
    before = threading.active_count()
    writer = TraceWriter(MemoryTraces())
    assert threading.active_count() == before
    assert writer.close().written == 0


async def test_the_waterfall_shows_every_stage_where_it_stood() -> None:
    lines = trace_lines(await kept(Scripted(), keep_content=True))
    text = "\n".join(lines)
    bars = [line for line in lines if "│" in line]
    assert [line.split()[0] for line in bars] == ["retrieve", "verify"]
    assert bars[0].count("█") == 16
    assert bars[1].index("█") - bars[0].index("█") == 16
    assert "hits=8" in bars[0]
    for part in (
        "answered",
        "8.0 ms",
        "tokens 120 in, 30 out",
        "hr/probation[100:160]",
        "bm25 #1 12.250",
        "failed number",
    ):
        assert part in text
    assert "Six months." in text


def test_a_trace_without_stages_is_shown_and_cannot_steer_a_terminal() -> None:
    hostile = replace(a_trace(), question="a\x1b[2Jb\nc\u202ed", tenant="x\x1by", answer="ok")
    lines = trace_lines(hostile)
    assert "no stage was reached" in lines
    assert all(line.isprintable() for line in lines)
    assert "question  a�[2Jb c�d" in lines
