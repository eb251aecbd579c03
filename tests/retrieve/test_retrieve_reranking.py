"""The learned stage: what it may change, what it may not, and what it reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from retrieve_examples import catalog_with, chunk

from assay.adapters.clocks import FakeClock
from assay.adapters.hashing_embedder import HashingEmbedder
from assay.adapters.memory_index import MemoryIndex
from assay.ports.answering import Reranker
from assay.records.access import AccessList, Scope
from assay.records.errors import CannotJudge
from assay.records.retrieval import Query, Ranked
from assay.retrieve.analysis import Analyzer
from assay.retrieve.backfill import embed_missing
from assay.retrieve.features import FEATURES, CandidateFeatures
from assay.retrieve.linear_ranker import LinearRanker, read_ranker
from assay.retrieve.occurrences import TermCodes
from assay.retrieve.reorder import reordered
from assay.retrieve.retriever import HybridRetriever, RetrievePolicy

ALL = Scope()
HEADS_FIRST = LinearRanker({"coverage_head": 100.0})


def ranked(*texts: str, history_of: str = "lemon") -> list[Ranked]:
    """Candidates in fused order, found by both engines."""
    return [
        Ranked(
            chunk(f"d{i}", text, title=f"T{i}"),
            1.0 / (i + 1),
            {"lexical": (i + 1, 9.0 - i), "dense": (i + 1, 0.9 - i / 10), "fused": (i + 1, 1.0 / (i + 1))},
        )
        for i, text in enumerate(texts)
    ]


def columns(query: Query, found: Sequence[Ranked]) -> dict[str, np.ndarray]:
    return dict(zip(FEATURES, CandidateFeatures()(query, found).T, strict=True))


def searching(reranker: Reranker | None, policy: RetrievePolicy = RetrievePolicy(), **more: AccessList):  # noqa: B008
    chunks = [
        chunk("a", "lemon lemon lemon tart", title="Baking", access=more.get("a", AccessList())),
        chunk("b", "lemon soup", title="Starters"),
        chunk("c", "pear and lemon", title="Lemon"),
    ]
    catalog, index, embedder = catalog_with(chunks), MemoryIndex(), HashingEmbedder(64)
    index.add(chunks)
    index.commit()
    embed_missing(index, catalog, embedder)
    return HybridRetriever(index.head(), catalog, embedder, policy, FakeClock(), reranker), catalog


def test_the_learned_stage_reorders_and_is_told() -> None:
    """What the weights prefer comes first, carries the stage `reranked`, and the stage has its time."""
    plain, _ = searching(None)
    learned, _ = searching(HEADS_FIRST)
    before, after = plain.retrieve(Query("lemon", ALL)), learned.retrieve(Query("lemon", ALL))
    assert after.ranked[0].chunk.title == "Lemon"
    assert before.ranked[0].chunk.title != "Lemon"
    assert [item.stages["reranked"][0] for item in after.ranked] == [1, 2, 3]
    assert {item.chunk.chunk_id for item in before.ranked} == {item.chunk.chunk_id for item in after.ranked}
    assert "rerank" in after.stage_ms
    assert "rerank" not in before.stage_ms
    assert learned.recipe != plain.recipe


def test_scores_keep_their_unit_and_fall_with_the_rank() -> None:
    """The fused scores are dealt out again, so that whoever reads them sees the same values in the same order."""
    plain, _ = searching(None)
    learned, _ = searching(HEADS_FIRST)
    before = [item.score for item in plain.retrieve(Query("lemon", ALL)).ranked]
    assert [item.score for item in learned.retrieve(Query("lemon", ALL)).ranked] == before


def test_a_reranker_looks_past_the_limit_but_never_returns_more() -> None:
    """With a limit of one the best of the pool is shown, not the best of one."""
    learned, _ = searching(HEADS_FIRST)
    found = learned.retrieve(Query("lemon", ALL, limit=1)).ranked
    assert [item.chunk.title for item in found] == ["Lemon"]


@dataclass
class Rogue:
    """A reranker that tries to widen access: it adds, changes and forgets."""

    seen: list[str]
    recipe: str = "rogue"
    pool: int = 10

    def rerank(self, query: Query, ranked: Sequence[Ranked]) -> tuple[Ranked, ...]:
        self.seen.extend(item.chunk.doc_id for item in ranked)
        first = ranked[0]
        stolen = Ranked(chunk("secret", "the secret"), 9.0)
        return (stolen, replace(first, chunk=replace(first.chunk, text="changed")), first)


def test_a_reranker_sees_only_what_passed_todays_access_and_can_add_nothing() -> None:
    """What was closed since indexing never reaches the model, and what it invents, doubles or changes is left out."""
    rogue = Rogue([])
    retriever, catalog = searching(rogue)
    catalog.set_access({"a": AccessList("default", ("hr",))})
    found = retriever.retrieve(Query("lemon", ALL)).ranked
    assert sorted(rogue.seen) == ["b", "c"]
    assert sorted(item.chunk.doc_id for item in found) == ["b", "c"]
    assert all("changed" not in item.chunk.text for item in found)


@given(
    kept=st.permutations(range(6)),
    asked=st.lists(st.integers(0, 9), max_size=8),
)
def test_reordering_is_a_permutation_whatever_is_proposed(kept: list[int], asked: list[int]) -> None:
    """Every checked candidate appears once, none else, in the proposed order where one was proposed."""
    checked = [Ranked(chunk(f"d{i}", "x"), float(10 - place)) for place, i in enumerate(kept)]
    found = reordered(checked, [Ranked(chunk(f"d{i}", "y"), 0.0) for i in asked])
    names = [item.chunk.doc_id for item in found]
    assert sorted(names) == sorted(f"d{i}" for i in kept)
    proposed = list(dict.fromkeys(f"d{i}" for i in asked if i < 6))
    assert names[: len(proposed)] == proposed
    assert all(item.chunk.text == "x" for item in found)
    assert [item.score for item in found] == sorted((item.score for item in checked), reverse=True)


def test_without_evidence_a_ranker_is_plain_fusion() -> None:
    """No weights, no change of order: the fallback of the learned stage is what there was."""
    found = ranked("lemon", "lemon tart", "pear")
    assert [r.chunk.doc_id for r in LinearRanker({}).rerank(Query("lemon tart", ALL), found)] == ["d0", "d1", "d2"]


def test_where_only_words_took_part_the_order_stays() -> None:
    """A ranker weighs both engines against each other; with one of them silent it says nothing."""
    found = [
        replace(item, stages={"lexical": item.stages["lexical"], "fused": item.stages["fused"]})
        for item in ranked("pear", "lemon")
    ]
    assert LinearRanker({"coverage": 99.0}).rerank(Query("lemon", ALL), found) == tuple(found)


def test_only_the_pool_moves() -> None:
    """Candidates behind the pool keep their places and have no rank of this stage."""
    found = ranked("pear", "plum", "lemon", "lemon tart")
    moved = LinearRanker({"coverage": 99.0}, pool=3).rerank(Query("lemon", ALL), found)
    assert [r.chunk.doc_id for r in moved] == ["d2", "d0", "d1", "d3"]
    assert "reranked" not in moved[3].stages


def test_features_tell_words_order_numbers_and_headings() -> None:
    """Known answers for the features that people would expect to matter."""
    found = ranked("error 4021 means a tart crust", "a crust of tart", "nothing of this", "the xtartx")
    found[2] = replace(found[2], chunk=replace(found[2].chunk, heading_path=("Tart crust",)))
    told = columns(Query("tart crust 4021", ALL), found)
    assert told["coverage_body"][0] == pytest.approx(1.0)
    assert told["all_terms"].tolist() == pytest.approx([1.0, 2 / 3, 2 / 3, 0.0])
    assert told["numbers"].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert told["coverage_head"][2] > 0
    assert told["coverage_head"][:2].tolist() == [0.0, 0.0]
    assert told["neighbours"][0] > 0
    assert told["neighbours"][1] == 0.0, "the other way round is another phrase"
    assert told["neighbours_head"][2] > 0
    assert told["in_both"].tolist() == [1.0] * 4
    told = columns(Query("kuchen", ALL), ranked("Apfelkuchen", "Torte"))
    assert told["inside_words"].tolist() == [1.0, 0.0], "a compound holds the word that was asked for"


def test_words_of_earlier_turns_are_seen_apart_from_those_of_the_question() -> None:
    """A follow-up's own words and those it leans on are two features."""
    told = columns(
        Query("how long", ALL, history=("tell me of parental leave",)), ranked("parental leave", "long sleep")
    )
    assert told["earlier_turns"][0] > 0
    assert told["earlier_turns"][1] == 0.0
    assert told["coverage"].tolist() == [0.0, 1.0]


