"""What only the PostgreSQL index can get wrong: a server that goes away, a graph that finds too few, other writers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from assay.adapters.clocks import FakeClock
from assay.adapters.pgvector_index import reader, rows
from assay.adapters.pgvector_index.index import PgvectorIndex
from assay.adapters.remote_index.terms import query_weights
from assay.records.access import Scope
from assay.records.errors import CannotJudge, ConfigError, NotFound, Unavailable
from assay.retrieve.analysis import Analyzer
from index_corpora import chunk, measured_ndcg, random_index_rows, scifact
from postgres_server import PostgresServer, fresh_name, shared_dsn

EVERYONE = Scope()


@pytest.fixture
def index() -> Iterator[PgvectorIndex]:
    made = PgvectorIndex(shared_dsn(), fresh_name(), clock=FakeClock())
    yield made
    made.close()


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server of the test's own, which it may stop."""
    made = PostgresServer()
    made.start()
    yield made
    made.end()


def found(made: PgvectorIndex, text: str) -> list[str]:
    return [hit.chunk_id for hit in made.head().lexical(text, EVERYONE, 9)]


def test_a_server_that_goes_away_is_said_and_used_again_when_it_is_back(server: PostgresServer) -> None:
    """Searching and writing raise Unavailable while it is down, nothing is half written, and no restart is needed."""
    made = PgvectorIndex(server.dsn(), "assay", clock=FakeClock())
    made.add([chunk("a", "lemon tart")])
    made.commit()
    held = made.head()
    made.add([chunk("a", "orange tart"), chunk("b", "lemon soup")])
    server.stop()
    for step in (made.commit, made.head, made.freeze, made.status, lambda: held.lexical("lemon", EVERYONE, 9)):
        with pytest.raises(Unavailable) as caught:
            step()
        assert caught.value.code == "index.unreachable"
        assert caught.value.remedy
    server.start()
    assert found(made, "lemon orange") == ["a#0"], "the failed commit left nothing"
    assert [hit.chunk_id for hit in held.lexical("lemon", EVERYONE, 9)] == ["a#0"]
    made.commit()
    assert found(made, "orange") == [], "what a failed commit had staged is forgotten; the catalog stages it again"
    made.add([chunk("b", "lemon soup")])
    made.commit()
    assert sorted(found(made, "lemon")) == ["a#0", "b#0"]
    made.close()


