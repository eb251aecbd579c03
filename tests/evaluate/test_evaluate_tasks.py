"""Measures of tasks give the values of their definitions, worked out by hand or printed by their reference programs."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from evaluation_examples import answered, case, citation, evidence, sentence
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.evaluate.extraction_measures import agreement
from assay.evaluate.runs import judged
from assay.evaluate.scorers import scorer, scorers_for
from assay.evaluate.sequence_measures import SpanCounts, span_counts
from assay.evaluate.whole_measures import confusion, whole_measures
from assay.records.dialogue import LabelledSpan, Outcome, Output, Reply, ToolCall, Usage
from assay.records.evaluation import MetricKind, Sample, Scored, Unscored
from assay.records.golden import Case, Relation, RelationKind


def value(name: str, one: Case, reply: Reply) -> float | str:
    score = scorer(name).score(one, reply)
    return score.value if isinstance(score, Scored) else score.reason


def said(**output: object) -> Reply:
    return answered(output=Output(**output))  # type: ignore[arg-type]


def labels(gold: str, found: str) -> tuple[list[Sample], list[Case]]:
    """One sample a letter: its class in `gold`, what it was taken for in `found` (`-`: the sample failed)."""
    cases = [case(f"c-{n}", label=label) for n, label in enumerate(gold)]
    replies = [Reply(Outcome.FAILED, "x") if label == "-" else said(label=label) for label in found]
    return [judged(one, reply, (scorer("accuracy"),)) for one, reply in zip(cases, replies, strict=True)], cases


def whole(samples: list[Sample], cases: list[Case]) -> dict[str, float]:
    return {one.metric.name: one.interval.estimate for one in whole_measures(samples, cases) if one.interval}


def test_classification_agrees_with_the_examples_of_scikit_learn() -> None:
    """f1_score: y_true 0 1 2 0 1 2, y_pred 0 2 1 0 0 1 gives macro .26, micro .33, weighted .26, by class .8 0 0."""
    found = whole(*labels("012012", "021001"))
    assert found["macro_f1"] == pytest.approx(0.26666666)
    assert found["micro_f1"] == pytest.approx(1 / 3)
    assert found["weighted_f1"] == pytest.approx(0.26666666)
    assert [found[f"f1[{label}]"] for label in "012"] == pytest.approx([0.8, 0.0, 0.0])
    assert [found[f"precision[{label}]"] for label in "012"] == pytest.approx([2 / 3, 0.0, 0.0])
    assert found["matthews"] == pytest.approx(0.0)


def test_matthews_correlation_and_balanced_accuracy_of_two_classes() -> None:
    """scikit-learn: +1 +1 +1 -1 against +1 -1 +1 +1 gives -.33; balanced accuracy of 010010 against 010001 .625."""
    assert whole(*labels("ppps", "pspp"))["matthews"] == pytest.approx(-1 / 3)
    assert whole(*labels("abaaba", "abaaab"))["balanced_accuracy"] == pytest.approx(0.625)
    assert whole(*labels("abab", "abab"))["matthews"] == pytest.approx(1.0)


def test_a_sample_that_failed_is_a_class_that_was_missed() -> None:
    samples, cases = labels("aabb", "aa-b")
    found = whole(samples, cases)
    assert (found["precision[b]"], found["recall[b]"]) == (1.0, 0.5)
    assert confusion(samples, cases) == {("a", "a"): 2, ("b", ""): 1, ("b", "b"): 1}


def test_everything_right_is_no_certainty_and_one_case_has_no_interval() -> None:
    perfect = {one.metric.name: one.interval for one in whole_measures(*labels("abab", "abab"))}
    assert perfect["macro_f1"] is not None
    assert perfect["macro_f1"].low < 0.6
    assert all(one.interval is None for one in whole_measures(*labels("a", "a")))
    assert whole_measures([], []) == ()


def test_run_wide_intervals_hold_the_value_and_know_clusters() -> None:
    samples, cases = labels("ab" * 40, "ab" * 30 + "ba" * 10)
    free = {one.metric.name: one.interval for one in whole_measures(samples, cases)}["macro_f1"]
    tied = [replace(one, cluster=f"k{n // 8}") for n, one in enumerate(cases)]
    clustered = {one.metric.name: one.interval for one in whole_measures(samples, tied)}["macro_f1"]
    assert free is not None
    assert clustered is not None
    assert free.low < free.estimate < free.high
    assert (free.estimate, clustered.estimate) == (0.75, 0.75)
    assert clustered.high - clustered.low > free.high - free.low
    assert (free.n, clustered.n) == (80, 10)


def test_brier_and_expected_calibration_error_are_those_of_their_papers() -> None:
    one = case(label="spam")
    assert value("brier", one, said(scores={"spam": 0.7, "ham": 0.3})) == pytest.approx(0.09)
    assert value("brier", one, said(scores={"ham": 1.0})) == 1.0
    assert value("brier", one, said(label="spam")) == "no_scores"
    assert value("brier", one, said(scores={"spam": 1.7})) == "no_probabilities"
    assert value("accuracy", one, said(scores={"spam": 0.7, "ham": 0.3})) == 1.0
    assert value("accuracy", one, answered(sentence("Spam."))) == 1.0
    assert value("accuracy", one, Reply(Outcome.ABSTAINED)) == 0.0
    cases = [case(f"c-{n}", label="spam") for n in range(4)]
    scores = [{"spam": 0.9}, {"spam": 0.9}, {"ham": 0.9}, {"spam": 0.6}]
    samples = [judged(c, said(scores=s), ()) for c, s in zip(cases, scores, strict=True)]
    assert whole(samples, cases)["ECE"] == pytest.approx(abs(2 - 2.7) / 4 + abs(1 - 0.6) / 4)


def test_constant_scores_of_a_classifier_are_measured_without_a_number_that_is_none() -> None:
    samples, cases = labels("abab", "aaaa")
    found = whole(samples, cases)
    assert found["matthews"] == 0.0
    assert found["macro_f1"] == pytest.approx(1 / 3)
    assert all(math.isfinite(v) for v in found.values())


def spans(*parts: tuple[int, int, str]) -> tuple[LabelledSpan, ...]:
    return tuple(LabelledSpan(*part) for part in parts)


def test_spans_are_matched_one_to_one_exactly_first_then_by_overlap() -> None:
    """One is right, one has a wrong label, one overlaps, one is missed, one is made up (nervaluate: strict 1 of 4,
    partial 1 + 1 + .5)."""
    gold = spans((0, 4, "PER"), (10, 14, "ORG"), (20, 28, "LOC"), (40, 44, "PER"))
    found = spans((0, 4, "PER"), (10, 14, "LOC"), (24, 30, "LOC"), (60, 64, "PER"))
    assert span_counts(gold, found) == SpanCounts(4, 4, 1, 2.5)
    one = case(spans=gold)
    assert value("span_f1", one, said(spans=found)) == pytest.approx(0.25)
    assert value("span_f1_partial", one, said(spans=found)) == pytest.approx(0.625)
    assert span_counts(spans((0, 9, "A")), spans((0, 4, "A"), (5, 9, "A"))).partial == 0.5


def test_what_is_found_where_nothing_is_lowers_precision() -> None:
    cases = [case("c-1", spans=spans((0, 4, "PER"))), case("c-2")]
    replies = [said(spans=spans((0, 4, "PER"))), said(spans=spans((5, 7, "PER")))]
    samples = [judged(c, r, (scorer("span_f1"),)) for c, r in zip(cases, replies, strict=True)]
    assert [sample.scores["span_f1"] for sample in samples] == [1.0, 0.0]
    found = whole(samples, cases)
    assert (found["span_precision"], found["span_recall"]) == (0.5, 1.0)
    assert found["span_f1[PER]"] == found["span_micro_f1"] == pytest.approx(2 / 3)
    assert value("span_f1", case(), said(label="x")) == "no_gold_spans"


@pytest.mark.parametrize(
    ("gold", "other", "same"),
    [
        (1000, "1,000.00", 1.0), (12.5, "€12.5", 1.0), (3, "3.1", 0.0), ("2026-01-31", "January 31, 2026", 1.0),
        ("2026-01-31", "31.01.2026", 1.0), ("2026-01-02", "02/01/2026", 0.0), ("ACME  Inc.", "acme inc", 1.0),
        (True, True, 1.0), (True, 1, 0.0), (None, None, 1.0), (None, "x", 0.0), (["a", "b"], ["b", "c"], 0.5),
        (["a"], "a", 1.0), ({"x": 1, "y": 2}, {"x": 1}, 2 / 3), ([], [], 1.0), ("a", ["a"], 0.0),
    ],
)  # fmt: skip
def test_values_are_compared_as_what_they_are(gold: object, other: object, same: float) -> None:
    assert agreement(gold, other) == pytest.approx(same)


@settings(max_examples=20)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
        max_leaves=6,
    )
)
def test_every_value_agrees_with_itself(one: object) -> None:
    assert agreement(one, one) == pytest.approx(1.0)


def test_fields_are_scored_one_by_one_and_together() -> None:
    one = case(fields={"total": 12.5, "currency": "EUR", "discount": None})
    right = said(fields={"total": "12.50", "currency": "eur", "other": 1})
    wrong = said(fields={"total": 12.5, "currency": "USD", "discount": 3})
    assert (value("fields_exact", one, right), value("fields_f1", one, right)) == (1.0, 1.0)
    assert (value("fields_exact", one, wrong), value("fields_f1", one, wrong)) == (0.0, 0.4)
    assert (value("field:total", one, wrong), value("field:currency", one, wrong)) == (1.0, 0.0)
    assert value("field:date", one, wrong) == "no_gold_field"
    samples = [judged(one, right, ()), judged(replace(one, case_id="c-2"), wrong, ())]
    found = whole(samples, [one, replace(one, case_id="c-2")])
    assert found["field_micro_f1"] == pytest.approx(2 * 3 / (4 + 5))
    assert found["field_f1[currency]"] == 0.5


def test_rouge_gives_what_the_readme_of_rouge_score_prints() -> None:
    one = case(answers=("The quick brown fox jumps over the lazy dog",))
    reply = answered(sentence("The quick brown dog jumps on the log."))
    assert value("rouge1", one, reply) == pytest.approx(0.70588235)
    assert value("rouge1_precision", one, reply) == pytest.approx(0.75)
    assert value("rouge1_recall", one, reply) == pytest.approx(2 / 3)
    assert value("rougeL", one, reply) == pytest.approx(0.58823529)
    assert value("rougeL_precision", one, reply) == pytest.approx(0.625)
    assert value("rouge2", one, reply) == pytest.approx(2 * (2 / 7) * (2 / 8) / (2 / 7 + 2 / 8))


def test_rouge_takes_the_best_reference_and_stems_when_asked() -> None:
    one = case(answers=("nothing alike", "the runner was running"))
    reply = answered(sentence("the runners run"))
    assert value("rouge1", one, reply) == pytest.approx(2 / 7)
    assert value("rouge1_stem", one, reply) == pytest.approx(6 / 7)  # runner, and run for running
    assert value("rouge1", one, Reply(Outcome.ABSTAINED)) == "abstained"


def test_faithfulness_is_the_share_of_sentences_that_the_source_bears_out() -> None:
    one = case(question="The trial lasts 30 days. It ends without notice.")
    both = answered(sentence("The trial lasts 30 days. The trial lasts 60 days."))
    assert value("faithfulness", one, both) == 0.5
    quoted = case(evidence=(evidence("d", "The trial lasts 60 days."),))
    assert value("faithfulness", quoted, both) == 0.5


def test_alce_counts_sentences_that_are_borne_out_and_citations_that_are_needed() -> None:
    right, other = citation("d-1"), citation("d-2", "Salaries are paid on the 25th.", 40)
    reply = answered(sentence("The trial lasts 30 days.", right, other), sentence("It is free."))
    assert value("ALCE_recall", case(), reply) == 0.5
    assert value("ALCE_precision", case(), reply) == 0.5
    assert value("ALCE_recall", case(), answered(sentence("It is free."))) == "no_citation"


def call(name: str, **arguments: object) -> ToolCall:
    return ToolCall(name, arguments)


def test_tool_calls_by_name_arguments_and_order() -> None:
    one = case(tools=(call("search", q="leave"), call("book", day=3)))
    exact = said(tools=(call("book", day=3), call("search", q="leave")))
    more = said(tools=(call("search", q="leave", k=5), call("think"), call("book", day=3)))
    wrong = said(tools=(call("search", q="pay"), call("search", q="leave")))
    names = ("tool_exact", "tool_arguments", "tool_order", "tool_f1")
    assert [value(name, one, exact) for name in names] == [1.0, 1.0, 0.0, 1.0]
    assert [value(name, one, more) for name in names] == [0.0, 1.0, 1.0, pytest.approx(0.8)]
    assert [value(name, one, wrong) for name in names] == [0.0, 0.0, 0.0, 0.5]
    assert value("tool_exact", case(), exact) == "no_gold_tools"


def test_a_call_is_given_to_the_gold_call_that_has_no_other() -> None:
    """The looser gold call comes first and would take the only call that the stricter one can have."""
    one = case(tools=(call("f"), call("f", x=1)))
    assert value("tool_arguments", one, said(tools=(call("f", x=1), call("f", x=2)))) == 1.0
    assert value("tool_arguments", one, said(tools=(call("f", x=2), call("f", x=3)))) == 0.0


def test_retrieval_measures_have_the_values_of_ir_measures() -> None:
    """Gold a, b, c; found a x b: AP (1 + 2/3) / 3."""
    one = case(evidence=(evidence("a"), evidence("b"), evidence("c")))
    reply = answered(docs=("a", "x", "b"))
    wanted = {
        "P@1": 1.0, "P@5": 0.4, "R@2": 1 / 3, "R@5": 2 / 3, "AP": 5 / 9, "AP@1": 1 / 3, "RR": 1.0, "RR@1": 1.0,
        "Success@1": 1.0, "Judged@3": 2 / 3, "Judged@10": 2 / 3,
        "nDCG@3": (1 + 1 / 2) / (1 + 1 / math.log2(3) + 1 / 2),
    }  # fmt: skip
    assert {name: value(name, one, reply) for name in wanted} == pytest.approx(wanted)
    assert value("Success@1", one, answered(docs=("x", "a"))) == 0.0


def test_a_golden_set_is_measured_by_what_its_cases_expect() -> None:
    names = {made.metric.name for made in scorers_for([case(label="a"), case(tools=(call("f"),))], ["rougeL"])}
    assert {"accuracy", "brier", "tool_exact", "rougeL", "correct"} <= names
    assert not names & {"span_f1", "fields_f1", "invariance"}
    minimum = Relation(RelationKind.MINIMUM)
    assert "minimum_functionality" in {m.metric.name for m in scorers_for([case(relation=minimum)])}


_OUTPUTS = st.builds(
    Output,
    st.sampled_from(["", "a", "b"]),
    st.dictionaries(st.sampled_from("ab"), st.floats(allow_nan=False, allow_infinity=False), max_size=2),
    st.dictionaries(st.sampled_from("xy"), st.none() | st.integers() | st.text(max_size=3), max_size=2),
    st.lists(st.builds(LabelledSpan, st.integers(0, 3), st.integers(4, 6), st.sampled_from("pq")), max_size=3).map(
        tuple
    ),
    st.lists(st.builds(ToolCall, st.sampled_from("fg"), st.dictionaries(st.just("x"), st.integers(), max_size=1))).map(
        tuple
    ),
)
_EVERY = tuple(
    scorer(name)
    for name in (
        "accuracy", "brier", "span_f1", "span_f1_partial", "fields_exact", "fields_f1", "field:x", "tool_f1",
        "tool_exact", "tool_arguments", "tool_order", "rouge1", "rougeL_stem", "minimum_functionality", "invariance",
        "directional",
    )
)  # fmt: skip


@settings(max_examples=15)
@given(expected=_OUTPUTS, found=_OUTPUTS, kind=st.sampled_from(RelationKind), text=st.text(max_size=8))
def test_every_task_measure_gives_a_finite_number_in_its_range_or_a_reason(
    expected: Output, found: Output, kind: RelationKind, text: str
) -> None:
    relation = Relation(kind, "c-0", quantity="score:a", direction="up")
    one = case(
        label=expected.label, fields=expected.fields, spans=expected.spans, tools=expected.tools, relation=relation,
        answers=("yes",),
    )  # fmt: skip
    reply = answered(sentence(text), output=found, usage=Usage())
    sample = judged(one, reply, _EVERY, source=answered(output=expected))
    for made in _EVERY:
        name = made.metric.name
        if name in sample.scores:
            assert 0.0 <= sample.scores[name] <= 1.0
            assert made.metric.kind is not MetricKind.BINARY or sample.scores[name] in (0.0, 1.0)
        else:
            assert sample.unscored[name].isidentifier()
        assert isinstance(made.score(one, reply), Scored | Unscored)
