"""Asks a chat model directly, without documents: for apps that need none, and to measure the engines around it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from assay.assist.closing import closing
from assay.assist.failing import finished_on_failure
from assay.ports.answering import ChatModel
from assay.ports.reading import Clock
from assay.records.chat import ChatDone, ChatOptions
from assay.records.dialogue import (
    AnswerSentence,
    Check,
    CheckStatus,
    Finished,
    Outcome,
    ReplyEvent,
    Request,
    SentenceReady,
    StageDone,
    Turn,
    Usage,
)
from assay.records.digest import sha256_json


@dataclass(frozen=True)
class DirectChat:
    """A `System` that passes the conversation to a chat model. Its text is shown whole and never checked."""

    model: ChatModel
    clock: Clock
    system_prompt: str = ""
    options: ChatOptions = field(default_factory=ChatOptions)

    @property
    def recipe(self) -> str:
        return f"direct_chat.v1(model={self.model.recipe}, prompt={sha256_json(self.system_prompt)[:12]})"

    async def answer(self, request: Request) -> AsyncIterator[ReplyEvent]:
        """One sentence that holds the whole text, marked `not_checked`, then `Finished`."""
        started = self.clock.monotonic()
        async with closing(finished_on_failure(self._steps(request, started), self.clock, started)) as events:
            async for event in events:
                yield event

    async def _steps(self, request: Request, started: float) -> AsyncIterator[ReplyEvent]:
        system = (Turn("system", self.system_prompt),) if self.system_prompt else ()
        spoken = tuple(turn for turn in request.history if turn.role in ("user", "assistant"))
        pieces: list[str] = []
        usage = Usage()
        async with closing(
            self.model.stream((*system, *spoken, Turn("user", request.question)), self.options)
        ) as events:
            async for event in events:
                if isinstance(event, ChatDone):
                    usage = event.usage
                else:
                    pieces.append(event.text)
        took = 1000.0 * (self.clock.monotonic() - started)
        yield StageDone("generate", 0.0, took)
        text = "".join(pieces).strip()
        if not text:
            yield Finished(Outcome.FAILED, "chat.empty", usage=usage, duration_ms=took)
            return
        yield SentenceReady(AnswerSentence(text, (), Check(CheckStatus.NOT_CHECKED)))
        yield Finished(Outcome.ANSWERED, usage=usage, duration_ms=took)
