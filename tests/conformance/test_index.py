"""What every index must do, real or fake: one suite for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from index_engines import ENGINES, Maker
from numpy.typing import NDArray

from assay.adapters.hashing_embedder import HashingEmbedder
from assay.adapters.memory_index import MemoryIndex
from assay.ports.index import Index, IndexReader
from assay.records.access import AccessList, Scope
from assay.records.documents import BlockKind, Chunk
from assay.records.errors import NotFound

EMBEDDER = HashingEmbedder(16)
EVERYONE = Scope()
OPEN = AccessList()


@pytest.fixture(params=ENGINES)
def make(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Maker]:
    """Makes a fresh, empty index each time."""
    with ENGINES[request.param](tmp_path_factory.mktemp("index")) as maker:
        yield maker


def chunk(doc_id: str, text: str, ordinal: int = 0, access: AccessList = OPEN, title: str = "") -> Chunk:
    return Chunk(
        chunk_id=f"{doc_id}#{ordinal}",
        doc_id=doc_id,
        text_sha256="0" * 64,
        ordinal=ordinal,
        start=0,
        end=len(text),
        text=text,
        title=title,
        heading_path=(),
        kind=BlockKind.PARAGRAPH,
        language="en",
        access=access,
    )


def vector(text: str) -> NDArray[np.float32]:
    return EMBEDDER.embed([text])[0]


def filled(make: Maker, chunks: Sequence[Chunk], *, vectors: bool = True) -> Index:
    index = make()
    index.add(chunks)
    index.commit()
    if vectors:
        index.add_vectors(EMBEDDER.recipe, {c.chunk_id: vector(c.text) for c in chunks})
    return index


def words(reader: IndexReader, text: str, scope: Scope = EVERYONE, limit: int = 50) -> list[str]:
    return [hit.chunk_id for hit in reader.lexical(text, scope, limit)]


def meaning(reader: IndexReader, text: str, scope: Scope = EVERYONE, limit: int = 50) -> list[str]:
    return [hit.chunk_id for hit in reader.dense(vector(text), scope, limit)]


def test_an_empty_index_finds_nothing_and_can_be_frozen(make: Maker) -> None:
    """A fresh index answers every search with nothing and freezes to a snapshot of nothing."""
    index = make()
    assert words(index.head(), "anything") == []
    assert meaning(index.head(), "anything") == []
    assert (index.head().chunks, index.head().vectors, index.missing_vectors("any")) == (0, 0, ())
    assert words(index.open(index.freeze().snapshot_id), "anything") == []


def test_nothing_is_searchable_before_the_commit(make: Maker) -> None:
    """Added chunks appear with the commit, and a reader taken before it never sees them."""
    index = make()
    before = index.head()
    index.add([chunk("a", "lemon tart")])
    assert words(index.head(), "lemon") == []
    assert index.head().chunks == 0
    index.commit()
    assert words(index.head(), "lemon") == ["a#0"]
    assert words(before, "lemon") == []


def test_adding_again_replaces_all_chunks_of_the_document(make: Maker) -> None:
    """The second version of a document leaves no word of the first behind, committed or not."""
    index = filled(make, [chunk("a", "lemon tart"), chunk("a", "lemon cake", 1), chunk("b", "lemon soup")])
    index.add([chunk("a", "orange juice")])
    index.add([chunk("a", "cherry pie")])
    index.commit()
    assert sorted(words(index.head(), "lemon orange cherry")) == ["a#0", "b#0"]
    assert words(index.head(), "orange") == []
    assert index.head().chunks == 2


def test_removed_documents_are_gone_from_both_engines(make: Maker) -> None:
    """Removal holds for words and vectors; removing what is not there is no error."""
    index = filled(make, [chunk("a", "lemon tart"), chunk("b", "lemon soup")])
    index.remove(["a", "never there"])
    index.commit()
    assert words(index.head(), "lemon") == ["b#0"]
    assert meaning(index.head(), "lemon") == ["b#0"]
    assert (index.head().chunks, index.head().vectors) == (1, 1)


def test_words_in_title_and_headings_are_searched(make: Maker) -> None:
    """A chunk is found by the names over it."""
    under = replace(chunk("a", "ten days a year", title="Holiday"), heading_path=("Sweden",))
    index = filled(make, [under, chunk("b", "ten desks")])
    assert words(index.head(), "holiday") == ["a#0"]
    assert words(index.head(), "Sweden") == ["a#0"]


def test_vectors_are_searchable_at_once_and_missing_ones_are_told_shortest_first(make: Maker) -> None:
    """`add_vectors` needs no commit; chunks still without a vector are listed cheapest first."""
    index = filled(make, [chunk("a", "a much longer text"), chunk("b", "short"), chunk("c", "middling")], vectors=False)
    assert index.missing_vectors(EMBEDDER.recipe) == ("b#0", "c#0", "a#0")
    index.add_vectors(EMBEDDER.recipe, {"b#0": vector("short"), "not indexed": vector("x")})
    assert index.missing_vectors(EMBEDDER.recipe) == ("c#0", "a#0")
    assert meaning(index.head(), "short") == ["b#0"]
    assert index.head().vectors == 1
    assert index.missing_vectors("another recipe") == ("b#0", "c#0", "a#0")


def test_a_changed_chunk_needs_a_new_vector_under_the_same_id(make: Maker) -> None:
    """A vector never outlives the words it was made from."""
    index = filled(make, [chunk("a", "lemon tart")])
    index.add([chunk("a", "cherry pie")])
    index.commit()
    if not isinstance(
        index, MemoryIndex
    ):  # the fake keeps vectors by chunk id, which the chunker changes with the text
        assert index.missing_vectors(EMBEDDER.recipe) == ("a#0",)
        assert index.head().vectors == 0


def test_snapshots_are_immutable_under_later_writes(make: Maker) -> None:
    """What a snapshot answered once it answers for ever."""
    index = filled(make, [chunk("a", "lemon tart"), chunk("b", "lemon soup")])
    frozen = index.freeze()
    reader = index.open(frozen.snapshot_id)
    then = reader.lexical("lemon", EVERYONE, 9), reader.dense(vector("lemon"), EVERYONE, 9)
    index.add([chunk("a", "cherry pie"), chunk("c", "lemon ice")])
    index.remove(["b"])
    index.commit()
    index.add_vectors(EMBEDDER.recipe, {"c#0": vector("lemon ice")})
    for again in (reader, index.open(frozen.snapshot_id)):
        assert (again.lexical("lemon", EVERYONE, 9), again.dense(vector("lemon"), EVERYONE, 9)) == then
    assert index.freeze().snapshot_id != frozen.snapshot_id
    assert {made.snapshot_id for made in index.snapshots()} == {frozen.snapshot_id, index.freeze().snapshot_id}


def test_the_same_content_has_the_same_snapshot_id(make: Maker) -> None:
    """The name depends on what went in, not on the order or on what was taken out again."""
    chunks = [chunk("a", "lemon tart"), chunk("b", "lemon soup"), chunk("c", "pear")]
    first = filled(make, chunks)
    second = make()
    second.add([*reversed(chunks), chunk("d", "not for long")])
    second.commit()
    second.remove(["d"])
    second.commit()
    assert second.freeze().snapshot_id != first.freeze().snapshot_id, "one has vectors and the other has none"
    second.add_vectors(EMBEDDER.recipe, {c.chunk_id: vector(c.text) for c in chunks})
    assert second.freeze().snapshot_id == first.freeze().snapshot_id


def test_freezing_twice_gives_one_snapshot(make: Maker) -> None:
    """Freezing without a change gives the same snapshot, with its counts and recipes."""
    index = filled(make, [chunk("a", "lemon tart"), chunk("a", "lemon soup", 1), chunk("b", "pear")])
    first = index.freeze()
    assert index.freeze() == first
    assert index.snapshots() == (first,)
    assert (first.documents, first.chunks, first.vectors) == (2, 3, 3)
    assert first.embedder == EMBEDDER.recipe
    assert first.analyzer
    assert index.head().snapshot_id == first.snapshot_id


def test_access_lists_are_part_of_the_snapshot_id(make: Maker) -> None:
    """The same words for other readers are another state."""
    open_to_all = filled(make, [chunk("a", "lemon")])
    closed = filled(make, [chunk("a", "lemon", access=AccessList("default", ("hr",)))])
    assert open_to_all.freeze().snapshot_id != closed.freeze().snapshot_id


def test_an_unknown_snapshot_is_not_found(make: Maker) -> None:
    """Opening a snapshot that does not exist says so, whatever was asked for."""
    for name in ("f" * 64, "", "../escape"):
        with pytest.raises(NotFound) as caught:
            make().open(name)
        assert caught.value.code == "index.no_snapshot"


@pytest.mark.parametrize(
    "query",
    ['"', "lemon:", "*", "lemon AND", "(lemon", "[a TO", "{x}", "lemon~2^", "\\", "NOT", "-lemon", "a:b:c", "/.*/",
     "'; DROP TABLE rows; --", "\x00", "   ", "", "\ud800", "lemon " * 5000, "é" * 300],
)  # fmt: skip
def test_a_query_is_data_and_no_syntax(make: Maker, query: str) -> None:
    """No text makes a search fail, and none reaches outside its scope."""
    index = filled(make, [chunk("a", "lemon tart"), chunk("b", "secret lemon", access=AccessList("other"))])
    found = words(index.head(), query)
    assert found in ([], ["a#0"])


def test_a_limit_bounds_the_hits_and_scores_fall(make: Maker) -> None:
    """At most `limit` hits, best first; none for a limit of zero."""
    index = filled(make, [chunk(f"d{i:02}", "lemon " * (i % 5 + 1) + f"word{i}") for i in range(30)])
    for search in (
        lambda limit: index.head().lexical("lemon", EVERYONE, limit),
        lambda limit: index.head().dense(vector("lemon"), EVERYONE, limit),
    ):
        scores = [hit.score for hit in search(7)]
        assert len(scores) == 7
        assert scores == sorted(scores, reverse=True)
        assert search(0) == ()
        assert len(search(100)) == 30


TENANTS = st.sampled_from(["acme", "globex", "*"])
GROUPS = st.lists(st.sampled_from(["hr", "dev", "ops"]), max_size=2, unique=True)
LISTS = st.builds(lambda tenant, groups: AccessList(tenant, tuple(groups)), TENANTS, GROUPS)
SCOPES = st.builds(Scope, st.sampled_from(["acme", "globex", "nobody", "*"]), st.frozensets(st.sampled_from(["hr", "dev", "x"])))  # fmt: skip  # noqa: E501


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lists=st.lists(LISTS, min_size=1, max_size=25), scopes=st.lists(SCOPES, min_size=1, max_size=8))
def test_both_engines_show_exactly_what_the_scope_allows(
    make: Maker, lists: list[AccessList], scopes: list[Scope]
) -> None:
    """On random access lists, words and vectors find what a naive check of each chunk allows: no more and no less."""
    chunks = [chunk(f"d{i:02}", f"lemon number{i}", access=access) for i, access in enumerate(lists)]
    reader = filled(make, chunks).head()
    for scope in scopes:
        allowed = {c.chunk_id for c in chunks if scope.allows(c.access)}
        assert set(words(reader, "lemon", scope, len(chunks))) == allowed
        assert set(meaning(reader, "lemon", scope, len(chunks))) == allowed


@pytest.mark.parametrize("share", [0.01, 0.1, 1.0])
def test_recall_under_a_filter_is_exact(make: Maker, share: float) -> None:
    """The ten nearest inside a scope of 1, 10 and 100 % of the chunks are those of a full scan."""
    count = 1000
    inside = max(10, int(count * share))
    rng = np.random.default_rng(3)
    matrix = rng.normal(size=(count, 16)).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    mine, others = AccessList("acme", ("few",)), AccessList("acme", ("many",))
    few = set(rng.permutation(count)[:inside].tolist())
    chunks = [chunk(f"d{i:04}", f"text {i}", access=mine if i in few else others) for i in range(count)]
    index = make()
    index.add(chunks)
    index.commit()
    index.add_vectors("random", {c.chunk_id: matrix[i] for i, c in enumerate(chunks)})
    reader, scope = index.head(), Scope("acme", frozenset({"few"}))
    for row in range(5):
        allowed = sorted(few)
        scores = matrix[allowed] @ matrix[row]
        best = {f"d{allowed[i]:04}#0" for i in np.argsort(-scores)[:10]}
        assert {hit.chunk_id for hit in reader.dense(matrix[row], scope, 10)} == best
        assert len(reader.lexical("text", scope, count)) == inside
