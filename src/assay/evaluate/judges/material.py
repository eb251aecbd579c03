"""What a judge is shown of a case and a reply, or why there is nothing to judge."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from assay.evaluate.measures import a_reply, an_answer, an_answerable_case, gold_answers
from assay.records.dialogue import Reply
from assay.records.documents import Span
from assay.records.golden import Case
from assay.records.judging import JudgeKind, JudgeSpec, Material

PassageText = Callable[[Span], str]
"""The stored copy's characters of a span; empty when they are gone."""
MOST_PASSAGES = 20


def material_of(spec: JudgeSpec, case: Case, reply: Reply, text_of: PassageText) -> Material | str:
    """The material, or the reason why the reply is not judged: that it failed, abstained, has no reference, …

    A reply that is no answer to an unanswerable question is `not_answerable`: it has no worst value to be given.
    """
    if reason := a_reply(case, reply):
        return reason
    if reason := an_answer(case, reply):
        return reason if case.expected.answerable else "not_answerable"
    kinds = {member.kind for member in _all(spec)}
    if JudgeKind.REFERENCE in kinds and (reason := an_answerable_case(case, reply) or gold_answers(case, reply)):
        return reason
    if JudgeKind.NUGGETS in kinds and not case.expected.nuggets:
        return "no_nugget"
    return Material(
        case.question,
        reply.text,
        case.history,
        case.expected.answers if JudgeKind.REFERENCE in kinds else (),
        passages_of(reply, text_of) if JudgeKind.CLAIMS in kinds else (),
        case.expected.nuggets if JudgeKind.NUGGETS in kinds else (),
    )


def _all(spec: JudgeSpec) -> Iterator[JudgeSpec]:
    yield spec
    for member in spec.members:
        yield from _all(member)


def passages_of(reply: Reply, text_of: PassageText) -> tuple[str, ...]:
    """Passages that were retrieved, then quotes that were cited and stand in none of them; what is gone is left out."""
    found = [text for passage in reply.passages[:MOST_PASSAGES] if (text := text_of(passage.span))]
    for citation in reply.citations:
        if citation.quote and not any(citation.quote in text for text in found):
            found.append(citation.quote)
    return tuple(found)


def pair_of(case: Case, one: Reply, other: Reply) -> Material | str:
    """Two replies to one case, for a pairwise judge. A reply that declines is compared as the words it shows."""
    for reply in (one, other):
        if reason := a_reply(case, reply):
            return reason
    if not one.text and not other.text:
        return "both_declined"
    return Material(case.question, _shown(one), case.history, other=_shown(other))


def _shown(reply: Reply) -> str:
    return reply.text or "(The system gave no answer.)"
