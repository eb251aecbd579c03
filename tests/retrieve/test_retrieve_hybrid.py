"""The retriever: modes, scopes, today's access and what it falls back to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from retrieve_examples import catalog_with, chunk

from assay.adapters.clocks import FakeClock
from assay.adapters.hashing_embedder import HashingEmbedder
from assay.adapters.memory import MemoryCatalog
from assay.adapters.memory_index import MemoryIndex
from assay.records.access import AccessList, Scope
from assay.records.documents import Chunk
from assay.records.errors import InputError, Unavailable
from assay.records.retrieval import Query
from assay.retrieve.backfill import embed_missing
from assay.retrieve.retriever import HybridRetriever, RetrievePolicy

HR = AccessList("default", ("hr",))
EVERYONE = Scope()


def built(
    chunks: Sequence[Chunk],
    policy: RetrievePolicy = RetrievePolicy(),  # noqa: B008 - frozen
    *,
    vectors: bool = True,
) -> tuple[HybridRetriever, MemoryCatalog, MemoryIndex, HashingEmbedder]:
    catalog, index, embedder = catalog_with(chunks), MemoryIndex(), HashingEmbedder(64)
    index.add(chunks)
    index.commit()
    if vectors:
        embed_missing(index, catalog, embedder)
    return HybridRetriever(index.head(), catalog, embedder, policy, FakeClock()), catalog, index, embedder


def ids(retriever: HybridRetriever, text: str, scope: Scope = EVERYONE, **more: object) -> list[str]:
    return [item.chunk.chunk_id for item in retriever.retrieve(Query(text, scope, **more)).ranked]  # type: ignore[arg-type]


def test_both_engines_are_fused_and_every_stage_is_told() -> None:
    """A hit carries its rank and score in each engine and after fusion; every stage has a time."""
    retriever, *_ = built([chunk("a", "lemon tart"), chunk("b", "lemon soup"), chunk("c", "pear")])
    found = retriever.retrieve(Query("lemon tart", EVERYONE))
    assert found.mode == "hybrid"
    assert found.ranked[0].chunk.chunk_id == "a#0"
    assert set(found.ranked[0].stages) == {"lexical", "dense", "fused"}
    assert found.ranked[0].stages["lexical"][0] == 1
    assert found.ranked[0].score == found.ranked[0].stages["fused"][1]
    assert set(found.stage_ms) == {"embed", "lexical", "dense", "fuse", "check"}
    assert all(ms >= 0 for ms in found.stage_ms.values())


def test_without_vectors_a_search_is_lexical_and_says_so() -> None:
    """No embedder, no vectors, too few vectors or vectors of another recipe: words answer alone."""
    chunks = [chunk(f"d{i}", f"lemon {i}") for i in range(10)]
    bare, catalog, index, embedder = built(chunks, vectors=False)
    assert bare.retrieve(Query("lemon", EVERYONE)).mode == "lexical"
    few = {name: embedder.embed([name])[0] for name in index.missing_vectors(embedder.recipe)[:8]}
    index.add_vectors(embedder.recipe, few)
    partly = HybridRetriever(index.head(), catalog, embedder, RetrievePolicy(), FakeClock())
    assert partly.retrieve(Query("lemon", EVERYONE, mode="dense")).mode == "lexical"
    tolerant = HybridRetriever(index.head(), catalog, embedder, RetrievePolicy(min_vector_share=0.5), FakeClock())
    assert tolerant.retrieve(Query("lemon", EVERYONE)).mode == "hybrid"
    worded = HybridRetriever(index.head(), catalog, None, RetrievePolicy(min_vector_share=0.0), FakeClock())
    found = worded.retrieve(Query("lemon", EVERYONE))
    assert found.mode == "lexical"
    assert len(found.ranked) == 10


def test_vectors_of_another_embedder_are_not_mixed() -> None:
    """A reader that names its embedder is believed."""

    class Naming:
        def __init__(self, inner: object) -> None:
            self.inner = inner
            self.embedder = "another recipe"

        def __getattr__(self, name: str) -> object:
            return getattr(self.inner, name)

    _, catalog, index, embedder = built([chunk("a", "lemon")])
    reader = Naming(index.head())
    retriever = HybridRetriever(reader, catalog, embedder, RetrievePolicy(), FakeClock())  # type: ignore[arg-type]
    assert retriever.retrieve(Query("lemon", EVERYONE)).mode == "lexical"


def test_a_policy_of_words_only_is_kept_and_unknown_modes_are_refused() -> None:
    """A lexical policy answers hybrid requests with words; modes that do not exist are an input error."""
    retriever, *_ = built([chunk("a", "lemon")], RetrievePolicy(mode="lexical"))
    assert retriever.retrieve(Query("lemon", EVERYONE)).mode == "lexical"
    for wrong in (lambda: retriever.retrieve(Query("lemon", EVERYONE, mode="magic")), lambda: RetrievePolicy("magic")):
        with pytest.raises(InputError):
            wrong()
    for values in (
        {"candidates": 0},
        {"rrf_k": -1},
        {"min_vector_share": 2},
        {"history_turns": 99},
        {"per_document": -1},
    ):
        with pytest.raises(InputError):
            RetrievePolicy(**values)  # type: ignore[arg-type]


def test_what_was_removed_or_closed_since_the_snapshot_is_not_shown() -> None:
    """A pinned state follows today's access: tombstones and new access lists hold at once."""
    retriever, catalog, *_ = built([chunk("a", "lemon"), chunk("b", "lemon"), chunk("c", "lemon")])
    assert len(ids(retriever, "lemon")) == 3
    catalog.remove_source("file:a")
    catalog.set_access({"b": HR})
    assert ids(retriever, "lemon") == ["c#0"]
    assert ids(retriever, "lemon", Scope("default", frozenset({"hr"}))) in (["b#0", "c#0"], ["c#0", "b#0"])


