"""A chat endpoint on loopback that answers every request alike after a fixed time, cheap enough to disappear
beside what it is used to measure.

    python bench/mock_chat.py --latency-ms 200

prints `{"port": …}` and serves until its standard input ends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import Any

ANSWER = "The trial lasts 30 days. It begins with the first sign-in and ends without notice."
USAGE = {"prompt_tokens": 120, "completion_tokens": 18, "total_tokens": 138}
MODEL = "mock-1"


def _head(kind: str, length: int) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n".encode()


def whole_answer() -> bytes:
    """One chat completion as one HTTP response."""
    choice = {"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}
    body = json.dumps({"object": "chat.completion", "model": MODEL, "choices": [choice], "usage": USAGE}).encode()
    return _head("application/json", len(body)) + body


def streamed_answer() -> bytes:
    """The same answer as server-sent events, a word or two in each."""
    words = ANSWER.split(" ")
    texts = [" ".join(words[i : i + 2]) + " " for i in range(0, len(words), 2)]
    pieces: list[dict[str, Any]] = [{"index": 0, "delta": {"content": text}, "finish_reason": None} for text in texts]
    pieces.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    events: list[dict[str, Any]] = [
        {"object": "chat.completion.chunk", "model": MODEL, "choices": [piece]} for piece in pieces
    ]
    events.append({"object": "chat.completion.chunk", "model": MODEL, "choices": [], "usage": USAGE})
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    return _head("text/event-stream", len(body)) + body.encode()


class Answering(asyncio.Protocol):
    """HTTP/1.1 with Content-Length, one answer per request, on a connection that stays open."""

    def __init__(self, latency_s: float, whole: bytes, streamed: bytes) -> None:
        self._latency_s = latency_s
        self._whole = whole
        self._streamed = streamed
        self._seen = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._seen += data
        while (end := self._seen.find(b"\r\n\r\n")) >= 0:
            head = self._seen[:end].lower()
            start = head.find(b"content-length:")
            length = int(head[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
            if len(self._seen) < end + 4 + length:
                return
            body = self._seen[end + 4 : end + 4 + length]
            self._seen = self._seen[end + 4 + length :]
            streaming = b'"stream":true' in body.replace(b" ", b"")
            asyncio.get_running_loop().call_later(self._latency_s, self._answer, streaming)

    def _answer(self, streaming: bool) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(self._streamed if streaming else self._whole)


async def serve(latency_ms: float, port: int) -> None:
    """Serve until standard input ends, which it does when the process that started this one dies."""
    whole, streamed = whole_answer(), streamed_answer()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Answering(latency_ms / 1000, whole, streamed), "127.0.0.1", port, backlog=1024
    )
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--latency-ms", type=float, default=200)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    asyncio.run(serve(given.latency_ms, given.port))


if __name__ == "__main__":
    main()
