"""Drafts of golden cases from what people asked: a question as it was kept, with its answer, for a person to judge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from assay.golden.drafts import Draft, draft_id
from assay.records.access import Scope
from assay.records.dialogue import Outcome
from assay.records.golden import Case, Expected
from assay.records.operations import Feedback, Trace

AUTHOR = "assay golden from-traffic"
KIND = "traffic"
UP, DOWN = "up", "down"
_LONGEST = 2_000


@dataclass
class Traffic:
    """What came of traces: the drafts, and how many gave none, by reason."""

    drafts: list[Draft] = field(default_factory=list)
    passed: dict[str, int] = field(default_factory=dict)

    def pass_over(self, reason: str) -> None:
        self.passed[reason] = self.passed.get(reason, 0) + 1


def drafts_of(
    kept: Iterable[tuple[Trace, tuple[Feedback, ...]]], known: Iterable[str], name: str, most: int, rating: str = ""
) -> Traffic:
    """At most `most` drafts for the set `name`, in the order of the traces; each question once, none that is `known`.

    With a `rating` only answers that somebody rated so. What was answered stands as the answer to be judged: the
    reviewer accepts it, or puts right what was wrong. A question that was declined is drafted as unanswerable.
    """
    made = Traffic()
    seen = {_same(question) for question in known}
    for trace, opinions in kept:
        if len(made.drafts) == most:
            break
        if reason := _unfit(trace, opinions, rating, seen):
            made.pass_over(reason)
            continue
        seen.add(_same(trace.question))
        made.drafts.append(_draft(trace, opinions, name))
    return made


def _unfit(trace: Trace, opinions: tuple[Feedback, ...], rating: str, seen: set[str]) -> str:
    if not trace.question.strip():
        return "no content was kept"
    if trace.outcome not in (Outcome.ANSWERED, Outcome.ABSTAINED):
        return "neither answered nor declined"
    if rating and rating not in {one.rating for one in opinions}:
        return f"not rated {rating}"
    if len(trace.question) > _LONGEST:
        return "too long"
    return "asked before" if _same(trace.question) in seen else ""


def _draft(trace: Trace, opinions: tuple[Feedback, ...], name: str) -> Draft:
    answered = trace.outcome is Outcome.ANSWERED and bool(trace.answer.strip())
    ratings = sorted({one.rating for one in opinions})
    case = Case(
        draft_id(name, trace.question, trace.trace_id),
        trace.question,
        Expected(answers=(trace.answer,)) if answered else Expected(answerable=False),
        scope=Scope(trace.tenant, frozenset(trace.groups)),
        slices=("kind=traffic", *(f"rating={rating}" for rating in ratings)),
        provenance={"author": AUTHOR, "trace": trace.trace_id, "asked_at": trace.at, "app": trace.app},
    )
    checks = {"answered": "yes" if answered else "no", "rated": ", ".join(ratings) or "no"}
    if trace.bundle_id:
        checks["bundle"] = trace.bundle_id[:12]
    return Draft(case, KIND, checks)


def _same(question: str) -> str:
    return " ".join(question.casefold().split()).rstrip("?.! ")