def test_the_check_of_access_never_under_returns() -> None:
    """When the best hundreds are closed since the snapshot, the engines are asked for more until the limit is met."""
    best = [chunk(f"closed{i:03}", "lemon lemon lemon") for i in range(300)]
    rest = [chunk(f"open{i:03}", "lemon and a good deal of other text") for i in range(20)]
    retriever, catalog, *_ = built([*best, *rest], RetrievePolicy(candidates=10))
    catalog.set_access({c.doc_id: HR for c in best})
    found = ids(retriever, "lemon", limit=10)
    assert len(found) == 10
    assert all(name.startswith("open") for name in found)


def test_the_cap_per_document_lets_others_in() -> None:
    """At most `per_document` chunks of one document, and still as many hits as asked for."""
    chunks = [
        *[chunk("long", "lemon lemon", i) for i in range(50)],
        chunk("x", "lemon a b c d"),
        chunk("y", "lemon e f g"),
    ]
    capped, *_ = built(chunks, RetrievePolicy(per_document=2, candidates=5))
    found = ids(capped, "lemon", limit=4)
    assert sorted(name.split("#")[0] for name in found) == ["long", "long", "x", "y"]


def test_a_follow_up_is_found_through_the_turn_before_it() -> None:
    """`How long is it?` after a question about probation finds probation; without history it cannot."""
    chunks = [chunk("p", "The probation period lasts six months."), chunk("l", "The lunch break is long.")]
    retriever, *_ = built(chunks)
    history = ("What is the probation period?",)
    assert ids(retriever, "and how many months?", history=history)[0] == "p#0"
    forgetful, *_ = built(chunks, RetrievePolicy(history_turns=0, mode="lexical"))
    assert ids(forgetful, "How long?", history=history) == ["l#0"]


@pytest.mark.parametrize("query", ["", "   ", "\n"])
def test_an_empty_question_finds_nothing(query: str) -> None:
    """Blank text is no search."""
    retriever, *_ = built([chunk("a", "lemon")])
    assert ids(retriever, query) == []
    assert ids(retriever, "lemon", limit=0) == []


def test_the_recipe_names_everything_that_changes_a_result() -> None:
    """Policies that differ in any field have different recipes."""
    plain = RetrievePolicy()
    others = [
        replace(plain, mode="lexical"), replace(plain, candidates=7), replace(plain, rrf_k=1),
        replace(plain, min_vector_share=0.1), replace(plain, per_document=3), replace(plain, history_turns=0),
    ]  # fmt: skip
    assert len({policy.recipe for policy in [plain, *others]}) == 7


def test_backfill_can_be_stopped_and_goes_on_where_it_was() -> None:
    """Each batch is kept; the same words are embedded once; progress counts up to the total."""
    chunks = [*[chunk(f"d{i}", f"lemon {i}") for i in range(10)], chunk("twin", "lemon 3")]
    catalog, index, embedder = catalog_with(chunks), MemoryIndex(), HashingEmbedder(8)
    index.add(chunks)
    index.commit()
    seen: list[tuple[int, int]] = []
    stops = iter([False, True])
    assert embed_missing(index, catalog, embedder, batch=4, stop=lambda: next(stops)) == 4
    assert embed_missing(index, catalog, embedder, batch=4, progress=lambda *now: seen.append(now)) == 7
    assert seen == [(4, 7), (7, 7)]
    assert embed_missing(index, catalog, embedder) == 0
    assert index.head().vectors == 11


@settings(max_examples=25, deadline=None)
@given(
    groups=st.lists(st.sampled_from(["", "hr", "dev"]), min_size=1, max_size=12),
    closed=st.sets(st.integers(0, 11)),
    mine=st.frozensets(st.sampled_from(["hr", "dev"])),
    mode=st.sampled_from(["lexical", "dense", "hybrid"]),
)
def test_nobody_ever_sees_what_their_scope_denies(
    groups: list[str], closed: set[int], mine: frozenset[str], mode: str
) -> None:
    """Whatever the lists at indexing and today, a hit is allowed by both, and every such chunk is found."""
    chunks = [
        chunk(f"d{i:02}", "lemon", access=AccessList("default", (group,) if group else ()))
        for i, group in enumerate(groups)
    ]
    retriever, catalog, *_ = built(chunks, RetrievePolicy(candidates=2))
    catalog.set_access({f"d{i:02}": AccessList("nobody") for i in closed})
    scope = Scope("default", mine)
    expected = {c.chunk_id for i, c in enumerate(chunks) if i not in closed and scope.allows(c.access)}
    assert set(ids(retriever, "lemon", scope, limit=50, mode=mode)) == expected


class Away(HashingEmbedder):
    """An endpoint that made the vectors and does not answer now."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        raise Unavailable("embedder.dropped", "away")


def test_while_the_embedder_is_away_words_answer_and_the_mode_says_so() -> None:
    """A hybrid search costs quality for a while, not the answer; a dense one has nothing else and fails."""
    _, catalog, index, _ = built([chunk("a", "lemon tart"), chunk("b", "pear")])
    retriever = HybridRetriever(index.head(), catalog, Away(64), RetrievePolicy(), FakeClock())
    found = retriever.retrieve(Query("lemon", EVERYONE))
    assert (found.mode, [item.chunk.chunk_id for item in found.ranked]) == ("lexical", ["a#0"])
    with pytest.raises(Unavailable):
        retriever.retrieve(Query("lemon", EVERYONE, mode="dense"))
