"""`POST /v1/chat/completions`: the OpenAI wire, streamed and not, with citations that any client can read."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from time import time
from typing import TypeVar

import msgspec
from msgspec import UNSET
from starlette.requests import Request as HttpRequest
from starlette.responses import Response, StreamingResponse
from starlette.types import Send

from assay.records.access import Caller
from assay.records.dialogue import (
    ConflictFound,
    Finished,
    Outcome,
    OutputReady,
    PassagesChosen,
    Request,
    SentenceReady,
    SentenceWithheld,
    Turn,
    Usage,
)
from assay.records.errors import AssayError, InputError
from assay.records.taint import Label
from assay.retrieve.as_of import moment_of
from assay.serve.calls import Calls, confirmed, no_results
from assay.serve.content import Content
from assay.serve.failures import error_out, error_response, failed_status, status_of
from assay.serve.house import House
from assay.serve.wire import (
    AssayOut,
    ChatChunk,
    ChatRequest,
    ChatResponse,
    ChoiceOut,
    ChunkChoice,
    Delta,
    ErrorOut,
    MessageOut,
    ToolCallChunk,
    ToolCallOut,
    UsageOut,
    decode,
    encoder,
)
from assay.wiring.workspace import Running

log = logging.getLogger("assay.serve")

MOST_MESSAGES = 1_000
"""A conversation with more turns than this is nobody's; each costs its model and its trace something."""
FINISH_REASONS = {Outcome.REFUSED: "content_filter"}
Event = TypeVar("Event")


async def chat_completions(http: HttpRequest) -> Response:
    """One endpoint for both ways: `stream` decides."""
    house: House = http.app.state.house
    caller = await house.doorman.caller(http)
    asked = decode(await http.body(), ChatRequest)
    request = read_request(asked, caller, house)
    running = await house.live.running(asked.model)
    answer = _Answer(running, request, content=Content(age_of=house.services.age_of))
    if asked.stream:
        usage = asked.stream_options is not None and asked.stream_options.include_usage
        return Answering(_events(house, answer, usage), house.options.send_timeout_s, answer.headers)
    return await _whole(house, answer)


def read_request(asked: ChatRequest, caller: Caller, house: House) -> Request:
    """The last user message as the question; the caller's scope, whatever else the client sent.

    What a client may write to steer a bare model has no effect here: system, developer and tool messages are left out,
    and so is an assistant's turn behind the question, which some models would go on with.
    """
    if asked.n != 1:
        raise InputError("serve.one_choice", "only one choice can be asked for", where="$.n", remedy="send n=1")
    if len(asked.messages) > MOST_MESSAGES:
        what = f"a conversation has at most {MOST_MESSAGES:,} messages"
        raise InputError("serve.too_many_messages", what, where="$.messages", remedy="send the newest ones")
    for message in asked.messages:
        if isinstance(message.content, list) and any(part.type != "text" for part in message.content):
            raise InputError("serve.text_only", "only text can be asked about", where="$.messages")
    turns = [Turn(m.role, m.text) for m in asked.messages if m.role in ("user", "assistant")]
    last = max((i for i, turn in enumerate(turns) if turn.role == "user"), default=None)
    if last is None:
        raise InputError("serve.no_question", "there is no user message", where="$.messages")
    no_results(asked)
    moment_of(asked.as_of)
    made = house.question(turns[last].content, caller.scope, turns[:last], caller.key_id)
    return replace(made, as_of=asked.as_of, metadata=made.metadata | confirmed(asked.confirmations))


@dataclass
class _Answer:
    """One answer on its way to the wire."""

    running: Running
    request: Request
    created: int = field(default_factory=lambda: int(time()))
    content: Content = field(default_factory=Content)
    withheld: int = 0
    label: Label | None = None
    calls: Calls = field(default_factory=Calls)

    def finish(self, finished: Finished) -> str:
        """The content that ends the answer. Calls speak for themselves; that a person is asked is said."""
        instead = self.calls.said() if finished.outcome is Outcome.ANSWERED and not self.content.text else None
        if instead is None:
            return self.content.finish(finished)
        return self.content.say(instead) if instead else ""

    @property
    def id(self) -> str:
        return f"chatcmpl-{self.request.request_id}"

    @property
    def headers(self) -> dict[str, str]:
        return {"X-Assay-Trace": self.request.request_id}

    def summary(self, finished: Finished) -> AssayOut:
        return AssayOut(
            trace_id=self.request.request_id,
            bundle_id=self.running.bundle_id,
            outcome=finished.outcome.value,
            reason=finished.reason,
            confidence=finished.confidence,
            withheld=self.withheld,
            marked=self.content.marked,
            conflicts=self.content.conflicts,
            classification=self.label.classification.value if self.label else "",
            integrity=self.label.integrity.value if self.label else "",
            waiting=self.calls.waits(),
            calls_denied=self.calls.denied,
        )

    def chunk(self, delta: Delta, finish_reason: str | None = None) -> ChatChunk:
        return ChatChunk(self.id, self.created, self.running.app, [ChunkChoice(delta, finish_reason)])


async def _whole(house: House, answer: _Answer) -> Response:
    finished = Finished(Outcome.FAILED, "system.unfinished")
    async with aclosing(closable(house.answer(answer.running, answer.request))) as events:
        async for event in events:
            match event:
                case PassagesChosen():
                    answer.label = event.label
                case SentenceReady(sentence):
                    answer.content.add(sentence)
                case SentenceWithheld():
                    answer.withheld += 1
                case ConflictFound(conflict):
                    answer.content.contradict(conflict)
                case OutputReady():
                    answer.calls.take(event)
                case Finished():
                    finished = event
    if finished.outcome is Outcome.FAILED:
        return _failed(finished, answer)
    answer.finish(finished)
    calls = answer.calls.out(answer.request, finished)
    message = MessageOut(answer.content.text, answer.content.annotations, tool_calls=calls or UNSET)
    choice = ChoiceOut(message, _reason(finished, calls))
    body = ChatResponse(
        answer.id, answer.created, answer.running.app, [choice], usage_out(finished.usage), answer.summary(finished)
    )
    return Response(encoder.encode(body), headers=answer.headers, media_type="application/json")


