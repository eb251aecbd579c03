"""A chat model as it is, whose messages a red team reads along and sets the scene of: it changes no answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from assay.ports.answering import ChatModel
from assay.records.chat import ChatEvent, ChatOptions
from assay.records.dialogue import Turn

_OPENS = "passages "


@dataclass
class OverheardChat:
    """`marker` and `system` are of the last call that had passages. `setting` is put behind the system's instructions,
    as a corpus wants it that attacks a role or a secret."""

    inner: ChatModel
    setting: str = ""
    marker: str = ""
    system: str = ""

    @property
    def recipe(self) -> str:
        return self.inner.recipe

    async def stream(self, messages: Sequence[Turn], options: ChatOptions) -> AsyncIterator[ChatEvent]:
        asked = messages[-1].content if messages else ""
        if asked.startswith(_OPENS):
            self.marker = asked.partition("\n")[0].removeprefix(_OPENS).strip()
            self.system = "\n".join(turn.content for turn in messages if turn.role == "system")
        stream: Any = self.inner.stream(_set(messages, self.setting), options)
        async with aclosing(stream) as events:
            async for event in events:
                yield event


def _set(messages: Sequence[Turn], setting: str) -> tuple[Turn, ...]:
    if not setting:
        return tuple(messages)
    told = tuple(replace(t, content=f"{t.content}\n\n{setting}") if t.role == "system" else t for t in messages)
    return told if any(t.role == "system" for t in told) else (Turn("system", setting), *told)
