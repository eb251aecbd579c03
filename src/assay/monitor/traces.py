"""A trace of every answer, written in the background: no answer ever waits for the store."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, replace

from assay.ports.answering import System
from assay.ports.reading import Clock
from assay.ports.storage import TraceStore
from assay.records.dialogue import Check, Finished, Outcome, Reply, ReplyEvent, Request, fold
from assay.records.errors import AssayError
from assay.records.operations import Trace

log = logging.getLogger(__name__)

Prepare = Callable[[Trace], Trace]
"""Makes of a trace what may be kept; called in the writer's thread. Never raises."""

ABANDONED = "client.gone"
RAISED = "system.raised"


@dataclass(frozen=True, slots=True)
class WriterState:
    """What a writer did so far. `error` is the code of the newest failure, empty when the newest write went well."""

    written: int
    waiting: int
    dropped: int
    error: str


class TraceWriter:
    """Takes traces at once and appends them in batches from a thread of its own.

    While the store fails, traces wait in memory and the write is tried again; when `capacity` are waiting, new ones are
    dropped and counted. The thread starts with the first trace. A kill -9 loses what came within `interval_s`.
    """

    def __init__(
        self, store: TraceStore, *, capacity: int = 10_000, batch: int = 256, interval_s: float = 0.25,
        retry_s: float = 1.0,
    ) -> None:  # fmt: skip
        self._store = store
        self._capacity, self._batch = capacity, batch
        self._interval_s, self._retry_s = interval_s, retry_s
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Trace, Prepare | None]] = deque()
        self._thread: threading.Thread | None = None
        self._written = self._dropped = 0
        self._error = ""
        self._hurry = self._closed = False

    def offer(self, trace: Trace, prepare: Prepare | None = None) -> bool:
        """Take a trace, or drop and count it and say False. Never waits for the store, nor for `prepare`."""
        with self._changed:
            if self._closed or len(self._waiting) >= self._capacity:
                self._dropped += 1
                return False
            self._waiting.append((trace, prepare))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="assay-traces", daemon=True)
                self._thread.start()
            self._changed.notify_all()
            return True

    def state(self) -> WriterState:
        with self._changed:
            return WriterState(self._written, len(self._waiting), self._dropped, self._error)

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until everything offered so far is written; False when it is not in time, or when the store fails."""
        with self._changed:
            self._hurry, self._error = True, ""
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: not self._waiting or bool(self._error), timeout_s)
            self._hurry = False
            return done and not self._waiting

    def close(self, timeout_s: float = 5.0) -> WriterState:
        """Write what is waiting and stop. What cannot be written in time is counted as dropped and logged."""
        self.flush(timeout_s)
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout_s)
        with self._changed:
            self._dropped += len(self._waiting)
            self._waiting.clear()
        state = self.state()
        if state.dropped:
            log.error("%d traces were not kept (%s)", state.dropped, state.error or "too many waited")
        return state

    def _run(self) -> None:
        while batch := self._next_batch():
            try:
                self._store.append([prepare(trace) if prepare else trace for trace, prepare in batch])
            except AssayError as error:
                self._failed(error)
            else:
                self._kept(len(batch))

    def _next_batch(self) -> list[tuple[Trace, Prepare | None]]:
        """The oldest traces, once a batch is full, the interval is over or somebody waits; empty at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or bool(self._waiting))
            self._changed.wait_for(lambda: self._pressed() or len(self._waiting) >= self._batch, self._interval_s)
            if self._closed and self._error:
                return []
            return [self._waiting[number] for number in range(min(self._batch, len(self._waiting)))]

    def _pressed(self) -> bool:
        return self._closed or self._hurry

    def _kept(self, count: int) -> None:
        with self._changed:
            for _ in range(count):
                self._waiting.popleft()
            self._written += count
            self._error = ""
            self._changed.notify_all()

    def _failed(self, error: AssayError) -> None:
        with self._changed:
            if error.code != self._error:
                log.warning("traces cannot be written and wait in memory: %s", error.code)
            self._error = error.code
            self._changed.notify_all()
            self._changed.wait_for(self._pressed, self._retry_s)


class Traced:
    """A system that leaves a trace of every answer, also of one that was abandoned. The trace's id is the request's.

    Question and answer are kept only with `keep_content`, and as `prepare` leaves them: the question is what was asked,
    before any guard. A trace always names the scope and the chunks considered.
    """

    def __init__(
        self, system: System, writer: TraceWriter, *, app: str, bundle_id: str, clock: Clock,
        keep_content: bool = False, prepare: Prepare | None = None,
    ) -> None:  # fmt: skip
        self._system, self._writer, self._clock = system, writer, clock
        self._app, self._bundle_id, self._keep_content = app, bundle_id, keep_content
        self._prepare = prepare if keep_content else None

    @property
    def recipe(self) -> str:
        return self._system.recipe

    async def answer(self, request: Request) -> AsyncIterator[ReplyEvent]:
        at, began = self._clock.now(), self._clock.monotonic()
        events: list[ReplyEvent] = []
        ended = ABANDONED
        stream = self._system.answer(request)
        try:
            async for event in stream:
                events.append(event)
                yield event
            ended = ""
        except Exception:
            ended = RAISED
            raise
        finally:
            spent_ms = (self._clock.monotonic() - began) * 1000
            self._writer.offer(self._trace(request, at, events, ended, spent_ms), self._prepare)
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()

    def _trace(self, request: Request, at: str, events: list[ReplyEvent], ended: str, spent_ms: float) -> Trace:
        reply = fold(events)
        finished = bool(events) and isinstance(events[-1], Finished)
        return Trace(
            trace_id=request.request_id,
            app=self._app,
            bundle_id=self._bundle_id,
            snapshot_id=reply.snapshot_id,
            tenant=request.scope.tenant,
            groups=tuple(sorted(request.scope.groups)),
            at=at,
            outcome=reply.outcome if finished else Outcome.FAILED,
            reason=reply.reason if finished else ended or reply.reason,
            confidence=reply.confidence,
            duration_ms=reply.duration_ms if finished and reply.duration_ms else spent_ms,
            stages=reply.stages,
            passages=tuple(replace(passage, also=()) for passage in reply.passages),
            checks=_checks(reply),
            usage=reply.usage,
            label=reply.label,
            question=_sound(request.question) if self._keep_content else "",
            answer=_sound(reply.text) if self._keep_content else "",
        )


def _checks(reply: Reply) -> tuple[Check, ...]:
    """The checks of shown sentences in order, then those of withheld ones."""
    return (*(sentence.check for sentence in reply.sentences), *reply.withheld)


def _sound(text: str) -> str:
    """Text that has a UTF-8 form: a lone surrogate, which JSON can smuggle in, becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")