def _reason(finished: Finished, calls: list[ToolCallOut]) -> str:
    return "tool_calls" if calls else FINISH_REASONS.get(finished.outcome, "stop")


def _failed(finished: Finished, answer: _Answer) -> Response:
    status = failed_status(finished)
    body = encoder.encode(_failure(finished, status))
    return Response(body, status, answer.headers, media_type="application/json")


def _failure(finished: Finished, status: int) -> ErrorOut:
    return error_out(finished.reason or "system.failed", "the answer could not be completed", status)


async def _events(house: House, answer: _Answer, include_usage: bool) -> AsyncGenerator[bytes | Response, None]:
    """The events of the stream; a Response first when the answer failed before anything was said."""
    begun = False
    async with aclosing(closable(house.answer(answer.running, answer.request))) as events:
        async for event in events:
            match event:
                case PassagesChosen():
                    answer.label = event.label
                case SentenceReady(sentence):
                    text, annotations = answer.content.add(sentence)
                    delta = Delta("" if begun else "assistant", text, annotations)
                    begun = True
                    yield _sse(answer.chunk(delta))
                case SentenceWithheld():
                    answer.withheld += 1
                case ConflictFound(conflict):
                    answer.content.contradict(conflict)
                case OutputReady():
                    answer.calls.take(event)
                case Finished(outcome=Outcome.FAILED) if not begun:
                    yield _failed(event, answer)
                    return
                case Finished(outcome=Outcome.FAILED):
                    yield _sse(_failure(event, failed_status(event)))
                    return
                case Finished():
                    for chunk in _last(answer, event, begun, include_usage):
                        yield _sse(chunk)
                    yield b"data: [DONE]\n\n"


def _last(answer: _Answer, finished: Finished, begun: bool, include_usage: bool) -> list[ChatChunk]:
    """The sources, the calls of tools, each whole, the finish reason with Assay's summary, and usage: apart when asked
    for so, as OpenAI does."""
    rest = answer.finish(finished)
    chunks = [answer.chunk(Delta("" if begun else "assistant", rest))] if rest else []
    calls = answer.calls.out(answer.request, finished)
    for number, call in enumerate(calls):
        role = "" if begun or chunks else "assistant"
        chunks.append(answer.chunk(Delta(role, tool_calls=[ToolCallChunk(number, call.id, call.function)])))
    last = answer.chunk(Delta(), _reason(finished, calls))
    last.assay = answer.summary(finished)
    chunks.append(last)
    usage = usage_out(finished.usage)
    if include_usage and usage is not None:
        chunks.append(ChatChunk(answer.id, answer.created, answer.running.app, [], usage=usage))
    else:
        last.usage = usage
    return chunks


def usage_out(usage: Usage) -> UsageOut | None:
    """Unknown usage is null, never zero."""
    if usage.tokens_in is None or usage.tokens_out is None:
        return None
    return UsageOut(usage.tokens_in, usage.tokens_out, usage.tokens_in + usage.tokens_out)


def _sse(event: msgspec.Struct) -> bytes:
    return b"data: " + encoder.encode(event) + b"\n\n"


async def closable(events: AsyncIterator[Event]) -> AsyncGenerator[Event, None]:
    """`events` as a generator, so that leaving it early ends them at once."""
    try:
        async for event in events:
            yield event
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()


class _Gone(Exception):
    """The client does not take what is sent."""


class Answering(StreamingResponse):
    """A stream of events whose status waits for the first one: what fails before a word is a proper HTTP error.

    A client that goes away ends the answer; so does one that takes nothing for `send_timeout_s`.
    """

    def __init__(
        self,
        events: AsyncGenerator[bytes | Response, None],
        send_timeout_s: float,
        headers: dict[str, str],
        media_type: str = "text/event-stream",
    ) -> None:
        self._events = events
        self._send_timeout_s = send_timeout_s
        buffering_off = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(iter(()), headers=headers | buffering_off, media_type=media_type)

    async def stream_response(self, send: Send) -> None:
        try:
            await self._stream(send)
        except _Gone:
            log.info("a client took nothing for %s s and was let go", self._send_timeout_s)

    async def _stream(self, send: Send) -> None:
        async with aclosing(self._events) as events:
            try:
                first = await anext(events, None)
            except AssayError as error:
                first = error_response(error)
            if not isinstance(first, bytes):
                await _send_whole(first, send)
                return
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await self._send(send, first)
            await self._send_rest(send, events)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_rest(self, send: Send, events: AsyncGenerator[bytes | Response, None]) -> None:
        try:
            async for piece in events:
                if isinstance(piece, bytes):
                    await self._send(send, piece)
        except AssayError as error:
            await self._send(send, _sse(error_out(error.code, error.what, status_of(error))))

    async def _send(self, send: Send, piece: bytes) -> None:
        try:
            async with asyncio.timeout(self._send_timeout_s):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except TimeoutError:
            raise _Gone from None


async def _send_whole(response: Response | None, send: Send) -> None:
    if response is None:
        response = Response(encoder.encode(error_out("system.unfinished", "the answer ended early", 500)), 500)
    await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
    await send({"type": "http.response.body", "body": bytes(response.body), "more_body": False})
