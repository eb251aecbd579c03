"""The scorers give the values that a person computes by hand, and say why when there is none."""

from __future__ import annotations

import math

import pytest
from evaluation_examples import SUPPORTED, answered, case, citation, evidence, passages, sentence
from hypothesis import given
from hypothesis import strategies as st

from assay.evaluate.scorers import default_scorers, names, scorer
from assay.evaluate.wording import _joint, overlaps, plain_words, squad_normal, squad_tokens, stands_in, token_f1
from assay.records.dialogue import Check, CheckStatus, Outcome, Reply, StageDone, Usage
from assay.records.errors import InputError
from assay.records.evaluation import Direction, Scored, Unscored
from assay.records.golden import Case


def value(name: str, of: Case, reply: Reply) -> float | str:
    score = scorer(name).score(of, reply)
    return score.value if isinstance(score, Scored) else score.reason


def found(*docs: str) -> Reply:
    return answered(sentence("x"), docs=docs)


def wanting(**grades: int) -> Case:
    return case(evidence=tuple(evidence(doc, grade=grade) for doc, grade in grades.items()))


def test_ndcg_by_hand() -> None:
    # ranks 1 to 4: grades 0 2 1 0; ideal 3 2 1
    graded = wanting(a=2, b=1, c=3)
    gain = 2 / math.log2(3) + 1 / math.log2(4)
    ideal = 3 / math.log2(2) + 2 / math.log2(3) + 1 / math.log2(4)
    assert value("nDCG@10", graded, found("x", "a", "b", "y")) == pytest.approx(gain / ideal)
    assert value("nDCG@2", graded, found("x", "a", "b")) == pytest.approx((2 / math.log2(3)) / (3 + 2 / math.log2(3)))
    assert value("nDCG@10", graded, found("c", "a", "b")) == 1.0
    assert value("nDCG@10", wanting(a=1), found("x", "a")) == pytest.approx(0.6309297535714574)


def test_recall_and_reciprocal_rank_count_a_document_once_at_its_best_rank() -> None:
    two = wanting(a=1, b=1)
    reply = found("x", "x", "x", "a", "a", "b")
    assert value("recall@1", two, reply) == 0.0
    assert value("recall@2", two, reply) == 0.5
    assert value("recall@3", two, reply) == 1.0
    assert value("MRR", two, reply) == 0.5
    assert value("MRR@1", two, reply) == 0.0


def test_evidence_in_several_pieces_of_one_document_is_one_document() -> None:
    twice = case(evidence=(evidence("a", "one", 1), evidence("a", "two", 3)))
    assert value("recall@5", twice, found("a")) == 1.0
    assert value("nDCG@10", twice, found("a")) == 1.0


def test_passages_are_ranked_by_their_number_whatever_their_order() -> None:
    reply = Reply(Outcome.ANSWERED, passages=tuple(reversed(passages("a", "b"))))
    assert value("MRR", wanting(b=1), reply) == 0.5


def test_a_search_that_found_nothing_recalls_nothing_and_a_system_that_never_searches_has_no_recall() -> None:
    searched = Reply(Outcome.ABSTAINED, stages=(StageDone("retrieve", 0, 1),))
    assert value("recall@5", wanting(a=1), searched) == 0.0
    assert value("recall@5", wanting(a=1), Reply(Outcome.ANSWERED)) == "no_retrieval"


def test_citations_hit_gold_quotes_they_overlap_and_documents_without_quotes() -> None:
    gold = case(evidence=(evidence("d", "The trial lasts 30 days from the first sign-in."), evidence("e")))
    reply = answered(
        sentence("A.", citation("d", "trial lasts\n30 days"), citation("d", "Nothing of it.", 99)),
        sentence("B.", citation("d", "trial lasts\n30 days"), citation("x", "trial lasts 30 days", 5)),
    )
    assert value("citation_precision", gold, reply) == pytest.approx(1 / 3)
    assert value("citation_recall", gold, reply) == 0.5
    both = answered(sentence("A.", citation("d", "The trial lasts 30 days"), citation("e", "whatever", 7)))
    assert (value("citation_precision", gold, both), value("citation_recall", gold, both)) == (1.0, 1.0)


def test_an_answer_without_citations_has_no_precision_and_a_recall_of_zero() -> None:
    gold, bare = case(evidence=(evidence("d"),)), answered(sentence("A."))
    assert value("citation_precision", gold, bare) == "no_citation"
    assert value("citation_recall", gold, bare) == 0.0


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("abc def", "x ABC  def y", True),
        ("the end of one is here", "one is here and goes on", True),
        ("the end of one", "one is here and goes on", False),
        ("", "abc", False),
        ("left", "right", False),
    ],
)
def test_quotes_overlap_when_they_share_a_piece(one: str, other: str, expected: bool) -> None:
    assert overlaps(one, other) is expected
    assert overlaps(other, one) is expected


@given(st.text(alphabet="ab ", max_size=12), st.text(alphabet="ab ", min_size=1, max_size=12))
def test_the_joint_of_two_quotes_is_the_longest_end_that_is_a_beginning(left: str, right: str) -> None:
    ends = [size for size in range(min(len(left), len(right)) + 1) if left.endswith(right[:size])]
    assert _joint(left, right) == max(ends)


