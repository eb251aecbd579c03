"""Records lose what is forgotten and keep everything that is evidence and not text."""

from __future__ import annotations

from assay.govern import forget_redact
from assay.govern.forget import Erasure, Forgotten, allowed_again, denials
from assay.govern.forget_marks import new_marks
from assay.govern.forget_redact import REDACTED, SLICE
from assay.records.dialogue import (
    AnswerSentence,
    Check,
    CheckStatus,
    Citation,
    Outcome,
    Passage,
    Reply,
    Usage,
)
from assay.records.documents import Span
from assay.records.evaluation import Sample
from assay.records.golden import Case, Evidence, Expected, GoldenSet
from assay.records.operations import Feedback, Trace

QUOTE = "The band of Jane Doe starts at ninety one thousand euros."
MARKS = new_marks([QUOTE], names=["hr/salary.md", "chunk-gone"])
GONE, KEPT = Span("hr/salary.md", "a" * 64, 0, 9), Span("leave.md", "b" * 64, 0, 9)
RIGHT = Check(CheckStatus.SUPPORTED, 1.0)


def sentence(text: str, *spans: Span) -> AnswerSentence:
    cited = tuple(Citation(span, "a quote", "title", "", "chunk") for span in spans)
    return AnswerSentence(text, cited, RIGHT)


def reply(*sentences: AnswerSentence, spans: tuple[Span, ...] = (GONE, KEPT)) -> Reply:
    passages = tuple(Passage(n, f"chunk-{n}", span, 0.5) for n, span in enumerate(spans, 1))
    return Reply(Outcome.ANSWERED, sentences=sentences, passages=passages)


def test_a_sentence_that_cites_the_document_goes_and_one_that_cites_another_stays() -> None:
    made = forget_redact.reply(reply(sentence("Ninety one.", GONE), sentence("Sixteen weeks.", KEPT)), MARKS)
    assert [one.text for one in made.sentences] == [REDACTED, "Sixteen weeks."]
    assert [one.span.doc_id for one in made.passages] == ["leave.md"]
    assert made.sentences[0].check == RIGHT


def test_a_sentence_without_a_citation_goes_when_the_document_was_read_for_it() -> None:
    assert forget_redact.reply(reply(sentence("Perhaps.")), MARKS).sentences[0].text == REDACTED
    untouched = reply(sentence("Perhaps."), spans=(KEPT,))
    assert forget_redact.reply(untouched, MARKS) == untouched


def test_scores_of_a_sample_stay() -> None:
    record = Sample("a", 0, reply(sentence("Ninety one.", GONE)), {"correct": 1.0}, {"MRR": "no_gold_evidence"})
    made = forget_redact.sample(record, MARKS)
    assert (made.scores, made.unscored, made.reply.outcome) == (record.scores, record.unscored, Outcome.ANSWERED)
    assert forget_redact.sample(made, MARKS) is made, "a second time there is nothing to do"


def trace(**changes: object) -> Trace:
    values: dict[str, object] = {
        "trace_id": "t", "app": "a", "bundle_id": "", "snapshot_id": "", "tenant": "default", "groups": (),
        "at": "2026-01-01T00:00:00.000000Z", "outcome": Outcome.ANSWERED, "reason": "", "confidence": None,
        "duration_ms": 1.0, "stages": (), "passages": (), "checks": (), "usage": Usage(), "question": "Why?",
        "answer": "So.",
    }  # fmt: skip
    return Trace(**{**values, **changes})  # type: ignore[arg-type]


def test_a_trace_that_read_the_document_loses_question_answer_and_passage() -> None:
    made = forget_redact.trace(trace(passages=(Passage(1, "c", GONE, 0.5), Passage(2, "d", KEPT, 0.4))), MARKS)
    assert (made.question, made.answer, len(made.passages)) == (REDACTED, REDACTED, 1)
    assert forget_redact.trace(trace(), MARKS) == trace()
    assert forget_redact.trace(trace(answer=f"He said: {QUOTE}"), MARKS).answer == REDACTED


def test_an_empty_question_stays_empty_and_is_not_told_as_forgotten() -> None:
    made = forget_redact.trace(trace(question="", answer="", passages=(Passage(1, "c", GONE, 0.5),)), MARKS)
    assert (made.question, made.answer) == ("", "")


def test_a_comment_goes_with_its_trace_or_for_what_it_says() -> None:
    opinion = Feedback("f", "t", "default", "down", "Wrong figure", "2026-01-01T00:00:00.000000Z")
    assert forget_redact.feedback(opinion, MARKS, of_touched_trace=True).comment == REDACTED
    assert forget_redact.feedback(opinion, MARKS, of_touched_trace=False) == opinion


def case(**changes: object) -> Case:
    expected = Expected(
        answers=("91,000",), evidence=(Evidence("hr/salary.md", QUOTE), Evidence("leave.md", "16 weeks")), must=("91",)
    )
    return Case("a", "Which band?", expected, slices=("kind=numeric",), **changes)  # type: ignore[arg-type]


def test_a_case_keeps_its_other_evidence_and_loses_its_answers_with_the_last() -> None:
    made = forget_redact.case(case(), MARKS)
    assert [one.doc_id for one in made.expected.evidence] == ["leave.md"]
    assert made.expected.answers == ("91,000",)
    assert SLICE in made.slices
    both = new_marks(names=["hr/salary.md", "leave.md"])
    bare = forget_redact.case(case(), both).expected
    assert (bare.evidence, bare.answers, bare.must) == ((), (), ())


def test_a_golden_set_that_is_not_touched_keeps_its_version() -> None:
    other = GoldenSet("small", (Case("b", "How long is leave?", Expected(answers=("16 weeks",))),))
    assert forget_redact.golden_set(other, MARKS) is other
    assert (
        forget_redact.golden_set(GoldenSet("small", (case(),)), MARKS).version != GoldenSet("small", (case(),)).version
    )


def test_json_values_are_replaced_whole_and_names_of_members_stay() -> None:
    made = forget_redact.json_value({"reason": f"because: {QUOTE}", "n": [1, "hr/salary.md"]}, MARKS)
    assert made == {"reason": REDACTED, "n": [1, REDACTED]}


def erasure(doc_id: str, text: str, file: str) -> Erasure:
    salt = "00" * 32
    held = {doc_id: [("text", text), ("file", file)], "other": [("text", "x"), ("file", file)]}
    return Erasure("e", "done", "", ("document",), salt, denied=denials(salt, held))


def test_a_forgotten_document_is_denied_by_id_text_and_file_until_it_is_allowed_again() -> None:
    one = erasure("hr/salary.md", "t" * 64, "f" * 64)
    denied = Forgotten([one])
    assert denied.document("hr/salary.md", "?")
    assert denied.document("a copy under another name", "t" * 64)
    assert denied.file("f" * 64)
    assert not denied.document("leave.md", "?")
    assert not any("salary" in part for part in (*one.denied, *sum(one.denied.values(), ())))
    (lifted,) = allowed_again([one], ["hr/salary.md"])
    assert not Forgotten([lifted]).document("hr/salary.md", "t" * 64)
    assert not Forgotten([lifted]).file("f" * 64), "the file must be read to get at the document that is allowed"
    assert Forgotten([lifted]).document("other", "x")
    assert allowed_again([one], ["leave.md"]) == ()
