"""What only the Qdrant index can get wrong: a writer that died in the middle, a server that is not there, a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from assay.adapters.clocks import FakeClock
from assay.adapters.pgvector_index.index import PgvectorIndex
from assay.adapters.qdrant_index.client import IN_MEMORY, Client, qdrant_client
from assay.adapters.qdrant_index.index import QdrantIndex
from assay.adapters.qdrant_index.ledger import Ledger
from assay.records.access import Scope
from assay.records.errors import CannotJudge, NotFound, Unavailable
from assay.retrieve.analysis import Analyzer
from index_corpora import chunk, scifact
from postgres_server import fresh_name, shared_dsn

EVERYONE = Scope()
UP = np.eye(1, 8, dtype=np.float32)[0]


@pytest.fixture
def client() -> Iterator[Client]:
    made = qdrant_client(IN_MEMORY)
    yield made
    made.close()


@pytest.fixture
def index(client: Client) -> QdrantIndex:
    return QdrantIndex(client, "test", clock=FakeClock())


def found(index: QdrantIndex, text: str) -> list[str]:
    return [hit.chunk_id for hit in index.head().lexical(text, EVERYONE, 9)]


class Killed(BaseException):
    """As if the process had ended here."""


@pytest.mark.parametrize("step", ["count", "move", "intend", "settle"])
def test_a_writer_that_dies_in_the_middle_leaves_one_state_or_the_other(
    client: Client, index: QdrantIndex, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Whichever write was the last, the index answers as before or as after, and the next writer goes on cleanly."""
    index.add([chunk("a", "lemon tart"), chunk("b", "lemon pie")])
    index.commit()
    index.add_vectors("r", {"a#0": UP, "b#0": UP})
    before = index.head().snapshot_id

    def dies(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, step, dies)
        index.add([chunk("a", "orange tart"), chunk("c", "lemon soup")])
        with pytest.raises(Killed):
            index.commit()
    again = QdrantIndex(client, "test", clock=FakeClock())
    after = step == "settle"
    assert found(again, "lemon") == (["b#0", "c#0"] if after else ["a#0", "b#0"])
    assert (again.head().snapshot_id == before) is not after
    again.add([chunk("a", "orange tart"), chunk("c", "lemon soup")])
    again.commit()
    fresh = QdrantIndex(qdrant_client(IN_MEMORY), "other", clock=FakeClock())
    fresh.add([chunk("a", "orange tart"), chunk("b", "lemon pie"), chunk("c", "lemon soup")])
    fresh.commit()
    fresh.add_vectors("r", {"b#0": UP})
    assert again.head().lexical("lemon orange", EVERYONE, 9) == fresh.head().lexical("lemon orange", EVERYONE, 9)
    assert again.freeze().snapshot_id == fresh.freeze().snapshot_id
    assert again.missing_vectors("r") == ("c#0", "a#0")


def test_a_vector_write_that_dies_is_done_again(
    client: Client, index: QdrantIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Vectors whose writer died are not searched, are told as missing, and can be written again."""
    index.add([chunk("a", "lemon"), chunk("b", "pear")])
    index.commit()
    index.add_vectors("r", {"b#0": UP})

    def dies(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "move", dies)
        with pytest.raises(Killed):
            index.add_vectors("r", {"a#0": UP})
    again = QdrantIndex(client, "test", clock=FakeClock())
    assert again.missing_vectors("r") == ("a#0",)
    assert again.head().vectors == 1
    again.add_vectors("r", {"a#0": UP})
    assert [hit.chunk_id for hit in again.head().dense(UP, EVERYONE, 9)] == ["a#0", "b#0"]
    assert again.missing_vectors("r") == ()


def test_compacting_leaves_no_point_of_what_was_removed(client: Client, index: QdrantIndex) -> None:
    """After removal and compaction no collection holds a point of the document, once no snapshot does."""
    index.add([chunk("a", "lemon"), chunk("b", "pear")])
    index.commit()
    index.add_vectors("r", {"a#0": UP, "b#0": UP})
    frozen = index.freeze()
    index.remove(["a"])
    index.commit()
    index.compact()
    assert [hit.chunk_id for hit in index.open(frozen.snapshot_id).lexical("lemon", EVERYONE, 9)] == ["a#0"]
    index.drop_snapshot(frozen.snapshot_id)
    index.compact()
    for name in ("test-words", "test-vectors-1"):
        assert client.raw.count(name).count == 1
    with pytest.raises(NotFound):
        index.open(frozen.snapshot_id)


def test_a_folder_keeps_the_index_between_openings(tmp_path: Path) -> None:
    """The client's local mode in a folder: closed and opened again, everything is there; two users share it."""
    first, second = qdrant_client(str(tmp_path / "q")), qdrant_client(str(tmp_path / "q"))
    assert first is second
    index = QdrantIndex(first, "test", clock=FakeClock())
    index.add([chunk("a", "lemon")])
    index.commit()
    index.close()
    assert found(QdrantIndex(second, "test"), "lemon") == ["a#0"], "the other user goes on"
    second.close()
    third = qdrant_client(str(tmp_path / "q"))
    assert found(QdrantIndex(third, "test"), "lemon") == ["a#0"]
    third.close()


def test_a_server_that_does_not_answer_is_said(unused_tcp_port: int) -> None:
    """No server: Unavailable with a remedy, from every method; making the index reaches nothing."""
    index = QdrantIndex(qdrant_client(f"http://127.0.0.1:{unused_tcp_port}"), "test", clock=FakeClock())
    index.add([chunk("a", "lemon")])
    for step in (index.commit, index.head, index.freeze, index.status):
        with pytest.raises(Unavailable) as caught:
            step()
        assert caught.value.code == "index.unreachable"
    index.close()


def test_another_analyser_is_refused(client: Client, index: QdrantIndex) -> None:
    """An index that was written with another division into words is not searched with this one."""
    index.head()
    with pytest.raises(CannotJudge) as caught:
        QdrantIndex(client, "test", analyzer=Analyzer("de")).head()
    assert caught.value.code == "index.analyzer"


@pytest.mark.data
def test_words_rank_as_in_postgresql(index: QdrantIndex) -> None:
    """Real claims over real abstracts rank alike in both engines: the weights are the same and so are the sums."""
    corpus, questions, _ = scifact()
    other = PgvectorIndex(shared_dsn(), fresh_name(), clock=FakeClock())
    for engine in (index, other):
        engine.add(corpus[:300])
        engine.commit()
    for text in list(questions.values())[:30]:
        mine, theirs = (engine.head().lexical(text, EVERYONE, 20) for engine in (index, other))
        assert [round(hit.score, 3) for hit in mine] == [round(hit.score, 3) for hit in theirs]

    other.close()
