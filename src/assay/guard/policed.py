"""A guard that applies a policy to everything that goes into a system and comes out of it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from assay.detect.limits import TextLimits, exceeded
from assay.guard.acting import Acted, Acting
from assay.guard.leaving import Leaving, Stopped
from assay.guard.passages import PassageNotes
from assay.guard.policy import Context, Where
from assay.guard.streams import closed_after
from assay.ports.answering import System
from assay.ports.guarding import Escalations
from assay.records.access import Scope
from assay.records.dialogue import Finished, Outcome, PassagesChosen, ReplyEvent, Request, StageDone, Turn
from assay.records.errors import AssayError

T = TypeVar("T")
SMALL = 16_384
"""Signs that take less than a millisecond or two."""
LOWERED = "lowered"
"""The name in `Request.metadata` that says that a request has lost rights: `1`. No tool may run for it."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Limits of what is asked, in code points."""

    question: TextLimits = TextLimits()
    history_chars: int = 40_000


@dataclass
class _Course:
    """How one request goes: what was found, what it cost, and whether its rights were lowered."""

    began: float
    lowered: bool = False
    refused: str = ""
    spent_s: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    escalates: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def note(self, acted: Acted, where: Where) -> str:
        """Take over what was done to a text and give the text."""
        self.counts.update({f"{where}.{name}": count for name, count in acted.counts.items()})
        self.lowered = self.lowered or acted.lowered
        self.refused = self.refused or acted.refused
        if acted.escalates:
            self.escalates.append((where, acted.escalates))
        return acted.text

    def stage(self) -> StageDone:
        passed_ms = (time.perf_counter() - self.began - self.spent_s) * 1000
        lowered = {LOWERED: 1} if self.lowered else {}
        return StageDone(
            "guard", max(passed_ms, 0.0), self.spent_s * 1000, {"guard": "policy", **self.counts, **lowered}
        )

    def finished(self) -> Finished:
        return Finished(Outcome.REFUSED, self.refused, duration_ms=(time.perf_counter() - self.began) * 1000)


@dataclass(frozen=True)
class Policed:
    """Applies the policy to question, history and answer; passages are the work of `PolicedRetriever`, whose notes say
    which of them cost rights.

    Lowered rights mean: no groups, so that only documents for all of the tenant are found, no tool calls in what comes
    out, and `lowered` in the request's metadata and the trace. After a refusal nothing more is given out and the inner
    answer is closed. Findings are counted by rule in a `guard` stage, never told.
    """

    system: System
    acting: Acting
    app: str = ""
    sizes: Sizes = Sizes()
    notes: PassageNotes | None = None
    escalations: Escalations | None = None

    @property
    def recipe(self) -> str:
        return f"policy.v1({self.acting.policy.digest[:12]})({self.system.recipe})"

    async def answer(self, request: Request) -> AsyncIterator[ReplyEvent]:
        course = _Course(time.perf_counter())
        asked = len(request.question) + sum(len(turn.content) for turn in request.history)
        seen = await self._aside(asked, partial(self._asked, request, course))
        if course.refused:
            async for event in self._refused(request, course):
                yield event
            return
        leaving = Leaving(self.acting, self._context(request, Where.ANSWER), course.note)
        async with closed_after(self.system.answer(seen)) as events:
            async for event in events:
                if isinstance(event, PassagesChosen):
                    self._passages(event, request, course)
                elif isinstance(event, Finished):
                    yield course.stage()
                else:
                    began = time.perf_counter()
                    out = await self._left(leaving, event, course)
                    course.spent_s += time.perf_counter() - began
                    if out is None:
                        break
                    event = out
                yield event
            else:
                return
        async for event in self._refused(request, course):
            yield event

    async def _aside(self, size: int, work: Callable[[], T]) -> T:
        """In a thread where it may take long or waits for something: for a small text the hop costs more than it."""
        if size > SMALL or self.acting.waits:
            return await asyncio.to_thread(work)
        return work()

    async def _left(self, leaving: Leaving, event: ReplyEvent, course: _Course) -> ReplyEvent | None:
        """The event as it may leave; None when the policy stops here."""
        if not leaving.speaks(event):
            return event
        try:
            return await self._aside(leaving.size(event), partial(leaving.event, event, lowered=course.lowered))
        except Stopped:
            return None

    async def _refused(self, request: Request, course: _Course) -> AsyncIterator[ReplyEvent]:
        try:
            await asyncio.to_thread(self._escalate, request, course)
        except AssayError as error:
            course.refused = error.code
        yield course.stage()
        yield course.finished()

    def _escalate(self, request: Request, course: _Course) -> None:
        if self.escalations is not None:
            for where, rules in course.escalates:
                self.escalations.raise_to_person(request.request_id, request.scope.tenant, self.app, where, rules)

    def _asked(self, request: Request, course: _Course) -> Request:
        """The request as the system may see it: limits before anything reads it, then the policy."""
        began = time.perf_counter()
        course.refused = self._too_much(request)
        if not course.refused:
            act, context = self.acting.act, self._context(request, Where.QUESTION)
            question = course.note(act(request.question, context), Where.QUESTION)
            earlier = self._context(request, Where.HISTORY)
            turns = tuple(
                Turn(turn.role, course.note(act(turn.content, earlier), Where.HISTORY)) for turn in request.history
            )
            request = replace(request, question=question, history=turns)
        if course.lowered:
            scope = Scope(request.scope.tenant, frozenset(), request.scope.purpose)
            request = replace(request, scope=scope, metadata={**request.metadata, LOWERED: "1"})
        course.spent_s += time.perf_counter() - began
        return request

    def _too_much(self, request: Request) -> str:
        if broken := exceeded(request.question, self.sizes.question):
            return f"guard.{broken}"
        long = sum(len(turn.content) for turn in request.history) > self.sizes.history_chars
        return "guard.long_history" if long else ""

    def _passages(self, event: PassagesChosen, request: Request, course: _Course) -> None:
        if self.notes is None:
            return
        context = self._context(request, Where.PASSAGES)
        for passage in event.passages:
            acted = self.notes.of(context, passage.chunk_id)
            if acted is not None:
                course.counts.update({f"{Where.PASSAGES}.{name}": n for name, n in acted.counts.items()})
                course.lowered = course.lowered or acted.lowered

    def _context(self, request: Request, where: Where) -> Context:
        return Context(where, request.scope.tenant, self.app, request.scope.purpose)
