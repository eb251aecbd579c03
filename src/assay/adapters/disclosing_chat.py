"""A simulated chat model that gives away what it was told before the conversation: the whole of its system prompt."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from assay.records.chat import ChatDone, ChatEvent, ChatOptions, TextDelta
from assay.records.dialogue import Turn, Usage

_PIECE = 24


@dataclass(frozen=True)
class DisclosingChat:
    """Answers every question with all its system turns, written as `write` writes them, after `opening` and before
    `closing`."""

    write: Callable[[str], str]
    opening: str = ""
    closing: str = ""
    name: str = "disclosing"

    @property
    def recipe(self) -> str:
        return f"disclosing_chat.v1(name={self.name})"

    async def stream(self, messages: Sequence[Turn], options: ChatOptions) -> AsyncIterator[ChatEvent]:  # noqa: ARG002
        told = "\n\n".join(turn.content for turn in messages if turn.role == "system")
        text = f"{self.opening}{self.write(told)}{self.closing}"
        for at in range(0, len(text), _PIECE):
            yield TextDelta(text[at : at + _PIECE])
        yield ChatDone(Usage(), "stop", self.name)
