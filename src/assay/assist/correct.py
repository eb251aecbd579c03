"""Whether a reply is right, judged from its citations alone: no model, no opinion."""

from __future__ import annotations

from assay.records.dialogue import Citation, Outcome, Reply
from assay.records.golden import Case, Evidence
from assay.text.normalise import comparable
from assay.text.tokens import content_stems, words

LONG_ANSWER_WORDS = 12
"""A longer gold answer is prose that no document holds word for word."""
LONG_ANSWER_RECALL = 0.5
"""Share of a long gold answer's content words that the cited quotes must hold."""


def answer_supported(case: Case, reply: Reply) -> bool:
    """True when the reply does what the case expects, as far as its cited evidence shows.

    An unanswerable case is right only when the reply declines (abstained or refused). An answerable one is right when
    it answers, holds every `must` and no `must_not`, and
    - with gold answers: one of them stands word for word in the cited quotes; a gold answer of more than 12 words
      instead needs half of its content words in the cited quotes and, where gold evidence is given, a citation of it;
    - with gold evidence only: a cited span is in the gold document and overlaps the gold quote;
    - with neither: any supported answer that meets `must` and `must_not`.
    """
    declined = reply.outcome in (Outcome.ABSTAINED, Outcome.REFUSED)
    if not case.expected.answerable:
        return declined
    if reply.outcome is not Outcome.ANSWERED:
        return False
    shown = comparable(reply.text)
    if not all(comparable(needed) in shown for needed in case.expected.must):
        return False
    if any(comparable(banned) in shown for banned in case.expected.must_not):
        return False
    if case.expected.answers:
        return any(answer_stands(answer, reply.citations, case.expected.evidence) for answer in case.expected.answers)
    if case.expected.evidence:
        return evidence_cited(reply.citations, case.expected.evidence)
    return True


def answer_stands(answer: str, citations: tuple[Citation, ...], evidence: tuple[Evidence, ...] = ()) -> bool:
    """True when the answer stands in the cited quotes by the rules of `answer_supported`."""
    quoted = " ".join(citation.quote for citation in citations)
    wanted = words(comparable(answer))
    if not wanted:
        return bool(comparable(answer)) and comparable(answer) in comparable(quoted)
    if f" {' '.join(wanted)} " in f" {' '.join(words(comparable(quoted)))} ":
        return True
    if len(wanted) <= LONG_ANSWER_WORDS:
        return False
    needed = content_stems(answer)
    held = frozenset(content_stems(quoted))
    recalled = sum(stem in held for stem in needed) / max(1, len(needed))
    return recalled >= LONG_ANSWER_RECALL and (not evidence or evidence_cited(citations, evidence))


def evidence_cited(citations: tuple[Citation, ...], evidence: tuple[Evidence, ...]) -> bool:
    """True when some citation is of a gold document and, where the gold names a quote, overlaps it."""
    return any(
        citation.span.doc_id == gold.doc_id and (not gold.quote or _overlaps(citation.quote, gold.quote))
        for citation in citations
        for gold in evidence
    )


def _overlaps(cited: str, gold: str) -> bool:
    """One quote holds the other, or at least half of the shorter one's content words."""
    one, other = comparable(cited), comparable(gold)
    if one in other or other in one:
        return bool(one and other)
    shorter, longer = sorted((set(content_stems(cited)), set(content_stems(gold))), key=len)
    return bool(shorter) and len(shorter & longer) >= 0.5 * len(shorter)
