"""A chat endpoint on loopback, in a thread of its own, behind which a judge of `judge_brains` thinks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from assay.records.dialogue import Turn
from assay.records.errors import Unavailable
from chat_server import ChatServer, answers_json, chat_server, rate_limited
from judge_brains import Brain


@dataclass
class JudgeServer:
    """`brain` may be changed while it runs; `asked` counts requests."""

    brain: Brain
    base_url: str = ""
    asked: int = 0
    failures: list[str] = field(default_factory=list)

    async def answer(self, chat: ChatServer, writer: asyncio.StreamWriter) -> None:
        self.asked += 1
        body = chat.requests[-1]
        messages = tuple(Turn(one["role"], one["content"]) for one in body["messages"])
        said = self.brain(messages)
        script = rate_limited("0") if isinstance(said, Unavailable) else answers_json(said)
        await script(writer)


@contextmanager
def judge_server(brain: Brain) -> Iterator[JudgeServer]:
    """Serves until the block ends."""
    served, ready, over = JudgeServer(brain), threading.Event(), threading.Event()

    async def serve() -> None:
        chat: ChatServer

        async def script(writer: asyncio.StreamWriter) -> None:
            await served.answer(chat, writer)

        async with chat_server(script) as chat:
            served.base_url = chat.base_url
            ready.set()
            while not over.is_set():
                await asyncio.sleep(0.02)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield served
    finally:
        over.set()
        thread.join(10)
