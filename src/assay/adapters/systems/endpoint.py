"""Any HTTP endpoint that takes JSON and gives JSON: a request template, and paths into the answer."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from assay.adapters.http import AiohttpTransport, Exchange, Transport
from assay.adapters.openai_chat import retry_after_s
from assay.adapters.systems.pointers import Path, find, parse
from assay.adapters.systems.said import BadReply, events
from assay.assist.closing import closing
from assay.assist.failing import finished_on_failure
from assay.evaluate.wording import stands_in
from assay.ports.reading import Clock
from assay.records.dialogue import Outcome, ReplyEvent, Request, StageDone
from assay.records.digest import canonical_json, sha256_json
from assay.records.errors import ConfigError, Unavailable

QUESTION, HISTORY, MESSAGES = "{question}", "{history}", "{messages}"
RETRY_AFTER = "retry_after_ms"
ANSWER_LIMIT = 8 * 2**20
OVERLOADED = frozenset({408, 425, 500, 502, 503, 504, 529})
OPENAI_BODY: dict[str, Any] = {"messages": MESSAGES}
OPENAI_PATHS = {
    "answer": "$.choices[0].message.content",
    "tools": "$.choices[0].message.tool_calls",
    "tokens_in": "$.usage.prompt_tokens",
    "tokens_out": "$.usage.completion_tokens",
}
_USAGE = ("tokens_in", "tokens_out", "cost_usd")


@dataclass(frozen=True, slots=True)
class EndpointRecipe:
    """What is sent and where the answer stands. `body` is a JSON value in which `{question}` stands for the question
    inside any text, and a text that is `{history}` or `{messages}` alone for the list of turns before it, or with it.
    `paths` name parts of the answer (`said.KEYS`, `tokens_in`, `tokens_out`, `cost_usd`) by their place in it.
    `declines` are texts that, standing in an answer, mean that the system declined. Prices are US dollars.
    """

    url: str
    body: Any
    paths: Mapping[str, str]
    declines: tuple[str, ...] = ()
    version: str = ""
    """What the user says stands behind the endpoint; a change makes another system."""
    price_in_per_million: float | None = None
    price_out_per_million: float | None = None
    price_per_call: float | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise ConfigError(
                "system.url", "the endpoint is no http(s) address without credentials in it",
                remedy="write it like http://127.0.0.1:8000/answer; keys belong in headers_env",
            )  # fmt: skip
        if not _holds_question(self.body):
            raise ConfigError(
                "system.body", "the request never says the question",
                remedy=f"put {QUESTION} into a text of the body, or {MESSAGES} as a value",
            )  # fmt: skip

    @property
    def priced(self) -> bool:
        """True when what a call costs will be known."""
        return self.price_per_call is not None or "cost_usd" in self.paths or None not in self._prices

    @property
    def _prices(self) -> tuple[float | None, float | None]:
        return self.price_in_per_million, self.price_out_per_million

    def cost(self, tokens_in: float | None, tokens_out: float | None) -> float | None:
        if self.price_per_call is not None:
            return self.price_per_call
        dear_in, dear_out = self._prices
        if tokens_in is None or tokens_out is None or dear_in is None or dear_out is None:
            return None
        return (tokens_in * dear_in + tokens_out * dear_out) / 1e6


def _holds_question(value: Any) -> bool:
    if isinstance(value, str):
        return QUESTION in value or value == MESSAGES
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return any(_holds_question(item) for item in inner)


@dataclass
class EndpointSystem:
    """A `System` over one POST a question. Fails with `endpoint.timeout`, `.dropped`, `.rate_limited` (429),
    `.overloaded` (408, 5xx), which the engine asks again after what Retry-After says, and `.status`, `.not_json`,
    `.no_answer`, `.bad_reply`, `.too_large`, which would come back."""

    name: str
    how: EndpointRecipe
    clock: Clock
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_s: float = 60.0
    max_connections: int = 128
    transport: Transport | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self._transport = self.transport or AiohttpTransport(self.max_connections)
        self._paths: dict[str, Path] = {key: parse(text) for key, text in self.how.paths.items()}
        self._headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "assay"}
        self._headers |= dict(self.headers)

    @property
    def recipe(self) -> str:
        parts = urlsplit(self.how.url)
        template = sha256_json(
            [self.how.body, self.how.paths, self.how.declines, hashlib.sha256(parts.query.encode()).hexdigest()]
        )
        where = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
        version = f", version={self.how.version}" if self.how.version else ""
        return f"http.v1(endpoint={where}{parts.path}, template={template[:12]}{version})"

    async def answer(self, request: Request) -> AsyncIterator[ReplyEvent]:
        started = self.clock.monotonic()
        async with closing(finished_on_failure(self._steps(request, started), self.clock, started)) as steps:
            async for event in steps:
                yield event

    async def _steps(self, request: Request, started: float) -> AsyncIterator[ReplyEvent]:
        deadline = monotonic() + self.timeout_s
        exchange = await self._sent(canonical_json(filled(self.how.body, request)), deadline)
        try:
            if exchange.status == 429 or exchange.status in OVERLOADED:
                wait = retry_after_s(exchange.header("Retry-After-Ms"), exchange.header("Retry-After"))
                if wait is not None:
                    yield StageDone("refused", 0.0, 0.0, {RETRY_AFTER: round(1000 * wait), "status": exchange.status})
                raise self._failure("rate_limited" if exchange.status == 429 else "overloaded")
            if not 200 <= exchange.status < 300:
                yield StageDone("refused", 0.0, 0.0, {"status": exchange.status})
                raise self._failure("status")
            body = await self._body(exchange, deadline)
        finally:
            exchange.close()
        took = 1000.0 * (self.clock.monotonic() - started)
        for event in self._read(body, took):
            yield event

    async def _sent(self, body: bytes, deadline: float) -> Exchange:
        try:
            async with asyncio.timeout(deadline - monotonic()):
                return await self._transport.post(self.how.url, self._headers, body)
        except TimeoutError:
            raise self._failure("timeout") from None
        except ConnectionError as error:
            raise self._failure("dropped") from error

    async def _body(self, exchange: Exchange, deadline: float) -> bytes:
        pieces: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(deadline - monotonic()):
                while piece := await exchange.read_some():
                    size += len(piece)
                    if size > ANSWER_LIMIT:
                        raise self._failure("too_large")
                    pieces.append(piece)
        except TimeoutError:
            raise self._failure("timeout") from None
        except ConnectionError as error:
            raise self._failure("dropped") from error
        return b"".join(pieces)

    def _read(self, body: bytes, took: float) -> list[ReplyEvent]:
        try:
            value = json.loads(body, parse_constant=_refuse)
        except (ValueError, RecursionError):
            raise self._failure("not_json") from None
        found = {key: find(value, path) for key, path in self._paths.items()}
        if all(found.get(key) is None for key in ("answer", "label", "fields", "spans", "tools", "scores", "outcome")):
            raise self._failure("no_answer")
        said = {key: item for key, item in found.items() if key not in _USAGE and item is not None}
        usage = {key: found[key] for key in _USAGE if found.get(key) is not None}
        try:
            if "cost_usd" not in usage:
                usage["cost_usd"] = self.how.cost(usage.get("tokens_in"), usage.get("tokens_out"))
            answer = said.get("answer")
            if isinstance(answer, str) and any(stands_in(text, answer) for text in self.how.declines):
                said["outcome"] = Outcome.ABSTAINED.value
            return list(events({**said, "usage": usage}, took))
        except (BadReply, TypeError):
            raise self._failure("bad_reply") from None

    def _failure(self, code: str) -> Unavailable:
        return Unavailable(f"endpoint.{code}", _FAILURES[code], where=self.name)


_FAILURES = {
    "timeout": "the endpoint did not answer in time",
    "dropped": "the endpoint cannot be reached, or broke off",
    "rate_limited": "the endpoint answers no more requests for now",
    "overloaded": "the endpoint reported a failure of the moment",
    "status": "the endpoint refused the request",
    "not_json": "the endpoint answered with something that is no JSON",
    "no_answer": "nothing stands at the places where the answer should be",
    "bad_reply": "a part of the answer has a wrong type",
    "too_large": f"the answer is larger than {ANSWER_LIMIT // 2**20} MiB",
}


def filled(body: Any, request: Request) -> Any:
    """The template with the request in it. Values are put in as values: nothing in a question can change the shape."""
    turns = [{"role": turn.role, "content": turn.content} for turn in request.history]
    if body == HISTORY:
        return turns
    if body == MESSAGES:
        return [*turns, {"role": "user", "content": request.question}]
    if isinstance(body, str):
        return body.replace(QUESTION, request.question)
    if isinstance(body, Mapping):
        return {key: filled(value, request) for key, value in body.items()}
    return [filled(value, request) for value in body] if isinstance(body, list | tuple) else body


def _refuse(_constant: str) -> None:
    raise ValueError
