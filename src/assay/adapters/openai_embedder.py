"""Any OpenAI-compatible embeddings endpoint: batched, retried, bounded in time, every vector checked."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
import numpy as np

from assay.adapters.http import AiohttpTransport, Exchange, Transport
from assay.adapters.openai_chat import FIRST_WAIT_S, LONGEST_WAIT_S, RETRIED_STATUSES, retry_after_s
from assay.records.errors import ConfigError, Unavailable

if TYPE_CHECKING:
    from numpy.typing import NDArray

BATCH_CHARS = 100_000
ANSWER_LIMIT = 256 * 2**20


class _Row(msgspec.Struct):
    index: int
    embedding: list[float]


class _Rows(msgspec.Struct):
    data: list[_Row]


_decoder = msgspec.json.Decoder(_Rows)
_encoder = msgspec.json.Encoder()


class _Again(Exception):
    def __init__(self, error: Unavailable, after_s: float | None = None) -> None:
        self.error, self.after_s = error, after_s
        super().__init__(error.code)


@dataclass
class OpenAIEmbedder:
    """`POST {base_url}/embeddings`, texts in batches of at most `batch` and 100,000 characters.

    `dimensions` is checked against every answer; with `ask_dimensions` it is also sent, for models that can shorten
    their vectors. `timeout_s` bounds one batch with its retries. Vectors are brought to length 1. Raises Unavailable:
    `embedder.timeout`, `embedder.dropped`, `embedder.status`, `embedder.malformed`, `embedder.dimensions`,
    `embedder.not_finite`.
    """

    base_url: str
    model: str
    dimensions: int
    api_key: str | None = field(default=None, repr=False)
    batch: int = 64
    timeout_s: float = 60.0
    max_retries: int = 3
    ask_dimensions: bool = False
    transport: Transport | None = field(default=None, repr=False)
    jitter: Callable[[], float] = field(default=random.random, repr=False)
    _loop: asyncio.AbstractEventLoop | None = field(default=None, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(
                "embedder.base_url", "the endpoint's base_url is no http(s) address",
                remedy="write it like http://127.0.0.1:8080/v1",
            )  # fmt: skip
        self.base_url = self.base_url.rstrip("/")
        self._transport = self.transport or AiohttpTransport(8)
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        self._headers |= {"Accept-Encoding": "identity", "User-Agent": "assay"}
        if self.api_key:
            self._headers["Authorization"] = f"Bearer {self.api_key}"

    @property
    def recipe(self) -> str:
        parts = urlsplit(self.base_url)
        where = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
        return f"openai_embedder.v1(model={self.model},endpoint={where}{parts.path},dimensions={self.dimensions})"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (len(texts), dimensions), rows of length 1, in the order given. May be called inside an event loop's
        thread: the requests run in a loop of their own."""
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for rows in self._batches(texts):
            asked = [texts[row] or " " for row in rows]  # endpoints refuse an empty text
            vectors[rows] = asyncio.run_coroutine_threadsafe(self._one(asked), self._running()).result()
        return vectors

    def close(self) -> None:
        """End the thread of the requests; the next `embed` starts another."""
        with self._lock:
            if self._loop is not None:
                asyncio.run_coroutine_threadsafe(self._transport.aclose(), self._loop).result()
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._loop = None

    def _batches(self, texts: Sequence[str]) -> Iterator[list[int]]:
        batch: list[int] = []
        chars = 0
        for row, text in enumerate(texts):
            if batch and (len(batch) >= self.batch or chars + len(text) > BATCH_CHARS):
                yield batch
                batch, chars = [], 0
            batch.append(row)
            chars += len(text)
        if batch:
            yield batch

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                loop = asyncio.new_event_loop()
                threading.Thread(target=_serve, args=(loop,), name="embeddings", daemon=True).start()
                self._loop = loop
            return self._loop

    async def _one(self, texts: list[str]) -> NDArray[np.float32]:
        attempt, deadline = 1, monotonic() + self.timeout_s
        while True:
            try:
                return await self._attempt(texts, deadline)
            except _Again as failure:
                wait = failure.after_s
                if wait is None:
                    wait = min(FIRST_WAIT_S * 2 ** (attempt - 1), LONGEST_WAIT_S) * (0.5 + self.jitter() / 2)
                if attempt > self.max_retries or monotonic() + wait >= deadline:
                    raise failure.error from failure.__cause__
            await asyncio.sleep(wait)
            attempt += 1

    async def _attempt(self, texts: list[str], deadline: float) -> NDArray[np.float32]:
        body: dict[str, Any] = {"model": self.model, "input": texts, "encoding_format": "float"}
        if self.ask_dimensions:
            body["dimensions"] = self.dimensions
        try:
            async with asyncio.timeout(deadline - monotonic()):
                url = f"{self.base_url}/embeddings"
                exchange = await self._transport.post(url, self._headers, _encoder.encode(body))
                try:
                    if exchange.status != 200:
                        raise self._refused(exchange)
                    answer = await _whole(exchange)
                finally:
                    exchange.close()
        except TimeoutError as error:
            raise _Again(self._failure("timeout", "did not answer in time", "raise timeout_s")) from error
        except ConnectionError as error:
            what = "cannot be reached, or broke off"
            raise _Again(self._failure("dropped", what, "check that it runs and that base_url is right")) from error
        return self._vectors(answer, len(texts))

    def _refused(self, exchange: Exchange) -> Exception:
        told = f"answered with status {exchange.status}"
        error = self._failure("status", told, "check the API key, base_url and the model's name")
        if exchange.status not in RETRIED_STATUSES:
            return error
        return _Again(error, retry_after_s(exchange.header("Retry-After-Ms"), exchange.header("Retry-After")))

    def _vectors(self, answer: bytes, count: int) -> NDArray[np.float32]:
        try:
            rows = sorted(_decoder.decode(answer).data, key=lambda row: row.index)
        except msgspec.DecodeError as error:
            raise self._failure(
                "malformed", "sent something that is no list of embeddings", "check base_url"
            ) from error
        if [row.index for row in rows] != list(range(count)):
            raise self._failure("malformed", "did not send one vector for each text", "check the endpoint")
        if any(len(row.embedding) != self.dimensions for row in rows):
            raise self._failure(
                "dimensions", f"sent vectors of another length than {self.dimensions}", "correct embedders.*.dimensions"
            )
        vectors = np.array([row.embedding for row in rows], dtype=np.float64)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or (lengths < 1e-12).any():
            raise self._failure("not_finite", "sent a vector without a direction", "check the endpoint")
        unit: NDArray[np.float32] = (vectors / lengths).astype(np.float32)
        return unit

    def _failure(self, code: str, what: str, remedy: str) -> Unavailable:
        return Unavailable(f"embedder.{code}", f"the embeddings endpoint {what}", where=self.recipe, remedy=remedy)


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _whole(exchange: Exchange) -> bytes:
    parts: list[bytes] = []
    size = 0
    while piece := await exchange.read_some():
        parts.append(piece)
        size += len(piece)
        if size > ANSWER_LIMIT:
            raise ConnectionError("the answer is too long")
    return b"".join(parts)
