"""A System that answers from documents: retrieve, judge, draft, check every sentence, and only then show it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from assay.assist.addresses import shown_plainly
from assay.assist.closing import closing
from assay.assist.confidence import ConfidenceModel
from assay.assist.contradiction import find_conflicts
from assay.assist.extractive import last_question
from assay.assist.failing import finished_on_failure
from assay.assist.verify import MARK, VerifyPolicy, align, check_sentence
from assay.detect.instructions import addresses_assistant
from assay.ports.answering import Generator, Retriever, Rewriter
from assay.ports.reading import Clock
from assay.records.access import Scope
from assay.records.chat import DraftDone, DraftSentence
from assay.records.dialogue import (
    AnswerSentence,
    Check,
    CheckStatus,
    Citation,
    Conflict,
    ConflictFound,
    Finished,
    Outcome,
    Passage,
    PassagesChosen,
    ReplyEvent,
    Request,
    SentenceReady,
    SentenceWithheld,
    StageDone,
    Usage,
)
from assay.records.documents import Span
from assay.records.moments import end_of
from assay.records.retrieval import Query, Ranked, Retrieved
from assay.records.taint import Classification, Label, joined, of_turn, of_user
from assay.text.language import likely_language

NO_PASSAGES = "assist.no_passages"
BELOW_THRESHOLD = "assist.below_threshold"
DECLINED = "assist.declined"
NOTHING_VERIFIED = "assist.nothing_verified"
CLOSED_SINCE = "closed_since"
"""The check's failure for a sentence that cites what was closed to the caller, or removed, since the search."""

INSTRUCTION = "instruction"
"""The check's failure for a sentence that gives orders to an assistant, or rests on one that does."""
NEVER_SHOWN = frozenset({INSTRUCTION, "address", "call", "source_list"})
"""Failures that withhold a sentence even where others are only marked: its reader, or a program, may act on it."""

NOT_KNOWN = {
    "en": "I do not know: the documents I may use do not clearly answer this.",
    "de": "Das weiß ich nicht: Die Dokumente, die ich nutzen darf, beantworten das nicht eindeutig.",
}


@dataclass(frozen=True, slots=True)
class Abstention:
    """Below which confidence (0 to 1) the system says that it does not know, and with what words by language."""

    threshold: float = 0.0
    texts: Mapping[str, str] = field(default_factory=lambda: NOT_KNOWN)

    def text_for(self, question: str) -> str:
        """The sentence in the question's language, else in English, else in the first language given."""
        language = likely_language(question)
        return self.texts.get(language) or self.texts.get("en") or next(iter(self.texts.values()))


@dataclass(frozen=True)
class Safeguards:
    """What a sentence of a model goes through before it is shown. No setting reaches these: a sabotage run alone
    replaces one, to prove that something notices when it is gone."""

    sentence: Callable[[str, Sequence[str], VerifyPolicy, str], Check] = lambda *given: check_sentence(*given)
    orders: Callable[[str, Sequence[str]], bool] = lambda *given: _gives_orders(*given)
    plain: Callable[[str], str] = lambda text: shown_plainly(text)


AS_BUILT = Safeguards()


@dataclass
class _Course:
    """How far one answer has come, in milliseconds since the request began."""

    clock: Clock
    started: float
    confidence: float | None = None
    shown: int = 0
    withheld: int = 0
    checking_ms: float = 0.0
    drafted: DraftDone = field(default_factory=DraftDone)
    rewriting: Usage | None = None
    cited: list[Citation] = field(default_factory=list)

    def now_ms(self) -> float:
        return 1000.0 * (self.clock.monotonic() - self.started)

    def finished(self, outcome: Outcome, reason: str = "") -> Finished:
        usage = self.drafted.usage if self.rewriting is None else self.drafted.usage.plus(self.rewriting)
        return Finished(outcome, reason, self.confidence, usage, self.now_ms())


