"""A guard that takes out of a question what its reader cannot see."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace

from assay.detect import hidden
from assay.detect.findings import counts
from assay.guard.streams import closed_after
from assay.ports.answering import System
from assay.records.dialogue import ReplyEvent, Request, StageDone
from assay.records.findings import Finding


class Visible:
    """Passes a question and its history on without zero-width, direction and tag characters; counts them by rule."""

    def __init__(self, system: System) -> None:
        self._system = system

    @property
    def recipe(self) -> str:
        return f"visible.v1({self._system.recipe})"

    async def answer(self, request: Request) -> AsyncIterator[ReplyEvent]:
        began = time.perf_counter()
        found: list[Finding] = []
        turns = tuple(replace(turn, content=_visible(turn.content, found)) for turn in request.history)
        seen = replace(request, question=_visible(request.question, found), history=turns)
        if found:
            spent_ms = (time.perf_counter() - began) * 1000
            yield StageDone("guard", 0.0, spent_ms, {"guard": "visible", **counts(found)})
        async with closed_after(self._system.answer(seen)) as events:
            async for event in events:
                yield event


def _visible(text: str, found: list[Finding]) -> str:
    findings = hidden.find(text)
    found += findings
    return hidden.without(text, findings) if findings else text
