"""A System whose tool calls leave only as the broker decides: nothing else comes out, and every decision is told."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from assay.guard.broker import Asking, Broker, Sight, sight_of
from assay.guard.policed import LOWERED
from assay.guard.streams import closed_after
from assay.ports.answering import System
from assay.records.dialogue import (
    Finished,
    Output,
    OutputReady,
    Passage,
    PassagesChosen,
    ReplyEvent,
    Request,
    StageDone,
    ToolCall,
    Waiting,
)
from assay.records.errors import AssayError
from assay.records.taint import Classification, Label, Labelled, of_document, of_turn, of_user
from assay.records.tools import Decided, Verdict

TOKENS = "confirmations"
"""The name in `Request.metadata` of the tokens of approved calls, separated by spaces."""
MOST_CALLS = 32
"""Calls of one answer; more are withheld unread."""
Note = Callable[[Decided, Request], None]
Texts = Callable[[Sequence[str]], Mapping[str, str]]


def told_to_nobody(_: Decided, __: Request) -> None:
    """For systems without an audit log."""


@dataclass
class _Course:
    """What one answer's model has seen, and what was decided on its calls."""

    request: Request
    spans: list[Labelled] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    spent_s: float = 0.0
    began: float = field(default_factory=time.perf_counter)

    def sight(self) -> Sight:
        return sight_of(tuple(self.spans), *self.labels)

    def stage(self) -> StageDone:
        at_ms = (time.perf_counter() - self.began - self.spent_s) * 1000
        return StageDone("broker", max(at_ms, 0.0), self.spent_s * 1000, {**self.counts})


@dataclass(frozen=True)
class Brokered:
    """Decides every tool call in every event. Withheld calls are counted in a `broker` stage before the end.

    A system that says its passages is known to have read those; `outside`, for a system whose context nobody here
    knows, adds that it may have read anything. `note` is told each decision before its call leaves: a decision that
    cannot be accounted for is a denial.
    """

    system: System
    broker: Broker
    app: str = ""
    unlabelled: Classification = Classification.INTERNAL
    """Of passages without a label, and of what an outside system may have read."""
    outside: bool = False
    texts: Texts | None = None
    """Texts of chunks by id, to tell where an argument stands; without it only labels count."""
    note: Note = told_to_nobody

    @property
    def recipe(self) -> str:
        return f"brokered.v1({self.broker.recipe})({self.system.recipe})" if self.broker.tools else self.system.recipe

    async def answer(self, request: Request) -> AsyncIterator[ReplyEvent]:
        course = self._course(request)
        async with closed_after(self.system.answer(request)) as events:
            async for event in events:
                if isinstance(event, PassagesChosen):
                    if not event.quarantined or self.outside:
                        self._seen(event.passages, event.label, course)
                elif isinstance(event, OutputReady) and (event.output.tools or event.output.handles):
                    event = await asyncio.to_thread(self._settled, event.output, course)
                elif isinstance(event, Finished) and course.calls:
                    yield course.stage()
                yield event

    def _course(self, request: Request) -> _Course:
        tenant = request.scope.tenant
        course = _Course(request)
        course.spans.append(Labelled(request.question, of_user(tenant)))
        for turn in request.history:
            course.spans.append(Labelled(turn.content, of_turn(turn.role, tenant, self.unlabelled)))
        if self.outside:
            course.labels.append(of_document(tenant, self.unlabelled))
        return course

    def _seen(self, passages: Sequence[Passage], whole: Label | None, course: _Course) -> None:
        unknown = of_document(course.request.scope.tenant, self.unlabelled)
        course.labels += [passage.label or unknown for passage in passages]
        if whole is not None:
            course.labels.append(whole)
        if self.texts is not None and self.broker.tools:
            found = self.texts([passage.chunk_id for passage in passages])
            course.spans += [
                Labelled(found[one.chunk_id], one.label or unknown) for one in passages if one.chunk_id in found
            ]

    def _settled(self, output: Output, course: _Course) -> OutputReady:
        began = time.perf_counter()
        sight, left = course.sight(), []
        waiting: list[Waiting] = []
        if not self.outside:
            sight = replace(sight, handles={one.name: one for one in output.handles})
        for call in output.tools:
            course.calls += 1
            if course.calls > MOST_CALLS:
                continue
            decided, allowed = self._one(call, sight, course)
            if allowed is not None:
                left.append(allowed)
            elif decided.verdict is Verdict.CONFIRM:
                waiting.append(Waiting(decided.pending, decided.tool))
        if course.calls > MOST_CALLS:
            course.counts["broker.too_many"] = course.calls - MOST_CALLS
        course.spent_s += time.perf_counter() - began
        made = replace(output, tools=tuple(left), handles=())
        return OutputReady(made, tuple(waiting), len(output.tools) - len(left) - len(waiting))

    def _one(self, call: ToolCall, sight: Sight, course: _Course) -> tuple[Decided, ToolCall | None]:
        request = course.request
        decided: Decided | None = None
        allowed = None
        for token in request.metadata.get(TOKENS, "").split()[:MOST_CALLS] or [""]:
            asking = Asking(
                request.scope, self.app, request.metadata.get("actor", ""),
                lowered=LOWERED in request.metadata, request_id=request.request_id, token=token,
            )  # fmt: skip
            decided, allowed = self.broker.decide(call, sight, asking)
            if decided.verdict is not Verdict.CONFIRM:
                break
        assert decided is not None
        try:
            self.note(decided, request)
        except AssayError as error:
            decided, allowed = replace(decided, verdict=Verdict.DENY, reasons=(error.code,)), None
        course.counts.update([f"broker.{decided.verdict}", *decided.reasons])
        if decided.tool:
            course.counts[f"tool.{decided.tool}"] += 1
        return decided, allowed
