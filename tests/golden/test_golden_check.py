"""What makes a golden set unfit to judge by is found, and what is fine is left alone."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from assay.golden.check import check, nearest
from assay.golden.problems import Finding
from assay.golden.similar import Occurrences, near_duplicates, shingles
from assay.records.access import Scope
from assay.records.dialogue import LabelledSpan, Turn
from assay.records.golden import Case, Evidence, Expected, GoldenSet, Relation, RelationKind

CORPUS = {
    "trial": "The trial lasts\n30  days. It begins with the first sign-in, and Kim's team ends it.",
    "faq": "Frequently asked. How long does the trial of Acme last? See the other page.",
}


def case(case_id: str, question: str = "", **expected: object) -> Case:
    given = expected or {"answers": ("30 days",)}
    return Case(case_id, question or f"{case_id} asks something of its own?", Expected(**given))  # type: ignore[arg-type]


def findings(*cases: Case, few_shot: tuple[str, ...] = (), training: tuple[str, ...] = ()) -> list[Finding]:
    return list(check(GoldenSet("g", cases), documents=CORPUS, few_shot=few_shot, training=training))


def codes(*cases: Case, **more: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(f.case_id, f.code.removeprefix("golden.")) for f in findings(*cases, **more) if f.case_id]


def quoting(quote: str, doc: str = "trial", answer: str = "30 days") -> Case:
    return case("c", answers=(answer,), evidence=(Evidence(doc, quote),))


def test_a_quote_that_stands_in_its_document_but_for_white_space_is_fine() -> None:
    assert codes(quoting("The trial lasts 30 days.")) == []


def test_evidence_in_a_document_that_is_not_there_is_an_error() -> None:
    (found,) = [f for f in findings(quoting("30 days", doc="gone")) if f.case_id]
    assert (found.severity, found.code) == ("error", "golden.evidence_document_missing")
    assert found.where == "$.evidence[0].doc"


def test_a_quote_that_is_not_in_its_document_is_an_error_with_an_offset_and_no_text() -> None:
    (found,) = [f for f in findings(quoting("It begins with the first payment, 30 days later.")) if f.case_id]
    assert (found.severity, found.code) == ("error", "golden.evidence_quote_missing")
    assert str(CORPUS["trial"].index("It begins")) in found.detail
    assert "payment" not in found.detail


def test_the_nearest_piece_of_a_quote_is_looked_for_in_halves() -> None:
    assert nearest("completely different words at first but then alpha beta gamma", "x alpha  beta\ngamma y") == 2
    assert nearest("nothing of this is there", "x y z") == -1


def test_a_short_answer_outside_its_evidence_is_a_warning() -> None:
    assert codes(quoting("The trial lasts 30 days.", answer="60 days")) == [("c", "answer_outside_evidence")]
    assert codes(quoting("", answer="Kim")) == []
    assert codes(quoting("The trial lasts 30 days.", answer="yes")) == []
    assert codes(quoting("The trial lasts 30 days.", answer="It is a month that you may use it free")) == []


def test_near_duplicates_are_found_among_questions_of_one_scope_and_history() -> None:
    one = case("a", "How long does the free trial of the product last today?")
    other = case("b", "How long does the free trial of the product last today")
    assert codes(one, other) == [("b", "near_duplicate")]
    assert codes(one, replace(other, scope=Scope("acme"))) == []
    assert codes(one, replace(other, history=(Turn("user", "About Globex."),))) == []


def test_questions_that_differ_in_a_number_are_not_duplicates() -> None:
    words = "What was the revenue of the company in the second quarter of the fiscal year"
    assert codes(case("a", f"{words} 2022?"), case("b", f"{words} 2023?")) == []


def test_a_duplicate_in_another_split_and_one_that_contradicts_are_errors() -> None:
    one, other = case("a", "Is it free for all of us?"), case("b", "Is it free for all of us?")
    assert codes(one, replace(other, split="dev")) == [("b", "duplicate_across_splits")]
    declined = replace(other, expected=Expected(answerable=False))
    assert codes(one, declined) == [("b", "contradicting_duplicate")]


def test_a_question_that_stands_in_the_corpus_is_leakage() -> None:
    assert codes(case("c", "how long does the trial of ACME last")) == [("c", "question_in_corpus")]


def test_questions_the_system_has_seen_are_errors() -> None:
    asked = case("c", "Which forms do I need for a new laptop?")
    near = "Which forms do I need for a new laptop now?"
    inside = "Q: Which forms do I need for a new laptop? A: Form 7."
    assert codes(asked, few_shot=("Something else entirely, please.", near)) == [("c", "few_shot_overlap")]
    assert codes(asked, training=(inside,)) == [("c", "training_overlap")]
    assert codes(asked, few_shot=("Which forms?",)) == []


def test_expectations_that_contradict_themselves_are_errors() -> None:
    assert codes(case("c", must=("within 30 days",), must_not=("30 days",))) == [("c", "must_contradiction")]
    assert codes(case("c", answers=("30 days",), must_not=("30 DAYS",))) == [("c", "must_not_in_answer")]
    assert codes(case("c", answers=("130 days",), must_not=("30 days",))) == []
    assert codes(case("c", answerable=True)) == [("c", "nothing_expected")]
    both = codes(case("c", answerable=False, answers=("x",), must=("y",)))
    assert both == [("c", "answer_to_unanswerable"), ("c", "must_on_unanswerable")]


def about_set(cases: list[Case]) -> set[tuple[str, str]]:
    return {(f.code, f.where) for f in findings(*cases) if not f.case_id}


def test_sets_too_small_or_too_lopsided_to_judge_by_are_told() -> None:
    assert about_set([case("a")]) == {("golden.few_cases", "$")}
    many = [replace(case(f"c-{n}"), cluster=f"d-{n % 5}", slices=("kind=a",) if n < 7 else ()) for n in range(60)]
    assert about_set(many) == {
        ("golden.unanswerable_share", "$"),
        ("golden.few_clusters", "$"),
        ("golden.small_slice", "$.slices[kind=a]"),
    }
    fair = [case(f"c-{n}", answerable=n % 4 > 0, evidence=(Evidence("faq"),)) for n in range(60)]
    assert about_set(fair) == set()


short_texts = st.lists(st.sampled_from(["red", "green", "blue", "one", "two", "1", "2", "昼", "夜"]), max_size=8).map(
    " ".join
)


@given(st.lists(short_texts, max_size=12), st.sampled_from([0.5, 0.8, 1.0]))
def test_the_search_for_near_duplicates_finds_what_comparing_all_pairs_finds(
    texts: list[str], threshold: float
) -> None:
    def numbers(text: str) -> set[str]:
        return {word for word in text.split() if word.isdigit()}

    sets = [shingles(text) for text in texts]
    expected = {
        (later, earlier)
        for later in range(len(sets))
        for earlier in range(later)
        if sets[later] and sets[earlier]
        if len(sets[later] & sets[earlier]) / len(sets[later] | sets[earlier]) >= threshold
        if numbers(texts[later]) == numbers(texts[earlier])
    }
    assert {(later, earlier) for later, earlier, _ in near_duplicates(texts, threshold)} == expected


@given(st.lists(short_texts, max_size=6), short_texts)
def test_occurrences_are_those_that_a_plain_search_finds(needles: list[str], text: str) -> None:
    plain = {n for n, needle in enumerate(needles) if len(needle.split()) >= 2 and f" {needle} " in f" {text} "}
    assert Occurrences(needles, 2).within(text) == plain


def made_from(source: str, case_id: str, question: str, **more: str) -> Case:
    relation = Relation(RelationKind.INVARIANCE, source)
    return replace(case(case_id, question, relation=relation), **{"cluster": "k", **more})  # type: ignore[arg-type]


def test_a_case_and_the_one_it_was_made_from_may_be_alike_in_one_split_and_cluster_only() -> None:
    source = replace(case("a", "How long does the trial of Acme last today?"), cluster="k")
    alike = "How long does the trial of Acme last today, please?"
    assert codes(source, made_from("a", "b", alike), made_from("a", "c", alike + "!")) == []
    assert codes(source, made_from("a", "b", alike, split="dev")) == [
        ("b", "duplicate_across_splits"),
        ("b", "relation_across_splits"),
    ]
    assert codes(source, made_from("a", "b", alike, cluster="")) == [("b", "relation_across_clusters")]
    assert codes(source, made_from("z", "b", alike)) == [("b", "near_duplicate"), ("b", "unknown_relation")]


def test_no_span_is_something_expected_where_other_cases_have_spans() -> None:
    nothing = case("n", answerable=True)
    assert codes(nothing) == [("n", "nothing_expected")]
    assert codes(nothing, case("s", spans=(LabelledSpan(0, 1, "x"),))) == []
    assert codes(case("l", label="travel"), case("f", fields={"a": None})) == []


def test_a_label_spelt_otherwise_than_a_more_frequent_one_is_told() -> None:
    spelt = [case(str(at), label=label) for at, label in enumerate(["Yes", "Yes", "yes", "no"])]
    assert codes(*spelt) == [("2", "label_variant")]
