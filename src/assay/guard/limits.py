"""A guard that refuses a question by its size, before anything reads it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace

from assay.detect.limits import TextLimits, exceeded
from assay.guard.streams import closed_after
from assay.ports.answering import System
from assay.records.dialogue import Finished, Outcome, ReplyEvent, Request, StageDone


class Limits:
    """Refuses an empty or over-long question with `guard.empty`, `guard.too_long`, `guard.long_word`, `guard.long_run`,
    and a history longer than `max_history_chars` with `guard.long_history`. All limits count code points."""

    def __init__(
        self, system: System, max_chars: int = 4000, *, max_word: int = 1000, max_run: int = 256,
        max_history_chars: int = 40_000,
    ) -> None:  # fmt: skip
        self._system = system
        self._limits = TextLimits(max_chars, max_word, max_run)
        self._history = max_history_chars

    @property
    def recipe(self) -> str:
        limits = self._limits
        return (
            f"limits.v1(max_chars={limits.max_chars},max_word={limits.max_word},max_run={limits.max_run},"
            f"max_history_chars={self._history})({self._system.recipe})"
        )

    async def answer(self, request: Request) -> AsyncIterator[ReplyEvent]:
        began = time.perf_counter()
        broken = exceeded(request.question, self._limits)
        if not broken and sum(len(turn.content) for turn in request.history) > self._history:
            broken = "long_history"
        spent_ms = (time.perf_counter() - began) * 1000
        if broken:
            yield StageDone("guard", 0.0, spent_ms, {"guard": "limits", f"limits.{broken}": 1})
            yield Finished(Outcome.REFUSED, f"guard.{broken}", duration_ms=spent_ms)
            return
        async with closed_after(self._system.answer(request)) as events:
            async for event in events:
                yield replace(event, duration_ms=event.duration_ms + spent_ms) if isinstance(event, Finished) else event
