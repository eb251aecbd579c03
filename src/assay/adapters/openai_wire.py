"""The chat completions wire format: what is sent, and an answer as it comes in, streamed or in one piece."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec

from assay.adapters.sse import EventParser
from assay.records.chat import ChatOptions
from assay.records.dialogue import Turn

ADAPTABLE = ("stream_options", "seed", "temperature", "max_tokens")
"""Parameters that some endpoints refuse; the call can do without them (`max_tokens` has a newer name)."""
ANSWER_LIMIT = 8 * 2**20


class BadStream(ValueError):
    """The answer cannot be read on. `code` is one of the port's."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class _Text(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Text | None = None
    message: _Text | None = None
    finish_reason: str | None = None


class _Tokens(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Piece(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Tokens | None = None
    model: str | None = None
    error: Any = None


class _RefusedDetail(msgspec.Struct):
    param: str | None = None
    code: str | None = None
    message: str | None = None


class _Refused(msgspec.Struct):
    error: _RefusedDetail | None = None


_piece = msgspec.json.Decoder(_Piece)
_refused = msgspec.json.Decoder(_Refused)
_encoder = msgspec.json.Encoder()


def chat_body(
    model: str, messages: Sequence[Turn], options: ChatOptions, streaming: bool, left_out: AbstractSet[str]
) -> bytes:
    """The request's JSON, without the parameters in `left_out`."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": turn.role, "content": turn.content} for turn in messages],
        "temperature": options.temperature,
        "max_tokens": options.max_tokens,
    }
    if streaming:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    if options.seed is not None:
        body["seed"] = options.seed
    if options.schema is not None:
        schema = {"name": "answer", "schema": options.schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    for name in left_out:
        value = body.pop(name, None)
        if name == "max_tokens":
            body["max_completion_tokens"] = value
    return _encoder.encode(body)


def refused_parameter(body: bytes) -> str:
    """The adaptable parameter that an error body names, empty when it names none."""
    try:
        detail = _refused.decode(body).error
    except msgspec.DecodeError:
        return ""
    if detail is None:
        return ""
    if detail.param in ADAPTABLE:
        return detail.param
    message = detail.message or ""
    return next((name for name in ADAPTABLE if name in message), "")


class Answer:
    """One answer as its bytes come in. Raises BadStream, TooLong and msgspec.DecodeError.

    A body that begins with a brace is one JSON object, whatever its Content-Type says: some servers answer so although
    a stream was asked for.
    """

    def __init__(self) -> None:
        self.finish_reason = ""
        self.model = ""
        self.tokens_in: int | None = None
        self.tokens_out: int | None = None
        self.started = False
        """True once a piece of text was given."""
        self.complete = False
        self._whole: list[bytes] | None = None
        self._events = EventParser()
        self._texts: list[str] = []
        self._size = 0
        self._begun = False

    @property
    def text(self) -> str:
        return "".join(self._texts)

    def feed(self, piece: bytes) -> list[str]:
        """The pieces of text that became complete."""
        self._size += len(piece)
        if self._size > ANSWER_LIMIT:
            raise BadStream("chat.malformed_stream")
        if not self._begun and (first := piece.lstrip()):
            self._begun = True
            self._whole = [] if first.startswith(b"{") else None
        if self._whole is not None:
            self._whole.append(piece)
            return []
        return self._read(self._events.feed(piece))

    def end(self) -> list[str]:
        """The peer ended the body: the rest of the text, or BadStream when the answer is not whole."""
        if self._whole is not None:
            texts = self._read([b"".join(self._whole)])
            if not (texts or self.finish_reason):
                raise BadStream("chat.malformed_stream")
            self.finish_reason = self.finish_reason or "stop"
        else:
            texts = self._read(self._events.finish())
            if not self.finish_reason:
                strange = self._events.strange_lines or not self._size
                raise BadStream("chat.malformed_stream" if strange and not self.started else "chat.dropped")
        self.complete = True
        return texts

    def _read(self, events: list[bytes]) -> list[str]:
        texts: list[str] = []
        for event in events:
            if event == b"[DONE]":
                self._finish()
                break
            self._take(_piece.decode(event), texts)
        if texts:
            self.started = True
            self._texts += texts
        return texts

    def _finish(self) -> None:
        self.finish_reason = self.finish_reason or "stop"
        self.complete = True

    def _take(self, piece: _Piece, texts: list[str]) -> None:
        if piece.error is not None:
            raise BadStream("chat.status")
        if piece.model:
            self.model = piece.model
        if piece.usage is not None:
            self.tokens_in, self.tokens_out = piece.usage.prompt_tokens, piece.usage.completion_tokens
        for choice in piece.choices[:1]:
            said = choice.delta or choice.message
            if said is not None and said.content:
                texts.append(said.content)
            if choice.finish_reason:
                self.finish_reason = choice.finish_reason
