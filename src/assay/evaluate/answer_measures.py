"""Is the answer right, was declining right, and what did it cost: measures that need no model."""

from __future__ import annotations

from assay.evaluate import wording
from assay.evaluate.citation_measures import hits, unique_citations
from assay.evaluate.wording import numbers, squad_normal, squad_tokens, stands_in, token_recall
from assay.records.dialogue import Outcome, Reply
from assay.records.evaluation import Unscored
from assay.records.golden import Case, Expected

SHORT = 4
"""A gold answer of at most this many words must stand in the answer word for word."""
ENOUGH_RECALL = 0.6
"""The share of a longer gold answer's words that a right answer holds."""


def exact_match(case: Case, reply: Reply) -> float:
    """1 when the whole answer equals a gold answer in SQuAD's normal form."""
    ours = squad_normal(reply.text)
    return float(any(ours == squad_normal(answer) for answer in case.expected.answers))


def token_f1(case: Case, reply: Reply) -> float:
    """Token F1 against the nearest gold answer, 0 to 1 (SQuAD)."""
    return max(wording.token_f1(reply.text, answer) for answer in case.expected.answers)


def declined(reply: Reply) -> bool:
    """True when the system said that it does not know, or a guard stopped it."""
    return reply.outcome in (Outcome.ABSTAINED, Outcome.REFUSED)


def abstention_right(case: Case, reply: Reply) -> float:
    """1 when an answerable case was answered or an unanswerable one declined."""
    return float(declined(reply) != case.expected.answerable)


def must_not(case: Case, reply: Reply) -> float:
    """1 when the answer holds a string that no acceptable answer holds."""
    return float(any(stands_in(string, reply.text) for string in case.expected.must_not))


def correct(case: Case, reply: Reply) -> float | Unscored:
    """1 for a right reply, 0 for a wrong one.

    An unanswerable case is right when declined. An answerable one is right when it was answered, every `must` string
    stands in the answer, no `must_not` string does, and the answer is supported (see `_supported`).
    """
    expected = case.expected
    if must_not(case, reply):
        return 0.0
    if not expected.answerable:
        return float(declined(reply))
    if not (expected.answers or expected.evidence or expected.must):
        return Unscored("no_gold_answer")
    if declined(reply) or not all(stands_in(string, reply.text) for string in expected.must):
        return 0.0
    return float(_supported(expected, reply))


def _supported(expected: Expected, reply: Reply) -> bool:
    """True when a gold answer stands in the answer; or a longer one does for the most part with all its numbers; or,
    where no gold answer is short, a citation hits the gold evidence and the answer holds the numbers of a gold answer.
    """
    text = reply.text
    if any(stands_in(answer, text) for answer in expected.answers):
        return True
    told = numbers(text)
    long = [answer for answer in expected.answers if len(squad_tokens(answer)) > SHORT]
    agreeing = [answer for answer in long if numbers(answer) <= told]
    if any(token_recall(text, answer) >= ENOUGH_RECALL for answer in agreeing):
        return True
    if len(long) < len(expected.answers) or (long and not agreeing):
        return False
    if not expected.evidence:
        return not expected.answers
    return any(hits(citation, e) for citation in unique_citations(reply) for e in expected.evidence)


def latency_ms(_case: Case, reply: Reply) -> float:
    return reply.duration_ms


def tokens_in(_case: Case, reply: Reply) -> float | Unscored:
    return _known(reply.usage.tokens_in, "unknown_tokens")


def tokens_out(_case: Case, reply: Reply) -> float | Unscored:
    return _known(reply.usage.tokens_out, "unknown_tokens")


def cost_usd(_case: Case, reply: Reply) -> float | Unscored:
    """US dollars. An unknown price is said, never taken as free."""
    return _known(reply.usage.cost_usd, "unknown_price")


def _known(number: float | None, reason: str) -> float | Unscored:
    return Unscored(reason) if number is None else number