@dataclass(frozen=True)
class Assistant:
    """Answers questions from retrieved passages; every sentence is checked before it leaves.

    `passages` is how many go to the generator; `page_of` gives the page of a span where the chunk's own page is not
    exact enough. Stages, in order: `retrieve`, `confidence`, `generate`, `verify`.
    """

    retriever: Retriever
    generator: Generator
    clock: Clock
    verify: VerifyPolicy = field(default_factory=VerifyPolicy)
    abstain: Abstention = field(default_factory=Abstention)
    confidence: ConfidenceModel = field(default_factory=ConfidenceModel)
    passages: int = 8
    mode: str = "hybrid"
    page_of: Callable[[Span], int] | None = None
    visible: Callable[[Sequence[str], Scope], frozenset[str]] | None = None
    """Which of these chunks a caller may read at this moment: asked again before a citation, because a model may write
    for a minute after the search."""
    visible_at: Callable[[Sequence[str], Scope, str], frozenset[str]] | None = None
    """The same for an answer as of an earlier moment, which may cite what is gone today."""
    rewriter: Rewriter | None = None
    """Makes follow-up questions stand alone before the search; without one, earlier turns lend their words."""
    unlabelled: Classification = Classification.INTERNAL
    """Of earlier answers as a client sends them."""
    safeguards: Safeguards = AS_BUILT

    @property
    def recipe(self) -> str:
        return (
            f"assistant.v1(retriever={self.retriever.recipe}, generator={self.generator.recipe}, "
            f"verify={self.verify.recipe}, confidence={self.confidence.recipe}, "
            f"threshold={self.abstain.threshold}, passages={self.passages}, mode={self.mode}"
            f"{f', rewriter={self.rewriter.recipe}' if self.rewriter else ''}"
            f"{'' if self.safeguards == AS_BUILT else ', sabotaged'})"
        )

    async def answer(self, request: Request) -> AsyncIterator[ReplyEvent]:
        """Events as they happen. Failures end the stream in `Finished(FAILED)` with the error's code."""
        course = _Course(self.clock, self.clock.monotonic())
        async with closing(finished_on_failure(self._steps(request, course), self.clock, course.started)) as events:
            async for event in events:
                yield event

    async def _steps(self, request: Request, course: _Course) -> AsyncIterator[ReplyEvent]:
        query = self._query(request)
        if self.rewriter is not None and request.history:
            began = course.now_ms()
            alone, course.rewriting = await self.rewriter.rewrite(request.question, request.history)
            yield StageDone("rewrite", began, course.now_ms() - began, {"used": int(bool(alone))})
            query = replace(query, text=alone, history=()) if alone else query
        began = course.now_ms()
        found = await asyncio.to_thread(self.retriever.retrieve, query)
        ranked = found.ranked[: self.passages]
        yield StageDone("retrieve", began, course.now_ms() - began, _retrieval_detail(found))
        passages = tuple(_passage(n, r) for n, r in enumerate(ranked, start=1))
        yield PassagesChosen(passages, found.snapshot_id, self._label(request, ranked))
        began = course.now_ms()
        # In a thread: ranking sentences takes tens of milliseconds, in which other answers should go on streaming.
        course.confidence = await asyncio.to_thread(
            self.confidence.estimate, request.question, last_question(request.history), ranked
        )
        yield StageDone("confidence", began, course.now_ms() - began, {"passages": len(ranked)})
        if not ranked or course.confidence < self.abstain.threshold:
            yield self._not_known(request)
            yield course.finished(Outcome.ABSTAINED, BELOW_THRESHOLD if ranked else NO_PASSAGES)
            return
        async with closing(self._draft(request, ranked, course)) as drafted:
            async for event in drafted:
                yield event
        if course.shown:
            for conflict in await self._conflicts(course, ranked, request):
                yield ConflictFound(conflict)
            yield course.finished(Outcome.ANSWERED)
            return
        yield self._not_known(request)
        yield course.finished(Outcome.ABSTAINED, NOTHING_VERIFIED if course.withheld else DECLINED)

    def _label(self, request: Request, ranked: Sequence[Ranked]) -> Label | None:
        """Of all that the generator is shown; None when a passage has none, as nothing may be guessed of it."""
        labels = [one.label for one in ranked if one.label is not None]
        if len(labels) < len(ranked):
            return None
        tenant = request.scope.tenant
        spoken = [of_turn(turn.role, tenant, self.unlabelled) for turn in request.history]
        return joined([of_user(tenant), *spoken, *labels])

    def _query(self, request: Request) -> Query:
        asked_before = tuple(turn.content for turn in request.history if turn.role == "user")
        return Query(request.question, request.scope, self.passages, self.mode, asked_before, request.as_of)

    async def _draft(
        self, request: Request, ranked: Sequence[Ranked], course: _Course
    ) -> AsyncIterator[SentenceReady | SentenceWithheld | StageDone]:
        began = course.now_ms()
        async with closing(self.generator.draft(request.question, request.history, ranked)) as drafts:
            async for draft in drafts:
                if isinstance(draft, DraftDone):
                    course.drafted = draft
                    continue
                before = course.now_ms()
                event: SentenceReady | SentenceWithheld = self._checked(draft, ranked, request.question)
                if not await self._readable(draft, ranked, request):
                    event = SentenceWithheld(Check(CheckStatus.UNSUPPORTED, 0.0, (CLOSED_SINCE,)))
                course.checking_ms += course.now_ms() - before
                if isinstance(event, SentenceReady):
                    course.shown += 1
                    course.cited += event.sentence.citations
                course.withheld += isinstance(event, SentenceWithheld)
                yield event
        took = course.now_ms() - began
        yield StageDone("generate", began, max(0.0, took - course.checking_ms), dict(course.drafted.detail))
        counts: dict[str, str | int | float] = {"shown": course.shown, "withheld": course.withheld}
        yield StageDone("verify", began, course.checking_ms, counts)

    async def _readable(self, draft: DraftSentence, ranked: Sequence[Ranked], request: Request) -> bool:
        """True when the caller may still read everything that the sentence cites, its twins included."""
        passages = [ranked[number - 1] for number in draft.cited if 1 <= number <= len(ranked)]
        cited = {chunk.chunk_id for passage in passages for chunk in (passage.chunk, *passage.also)}
        if request.as_of and self.visible_at is not None and cited:
            at = end_of(request.as_of)
            return await asyncio.to_thread(self.visible_at, sorted(cited), request.scope, at) >= cited
        if self.visible is None or not cited:
            return True
        return await asyncio.to_thread(self.visible, sorted(cited), request.scope) >= cited

    async def _conflicts(self, course: _Course, ranked: Sequence[Ranked], request: Request) -> list[Conflict]:
        """What other passages say against the cited ones, as far as the caller may still read them."""
        found = await asyncio.to_thread(find_conflicts, course.cited, ranked)
        numbers = {item.chunk.chunk_id: number for number, item in enumerate(ranked, start=1)}
        return [
            replace(conflict, other=self._paged(conflict.other), cited=self._paged(conflict.cited))
            for conflict in found
            if await self._readable(DraftSentence("", (numbers[conflict.other.chunk_id],)), ranked, request)
        ]

    def _paged(self, citation: Citation) -> Citation:
        return replace(citation, page=self.page_of(citation.span)) if self.page_of else citation

    def _checked(
        self, draft: DraftSentence, ranked: Sequence[Ranked], question: str
    ) -> SentenceReady | SentenceWithheld:
        cited = [ranked[number - 1] for number in draft.cited if 1 <= number <= len(ranked)]
        citations = self._citations(draft, cited)
        language = cited[0].chunk.language if cited else ""
        quotes = [c.quote for c in citations]
        check = self.safeguards.sentence(draft.text, quotes, self.verify, language or "en")
        if cited and not citations:
            check = Check(CheckStatus.UNSUPPORTED, 0.0, ("alignment",))
        if self.safeguards.orders(question, (draft.text, *quotes)):
            check = Check(CheckStatus.UNSUPPORTED, check.alignment, (INSTRUCTION,))
        supported = check.status is CheckStatus.SUPPORTED
        if supported or (self.verify.on_failure == MARK and NEVER_SHOWN.isdisjoint(check.failures)):
            text = self.safeguards.plain(draft.text)
            return SentenceReady(AnswerSentence(text, citations, check, marked=not supported))
        return SentenceWithheld(check)

    def _citations(self, draft: DraftSentence, cited: Sequence[Ranked]) -> tuple[Citation, ...]:
        """One citation for each cited passage: its exact span where the generator knew it, else found by alignment."""
        made: dict[Span, Citation] = {}
        for passage in cited:
            chunk = passage.chunk
            known = [span for span in draft.spans if _within(span, chunk.span)]
            aligned = None if draft.spans else align(draft.text, chunk)
            for span in known or ([aligned] if aligned else []):
                quote = chunk.text[span.start - chunk.start : span.end - chunk.start]
                page = self.page_of(span) if self.page_of else chunk.page
                made[span] = Citation(
                    span, quote, chunk.title, chunk.source_uri, chunk.chunk_id, page, chunk.modified_at,
                    tuple(dict.fromkeys(twin.doc_id for twin in passage.also if quote in twin.text)),
                )  # fmt: skip
        return tuple(made.values())

    def _not_known(self, request: Request) -> SentenceReady:
        text = self.abstain.text_for(request.question)
        return SentenceReady(AnswerSentence(text, (), Check(CheckStatus.NOT_CHECKED)))


def _gives_orders(question: str, texts: Sequence[str]) -> bool:
    """True when a text speaks to an assistant and not to a reader, unless such orders are what was asked about."""
    return any(map(addresses_assistant, texts)) and not addresses_assistant(question, loosely=True)


def _within(span: Span, outer: Span) -> bool:
    same = (span.doc_id, span.text_sha256) == (outer.doc_id, outer.text_sha256)
    return same and outer.start <= span.start < span.end <= outer.end


def _passage(number: int, ranked: Ranked) -> Passage:
    also = tuple(dict.fromkeys(twin.doc_id for twin in ranked.also))
    return Passage(
        number, ranked.chunk.chunk_id, ranked.chunk.span, ranked.score, dict(ranked.stages), also, ranked.label
    )


def _retrieval_detail(found: Retrieved) -> dict[str, str | int | float]:
    times: dict[str, str | int | float] = {f"{name}_ms": value for name, value in found.stage_ms.items()}
    return {"ranked": len(found.ranked), "mode": found.mode, **times}
