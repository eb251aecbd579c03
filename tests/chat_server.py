"""A scripted chat endpoint on loopback: each request gets the next script, byte for byte, failures included."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class ChatServer:
    """`base_url` to call, `requests` as they came (JSON bodies), `headers` of each, `connections` that were opened."""

    scripts: Sequence[Script]
    base_url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    connections: int = 0
    hung: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        script = self.scripts[min(len(self.requests), len(self.scripts) - 1)]
        self.requests.append(json.loads(body))
        self.headers.append(headers)
        await script(writer)
        await writer.drain()
        return not writer.is_closing()


@asynccontextmanager
async def chat_server(*scripts: Script) -> AsyncIterator[ChatServer]:
    """A server that plays `scripts` in order, the last one for ever."""
    chat = ChatServer(scripts)
    tasks: set[asyncio.Task[None]] = set()

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await chat.serve(reader, writer)

    server = await asyncio.start_server(client, "127.0.0.1", 0)
    chat.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield chat
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def delta(text: str) -> dict[str, Any]:
    return {"model": "tiny-1", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}


def stop(reason: str = "stop") -> dict[str, Any]:
    return {"model": "tiny-1", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}


def usage(tokens_in: int = 11, tokens_out: int = 5) -> dict[str, Any]:
    counts = {"prompt_tokens": tokens_in, "completion_tokens": tokens_out}
    return {"model": "tiny-1", "choices": [], "usage": counts}


def sse(*events: dict[str, Any], done: bool = True) -> bytes:
    blocks = [b"data: " + json.dumps(event).encode() + b"\n\n" for event in events]
    return b"".join(blocks) + (b"data: [DONE]\n\n" if done else b"")


def streams(*texts: str, with_usage: bool = True, piece: int = 0) -> Script:
    """A whole streamed answer; `piece` sends it in writes of so many bytes."""
    events = [delta(text) for text in texts] + [stop()] + ([usage()] if with_usage else [])
    body = sse(*events)

    async def play(writer: asyncio.StreamWriter) -> None:
        writer.write(_head(200, "text/event-stream", "Transfer-Encoding: chunked\r\n"))
        for start in range(0, len(body), piece or len(body)):
            part = body[start : start + (piece or len(body))]
            writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            if piece:
                await writer.drain()
                await asyncio.sleep(0)
        writer.write(b"0\r\n\r\n")

    return play


def answers_json(text: str, *, with_usage: bool = True) -> Script:
    """A whole answer in one JSON object, although a stream was asked for."""
    message = {"role": "assistant", "content": text}
    body: dict[str, Any] = {"model": "tiny-1", "choices": [{"message": message, "finish_reason": "stop"}]}
    if with_usage:
        body["usage"] = {"prompt_tokens": 3, "completion_tokens": 2}
    return says(200, json.dumps(body).encode(), "application/json")


def says(status: int, body: bytes = b"", media_type: str = "application/json", header: str = "") -> Script:
    """A plain response; `header` is one more header line."""

    async def play(writer: asyncio.StreamWriter) -> None:
        lines = f"Content-Length: {len(body)}\r\n" + (f"{header}\r\n" if header else "")
        writer.write(_head(status, media_type, lines) + body)

    return play


def rate_limited(retry_after: str = "60") -> Script:
    return says(429, b"{}", header=f"Retry-After: {retry_after}")


def hangs(*after: bytes) -> Script:
    """Never answers, or sends `after` as the beginning of a stream, with a pause between parts, and then nothing."""

    async def play(writer: asyncio.StreamWriter) -> None:
        if after:
            writer.write(_head(200, "text/event-stream", "Connection: close\r\n"))
        for part in after:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.05)
        await asyncio.sleep(3600)

    return play


def drops(after: bytes | None = None, *, reset: bool = True) -> Script:
    """Cuts the connection: before the head, or in the middle of a body that began with `after`."""

    async def play(writer: asyncio.StreamWriter) -> None:
        if after is not None:
            length = "Content-Length: 100000\r\n" if reset else "Connection: close\r\n"
            writer.write(_head(200, "text/event-stream", length) + after)
            await writer.drain()
        writer.close()

    return play


def _head(status: int, media_type: str, more: str) -> bytes:
    return f"HTTP/1.1 {status} X\r\nContent-Type: {media_type}\r\n{more}\r\n".encode()
