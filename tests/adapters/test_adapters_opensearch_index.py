"""The OpenSearch adapter under what a cluster, a crash and other writers do to it; and what the stand-in refuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

import lance_worker as worker
from assay.adapters import turns
from assay.adapters.clocks import FakeClock
from assay.adapters.opensearch_index import ledger, reader
from assay.adapters.opensearch_index.index import OpenSearchIndex
from assay.adapters.opensearch_index.rows import _LIFE, _SETTINGS, Rows, prepared
from assay.adapters.opensearch_index.server import Server
from assay.records.access import AccessList, Scope
from assay.records.errors import AssayError, Busy, CannotJudge, ConfigError, NotFound, Unavailable
from assay.retrieve.analysis import Analyzer
from opensearch_server import OpenSearchServer, opensearch_server

EMBEDDER = worker.EMBEDDER
EVERYONE = Scope()
chunk = worker.chunk


@pytest.fixture
def server() -> Iterator[OpenSearchServer]:
    with opensearch_server() as server:
        yield server


def opened(server: OpenSearchServer, clock: FakeClock | None = None) -> OpenSearchIndex:
    return OpenSearchIndex(server.url, "docs", clock=clock)


def filled(index: OpenSearchIndex, count: int = 3) -> OpenSearchIndex:
    chunks = [chunk(f"d{i}", f"lemon number{i}") for i in range(count)]
    index.add(chunks)
    index.commit()
    index.add_vectors(EMBEDDER.recipe, {c.chunk_id: EMBEDDER.embed([c.text])[0] for c in chunks})
    return index


def words(index: OpenSearchIndex, text: str) -> list[str]:
    return sorted(hit.chunk_id for hit in index.head().lexical(text, EVERYONE, 99))


def rows_of(server: OpenSearchServer) -> int:
    """Documents of words and of vectors that the cluster holds, dead ones too."""
    return sum(len(i.documents) for name, i in server.cluster.indexes.items() if not name.endswith("-ledger"))


def test_an_outage_is_unavailable_and_ends_without_a_restart(server: OpenSearchServer) -> None:
    """While the cluster is away reads and writes say so; when it is back the same objects go on."""
    writing, reading = filled(opened(server)), opened(server)
    assert words(reading, "lemon") == ["d0#0", "d1#0", "d2#0"]
    held = reading.head()
    server.go_away()
    writing.add([chunk("new", "lemon")])
    vector = EMBEDDER.embed(["lemon"])[0]
    for call in (
        reading.head,
        lambda: held.lexical("lemon", EVERYONE, 9),
        lambda: held.dense(vector, EVERYONE, 9),
        writing.commit,
        lambda: writing.add_vectors(EMBEDDER.recipe, {"d0#0": vector}),
        writing.freeze,
        writing.status,
        lambda: opened(server).head(),
    ):
        with pytest.raises(Unavailable) as caught:
            call()
        assert (caught.value.code, bool(caught.value.remedy)) == ("index.unreachable", True)
    server.come_back()
    assert len(held.lexical("lemon", EVERYONE, 9)) == 3
    assert words(reading, "lemon") == ["d0#0", "d1#0", "d2#0"]
    writing.commit()
    assert words(reading, "lemon") == ["d0#0", "d1#0", "d2#0", "new#0"]


@pytest.mark.parametrize("after", range(6))
def test_a_write_that_fails_half_way_is_not_applied(server: OpenSearchServer, after: int) -> None:
    """However many documents the cluster took before it refused, words and vectors stay those of the last commit, and
    the commit can be repeated."""
    index = filled(opened(server))
    before = index.head().snapshot_id
    index.add([chunk("d0", "cherry"), chunk("e", "cherry pie")])
    index.remove(["d1"])
    server.cluster.fail_bulk_after = after
    with pytest.raises(Unavailable) as caught:
        index.commit()
    assert caught.value.code == "index.refused"
    server.cluster.fail_bulk_after = None
    for someone in (index, opened(server)):
        assert words(someone, "lemon") == ["d0#0", "d1#0", "d2#0"]
        assert words(someone, "cherry") == []
        assert len(someone.head().dense(EMBEDDER.embed(["lemon"])[0], EVERYONE, 9)) == 3
    assert index.head().snapshot_id == before
    index.commit()
    assert words(opened(server), "lemon cherry") == ["d0#0", "d2#0", "e#0"]
    assert index.head().vectors == 1


def test_what_a_writer_left_unfinished_is_taken_away_by_the_next(server: OpenSearchServer) -> None:
    """Rows of a version that was never published are seen by nobody and gone after the next change."""
    index = filled(opened(server))
    dying = opened(server)
    dying.add([chunk("d0", "cherry"), chunk("never", "cherry")])
    with dying._change() as change:
        dying._replaced(change, [prepared(c, Analyzer()) for chunks in dying._staged.values() for c in chunks])
    assert words(index, "lemon") == ["d0#0", "d1#0", "d2#0"]
    index.add([chunk("e", "lemon")])
    index.commit()
    assert words(opened(server), "lemon") == ["d0#0", "d1#0", "d2#0", "e#0"]
    assert words(opened(server), "cherry") == []


def test_writers_take_turns_and_a_silent_one_is_replaced(
    server: OpenSearchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer elsewhere keeps its turn for five minutes; whatever it writes after that is never seen."""
    monkeypatch.setattr(turns, "WAIT_S", 0.1)
    clock = FakeClock()
    index, other = filled(opened(server, clock)), opened(server, clock)
    monkeypatch.setattr(other._turns, "me", "elsewhere/1/aaaaaaaaaaaa/bbbbbbbbbbbb")
    other.add([chunk("d0", "cherry"), chunk("late", "cherry")])
    with other._change() as change:
        index.add([chunk("e", "lemon")])
        with pytest.raises(Busy):
            index.commit()
        clock.advance(301)
        index.commit()
        late = [prepared(c, Analyzer()) for chunks in other._staged.values() for c in chunks]
        with pytest.raises(Busy):
            other._replaced(change, late)
        other._server.refresh("docs-words")
    for someone in (index, opened(server)):
        assert words(someone, "lemon") == ["d0#0", "d1#0", "d2#0", "e#0"]
        assert words(someone, "cherry") == []
        assert len(someone.head().dense(EMBEDDER.embed(["lemon"])[0], EVERYONE, 9)) == 3
    index.add([chunk("d0", "plum")])
    index.commit()
    assert words(opened(server), "lemon") == ["d1#0", "d2#0", "e#0"]
    assert words(opened(server), "plum cherry") == ["d0#0"]


