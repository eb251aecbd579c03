"""The server called without a socket: the same application, from its first check to its last header."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Message

HOST = "assay.invalid"
CALLER = ("192.0.2.1", 50_000)
"""An address that is no loopback (RFC 5737), so that an open demo is closed to it."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back; `head` holds one header a line."""

    status: int
    head: str
    text: str


@dataclass(frozen=True)
class InProcess:
    app: ASGIApp

    async def call(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Answered:
        """One request, to its end. `target` is path and query as they stand on the wire."""
        path, _, query = target.partition("?")
        raw = [(b"host", HOST.encode()), (b"content-length", str(len(body)).encode())]
        raw += [(name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
        scope: dict[str, Any] = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": unquote(path), "raw_path": path.encode("ascii"), "query_string": query.encode("ascii"),
            "root_path": "", "headers": raw, "client": CALLER, "server": (HOST, 80),
        }  # fmt: skip
        pending = [{"type": "http.request", "body": body, "more_body": False}]
        forever = asyncio.Event()
        sent: list[Message] = []

        async def receive() -> Message:
            if not pending:
                await forever.wait()
            return pending.pop()

        async def send(message: Message) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        return _answered(sent)


def _answered(sent: list[Message]) -> Answered:
    start = next((message for message in sent if message["type"] == "http.response.start"), None)
    if start is None:
        return Answered(0, "", "")
    head = "\n".join(f"{name.decode('latin-1')}: {value.decode('latin-1')}" for name, value in start["headers"])
    body = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
    return Answered(int(start["status"]), head, body.decode("utf-8", "replace"))


@asynccontextmanager
async def in_process(app: ASGIApp) -> AsyncIterator[InProcess]:
    """The application started, and stopped at the end, as a server does (ASGI's lifespan)."""
    asked: asyncio.Queue[Message] = asyncio.Queue()
    told: asyncio.Queue[Message] = asyncio.Queue()
    running = asyncio.create_task(_live(app, asked, told))
    await asked.put({"type": "lifespan.startup"})
    await told.get()
    try:
        yield InProcess(app)
    finally:
        await asked.put({"type": "lifespan.shutdown"})
        await told.get()
        await running


async def _live(app: ASGIApp, asked: asyncio.Queue[Message], told: asyncio.Queue[Message]) -> None:
    await app({"type": "lifespan", "asgi": {"version": "3.0"}}, asked.get, told.put)
