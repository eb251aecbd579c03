"""The scorers of tasks other than answering questions: which a golden set needs follows from what its cases expect."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from assay.evaluate import checklist, tool_measures
from assay.evaluate import citation_measures as citation
from assay.evaluate import classification_measures as classification
from assay.evaluate import extraction_measures as extraction
from assay.evaluate import sequence_measures as sequence
from assay.evaluate import summary_measures as summary
from assay.evaluate.measures import (
    Measure,
    Need,
    PairMeasure,
    Value,
    a_reply,
    an_answer,
    an_answerable_case,
    citations,
    gold_answers,
)
from assay.ports.answering import Scorer
from assay.records.evaluation import Direction, Metric, MetricKind
from assay.records.golden import Case, Expected, RelationKind

BINARY, MEAN = MetricKind.BINARY, MetricKind.MEAN
HIGHER, LOWER = Direction.HIGHER, Direction.LOWER
VERSION = 1
"""Goes up with every change that can move a value."""

_CLASS: tuple[Need, ...] = (a_reply, classification.a_gold_label)
_SPANS: tuple[Need, ...] = (a_reply, sequence.spans_to_find)
_FIELDS: tuple[Need, ...] = (a_reply, extraction.gold_fields)
_TOOLS: tuple[Need, ...] = (a_reply, tool_measures.gold_tools)
_SUMMARY: tuple[Need, ...] = (an_answerable_case, gold_answers, an_answer)

_ROWS: tuple[tuple[str, MetricKind, Direction, tuple[Need, ...], Value], ...] = (
    ("accuracy", BINARY, HIGHER, _CLASS, classification.accuracy),
    ("brier", MEAN, LOWER, (*_CLASS, classification.probabilities), classification.brier),
    ("span_f1", MEAN, HIGHER, _SPANS, sequence.span_f1),
    ("span_f1_partial", MEAN, HIGHER, _SPANS, sequence.span_f1_partial),
    ("fields_exact", BINARY, HIGHER, _FIELDS, extraction.fields_exact),
    ("fields_f1", MEAN, HIGHER, _FIELDS, extraction.fields_f1),
    ("tool_f1", MEAN, HIGHER, _TOOLS, tool_measures.tool_f1),
    ("tool_exact", BINARY, HIGHER, _TOOLS, tool_measures.tool_exact),
    ("tool_arguments", BINARY, HIGHER, _TOOLS, tool_measures.tool_arguments),
    ("tool_order", BINARY, HIGHER, _TOOLS, tool_measures.tool_order),
    ("faithfulness", MEAN, HIGHER, (an_answer,), summary.faithfulness),
    ("ALCE_recall", MEAN, HIGHER, (an_answer, citations), citation.alce_recall),
    ("ALCE_precision", MEAN, HIGHER, (an_answer, citations), citation.alce_precision),
    (
        "minimum_functionality",
        BINARY,
        HIGHER,
        (a_reply, checklist.a_minimum_test),
        checklist.minimum_functionality,
    ),
)
_BY_NAME: dict[str, Scorer] = {
    name: Measure(Metric(name, kind, direction), f"{name}.v{VERSION}", needs, value)
    for name, kind, direction, needs, value in _ROWS
}
_BY_NAME |= {
    name: PairMeasure(Metric(name, BINARY, HIGHER), f"{name}.v{VERSION}", (a_reply, need), pair)
    for name, need, pair in (
        ("invariance", checklist.an_invariance_test, checklist.invariance),
        ("directional", checklist.a_directional_test, checklist.directional),
    )
}
_ROUGE = re.compile(r"rouge([12L])(?:_(precision|recall))?(_stem)?")
_FIELD = re.compile(r"field:(.{1,200})", re.DOTALL)

_SUITES: tuple[tuple[Callable[[Expected], object], tuple[str, ...]], ...] = (
    (lambda expected: expected.label, ("accuracy", "brier")),
    (lambda expected: expected.spans, ("span_f1", "span_f1_partial")),
    (lambda expected: expected.fields, ("fields_exact", "fields_f1")),
    (lambda expected: expected.tools, ("tool_f1", "tool_exact", "tool_arguments", "tool_order")),
    (lambda expected: _relates(expected, RelationKind.MINIMUM), ("minimum_functionality",)),
    (lambda expected: _relates(expected, RelationKind.INVARIANCE), ("invariance",)),
    (lambda expected: _relates(expected, RelationKind.DIRECTIONAL), ("directional",)),
)


def _relates(expected: Expected, kind: RelationKind) -> bool:
    return expected.relation is not None and expected.relation.kind is kind


def task_scorer(name: str) -> Scorer | None:
    """The scorer of this name, such as `accuracy`, `rougeL_recall_stem` or `field:total`; None when there is none."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    if rouge := _ROUGE.fullmatch(name):
        kind, part, stem = rouge[1], rouge[2] or "", bool(rouge[3])
        value = summary.rouge(kind, part, stem=stem)  # type: ignore[arg-type]  # the pattern allows only these
        return Measure(Metric(name, MEAN, HIGHER), f"{name}.v{VERSION}", _SUMMARY, value)
    if field := _FIELD.fullmatch(name):
        value = extraction.field_named(field[1])
        return Measure(Metric(name, MEAN, HIGHER), f"{name}.v{VERSION}", _FIELDS, value)
    return None


def task_names() -> tuple[str, ...]:
    """Every name that `task_scorer` takes; `NAME` stands for a field."""
    return (*_BY_NAME, *(f"rouge{kind}" for kind in "12L"), "field:NAME")


def wanted_by(cases: Iterable[Case]) -> tuple[str, ...]:
    """The names of the scorers that these cases ask for by what they expect."""
    expected = [case.expected for case in cases]
    return tuple(name for applies, names in _SUITES if any(map(applies, expected)) for name in names)