def test_a_shard_that_does_not_answer_is_no_answer(server: OpenSearchServer) -> None:
    """Hits of a part of the cluster are never passed off as all there are."""
    head = filled(opened(server)).head()
    server.cluster.shards_failed = 1
    for search in (
        lambda: head.lexical("lemon", EVERYONE, 9),
        lambda: head.dense(EMBEDDER.embed(["lemon"])[0], EVERYONE, 9),
    ):
        with pytest.raises(Unavailable) as caught:
            search()
        assert caught.value.code == "index.partial"


def test_nothing_of_a_removed_document_stays_after_compacting(server: OpenSearchServer) -> None:
    """Dead rows stay for readers and snapshots until they are given up, and then the cluster holds none of them."""
    index = filled(opened(server))
    frozen = index.freeze()
    index.remove(["d0"])
    index.commit()
    index.compact()
    assert rows_of(server) == 6
    assert len(index.open(frozen.snapshot_id).lexical("lemon", EVERYONE, 9)) == 3
    index.drop_snapshot(frozen.snapshot_id)
    assert rows_of(server) == 4
    assert words(index, "lemon") == ["d1#0", "d2#0"]
    with pytest.raises(NotFound):
        index.drop_snapshot(frozen.snapshot_id)


def test_many_commits_keep_few_documents_of_counts(server: OpenSearchServer) -> None:
    """Counts of terms are summed up as commits go on, and rank words as one commit of everything does."""
    index = opened(server)
    index.add([chunk("old", "lemon")])
    index.commit()
    frozen = index.freeze()
    for i in range(2 * ledger._MOST_CHANGES + 3):
        index.add([chunk(f"d{i}", f"lemon lemon{i % 3}")])
        index.commit()
    kept = [name for name in server.cluster.indexes["docs-ledger"].documents if name.startswith("counts")]
    assert len(kept) <= ledger._MOST_CHANGES + 3
    once = OpenSearchIndex(server.url, "once")
    once.add([chunk("old", "lemon"), *(chunk(f"d{i}", f"lemon lemon{i % 3}") for i in range(35))])
    once.commit()
    assert index.head().lexical("lemon lemon1", EVERYONE, 99) == once.head().lexical("lemon lemon1", EVERYONE, 99)
    assert [hit.chunk_id for hit in index.open(frozen.snapshot_id).lexical("lemon", EVERYONE, 9)] == ["old#0"]


