"""Cases made from cases: the same call makes the same ones, each says what it was made from, and none is made twice."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.golden.perturb import KINDS, perturb
from assay.records.dialogue import LabelledSpan
from assay.records.errors import InputError
from assay.records.golden import Case, Expected, Relation, RelationKind


def made(question: str, kind: str, seed: int = 0) -> str:
    found = perturb([Case("c", question, Expected(answers=("x",)))], [kind], seed=seed).made
    return found[0].question if found else ""


@pytest.mark.parametrize(
    ("kind", "question", "expected"),
    [
        ("contractions", "What is it? I do not know.", "What's it? I don't know."),
        ("contractions", "That isn't so.", "That is not so."), ("contractions", "Leave?", ""),
        ("punctuation", "How long?", "How long"), ("punctuation", "How long", "How long."),
        ("negation", "Is leave paid?", "Is not leave paid?"), ("negation", "I can go", "I cannot go"),
        ("negation", "Is it not paid?", ""), ("negation", "Leave?", ""), ("numbers", "No digits", ""),
        ("names", "Does the board meet?", ""), ("paraphrase", "How long?", "Please tell me: How long?"),
    ],
)  # fmt: skip
def test_a_kind_changes_what_it_says_or_makes_no_case(kind: str, question: str, expected: str) -> None:
    assert made(question, kind) == expected


def test_a_typo_swaps_two_letters_a_number_keeps_its_width_and_a_name_becomes_another() -> None:
    typo = made("How long is leave?", "typos")
    assert sorted(typo) == sorted("How long is leave?")
    assert sum(a != b for a, b in zip(typo, "How long is leave?", strict=True)) == 2
    number = made("Pay after 30 days?", "numbers")
    assert number != "Pay after 30 days?"
    assert len(number) == len("Pay after 30 days?")
    name = made("Does Maria have leave?", "names")
    assert name.startswith("Does ")
    assert "Maria" not in name


@settings(max_examples=25)
@given(
    question=st.text(max_size=40) | st.just("Is 30 days long for Maria? I do not know."), kind=st.sampled_from([*KINDS])
)
def test_every_change_is_drawn_from_its_seed_alone_and_never_breaks(question: str, kind: str) -> None:
    one, other = (KINDS[kind].change(question, random.Random(7)) for _ in range(2))
    assert one == other
    one.encode(errors="surrogatepass")


def test_an_invariance_test_keeps_what_is_expected_and_a_directional_one_does_not() -> None:
    expected = Expected(answers=("30 days",), label="a", spans=(LabelledSpan(0, 2, "N"),), must_not=("60",))
    source = Case("c-1", "Is the trial 30 days?", expected, slices=("kind=numeric", "capability=facts"))
    found = perturb([source], ["casing", "numbers"])
    same, other = found.made
    assert (same.case_id, other.case_id) == ("c-1~casing", "c-1~numbers")
    assert same.expected.relation == Relation(RelationKind.INVARIANCE, "c-1")
    assert (same.expected.answers, same.expected.label, same.expected.spans) == (("30 days",), "a", ())
    assert other.expected.relation == Relation(RelationKind.DIRECTIONAL, "c-1")
    assert (other.expected.answers, other.expected.label, other.expected.must_not) == ((), "", ("60",))
    assert same.slices == ("kind=numeric", "capability=robustness", "perturbation=casing")
    assert {case.cluster for case in found.whole} == {"c-1"}
    assert same.provenance["made_from"] == "c-1"


def test_what_was_made_is_made_once_and_is_no_source_itself() -> None:
    first = perturb([Case("c-1", "How long is it?", Expected())], ["casing", "typos"], seed=3)
    assert perturb(first.whole, ["casing"], seed=3).made == ()
    assert [case.case_id for case in perturb(first.whole, ["punctuation"], seed=3).made] == ["c-1~punctuation"]


def test_another_seed_makes_other_cases_and_what_cannot_be_changed_is_counted() -> None:
    cases = [Case(f"c-{n}", f"How long does leave number {n} last for employees?", Expected()) for n in range(20)]
    one, other = (perturb(cases, ["typos"], seed=seed) for seed in (0, 1))
    assert [case.question for case in one.made] != [case.question for case in other.made]
    assert perturb(cases, ["negation", "names"]).unchanged["names"] == 20
    assert perturb([], ["typos"]).made == ()
    with pytest.raises(InputError, match=r"golden\.unknown_perturbation"):
        perturb(cases, ["nope"])
