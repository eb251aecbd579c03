"""Answers with sentences of the documents themselves: needs no model, invents nothing, declines when nothing fits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from assay.assist.evidence import FEATURES, Candidate, rank_evidence
from assay.assist.question import Question, Wanted, read_question
from assay.records.chat import DraftDone, DraftEvent, DraftSentence
from assay.records.dialogue import Turn
from assay.records.documents import Span
from assay.records.retrieval import Ranked
from assay.text.numbers import number_keys

_NEARBY = FEATURES.index("covered_nearby")
_SAME = 0.7
"""Share of common words from which two sentences say the same."""
_SAME_TOPIC = 0.5
"""Share of common words from which two sentences of different documents speak of the same fact."""


@dataclass(frozen=True, slots=True)
class ExtractivePolicy:
    """How much is shown: at most `max_sentences`; each needs `least_score`, the first also `least_covered` of the
    question's weighted words in itself, its neighbour and its headings, each further one `follow_share` of the first
    one's score. Scores are estimated probabilities, 0 to 1. What is too uncertain to answer at all is decided by the
    app's abstention threshold, so these floors only stop what has next to nothing in common with the question."""

    max_sentences: int = 2
    least_score: float = 0.0005
    least_covered: float = 0.15
    follow_share: float = 0.3

    @property
    def recipe(self) -> str:
        return (
            f"max_sentences={self.max_sentences}, least_score={self.least_score}, "
            f"least_covered={self.least_covered}, follow_share={self.follow_share}"
        )


@dataclass(frozen=True, slots=True)
class ExtractiveComposer:
    """A `Generator` that picks, cleans and orders evidence sentences; their spans are exact.

    A sentence is shown as it stands in the document, without its list bullet and with its line breaks as spaces.
    Sentences that say the same are shown once. Where two documents disagree on a number, the newer one comes first and
    both are shown. Text in documents is never followed, and sentences that instruct an assistant are not shown unless
    the question asks about instructions.
    """

    policy: ExtractivePolicy = field(default_factory=ExtractivePolicy)

    @property
    def recipe(self) -> str:
        return f"extractive.v1({self.policy.recipe})"

    async def draft(
        self, question: str, history: Sequence[Turn], passages: Sequence[Ranked]
    ) -> AsyncIterator[DraftEvent]:
        """Yield the chosen sentences, then `DraftDone`; `declined` when no sentence fits the question."""
        asked = read_question(question, last_question(history))
        evidence = rank_evidence(asked, passages)
        chosen = choose(asked, evidence.candidates, passages, self.policy)
        for candidate in chosen:
            yield _drafted(candidate, passages)
        yield DraftDone(declined=not chosen, detail={"candidates": len(evidence.candidates)})


def last_question(history: Sequence[Turn]) -> str:
    """What the user asked before, if anything."""
    return next((turn.content for turn in reversed(history) if turn.role == "user"), "")


def choose(
    question: Question, candidates: Sequence[Candidate], passages: Sequence[Ranked], policy: ExtractivePolicy
) -> tuple[Candidate, ...]:
    """The sentences to show, in the order in which they are shown."""
    chosen: list[Candidate] = []
    for candidate in candidates:
        if len(chosen) >= policy.max_sentences:
            break
        least = policy.least_score if not chosen else max(policy.least_score, policy.follow_share * chosen[0].score)
        if candidate.score < least:
            break
        if not chosen and candidate.features[_NEARBY] < policy.least_covered:
            continue
        if not any(_overlap(candidate, other) >= _SAME and not _disagree(candidate, other) for other in chosen):
            chosen.append(candidate)
    return _ordered(question, chosen, passages)


def _overlap(one: Candidate, other: Candidate) -> float:
    """Jaccard similarity of the two sentences' stems."""
    return len(one.stems & other.stems) / max(1, len(one.stems | other.stems))


def _disagree(one: Candidate, other: Candidate) -> bool:
    """True when two sentences of different passages say nearly the same with different numbers."""
    return one.passage != other.passage and number_keys(one.text) != number_keys(other.text)


def _ordered(question: Question, chosen: list[Candidate], passages: Sequence[Ranked]) -> tuple[Candidate, ...]:
    """Best first, but neighbours of one passage as they stand there, and of two that disagree the newer first."""
    if len(chosen) < 2:
        return tuple(chosen)
    place = {id(candidate): at for at, candidate in enumerate(chosen)}
    first_of = {candidate.passage: at for at, candidate in reversed(list(enumerate(chosen)))}
    ordered = sorted(chosen, key=lambda c: (first_of[c.passage], c.start, place[id(c)]))
    for at in range(len(ordered) - 1):
        one, other = ordered[at], ordered[at + 1]
        conflict = question.wanted in (Wanted.NUMBER, Wanted.DATE, Wanted.ANY) and _disagree(one, other)
        dates = passages[one.passage].chunk.modified_at, passages[other.passage].chunk.modified_at
        if conflict and _overlap(one, other) >= _SAME_TOPIC and dates[0] < dates[1]:
            ordered[at], ordered[at + 1] = other, one
    return tuple(ordered)


def _drafted(candidate: Candidate, passages: Sequence[Ranked]) -> DraftSentence:
    chunk = passages[candidate.passage].chunk
    span = Span(chunk.doc_id, chunk.text_sha256, chunk.start + candidate.start, chunk.start + candidate.end)
    return DraftSentence(" ".join(candidate.text.split()), (candidate.passage + 1,), (span,))
