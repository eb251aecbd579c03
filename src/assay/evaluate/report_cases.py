"""Cases written out: question, what was expected, and what one run or both answered, with citations.

Everything shown here was written by documents, users or models; all of it is escaped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from assay.evaluate.pairing import failure_code, has_failed
from assay.plot.svg import element, table_html
from assay.records.comparison import Comparison, Flip
from assay.records.dialogue import AnswerSentence, Citation, Outcome, Output, ToolCall
from assay.records.evaluation import Sample
from assay.records.golden import Case, Expected

SHOWN = 100
"""Cases written out in full; a reader who needs more reads the runs."""
_OPEN = 3


def flipped_html(
    comparison: Comparison, cases: Iterable[Case], samples_a: Iterable[Sample], samples_b: Iterable[Sample]
) -> str:
    """The section of flipped cases, worst first; a case that flipped in several metrics stands once."""
    if not comparison.flips:
        return element("p", "No case changed.")
    by_case: dict[str, list[Flip]] = {}
    for flip in comparison.flips:
        by_case.setdefault(flip.case_id, []).append(flip)
    known = {case.case_id: case for case in cases}
    left, right = _first(samples_a), _first(samples_b)
    shown = [case_id for case_id in by_case if case_id in known][:SHOWN]
    parts = [
        _case(known[case_id], by_case[case_id], left.get(case_id), right.get(case_id), opened=index < _OPEN)
        for index, case_id in enumerate(shown)
    ]
    lost = sum(any(flip.loss > 0 for flip in flips) for flips in by_case.values())
    lead = f"Cases that changed: {len(by_case)}; the candidate is worse on {lost}."
    if len(by_case) > len(shown):
        lead += f" The worst {len(shown)} are shown."
    return element("p", escape(lead)) + "".join(parts)


def worst_html(
    cases: Iterable[Case], samples: Iterable[Sample], case_ids: Sequence[str], scores: Mapping[str, Mapping[str, float]]
) -> str:
    """Cases of one run in the order of `case_ids`, with their scores; those not in `cases` are left out."""
    known = {case.case_id: case for case in cases}
    replies = _first(samples)
    parts: list[str] = []
    for case_id in case_ids:
        if case_id not in known:
            continue
        case, found = known[case_id], scores.get(case_id, {})
        told = ", ".join(f"{name} {value:.3g}" for name, value in found.items())
        summary = element(
            "summary",
            element("span", escape(case.question), class_="question", dir="auto", **_language(case)),
            element("span", escape(told or "failed"), class_="changes"),
        )
        answer = element("div", _answer(replies.get(case_id)), class_="answer", dir="auto", **_language(case))
        inside = element("div", _expected(case.expected, case), answer, class_="inside")
        made = element("details", summary, inside, class_="case")
        parts.append(made.replace("<details", "<details open", 1) if len(parts) < _OPEN else made)
    return "".join(parts)


def _first(samples: Iterable[Sample]) -> Mapping[str, Sample]:
    """The first repeat of every case."""
    found: dict[str, Sample] = {}
    for sample in samples:
        if sample.case_id not in found or sample.repeat < found[sample.case_id].repeat:
            found[sample.case_id] = sample
    return found


def _case(case: Case, flips: Sequence[Flip], a: Sample | None, b: Sample | None, *, opened: bool) -> str:
    worse = flips[0].loss > 0
    tag = element("span", "✕ lost" if worse else "✓ won", class_=f"tag {'worse' if worse else 'clears'}")
    changes = ", ".join(f"{flip.metric} {flip.baseline:.3g} → {flip.candidate:.3g}" for flip in flips)
    summary = element(
        "summary",
        tag,
        element("span", escape(case.question), class_="question", dir="auto", **_language(case)),
        element("span", escape(changes), class_="changes"),
    )
    rows = [[flip.metric, f"{flip.baseline:.3f}", f"{flip.candidate:.3f}"] for flip in flips]
    inside = element(
        "div",
        _expected(case.expected, case),
        element(
            "div",
            element("div", element("h3", "A · baseline"), _answer(a), class_="answer", dir="auto", **_language(case)),
            element("div", element("h3", "B · candidate"), _answer(b), class_="answer", dir="auto", **_language(case)),
            class_="pair",
        ),
        table_html(f"Scores of case {case.case_id} that changed", ("metric", "A", "B"), rows),
        class_="inside",
    )
    made = element("details", summary, inside, class_="case")
    return made.replace("<details", "<details open", 1) if opened else made


def _language(case: Case) -> dict[str, str]:
    """The `lang` attribute when a slice states the language."""
    for name in case.slices:
        key, _, value = name.partition("=")
        if key == "language" and value.isalnum():
            return {"lang": value}
    return {}


def _expected(expected: Expected, case: Case) -> str:
    rows: list[tuple[str, str]] = []
    if not expected.answerable:
        rows.append(("expected", "to decline: the documents do not hold the answer"))
    if expected.answers:
        rows.append(("expected", " or ".join(f"“{answer}”" for answer in expected.answers)))
    if expected.must:
        rows.append(("must say", ", ".join(f"“{text}”" for text in expected.must)))
    if expected.must_not:
        rows.append(("must not say", ", ".join(f"“{text}”" for text in expected.must_not)))
    rows += _tasks(expected)
    for evidence in expected.evidence:
        rows.append(("evidence", f"{evidence.doc_id}: “{evidence.quote}”" if evidence.quote else evidence.doc_id))
    rows.append(("case", " · ".join([case.case_id, *case.slices])))
    return element("dl", *(element("dt", escape(k)) + element("dd", escape(v), dir="auto") for k, v in rows))


def _tasks(expected: Expected) -> list[tuple[str, str]]:
    """What is expected beyond an answer in words."""
    rows = [("expected", f"label {expected.label}")] if expected.label else []
    rows += [
        ("expected", f"{name}: {json.dumps(value, ensure_ascii=False)}") for name, value in expected.fields.items()
    ]
    rows += [("expected", f"{span.label} at {span.start} to {span.end}") for span in expected.spans]
    rows += [("expected call", _call(call)) for call in expected.tools]
    return rows + [("nugget" if n.vital else "welcome nugget", f"“{n.text}”") for n in expected.nuggets]


def _call(call: ToolCall) -> str:
    return f"{call.name}({json.dumps(call.arguments, ensure_ascii=False)})"


def _output(output: Output) -> str:
    """What a system said beyond text, as a list of names and values."""
    rows = [("label", output.label)] if output.label else []
    rows += [(f"score of {name}", f"{value:.3f}") for name, value in output.scores.items()]
    rows += [(name, json.dumps(value, ensure_ascii=False)) for name, value in output.fields.items()]
    rows += [(span.label, f"{span.start} to {span.end}") for span in output.spans]
    rows += [("call", _call(call)) for call in output.tools]
    return element("dl", *(element("dt", escape(k)) + element("dd", escape(v)) for k, v in rows)) if rows else ""


def _answer(sample: Sample | None) -> str:
    if sample is None:
        return element("p", "not run", class_="muted")
    reply = sample.reply
    if has_failed(sample):
        return element("p", "failed: ", element("code", escape(failure_code(sample))))
    if reply.outcome is not Outcome.ANSWERED:
        words = "declined to answer" if reply.outcome is Outcome.ABSTAINED else "refused by a guard"
        said = element("p", words, ": " if reply.reason else "", element("code", escape(reply.reason or "")))
        return said + _sentences(reply.sentences)
    withheld = len(reply.withheld)
    note = f"{withheld} sentence{'s' if withheld > 1 else ''} withheld because the check failed" if withheld else ""
    more = _output(reply.output) if reply.output is not None else ""
    return _sentences(reply.sentences) + more + (element("p", note, class_="muted") if note else "")


def _sentences(sentences: Sequence[AnswerSentence]) -> str:
    numbers: dict[Citation, int] = {}
    said = []
    for sentence in sentences:
        marks = "".join(f"[{numbers.setdefault(c, len(numbers) + 1)}]" for c in sentence.citations)
        text = escape(sentence.text)
        if sentence.marked:
            text = element("span", text, class_="unverified") + " (not verified)"
        said.append(f"{text}{element('sup', marks) if marks else ''}")
    sources = "".join(element("li", _source(citation)) for citation in numbers)
    return (element("p", " ".join(said)) if said else "") + (element("ol", sources) if sources else "")


def _source(citation: Citation) -> str:
    page = f", page {citation.page}" if citation.page else ""
    return f"{escape(citation.title or citation.span.doc_id)}{page}: {element('q', escape(citation.quote))}"
