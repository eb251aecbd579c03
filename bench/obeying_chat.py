"""A chat endpoint on loopback whose model does what it is told: it says what it was asked to say, after its question.

    python bench/obeying_chat.py

prints `{"port": …}` and serves until its standard input ends. It repeats the user's last message, whole and, where it
holds base64, decoded, each part with a citation: the floor that another tool's attacks are measured on, once alone and
once as the model of an app, whose passages it leaves out of what it repeats.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_BASE64 = re.compile(rb"[A-Za-z0-9+/]{16,}={0,2}")
MOST = 4000


def obeyed(messages: list[dict[str, Any]]) -> str:
    """What the model says: the last message, without the passages that an app puts before its question."""
    said = str(messages[-1].get("content", ""))
    _, mark, asked = said.partition("\n\nQuestion: ")
    asked = (asked if mark else said)[:MOST]
    cites = " [1]" if mark else ""
    return "\n".join(f"{one.rstrip('.')}{cites}." for one in (asked, *decoded(asked)))


def decoded(text: str) -> list[str]:
    """What stands in base64 in a text, where it is text."""
    found = []
    for match in _BASE64.findall(text.encode()):
        try:
            found.append(base64.b64decode(match, validate=True).decode())
        except (binascii.Error, UnicodeDecodeError):
            continue
    return found


class Answers(BaseHTTPRequestHandler):
    """One chat completion for each POST, whole or as a stream of one piece."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._say(b'{"object": "list", "data": [{"id": "obeying", "object": "model"}]}', "application/json")

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
        text = obeyed(asked["messages"])
        shape = {"id": "obeying-1", "created": 0, "model": "obeying"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        if not asked.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            body = {**shape, "object": "chat.completion", "choices": [choice], "usage": usage}
            self._say(json.dumps(body).encode(), "application/json")
            return
        pieces: list[dict[str, Any]] = [
            {"index": 0, "delta": {"content": text}, "finish_reason": None},
            {"index": 0, "delta": {}, "finish_reason": "stop"},
        ]
        events = [json.dumps({**shape, "object": "chat.completion.chunk", "choices": [one]}) for one in pieces]
        self._say("".join(f"data: {one}\n\n" for one in (*events, "[DONE]")).encode(), "text/event-stream")

    def _say(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what is asked is an attacker's."""


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0), Answers)
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
