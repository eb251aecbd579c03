"""Any OpenAI-compatible chat endpoint: streamed, retried before the first word only, bounded in time."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from time import monotonic, time
from urllib.parse import urlsplit

import msgspec

from assay.adapters.http import AiohttpTransport, Exchange, Transport
from assay.adapters.openai_wire import Answer, BadStream, chat_body, refused_parameter
from assay.adapters.sse import TooLong
from assay.records.chat import ChatDone, ChatEvent, ChatOptions, TextDelta
from assay.records.dialogue import Turn, Usage
from assay.records.errors import ConfigError, Unavailable

RETRIED_STATUSES = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 20.0
DRAIN_S = 0.05
"""How long to wait for the end of a body whose last event has come, so that the connection can be used again."""
ERROR_BODY_LIMIT = 16_384


class _Again(Exception):
    """An attempt failed in a way that another may not. `after_s` is what the endpoint asked for."""

    def __init__(self, error: Unavailable, after_s: float | None = None) -> None:
        self.error = error
        self.after_s = after_s
        super().__init__(error.code)


class _Adapt(Exception):
    """The endpoint refuses an optional parameter by name; the call goes on without it."""


@dataclass
class OpenAIChat:
    """A `ChatModel` over `POST {base_url}/chat/completions`.

    `timeout_s` bounds the whole answer, retries and waits included; `first_token_timeout_s` the silence before an
    attempt's first text. Failed attempts are repeated, at most `max_retries` times and only while no text was given,
    after the wait the endpoint names in Retry-After or a growing one; when the waits together would pass
    `max_retry_wait_s`, or the next one the end of `timeout_s`, the call gives up at once. Prices are USD per million
    tokens; cost is None when a price or the usage is unknown.

    Parameters an endpoint refuses by name (`stream_options`, `seed`, `temperature`, `max_tokens`) are left out, or
    renamed, from then on. With `streaming=False` the answer is asked for in one piece. Raises Unavailable with the
    codes of the port; with a schema, an answer that is not JSON raises `chat.refused_schema` after its last delta.
    """

    base_url: str
    model: str
    api_key: str | None = field(default=None, repr=False)
    timeout_s: float = 120.0
    first_token_timeout_s: float = 30.0
    max_retries: int = 4
    max_retry_wait_s: float = 30.0
    price_in_per_million: float | None = None
    price_out_per_million: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    max_connections: int = 128
    streaming: bool = True
    transport: Transport | None = field(default=None, repr=False)
    jitter: Callable[[], float] = field(default=random.random, repr=False)
    _left_out: set[str] = field(default_factory=set, init=False, repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(
                "chat.base_url",
                "the chat endpoint's base_url is no http(s) address",
                remedy="write it like http://127.0.0.1:8080/v1",
            )
        self.base_url = self.base_url.rstrip("/")
        self._url = f"{self.base_url}/chat/completions"
        self._transport = self.transport or AiohttpTransport(self.max_connections)
        self._headers = {"Content-Type": "application/json", "Accept": "text/event-stream, application/json"}
        self._headers |= {"Accept-Encoding": "identity", "User-Agent": "assay", **self.headers}
        if self.api_key:
            self._headers["Authorization"] = f"Bearer {self.api_key}"

    @property
    def recipe(self) -> str:
        parts = urlsplit(self.base_url)
        where = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
        return f"openai_chat.v1(model={self.model}, endpoint={where}{parts.path})"

    async def stream(self, messages: Sequence[Turn], options: ChatOptions) -> AsyncGenerator[ChatEvent, None]:
        """Text deltas, then one ChatDone."""
        attempt, waited, deadline = 1, 0.0, monotonic() + self.timeout_s
        while True:
            try:
                async with aclosing(self._attempt(messages, options, attempt, deadline)) as events:
                    async for event in events:
                        yield event
                return
            except _Adapt:
                continue
            except _Again as failure:
                wait = self._wait(failure, attempt)
                too_late = waited + wait > self.max_retry_wait_s or monotonic() + wait >= deadline
                if attempt > self.max_retries or too_late:
                    raise failure.error from failure.__cause__
            await asyncio.sleep(wait)
            attempt, waited = attempt + 1, waited + wait

    async def aclose(self) -> None:
        await self._transport.aclose()

    def _wait(self, failure: _Again, attempt: int) -> float:
        if failure.after_s is not None:
            return failure.after_s
        return float(min(FIRST_WAIT_S * 2 ** (attempt - 1), LONGEST_WAIT_S) * (0.5 + self.jitter() / 2))

    async def _attempt(
        self, messages: Sequence[Turn], options: ChatOptions, attempt: int, deadline: float
    ) -> AsyncGenerator[ChatEvent, None]:
        first_deadline = min(deadline, monotonic() + self.first_token_timeout_s)
        left_out = frozenset(self._left_out)
        body = chat_body(self.model, messages, options, self.streaming, left_out)
        exchange = await self._send(body, first_deadline)
        answer = Answer()
        try:
            if exchange.status != 200:
                await self._refuse(exchange, first_deadline, options, left_out)
            while not answer.complete:
                by = deadline if answer.started else first_deadline
                for text in await self._next_texts(exchange, answer, by):
                    yield TextDelta(text)
            await _drain(exchange)
        finally:
            exchange.close()
        if options.schema is not None and not _is_json(answer.text):
            raise self._failure("chat.refused_schema")
        yield ChatDone(self._usage(answer), answer.finish_reason, answer.model or self.model, attempt)

    async def _send(self, body: bytes, deadline: float) -> Exchange:
        try:
            async with asyncio.timeout(deadline - monotonic()):
                return await self._transport.post(self._url, self._headers, body)
        except TimeoutError as error:
            raise _Again(self._failure("chat.timeout")) from error
        except ConnectionError as error:
            raise _Again(self._failure("chat.dropped")) from error

    async def _next_texts(self, exchange: Exchange, answer: Answer, deadline: float) -> list[str]:
        """The next pieces of text. A failure is `_Again` while no text was given, final afterwards."""
        cause: Exception
        try:
            async with asyncio.timeout(deadline - monotonic()):
                piece = await exchange.read_some()
            return answer.feed(piece) if piece else answer.end()
        except TimeoutError as error:
            code, cause = "chat.timeout", error
        except ConnectionError as error:
            code, cause = "chat.dropped", error
        except BadStream as error:
            code, cause = error.code, error
        except (TooLong, msgspec.DecodeError) as error:
            code, cause = "chat.malformed_stream", error
        if answer.started:
            raise self._failure(code) from cause
        raise _Again(self._failure(code)) from cause

    def _failure(self, code: str) -> Unavailable:
        what, remedy = FAILURES[code]
        return Unavailable(code, what, where=self.recipe, remedy=remedy)

    async def _refuse(
        self, exchange: Exchange, deadline: float, options: ChatOptions, left_out: frozenset[str]
    ) -> None:
        """Raise what a status other than 200 means."""
        status = exchange.status
        body = await _error_body(exchange, deadline) if status in (400, 422) else b""
        parameter = refused_parameter(body)
        if parameter and parameter not in left_out:
            self._left_out.add(parameter)
            raise _Adapt
        if options.schema is not None and (b"response_format" in body or b"json_schema" in body):
            raise self._failure("chat.refused_schema")
        limited = status == 429
        error = Unavailable(
            "chat.rate_limited" if limited else "chat.status",
            f"the chat endpoint answered with status {status}",
            where=self.recipe,
            remedy=_REMEDIES.get(status, ""),
        )
        if status in RETRIED_STATUSES:
            raise _Again(error, retry_after_s(exchange.header("Retry-After-Ms"), exchange.header("Retry-After")))
        raise error

    def _usage(self, answer: Answer) -> Usage:
        tokens_in, tokens_out = answer.tokens_in, answer.tokens_out
        prices = self.price_in_per_million, self.price_out_per_million
        if tokens_in is None or tokens_out is None or prices[0] is None or prices[1] is None:
            return Usage(tokens_in, tokens_out)
        return Usage(tokens_in, tokens_out, (tokens_in * prices[0] + tokens_out * prices[1]) / 1e6)


FAILURES = {
    "chat.timeout": ("the chat endpoint did not answer in time", "raise timeout_s, or check the endpoint"),
    "chat.rate_limited": ("the chat endpoint answers no more requests for now", "wait, or ask for fewer at a time"),
    "chat.dropped": (
        "the chat endpoint cannot be reached, or broke off",
        "check that it runs and that base_url is right",
    ),
    "chat.malformed_stream": ("the chat endpoint sent something that is no chat completion", "check base_url"),
    "chat.status": ("the chat endpoint reported an error", "check the API key, base_url and the model's name"),
    "chat.refused_schema": (
        "the chat endpoint did not answer in the JSON schema it was given",
        "use a model that supports structured output, or raise max_tokens",
    ),
}
"""What each code of the port means, and what to do about it."""
_REMEDIES = {
    401: "check the API key",
    403: "check what the API key may use",
    404: "check base_url and the model's name",
    429: FAILURES["chat.rate_limited"][1],
}


def retry_after_s(milliseconds: str, header: str) -> float | None:
    """Seconds that Retry-After (RFC 9110, 10.2.3: seconds or a date) asks for; None when it says nothing readable."""
    for text, unit in ((milliseconds, 0.001), (header, 1.0)):
        if text.isascii() and text.replace(".", "", 1).isdigit():
            return float(text) * unit
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time()) if header else None
    except ValueError:
        return None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


async def _drain(exchange: Exchange) -> None:
    try:
        async with asyncio.timeout(DRAIN_S):
            while await exchange.read_some():
                pass
    except (TimeoutError, ConnectionError):
        return  # the answer is complete; only the connection cannot be used again


async def _error_body(exchange: Exchange, deadline: float) -> bytes:
    body = b""
    try:
        async with asyncio.timeout(deadline - monotonic()):
            while len(body) < ERROR_BODY_LIMIT and (piece := await exchange.read_some()):
                body += piece
    except (TimeoutError, ConnectionError):
        return body  # the status alone says enough
    return body