def test_the_graph_is_asked_inside_the_scope_and_never_under_returns(
    server: OpenSearchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above the limit of the exact scan the k-NN query carries the scope; the hits and scores are the same."""
    index = opened(server)
    chunks = [
        replace(chunk(f"d{i:03}", f"text {i}"), access=AccessList("acme", ("few" if i % 5 else "many",)))
        for i in range(300)
    ]
    index.add(chunks)
    index.commit()
    index.add_vectors(EMBEDDER.recipe, {c.chunk_id: EMBEDDER.embed([c.text])[0] for c in chunks})
    vector, scope = EMBEDDER.embed(["text 7"])[0], Scope("acme", frozenset({"few"}))
    exact = index.head().dense(vector, scope, 240)
    monkeypatch.setattr(reader, "SCANNED_BELOW", 0)
    near = index.head().dense(vector, scope, 240)
    assert [hit.score for hit in near] == pytest.approx([hit.score for hit in exact])
    assert {hit.chunk_id for hit in near} == {c.chunk_id for c in chunks if "few" in c.access.groups}
    monkeypatch.setattr(reader, "_MOST_NEAR", 3)
    assert len(index.head().dense(vector, scope, 100)) == 100


def test_scores_are_inner_products(server: OpenSearchServer) -> None:
    """Also those below zero, which OpenSearch folds into a positive score."""
    index = opened(server)
    index.add([chunk("a", "one"), chunk("b", "two"), chunk("c", "three")])
    index.commit()
    axis = np.eye(4, dtype=np.float32)[0]
    slanted = np.array([-0.6, 0.8, 0, 0], dtype=np.float32)
    index.add_vectors("r", {"a#0": axis, "b#0": slanted, "c#0": -axis})
    found = {hit.chunk_id: hit.score for hit in index.head().dense(axis, EVERYONE, 9)}
    assert found == pytest.approx({"a#0": 1.0, "b#0": -0.6, "c#0": -1.0}, abs=1e-5)


def test_a_long_question_asks_for_its_heaviest_terms(server: OpenSearchServer) -> None:
    """More terms than OpenSearch takes in one query are no error, and rare words are among those that are asked."""
    index = opened(server)
    languages = ("en", "de", "fr")
    common = " ".join(f"word{i}" for i in range(500))
    index.add([replace(chunk(f"c{i}", common), language=languages[i % 3]) for i in range(9)])
    index.add([chunk("rare", "quince")])
    index.commit()
    found = index.head().lexical(f"quince {common}", EVERYONE, 20)
    assert {hit.chunk_id for hit in found} == {"rare#0", *(f"c{i}#0" for i in range(9))}


def test_credentials_are_sent_and_refused_ones_are_told() -> None:
    """A wrong password is an error of the settings that does not repeat it."""
    with opensearch_server("assay", "pa55") as server:
        good = OpenSearchIndex(server.url, "docs", user="assay", password="pa55")
        assert good.head().chunks == 0
        with pytest.raises(ConfigError) as caught:
            OpenSearchIndex(server.url, "docs", user="assay", password="wrong-one").head()
        assert caught.value.code == "index.credentials"
        assert "wrong-one" not in str(caught.value)
        inside = server.url.replace("http://", "http://assay:pa55@")
        index = OpenSearchIndex(inside, "docs")
        assert index.head().chunks == 0
        server.go_away()
        with pytest.raises(Unavailable) as away:
            index.head()
        assert "pa55" not in str(away.value)
        server.come_back()


def test_another_analyser_is_refused(server: OpenSearchServer) -> None:
    """An index is never searched with words divided differently from how they were indexed."""
    filled(opened(server))
    with pytest.raises(CannotJudge) as caught:
        OpenSearchIndex(server.url, "docs", analyzer=Analyzer(default_language="de")).head()
    assert caught.value.code == "index.analyzer"


def test_errors_do_not_repeat_what_was_asked_or_written(server: OpenSearchServer) -> None:
    """A refusal names the server's class of error and nothing of the text."""
    index = filled(opened(server))
    index.add([chunk("e", "unspeakable secret")])
    server.cluster.fail_bulk_after = 0
    with pytest.raises(AssayError) as caught:
        index.commit()
    assert "unspeakable" not in str(caught.value)


GOOD = {"query": {"bool": {"filter": [{"terms": {"key": ["a"]}}]}}, "size": 1, "_source": ["row"]}


@pytest.mark.parametrize(
    "search",
    [
        {**GOOD, "fields": ["row"]},
        {**GOOD, "size": 2_000_000},
        {**GOOD, "query": {"terms": {"nowhere": ["a"]}}},
        {**GOOD, "query": {"terms": {"chunk": ["a"]}}},
        {**GOOD, "query": {"range": {"key": {"lt": 3}}}},
        {**GOOD, "query": {"range": {"born": {"less": 3}}}},
        {**GOOD, "query": {"match": {"key": "a"}}},
        {**GOOD, "query": {"bool": {"musts": []}}},
        {**GOOD, "query": {"rank_feature": {"field": "born.7", "boost": 1, "linear": {}}}},
        {**GOOD, "query": {"knn": {"vector": {"vector": [1.0], "k": 3}}}},
        {**GOOD, "query": {"bool": {"should": [{"terms": {"key": ["a"]}}] * 1100}}},
        {**GOOD, "search_after": ["a"]},
    ],
)
def test_the_stand_in_refuses_what_a_server_refuses_to_search(
    server: OpenSearchServer, search: dict[str, object]
) -> None:
    """A search that is misspelt, too large, or asks a field for what it cannot give is refused; a good one is not."""
    rows = Rows(Server(server.url), "docs")
    rows.make()
    assert rows.server.search(rows.words, GOOD) == []
    with pytest.raises(Unavailable) as caught:
        rows.server.search(rows.words, search)
    assert caught.value.code == "index.refused"


@pytest.mark.parametrize(
    "document",
    [
        {"unknown": "a"},
        {"born": "three"},
        {"born": 1 << 63},
        {"key": 3},
        {"key": "k" * 40_000},
        {"died_at": "now"},
        {"terms": {"a.b": 1.0}},
        {"terms": {"a": 0.0}},
        {"terms": {"a": -1.0}},
        {"terms": [1.0]},
    ],
)
def test_the_stand_in_refuses_what_a_server_refuses_to_store(
    server: OpenSearchServer, document: dict[str, object]
) -> None:
    """An unknown field, or a value that is not of its field's type, is refused as it is by a strict mapping."""
    rows = Rows(Server(server.url), "docs")
    rows.make()
    with pytest.raises(Unavailable):
        rows.server.bulk(rows.words, [({"index": {"_id": "a"}}, document)])
    rows.server.bulk(rows.words, [({"index": {"_id": "a"}}, {"key": "a", "terms": {"7": 0.5}})])


def test_the_stand_in_shows_documents_only_after_a_refresh_and_conditional_writes_only_once(
    server: OpenSearchServer,
) -> None:
    """Search lags behind until it is refreshed, reading by id does not, and of two conditional writes one fails."""
    raw = Server(server.url)
    raw.make_index("docs", _SETTINGS, _LIFE)
    raw.bulk("docs", [({"index": {"_id": "a"}}, {"row": "a", "key": "a"})])
    assert raw.search("docs", GOOD) == []
    read = raw.get("docs", "a")
    assert read is not None
    raw.refresh("docs")
    assert len(raw.search("docs", GOOD)) == 1
    assert raw.put("docs", "a", {"row": "a"}, read) is not None
    assert raw.put("docs", "a", {"row": "a"}, read) is None
    assert raw.put("docs", "a", {"row": "a"}, None) is None
    assert raw.get("docs", "b") is None
