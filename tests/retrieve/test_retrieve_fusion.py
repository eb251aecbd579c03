"""Reciprocal rank fusion, follow-up weights and the names over a chunk."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from retrieve_examples import chunk

from assay.records.retrieval import Hit, Ranked
from assay.retrieve.followup import weighted_text, weighted_turns, weighted_vector
from assay.retrieve.fuse import best_of_documents, reciprocal_ranks
from assay.retrieve.wording import embedding_text, names_over

RANKING = st.lists(st.sampled_from("abcdefgh"), unique=True).map(
    lambda ids: tuple(Hit(name, float(len(ids) - i)) for i, name in enumerate(ids))
)


@given(st.lists(RANKING, max_size=4), st.randoms())
def test_fusion_does_not_depend_on_the_order_of_the_rankings(rankings: list[tuple[Hit, ...]], random) -> None:  # type: ignore[no-untyped-def]
    """Symmetric to the last bit, under any names."""
    turned = list(rankings)
    random.shuffle(turned)
    assert reciprocal_ranks({str(i): r for i, r in enumerate(rankings)}) == reciprocal_ranks(
        {f"x{i}": r for i, r in enumerate(turned)}
    )


@given(RANKING, RANKING, st.integers(0, 100))
def test_a_better_rank_never_lowers_a_chunk(first: tuple[Hit, ...], second: tuple[Hit, ...], k: int) -> None:
    """Monotone: moving a chunk up by one place in one ranking does not move it down in the fusion."""
    fused = [hit.chunk_id for hit in reciprocal_ranks({"a": first, "b": second}, k)]
    for place in range(1, len(first)):
        raised = list(first)
        raised[place - 1], raised[place] = raised[place], raised[place - 1]
        mine = first[place].chunk_id
        after = [hit.chunk_id for hit in reciprocal_ranks({"a": raised, "b": second}, k)]
        assert after.index(mine) <= fused.index(mine)


@given(RANKING)
def test_fusing_one_ranking_keeps_its_order(ranking: tuple[Hit, ...]) -> None:
    """One opinion alone is not changed."""
    assert [hit.chunk_id for hit in reciprocal_ranks({"only": ranking})] == [hit.chunk_id for hit in ranking]


def test_a_known_fusion() -> None:
    """1/61 + 1/62 for a chunk that is first and second."""
    fused = reciprocal_ranks({"l": (Hit("a", 9.0), Hit("b", 8.0)), "d": (Hit("c", 0.9), Hit("a", 0.8))})
    assert [hit.chunk_id for hit in fused] == ["a", "c", "b"]
    assert fused[0].score == pytest.approx(1 / 61 + 1 / 62)


def test_the_best_chunk_of_each_document_is_kept() -> None:
    """Documents in order of their best chunk."""
    ranked = [Ranked(chunk(doc, "t", i), 1.0 - i / 10) for i, doc in enumerate("abacb")]
    assert [item.chunk.ordinal for item in best_of_documents(ranked)] == [0, 1, 3]
    assert [item.chunk.ordinal for item in best_of_documents(ranked, 2)] == [0, 1, 2, 3, 4]


def test_each_earlier_turn_counts_half() -> None:
    """Newest first, weights halve, empty turns and those before the limit are left out."""
    assert weighted_turns("q", ["one", "two", " ", "three"], 2) == (("q", 4), ("three", 2), ("two", 1))
    assert weighted_turns("q", [], 3) == (("q", 1),)
    assert weighted_turns("q", ["one"], 0) == (("q", 1),)
    assert weighted_text((("q", 2), ("h", 1))) == "q\nq\nh"


def test_the_mean_of_turns_is_a_unit_vector() -> None:
    """Weighted mean of length 1; the question alone when the turns cancel out."""
    rows = np.eye(4, dtype=np.float32)[:2]
    mean = weighted_vector(rows, [2, 1])
    assert float(np.linalg.norm(mean)) == pytest.approx(1.0)
    assert float(mean[0] / mean[1]) == pytest.approx(2.0)
    assert np.array_equal(weighted_vector(np.stack([rows[0], -rows[0]]), [1, 1]), rows[0])


def test_names_over_a_chunk_stand_once_and_not_before_a_text_that_opens_with_them() -> None:
    """Title and headings are read before the text, without repeating what the text begins with."""
    under = chunk("a", "Setup\n\nInstall it.", title="Guide", path=("Guide", "Setup", " Linux \n x "))
    assert names_over(under) == ("Guide", "Setup", "Linux x")
    assert embedding_text(under) == "Guide\nLinux x\nSetup\n\nInstall it."
    assert embedding_text(chunk("a", "text")) == "text"