def test_squad_normal_form() -> None:
    assert squad_normal("The  Cat's, a “mat”!") == "cats mat"
    assert squad_tokens("四次截球。") == ("四", "次", "截", "球")


@pytest.mark.parametrize(
    ("answer", "gold", "f1", "exact"),
    [
        ("The Norman dynasty", "norman dynasty", 1.0, 1.0),
        ("a big red car", "red car park", 2 * (2 / 3) * (2 / 3) / (4 / 3), 0.0),
        ("no overlap", "at all", 0.0, 0.0),
        ("", "something", 0.0, 0.0),
        ("the the cat", "cat cat", 2 * 1.0 * 0.5 / 1.5, 0.0),
    ],
)
def test_token_f1_and_exact_match_by_hand(answer: str, gold: str, f1: float, exact: float) -> None:
    reply = answered(sentence(answer))
    assert value("token_f1", case(answers=("zzz", gold)), reply) == pytest.approx(f1)
    assert value("exact_match", case(answers=(gold, "zzz")), reply) == exact


@given(st.text(max_size=30), st.text(max_size=30))
def test_token_f1_is_bounded_symmetric_and_one_for_a_text_itself(one: str, other: str) -> None:
    assert 0.0 <= token_f1(one, other) <= 1.0
    assert token_f1(one, other) == token_f1(other, one)
    assert token_f1(one, one) == 1.0


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [
        ("308", "allowed 308 points", True),
        ("308", "allowed 1308 points", False),
        ("308", "allowed 308,000 points", False),
        ("1,000", "about 1000 people", True),
        ("15", "a 15–1 record", True),
        ("30 days", "30-days", True),
        ("Panther", "the Panthers", False),
        ("Manning", "Manning's pass", True),
        ("四次", "诺曼拦截了四次。", True),
        ("四", "诺曼拦截了四次。", True),
        ("%", "18 %", True),
        ("$", "18 %", False),
        ("ﬁve", "five", True),
    ],
)
def test_what_stands_in_a_text_stands_there_as_whole_words(part: str, whole: str, expected: bool) -> None:
    assert stands_in(part, whole) is expected


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_a_text_stands_in_every_text_made_around_it(before: str, part: str, after: str) -> None:
    if plain_words(part):
        assert stands_in(part, f"{before} {part} {after}")


def test_the_gold_answer_must_stand_inside_a_cited_quote() -> None:
    gold = case(answers=("30 days",))
    assert value("answer_in_evidence", gold, answered(sentence("Some time.", citation("d")))) == 1.0
    assert value("answer_in_evidence", gold, answered(sentence("30 days."))) == 0.0
    assert value("answer_in_evidence", gold, answered(sentence("30 days.", citation("d", "60 days")))) == 0.0


ABSTAINED, REFUSED, FAILED = (Reply(o, "why") for o in (Outcome.ABSTAINED, Outcome.REFUSED, Outcome.FAILED))
THIRTY = answered(sentence("The trial lasts 30 days.", citation("d")))


@pytest.mark.parametrize(
    ("expected", "reply", "right"),
    [
        ({"answers": ("30 days",)}, THIRTY, 1.0),
        ({"answers": ("60 days",)}, THIRTY, 0.0),
        ({"answers": ("60 days", "30 days")}, THIRTY, 1.0),
        ({"answers": ("60 days",), "evidence": (evidence("d"),)}, THIRTY, 0.0),
        ({"answers": ("30 days",), "must": ("trial",)}, THIRTY, 1.0),
        ({"answers": ("30 days",), "must": ("sign-in",)}, THIRTY, 0.0),
        ({"answers": ("30 days",), "must_not": ("trial lasts",)}, THIRTY, 0.0),
        ({"must": ("30 days",)}, THIRTY, 1.0),
        ({"evidence": (evidence("d"),)}, THIRTY, 1.0),
        ({"evidence": (evidence("e"),)}, THIRTY, 0.0),
        ({"answers": ("The trial of the product lasts 30 days",)}, THIRTY, 1.0),
        ({"answers": ("The trial of the product lasts 60 days",)}, THIRTY, 0.0),
        ({"answers": ("Whoever signs in may try it for 30 days",), "evidence": (evidence("d"),)}, THIRTY, 1.0),
        ({"answers": ("Whoever signs in may try it for 60 days",), "evidence": (evidence("d"),)}, THIRTY, 0.0),
        ({"answers": ("Whoever signs in may try it for 30 days",)}, THIRTY, 0.0),
        ({"answers": ("30 days",)}, ABSTAINED, 0.0),
        ({"answers": ("30 days",)}, REFUSED, 0.0),
        ({"answerable": False}, THIRTY, 0.0),
        ({"answerable": False}, ABSTAINED, 1.0),
        ({"answerable": False}, REFUSED, 1.0),
        ({"answerable": False}, FAILED, "no_reply"),
        ({}, THIRTY, "no_gold_answer"),
    ],
)
def test_correct_by_hand(expected: dict[str, object], reply: Reply, right: float | str) -> None:
    assert value("correct", case(**expected), reply) == right


