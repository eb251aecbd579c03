"""Records without what is forgotten: the record stays, with its numbers; the text that would tell is taken out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from assay.govern.forget_marks import Marks
from assay.records.dialogue import AnswerSentence, Output, Passage, Reply
from assay.records.evaluation import Sample
from assay.records.golden import Case, Evidence, Expected, GoldenSet
from assay.records.operations import Feedback, Trace

REDACTED = "[forgotten]"
SLICE = "forgotten=evidence"
"""The slice of cases that lost evidence, so that they can be listed and mended."""


def plain_text(text: str, marks: Marks) -> str:
    return REDACTED if text and marks.holds(text) else text


def json_value(value: Any, marks: Marks) -> Any:
    """The same JSON value with every string that holds a mark replaced; the value itself when none does."""
    if isinstance(value, str):
        return plain_text(value, marks)
    if isinstance(value, list):
        return [json_value(inner, marks) for inner in value]
    if isinstance(value, dict):
        return {name: json_value(inner, marks) for name, inner in value.items()}
    return value


def _cites(passage: Passage, marks: Marks) -> bool:
    return marks.is_name(passage.span.doc_id) or marks.is_name(passage.chunk_id)


def trace(record: Trace, marks: Marks) -> Trace:
    """Without passages of the document; question and answer go when it was among what the answer was made from."""
    kept = tuple(passage for passage in record.passages if not _cites(passage, marks))
    touched = len(kept) < len(record.passages) or marks.holds(record.question) or marks.holds(record.answer)
    if not touched:
        return record
    return replace(
        record,
        passages=kept,
        question=REDACTED if record.question else "",
        answer=REDACTED if record.answer else "",
    )


def feedback(record: Feedback, marks: Marks, *, of_touched_trace: bool) -> Feedback:
    """A comment on an answer that lost its text goes too: it may repeat what the answer said."""
    gone = record.comment and (of_touched_trace or marks.holds(record.comment))
    return replace(record, comment=REDACTED) if gone else record


def sample(record: Sample, marks: Marks) -> Sample:
    """Scores stay: they are evidence for decisions and hold no text."""
    changed = reply(record.reply, marks)
    return record if changed == record.reply else replace(record, reply=changed)


def reply(record: Reply, marks: Marks) -> Reply:
    """A sentence goes when it cites the document, or cites nothing while the document was among the passages."""
    kept = tuple(passage for passage in record.passages if not _cites(passage, marks))
    read_it = len(kept) < len(record.passages)
    sentences = tuple(_sentence(sentence, marks, read_it=read_it) for sentence in record.sentences)
    output = _output(record.output, marks, read_it=read_it) if record.output else None
    return replace(record, sentences=sentences, passages=kept, output=output)


def _output(record: Output, marks: Marks, *, read_it: bool) -> Output:
    """Fields and arguments go with the document that they may have been read from; a class is no text of it."""
    if read_it:
        return replace(record, fields={}, tools=())
    fields: dict[str, Any] = json_value(record.fields, marks)
    tools = tuple(replace(call, arguments=json_value(call.arguments, marks)) for call in record.tools)
    return replace(record, fields=fields, tools=tools)


def _sentence(record: AnswerSentence, marks: Marks, *, read_it: bool) -> AnswerSentence:
    kept = tuple(c for c in record.citations if not (marks.is_name(c.span.doc_id) or marks.holds(c.quote)))
    gone = len(kept) < len(record.citations) or (read_it and not record.citations) or marks.holds(record.text)
    if not gone:
        return record
    return replace(record, text=REDACTED, citations=kept)


def golden_set(record: GoldenSet, marks: Marks) -> GoldenSet:
    """Every case stays under its id; the set has another version when anything was taken out."""
    cases = tuple(case(one, marks) for one in record.cases)
    note = plain_text(record.note, marks)
    return record if (cases, note) == (record.cases, record.note) else replace(record, cases=cases, note=note)


def case(record: Case, marks: Marks) -> Case:
    """Evidence from the document goes; with the last of it go the answers that were drawn from it. Of a case that a
    forgotten tenant asks only its id and its numbers stay."""
    if marks.is_tagged("tenant", record.scope.tenant):
        return _bare(record, marks)
    evidence = tuple(one for one in record.expected.evidence if not _from(one, marks))
    lost = len(evidence) < len(record.expected.evidence)
    expected = _expected(record.expected, evidence, marks, orphaned=lost and not evidence)
    made = replace(
        record,
        question=plain_text(record.question, marks),
        expected=expected,
        history=tuple(replace(turn, content=plain_text(turn.content, marks)) for turn in record.history),
        slices=tuple(one for one in record.slices if not marks.holds(one)),
        cluster=plain_text(record.cluster, marks),
        provenance={name: plain_text(text, marks) for name, text in record.provenance.items()},
    )
    if made == record:
        return record
    return replace(made, slices=tuple(dict.fromkeys((*made.slices, SLICE)))) if lost else made


def _bare(record: Case, marks: Marks) -> Case:
    if record.question == REDACTED:
        return record
    bare = _expected(record.expected, (), marks, orphaned=True)
    scope = replace(record.scope, tenant=REDACTED, groups=frozenset())
    return replace(
        record, question=REDACTED, expected=bare, history=(), scope=scope, cluster="", provenance={}, slices=(SLICE,)
    )  # fmt: skip


def _from(one: Evidence, marks: Marks) -> bool:
    return marks.is_name(one.doc_id) or marks.holds(one.quote)


def _expected(record: Expected, evidence: tuple[Evidence, ...], marks: Marks, *, orphaned: bool) -> Expected:
    if orphaned:
        return replace(record, evidence=(), answers=(), must=(), must_not=(), fields={}, spans=(), tools=(), nuggets=())
    return replace(
        record,
        evidence=evidence,
        answers=tuple(text for text in record.answers if not marks.holds(text)),
        must=tuple(text for text in record.must if not marks.holds(text)),
        must_not=tuple(text for text in record.must_not if not marks.holds(text)),
        label=plain_text(record.label, marks),
        fields=json_value(record.fields, marks),
        tools=tuple(replace(call, arguments=json_value(call.arguments, marks)) for call in record.tools),
        nuggets=tuple(one for one in record.nuggets if not marks.holds(one.text)),
    )
