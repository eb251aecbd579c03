"""A scripted chat model in memory, for tests and for measuring everything but the model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from assay.records.chat import ChatDone, ChatEvent, ChatOptions, TextDelta
from assay.records.dialogue import Turn, Usage
from assay.records.errors import Unavailable


@dataclass
class FakeChat:
    """Answers each call with the next script, the last one again when they run out.

    A script is a text, an error to raise at once, or a function of the messages that gives either. `drop_after` cuts
    every answer with `chat.dropped` after so many pieces. What was asked stands in `calls`.
    """

    scripts: Sequence[str | Unavailable | Callable[[Sequence[Turn]], str | Unavailable]]
    piece_chars: int = 7
    delay_s: float = 0.0
    usage: Usage = Usage()
    drop_after: int | None = None
    finish_reason: str = "stop"
    name: str = "fake"
    calls: list[tuple[tuple[Turn, ...], ChatOptions]] = field(default_factory=list)

    @property
    def recipe(self) -> str:
        return f"fake_chat.v1(name={self.name})"

    async def stream(self, messages: Sequence[Turn], options: ChatOptions) -> AsyncIterator[ChatEvent]:
        script = self.scripts[min(len(self.calls), len(self.scripts) - 1)]
        self.calls.append((tuple(messages), options))
        text = script(messages) if callable(script) else script
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if isinstance(text, Unavailable):
            raise text
        for number, start in enumerate(range(0, len(text), self.piece_chars)):
            if number == self.drop_after:
                raise Unavailable("chat.dropped", "the connection broke in the middle of an answer")
            yield TextDelta(text[start : start + self.piece_chars])
        yield ChatDone(self.usage, self.finish_reason, self.name)

    async def aclose(self) -> None:
        return None