def test_documents_with_several_candidates_support_each_other() -> None:
    """Siblings count by how strong they are; newer is told apart from older."""
    found = ranked("lemon", "lemon", "lemon")
    found[1] = replace(found[1], chunk=replace(found[1].chunk, doc_id="d0", modified_at="2026-05-01T00:00:00Z"))
    told = columns(Query("lemon", ALL), found)
    assert told["siblings"][0] == told["siblings"][1] > told["siblings"][2]
    assert told["sibling_strength"][1] > told["sibling_strength"][0] > told["sibling_strength"][2] == 0.0
    assert told["freshness"][1] > told["freshness"][0]


TEXT = st.text(st.sampled_from("ab zé漢字1,.-'\u0e01\n\t"), max_size=40)


@settings(max_examples=60, deadline=None)
@given(question=TEXT, earlier=st.lists(TEXT, max_size=2), texts=st.lists(TEXT, min_size=1, max_size=4))
def test_features_are_finite_for_any_text(question: str, earlier: list[str], texts: list[str]) -> None:
    """Whatever a question and its candidates hold, there is a number in every cell."""
    found = CandidateFeatures()(Query(question, ALL, history=tuple(earlier)), ranked(*texts))
    assert found.shape == (len(texts), len(FEATURES))
    assert np.isfinite(found).all()


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(TEXT, min_size=1, max_size=4), group=st.sampled_from(["en", "de", "und"]))
def test_remembered_words_give_the_analysers_terms(texts: list[str], group: str) -> None:
    """Counting by remembered words is counting what the analyser finds, however often it is asked."""
    analyzer = Analyzer()
    expected = [analyzer.terms(text, group) for text in texts]
    terms = tuple(dict.fromkeys(term for found in expected for term in found))
    codes = TermCodes(analyzer, group)
    for _ in range(2):
        counted = codes.find(texts, terms).counts()
        for row, found in enumerate(expected):
            assert [found.count(term) for term in terms] == counted[row, : len(terms)].tolist()


def test_a_ranker_is_read_back_from_json_as_it_was() -> None:
    """Plain data through and through: the same scores after a trip through JSON."""
    ranker = LinearRanker({"coverage": 0.1234567890123, "dense_z": -2.0}, pool=7)
    again = read_ranker(json.loads(json.dumps(ranker.content())))
    assert again == ranker
    assert again.recipe == ranker.recipe


@pytest.mark.parametrize(
    "change",
    [
        {"recipe": "pickle.v1"},
        {"weights": {"no_such_feature": 1.0}},
        {"weights": {"coverage": float("nan")}},
        {"weights": {"coverage": "1"}},
        {"weights": [1.0]},
        {"pool": 1},
        {"pool": 10**9},
        {"features": "candidate_features.v0"},
    ],
)
def test_content_that_is_none_of_ours_is_refused(change: dict[str, object]) -> None:
    """A ranker whose meaning is not known exactly never ranks."""
    with pytest.raises(CannotJudge) as caught:
        read_ranker({**LinearRanker({"coverage": 1.0}).content(), **change})
    assert caught.value.code == "ranker.unreadable"
