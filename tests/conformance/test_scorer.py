"""What every Scorer promises: a finite number or a reason, for any case and any reply, and the same one every time."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.evaluate.scorers import default_scorers, scorer
from assay.ports.answering import Scorer
from assay.records.dialogue import (
    AnswerSentence,
    Check,
    CheckStatus,
    Citation,
    Outcome,
    Passage,
    Reply,
    StageDone,
    Usage,
)
from assay.records.documents import Span
from assay.records.evaluation import MetricKind, Scored, Unscored
from assay.records.golden import Case, Evidence, Expected

EVERY = (*default_scorers(), scorer("MRR@3"), scorer("nDCG@1"))
docs = st.sampled_from(["d-1", "d-2", "d-3"])
texts = st.text(max_size=12) | st.sampled_from(["30 days", "The trial lasts 30 days.", "%", "三十天"])
spans = st.builds(Span, docs, st.just("0" * 64), st.integers(0, 5), st.integers(5, 9))
cited = st.builds(Citation, spans, texts, texts, texts, st.just("c"))
sentences = st.builds(
    AnswerSentence,
    texts,
    st.lists(cited, max_size=2).map(tuple),
    st.builds(Check, st.sampled_from(CheckStatus), st.floats(0, 1)),
)
amounts = st.none() | st.integers(0, 9)
replies = st.builds(
    Reply,
    st.sampled_from(Outcome),
    st.just("why"),
    st.lists(sentences, max_size=3).map(tuple),
    passages=st.lists(st.builds(Passage, st.integers(1, 9), st.just("c"), spans, st.floats(0, 1)), max_size=3).map(
        tuple
    ),
    usage=st.builds(Usage, amounts, amounts, st.none() | st.floats()),
    stages=st.just(()) | st.just((StageDone("retrieve", 0.0, 1.0),)),
    duration_ms=st.floats(0),
)
some = st.lists(texts, max_size=2).map(tuple)
cases = st.builds(
    Case,
    st.just("c"),
    texts,
    st.builds(
        Expected,
        st.booleans(),
        some,
        st.lists(st.builds(Evidence, docs, texts, st.integers(1, 3)), max_size=3).map(tuple),
        some,
        some,
    ),
)


@pytest.mark.parametrize("made", EVERY, ids=lambda made: str(made.metric.name))
@settings(max_examples=40)
@given(case=cases, reply=replies)
def test_a_score_is_a_finite_number_or_a_reason_and_comes_out_the_same_again(
    made: Scorer, case: Case, reply: Reply
) -> None:
    score = made.score(case, reply)
    assert score == made.score(case, reply)
    if isinstance(score, Unscored):
        assert score.reason.isidentifier()
        return
    assert isinstance(score, Scored)
    assert math.isfinite(score.value)
    if made.metric.kind is MetricKind.BINARY:
        assert score.value in (0.0, 1.0)
    if made.metric.kind is MetricKind.MEAN:
        assert 0.0 <= score.value <= 1.0


@pytest.mark.parametrize("made", EVERY, ids=lambda made: str(made.metric.name))
def test_a_recipe_names_the_measure_and_its_version(made: Scorer) -> None:
    name = made.metric.name.split("@")[0]
    assert made.recipe.startswith(f"{name}.v")