def test_abstaining_is_right_exactly_on_unanswerable_cases() -> None:
    can, cannot = case(answers=("x",)), case(answerable=False)
    assert [value("abstention_right", can, r) for r in (THIRTY, ABSTAINED, REFUSED)] == [1.0, 0.0, 0.0]
    assert [value("abstention_right", cannot, r) for r in (THIRTY, ABSTAINED, REFUSED)] == [0.0, 1.0, 1.0]
    assert value("abstention_right", can, FAILED) == "no_reply"


def test_groundedness_is_the_share_of_supported_claims_among_those_shown() -> None:
    failed, no_claim = Check(CheckStatus.UNSUPPORTED, 0.1), Check(CheckStatus.NOT_CHECKED)
    shown = (sentence("A.", check=SUPPORTED), sentence("B.", check=failed), sentence("C.", check=no_claim))
    assert value("groundedness", case(), answered(*shown)) == 0.5
    assert value("groundedness", case(), answered(shown[2])) == "no_claims"
    assert value("groundedness", case(), ABSTAINED) == "abstained"
    assert value("groundedness", case(), REFUSED) == "refused"


def test_forbidden_strings_are_looked_for_in_every_reply() -> None:
    forbidding = case(answerable=False, must_not=("30 days",))
    assert value("must_not", forbidding, THIRTY) == 1.0
    assert value("must_not", forbidding, ABSTAINED) == 0.0
    assert value("must_not", case(), THIRTY) == "no_must_not"
    assert scorer("must_not").metric.direction is Direction.LOWER


def test_a_hidden_document_that_is_used_or_cited_is_a_leak() -> None:
    hidden = case(answerable=False, evidence=(evidence("d"),))
    assert value("restricted_leak", hidden, THIRTY) == 1.0
    assert value("restricted_leak", hidden, Reply(Outcome.ABSTAINED, passages=passages("x", "d"))) == 1.0
    assert value("restricted_leak", hidden, Reply(Outcome.ABSTAINED, passages=passages("x"))) == 0.0
    assert value("restricted_leak", case(evidence=(evidence("d"),)), THIRTY) == "answerable"
    assert value("restricted_leak", case(answerable=False), THIRTY) == "no_gold_evidence"


def test_what_is_unknown_is_never_free() -> None:
    unknown = answered(sentence("x"), duration_ms=12.5)
    known = answered(sentence("x"), usage=Usage(100, 0, 0.0))
    assert [value(n, case(), unknown) for n in ("latency_ms", "tokens_in", "tokens_out", "cost_usd")] == [
        12.5,
        "unknown_tokens",
        "unknown_tokens",
        "unknown_price",
    ]
    assert [value(n, case(), known) for n in ("tokens_in", "tokens_out", "cost_usd")] == [100.0, 0.0, 0.0]


def test_a_failure_is_never_a_score() -> None:
    full = case(answers=("x",), evidence=(evidence("d"),), must_not=("y",))
    for made in default_scorers():
        assert isinstance(made.score(full, FAILED), Unscored)


def test_a_duration_that_is_not_finite_is_no_score() -> None:
    assert value("latency_ms", case(), answered(duration_ms=math.inf)) == "not_finite"


@given(st.lists(st.sampled_from("abcdef"), max_size=8), st.dictionaries(st.sampled_from("abcxyz"), st.integers(1, 3)))
def test_retrieval_measures_are_bounded_and_never_fall_with_the_cut_off(
    docs: list[str], grades: dict[str, int]
) -> None:
    of, reply = wanting(**grades), Reply(Outcome.ANSWERED, passages=passages(*docs), snapshot_id="s")
    for family in ("recall", "MRR"):
        values = [value(f"{family}@{k}", of, reply) for k in range(1, 9)]
        if grades:
            assert values == sorted(values)
    for name in ("recall@5", "nDCG@5", "MRR"):
        score = value(name, of, reply)
        assert score == "no_gold_evidence" if not grades else 0.0 <= float(score) <= 1.0


@given(st.permutations("abcdef"), st.integers(0, 4))
def test_moving_a_gold_document_up_never_lowers_ndcg(order: list[str], at: int) -> None:
    of = wanting(a=3, b=1)
    moved = [*order]
    if moved[at + 1] in "ab" and moved[at] not in "ab":
        moved[at], moved[at + 1] = moved[at + 1], moved[at]
    assert float(value("nDCG@5", of, found(*moved))) >= float(value("nDCG@5", of, found(*order)))


def test_scorers_are_named_by_the_literature_and_unknown_names_are_refused() -> None:
    made = default_scorers()
    assert len({s.metric.name for s in made}) == len(made)
    assert scorer("recall@7").recipe == "recall.v1(k=7)"
    for name in ("recall", "recall@0", "recall@x", "bleu", "", "nDCG@99999"):
        with pytest.raises(InputError, match=r"evaluate\.unknown_scorer"):
            scorer(name)
    assert all(scorer(name.replace("@k", "@3")).metric.name for name in names())
