"""A guard that masks personal data in what is shown."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from assay.detect.findings import counts
from assay.detect.personal import check_rules, redacted
from assay.guard.streams import closed_after
from assay.ports.answering import System
from assay.records.dialogue import (
    AnswerSentence,
    Citation,
    Conflict,
    ConflictFound,
    Finished,
    ReplyEvent,
    Request,
    SentenceReady,
    StageDone,
)
from assay.records.findings import Finding


class Masked:
    """Masks structured personal data in every sentence, and in the quotes and titles of its citations.

    Sentences arrive whole, so nothing can slip through between two events. A masked quote no longer equals the copy's
    characters; its span stays, so that who may read the document still finds the place. Findings are counted by rule
    in a `guard` stage, without what was found. Raises ConfigError for a rule that does not exist.
    """

    def __init__(self, system: System, rules: Sequence[str] = ("card", "iban", "us_ssn")) -> None:
        self._system = system
        self._rules = check_rules(rules)

    @property
    def recipe(self) -> str:
        return f"mask.v1(rules={'+'.join(self._rules)})({self._system.recipe})"

    async def answer(self, request: Request) -> AsyncIterator[ReplyEvent]:
        began = time.perf_counter()
        found: list[Finding] = []
        spent_ms = 0.0
        async with closed_after(self._system.answer(request)) as events:
            async for event in events:
                if isinstance(event, SentenceReady):
                    at = time.perf_counter()
                    event = SentenceReady(self._sentence(event.sentence, found))
                    spent_ms += (time.perf_counter() - at) * 1000
                elif isinstance(event, ConflictFound):
                    event = ConflictFound(self._conflict(event.conflict, found))
                elif isinstance(event, Finished):
                    detail: dict[str, str | int | float] = {"guard": "mask", **counts(found)}
                    yield StageDone("guard", (time.perf_counter() - began) * 1000 - spent_ms, spent_ms, detail)
                yield event

    def _sentence(self, sentence: AnswerSentence, found: list[Finding]) -> AnswerSentence:
        citations = tuple(self._citation(citation, found) for citation in sentence.citations)
        return replace(sentence, text=self._text(sentence.text, found), citations=citations)

    def _conflict(self, conflict: Conflict, found: list[Finding]) -> Conflict:
        cited, other = (self._citation(citation, found) for citation in (conflict.cited, conflict.other))
        return replace(conflict, cited=cited, other=other)

    def _citation(self, citation: Citation, found: list[Finding]) -> Citation:
        return replace(citation, quote=self._text(citation.quote, found), title=self._text(citation.title, found))

    def _text(self, text: str, found: list[Finding]) -> str:
        text, findings = redacted(text, self._rules)
        found += findings
        return text