def test_a_commit_that_fails_in_the_middle_leaves_nothing(
    index: PgvectorIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows, counts of terms and head are one transaction."""
    index.add([chunk("a", "lemon tart")])
    index.commit()
    before = index.head().snapshot_id
    with monkeypatch.context() as patched:

        def fails(*_: object) -> None:
            raise MemoryError

        patched.setattr(rows, "purge", fails)
        index.add([chunk("a", "orange"), chunk("b", "lemon")])
        with pytest.raises(MemoryError):
            index.commit()
    assert index.head().snapshot_id == before
    assert found(index, "lemon orange") == ["a#0"]


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 1.0])
def test_recall_with_the_graph_holds_at_every_selectivity(
    index: PgvectorIndex, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    """With a graph over all vectors, at least 95 % of the true ten are found behind filters of .1 to 100 %, and as many
    hits as were asked for wherever the scope holds them."""
    monkeypatch.setattr(reader, "SCANNED_BELOW", 0)
    monkeypatch.setattr(rows, "SCANNED_BELOW", 0)
    chunks, matrix, few = random_index_rows(4000, share)
    index.add(chunks)
    index.commit()
    index.add_vectors("random", {one.chunk_id: matrix[number] for number, one in enumerate(chunks)})
    assert index.status().unindexed == 0
    head, scope, right = index.head(), Scope("acme", frozenset({"few"})), 0
    wanted = min(10, len(few))
    for query in matrix[:20]:
        hits = [hit.chunk_id for hit in head.dense(query, scope, 10)]
        assert len(hits) == wanted
        best = np.argsort(-(matrix[few] @ query))[:10]
        right += len(set(hits) & {chunks[few[place]].chunk_id for place in best})
    assert right >= 0.95 * 20 * wanted


def test_a_second_process_sees_commits_and_writes_in_turn(index: PgvectorIndex) -> None:
    """Two indexes over one schema are one index: each sees what the other committed."""
    other = PgvectorIndex(shared_dsn(), index._server.name, clock=FakeClock())
    index.add([chunk("a", "lemon")])
    index.commit()
    assert found(other, "lemon") == ["a#0"]
    other.add([chunk("b", "lemon")])
    other.commit()
    index.add([chunk("c", "lemon")])
    index.commit()
    assert found(index, "lemon") == found(other, "lemon") == ["a#0", "b#0", "c#0"]
    other.close()


def test_compacting_leaves_no_row_of_what_was_removed(index: PgvectorIndex) -> None:
    """After removal and compaction no table holds a row of the document; a snapshot keeps its rows until dropped."""
    vector = np.eye(1, 8, dtype=np.float32)[0]
    index.add([chunk("a", "lemon"), chunk("b", "pear")])
    index.commit()
    index.add_vectors("r", {"a#0": vector, "b#0": vector})
    frozen = index.freeze()
    index.remove(["a"])
    index.commit()
    index.compact()
    assert stored(index, "chunks") == 2, "the snapshot still holds both"
    assert [hit.chunk_id for hit in index.open(frozen.snapshot_id).lexical("lemon", EVERYONE, 9)] == ["a#0"]
    index.drop_snapshot(frozen.snapshot_id)
    index.compact()
    assert (stored(index, "chunks"), stored(index, "vectors_1")) == (1, 1)
    with pytest.raises(NotFound):
        index.open(frozen.snapshot_id)


def stored(index: PgvectorIndex, table: str) -> int:
    with index._server.transaction() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())


def test_a_document_that_comes_back_has_its_vectors_at_once(index: PgvectorIndex) -> None:
    """Vectors are found again by content: a change of access embeds nothing."""
    vector = np.eye(1, 8, dtype=np.float32)[0]
    index.add([chunk("a", "lemon")])
    index.commit()
    index.add_vectors("r", {"a#0": vector})
    index.remove(["a"])
    index.commit()
    index.add([chunk("a", "lemon")])
    index.commit()
    assert index.missing_vectors("r") == ()
    assert index.head().vectors == 1
    assert np.allclose(index.stored_vectors("r", ["a#0", "nobody"])["a#0"], vector)


def test_many_commits_are_counted_as_one(index: PgvectorIndex) -> None:
    """Scores after forty small commits are those of the same chunks in one: the counts of terms add up."""
    chunks = [chunk(f"d{n:02}", f"lemon word{n % 7} other{n}") for n in range(40)]
    for one in chunks:
        index.add([one])
        index.commit()
    whole = PgvectorIndex(shared_dsn(), fresh_name(), clock=FakeClock())
    whole.add(chunks)
    whole.commit()
    query = "lemon word3 other17"
    assert index.head().lexical(query, EVERYONE, 50) == whole.head().lexical(query, EVERYONE, 50)
    assert index.head().snapshot_id == whole.head().snapshot_id
    assert stored(index, "term_counts") < 20
    whole.close()


def test_another_analyser_is_refused(index: PgvectorIndex) -> None:
    """An index that was written with another division into words is not searched with this one."""
    index.head()
    other = PgvectorIndex(shared_dsn(), index._server.name, analyzer=Analyzer("de"))
    with pytest.raises(CannotJudge) as caught:
        other.head()
    assert caught.value.code == "index.analyzer"
    other.close()


def test_a_wrong_address_is_a_setting_and_never_printed() -> None:
    """The address may hold a password: the error names the setting only."""
    with pytest.raises(ConfigError) as caught:
        PgvectorIndex("mysql://user:secret@host/db", "assay")
    assert caught.value.code == "index.dsn"
    assert "secret" not in str(caught.value)


def test_leaving_common_words_out_of_the_lookup_changes_no_hit(index: PgvectorIndex) -> None:
    """Searches that look up only the terms that can matter give what scoring every chunk gives."""
    rng = np.random.default_rng(2)
    drawn = rng.zipf(1.4, size=(600, 25)) % 300
    index.add([chunk(f"d{n:03}", " ".join(f"word{w}" for w in row)) for n, row in enumerate(drawn)])
    index.commit()
    head, skipped = index.head(), 0
    for query in rng.zipf(1.3, size=(40, 6)) % 300:
        text = " ".join(f"word{w}" for w in query)
        everything = head.lexical(text, EVERYONE, 600)
        for limit in (1, 5, 20):
            assert [h.score for h in head.lexical(text, EVERYONE, limit)] == [h.score for h in everything[:limit]]
        weights = query_weights(head.analyzer, ["en"], text, head.counts, head.chunks)
        least = everything[min(5, len(everything)) - 1].score if everything else 0.0
        skipped += len(weights) - len(reader.needed_terms(weights, least))
    assert skipped > 20, "the test must be about something"


@pytest.mark.data
def test_words_rank_scifact_as_well_as_any_engine(index: PgvectorIndex) -> None:
    """nDCG@10 on SciFact through the adapter reaches .67."""
    corpus, questions, relevant = scifact()
    index.add(corpus)
    index.commit()
    assert measured_ndcg(index.head(), questions, relevant) >= 0.67
