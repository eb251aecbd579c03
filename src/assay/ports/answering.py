"""The one shape that answers, the one that judges, and what stands between retrieval and a reply."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from assay.records.chat import ChatEvent, ChatOptions, DraftEvent
from assay.records.dialogue import Reply, ReplyEvent, Request, Turn, Usage
from assay.records.evaluation import Metric, Score
from assay.records.golden import Case
from assay.records.retrieval import Query, Ranked, Retrieved


class System(Protocol):
    """Anything that answers. The stream always ends in exactly one `Finished`; failures are events, not exceptions."""

    @property
    def recipe(self) -> str: ...
    def answer(self, request: Request) -> AsyncIterator[ReplyEvent]: ...


class Scorer(Protocol):
    """Judges one reply to one case. Never raises, never returns a number that is not finite."""

    @property
    def metric(self) -> Metric: ...
    @property
    def recipe(self) -> str: ...
    def score(self, case: Case, reply: Reply) -> Score: ...


class Rewriter(Protocol):
    """Makes a follow-up question stand alone, for the search only. Gives the question, empty when it cannot, and what
    it cost; never raises."""

    @property
    def recipe(self) -> str: ...
    async def rewrite(self, question: str, history: Sequence[Turn]) -> tuple[str, Usage]: ...


class Retriever(Protocol):
    """Finds passages inside the query's scope."""

    @property
    def recipe(self) -> str: ...
    def retrieve(self, query: Query) -> Retrieved: ...


class Reranker(Protocol):
    """Reorders what a retriever found, after access was checked: it may not add, drop or change a chunk.

    `pool` is how many of the first candidates it looks at; those behind keep their order. What it looked at carries
    the stage `reranked`.
    """

    @property
    def recipe(self) -> str: ...
    @property
    def pool(self) -> int: ...
    def rerank(self, query: Query, ranked: Sequence[Ranked]) -> tuple[Ranked, ...]: ...


class Generator(Protocol):
    """Drafts sentences from ranked passages; numbers in `DraftSentence.cited` count from 1 in the given order."""

    @property
    def recipe(self) -> str: ...
    def draft(
        self, question: str, history: Sequence[Turn], passages: Sequence[Ranked]
    ) -> AsyncIterator[DraftEvent]: ...


class ChatModel(Protocol):
    """A chat endpoint. Raises Unavailable with codes `chat.timeout`, `chat.status`, `chat.malformed_stream`,
    `chat.dropped`, `chat.rate_limited`, `chat.refused_schema` once its retries are spent."""

    @property
    def recipe(self) -> str: ...
    def stream(self, messages: Sequence[Turn], options: ChatOptions) -> AsyncIterator[ChatEvent]: ...
