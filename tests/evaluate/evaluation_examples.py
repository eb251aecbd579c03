"""Cases, replies and systems that the tests of this room share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from assay.records.dialogue import (
    AnswerSentence,
    Check,
    CheckStatus,
    Citation,
    Finished,
    Outcome,
    Passage,
    PassagesChosen,
    Reply,
    ReplyEvent,
    Request,
    SentenceReady,
    Usage,
)
from assay.records.documents import Span
from assay.records.golden import Case, Evidence, Expected, GoldenSet

SUPPORTED = Check(CheckStatus.SUPPORTED, 1.0)


def case(case_id: str = "c-1", question: str = "How long is the trial?", **expected: object) -> Case:
    return Case(case_id, question, Expected(**expected))  # type: ignore[arg-type]


def golden(*cases: Case, count: int = 0) -> GoldenSet:
    made = tuple(case(f"c-{n}", f"Question {n}?", answers=("Yes.",)) for n in range(count))
    return GoldenSet("demo", (*cases, *made))


def passage(number: int, doc_id: str) -> Passage:
    return Passage(number, f"{doc_id}#{number}", Span(doc_id, "0" * 64, number, number + 1), 1 / number)


def passages(*doc_ids: str) -> tuple[Passage, ...]:
    return tuple(passage(number, doc_id) for number, doc_id in enumerate(doc_ids, start=1))


def citation(doc_id: str, quote: str = "The trial lasts 30 days.", start: int = 0) -> Citation:
    return Citation(Span(doc_id, "0" * 64, start, start + len(quote)), quote, doc_id, f"{doc_id}.md", f"{doc_id}#1")


def sentence(text: str, *citations: Citation, check: Check = SUPPORTED) -> AnswerSentence:
    return AnswerSentence(text, citations, check)


def answered(*sentences: AnswerSentence, docs: tuple[str, ...] = (), **more: object) -> Reply:
    return Reply(Outcome.ANSWERED, sentences=sentences, passages=passages(*docs), **more)  # type: ignore[arg-type]


def evidence(doc_id: str, quote: str = "", grade: int = 1) -> Evidence:
    return Evidence(doc_id, quote, grade)


@dataclass
class FakeSystem:
    """Answers every question with `Yes.`; `behave` may delay, fail or end a request otherwise."""

    behave: Callable[[Request, int], Finished | None] | None = None
    delay_s: float = 0.0
    asked: list[str] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    recipe: str = "fake.v1"

    async def answer(self, request: Request) -> AsyncIterator[ReplyEvent]:
        self.asked.append(request.request_id)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.delay_s)
            ending = self.behave(request, self.asked.count(request.request_id)) if self.behave else None
            if ending is None:
                yield PassagesChosen(passages("d-1"), "snapshot")
                yield SentenceReady(sentence("Yes.", citation("d-1")))
            yield ending or Finished(Outcome.ANSWERED, usage=Usage(10, 2), duration_ms=5.0)
        finally:
            self.in_flight -= 1
