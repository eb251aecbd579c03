"""The scorers that need no model, by the names of the literature: rows of data over shared measures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from assay.evaluate import answer_measures as answer
from assay.evaluate import citation_measures as citation
from assay.evaluate import retrieval_measures as retrieval
from assay.evaluate.measures import (
    Measure,
    Need,
    Value,
    a_reply,
    a_retrieval,
    a_timing,
    an_answer,
    an_answerable_case,
    an_unanswerable_case,
    citations,
    forbidden_strings,
    gold_answers,
    gold_evidence,
)
from assay.evaluate.task_scorers import task_names, task_scorer, wanted_by
from assay.ports.answering import Scorer
from assay.records.errors import InputError
from assay.records.evaluation import Direction, Metric, MetricKind
from assay.records.golden import Case

BINARY, MEAN, SKEWED = MetricKind.BINARY, MetricKind.MEAN, MetricKind.SKEWED
HIGHER, LOWER = Direction.HIGHER, Direction.LOWER
VERSION = 1
"""Goes up with every change that can move a value."""

_SEARCHED: tuple[Need, ...] = (a_reply, an_answerable_case, gold_evidence, a_retrieval)
_CITED: tuple[Need, ...] = (an_answerable_case, gold_evidence, an_answer)
_GOLD: tuple[Need, ...] = (an_answerable_case, gold_answers, an_answer)

_AT_K: dict[str, Callable[[int], Value]] = {
    "recall": retrieval.recall_at,
    "nDCG": retrieval.ndcg_at,
    "MRR": retrieval.reciprocal_rank,
    "RR": retrieval.reciprocal_rank,
    "R": retrieval.recall_at,
    "P": retrieval.precision_at,
    "AP": retrieval.average_precision,
    "Success": retrieval.success_at,
    "Judged": retrieval.judged_at,
}
"""`recall` and `MRR` are `R` and `RR` of ir_measures under the names that papers give their means."""
_PLAIN: tuple[tuple[str, MetricKind, Direction, str, tuple[Need, ...], Value], ...] = (
    ("MRR", MEAN, HIGHER, "", _SEARCHED, retrieval.reciprocal_rank()),
    ("RR", MEAN, HIGHER, "", _SEARCHED, retrieval.reciprocal_rank()),
    ("AP", MEAN, HIGHER, "", _SEARCHED, retrieval.average_precision()),
    ("citation_precision", MEAN, HIGHER, "", (*_CITED, citations), citation.citation_precision),
    ("citation_recall", MEAN, HIGHER, "", _CITED, citation.citation_recall),
    ("answer_in_evidence", BINARY, HIGHER, "", _GOLD, citation.answer_in_evidence),
    ("exact_match", BINARY, HIGHER, "", _GOLD, answer.exact_match),
    ("token_f1", MEAN, HIGHER, "", _GOLD, answer.token_f1),
    ("correct", BINARY, HIGHER, "", (a_reply,), answer.correct),
    ("abstention_right", BINARY, HIGHER, "", (a_reply,), answer.abstention_right),
    ("groundedness", MEAN, HIGHER, "", (an_answer,), citation.groundedness),
    ("must_not", BINARY, LOWER, "", (a_reply, forbidden_strings), answer.must_not),
    (
        "restricted_leak",
        BINARY,
        LOWER,
        "",
        (a_reply, an_unanswerable_case, gold_evidence),
        citation.restricted_leak,
    ),
    ("latency_ms", SKEWED, LOWER, "ms", (a_reply, a_timing), answer.latency_ms),
    ("tokens_in", SKEWED, LOWER, "tokens", (a_reply,), answer.tokens_in),
    ("tokens_out", SKEWED, LOWER, "tokens", (a_reply,), answer.tokens_out),
    ("cost_usd", SKEWED, LOWER, "USD", (a_reply,), answer.cost_usd),
)
_BY_NAME = {
    name: Measure(Metric(name, kind, direction, unit), f"{name}.v{VERSION}", needs, value)
    for name, kind, direction, unit, needs, value in _PLAIN
}
_CUT = re.compile(r"(recall|nDCG|MRR|RR|R|P|AP|Success|Judged)@([1-9]\d{0,3})")

DEFAULT = (
    "correct",
    "abstention_right",
    "answer_in_evidence",
    "exact_match",
    "token_f1",
    "citation_precision",
    "citation_recall",
    "groundedness",
    "must_not",
    "restricted_leak",
    "recall@5",
    "recall@10",
    "nDCG@10",
    "MRR",
    "latency_ms",
    "tokens_in",
    "tokens_out",
    "cost_usd",
)


def scorer(name: str) -> Scorer:
    """The scorer of this name, such as `correct`, `recall@7` or `accuracy`. Raises InputError with the code
    `evaluate.unknown_scorer`."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    if (task := task_scorer(name)) is not None:
        return task
    cut = _CUT.fullmatch(name)
    if cut is None:
        raise InputError(
            "evaluate.unknown_scorer",
            "there is no scorer of this name",
            where=name,
            remedy=f"use one of {', '.join(names())}",
        )
    value = _AT_K[cut[1]](int(cut[2]))
    kind = BINARY if cut[1] == "Success" else MEAN
    return Measure(Metric(name, kind, HIGHER), f"{cut[1]}.v{VERSION}(k={cut[2]})", _SEARCHED, value)


def names() -> tuple[str, ...]:
    """Every name that `scorer` takes; `@k` stands for a cut-off."""
    return (*_BY_NAME, *(f"{family}@k" for family in _AT_K), *task_names())


def default_scorers() -> tuple[Scorer, ...]:
    """What a run measures unless it is told otherwise."""
    return tuple(scorer(name) for name in DEFAULT)


def scorers_for(cases: Iterable[Case], more: Iterable[str] = ()) -> tuple[Scorer, ...]:
    """The default scorers, those that the cases ask for by what they expect, and `more` by name, each once.

    Raises InputError `evaluate.unknown_scorer`.
    """
    return tuple(scorer(name) for name in dict.fromkeys((*DEFAULT, *wanted_by(cases), *more)))
