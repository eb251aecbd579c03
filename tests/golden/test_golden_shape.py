"""Splits keep clusters whole, differences tell what changed, and the data sheet renders nobody's text as markup."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from assay.golden.difference import Change, Move, SliceEffect, difference
from assay.golden.problems import Finding
from assay.golden.sheet import data_sheet
from assay.golden.splits import divide
from assay.records.errors import InputError
from assay.records.golden import Case, Evidence, Expected, GoldenSet, Relation, RelationKind

SHARES = {"dev": 0.3, "test": 0.7}


def golden(clusters: list[str]) -> GoldenSet:
    return GoldenSet("g", tuple(Case(f"c-{n}", f"q {n}", Expected(), cluster=c) for n, c in enumerate(clusters)))


def splits(made: GoldenSet) -> dict[str, str]:
    return {case.case_id: case.split for case in made.cases}


@given(st.lists(st.sampled_from(["", "a", "b", "c", "d"]), max_size=20), st.integers(0, 99))
def test_a_cluster_stands_in_one_split_and_never_moves_when_cases_are_added(clusters: list[str], seed: int) -> None:
    made = divide(golden(clusters), SHARES, seed)
    for cluster in set(clusters) - {""}:
        assert len({case.split for case in made.cases if case.cluster == cluster}) == 1
    more = divide(golden([*clusters, "e", "a", ""]), SHARES, seed)
    assert splits(made).items() <= splits(more).items()


def test_a_case_stands_in_the_split_of_the_one_it_was_made_from() -> None:
    def made(at: int) -> Case:
        relation = Relation(RelationKind.INVARIANCE, f"c{at - 1}") if at % 3 else None
        return Case(f"c{at}", "q?", Expected(relation=relation))

    split = {
        case.case_id: case.split for case in divide(GoldenSet("g", tuple(made(at) for at in range(60))), SHARES).cases
    }
    assert all(split[f"c{at}"] == split[f"c{at - at % 3}"] for at in range(60))
    assert len(set(split.values())) == 2


def test_shares_hold_on_average_and_another_seed_divides_otherwise() -> None:
    many = golden([""] * 2000)
    one, other = divide(many, SHARES, 1), divide(many, SHARES, 2)
    assert 0.27 < sum(case.split == "dev" for case in one.cases) / 2000 < 0.33
    assert splits(one) != splits(other)
    assert splits(one) == splits(divide(many, SHARES, 1))


@pytest.mark.parametrize("shares", [{}, {"a": 0.5}, {"a": 1.5, "b": -0.5}])
def test_shares_that_do_not_divide_a_whole_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(InputError, match=r"golden\.bad_shares"):
        divide(golden(["a"]), shares)


def test_a_difference_names_what_was_added_removed_and_changed_and_what_slices_hold_now() -> None:
    old = GoldenSet(
        "g", (Case("a", "1", Expected()), Case("b", "2", Expected(), slices=("s",)), Case("c", "3", Expected()))
    )
    moved = Case("c", "3", Expected(), slices=("s",), split="dev")
    new = GoldenSet("g", (Case("d", "4", Expected()), moved, Case("b", "two", Expected(label="x"), slices=("s",))))
    found = difference(old, new)
    assert (found.added, found.removed, found.changed, found.unchanged) == (("d",), ("a",), ("c", "b"), 0)
    assert found.changes == (Change("c", ("slices", "split")), Change("b", ("question", "expected.label")))
    assert found.moves == (Move("c", "test", "dev"),)
    assert found.slices == (SliceEffect("", 3, 3, 1), SliceEffect("s", 1, 2, 0))
    assert difference(old, old).slices == ()


def test_the_sheet_counts_cites_and_lists_findings() -> None:
    cases = (
        Case("a", "q", Expected(answers=("x",), evidence=(Evidence("d1", "x"), Evidence("d2"))), slices=("kind=n",)),
        Case("b", "q", Expected(answerable=False), provenance={"author": "Kim"}),
    )
    made = GoldenSet("helpdesk", cases, "2026-01-01")
    sheet = data_sheet(made, [Finding("error", "golden.near_duplicate", "b", "$", "")])
    for line in (
        "# Golden set helpdesk",
        f"helpdesk@{made.version}",
        "| unanswerable | 1 |",
        "| with evidence in several documents | 1 |",
        "| kind=n | 1 |",
        "| author | Kim (1) |",
        "| (not stated) | 1 cases |",
        "| error: golden.near_duplicate | 1 |",
    ):
        assert line in sheet


def test_names_from_the_set_cannot_become_markup() -> None:
    hostile = "<img src=x onerror=alert(1)> | [a](javascript:1) `x`\n# heading"
    made = GoldenSet(hostile, (Case("a", "q", Expected(), slices=(hostile,), provenance={hostile: hostile}),))
    page = MarkdownIt("commonmark").enable("table").render(data_sheet(made))
    assert page.count("<h1>") == 1
    assert "<img" not in page
    assert "<a " not in page
    assert page.count("<table>") == 3
    assert page.count("alert(1)") == 5
