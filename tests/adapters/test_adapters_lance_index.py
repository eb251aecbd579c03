"""The LanceDB index: its own indexes, what stays after an erasure, damage, and recall behind filters."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import lance_worker as worker
from assay.adapters.clocks import FakeClock
from assay.adapters.lance_index import reader, tables, writing
from assay.adapters.lance_index.index import GRACE, LanceIndex
from assay.records.access import AccessList, Scope
from assay.records.documents import Chunk
from assay.records.errors import AssayError, CannotJudge, InputError, NotFound, Unavailable
from assay.retrieve.analysis import Analyzer

DATA = Path(__file__).resolve().parents[3] / "shared/data"
EMBEDDER = worker.EMBEDDER
EVERYONE = Scope()
chunk = worker.chunk


def opened(folder: Path, clock: FakeClock | None = None) -> LanceIndex:
    return LanceIndex(str(folder / "index"), clock=clock)


def filled(folder: Path, count: int = 3, clock: FakeClock | None = None) -> LanceIndex:
    index = opened(folder, clock)
    chunks = [chunk(f"d{i}", f"lemon number{i}") for i in range(count)]
    index.add(chunks)
    index.commit()
    index.add_vectors(EMBEDDER.recipe, {c.chunk_id: EMBEDDER.embed([c.text])[0] for c in chunks})
    return index


def words(index: LanceIndex, text: str) -> list[str]:
    return sorted(hit.chunk_id for hit in index.head().lexical(text, EVERYONE, 9_999))


def tables_in(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "index").iterdir() if path.name != "register.lance")


def test_chunks_outside_the_index_are_told_and_taken_in_before_they_are_many(tmp_path: Path) -> None:
    """A few chunks beside the index are found all the same; above the limit the index is brought up to date first."""
    index = opened(tmp_path)
    index.add([chunk("first", "lemon")])
    index.commit()
    index.add([chunk(f"a{i:04}", f"lemon number{i}") for i in range(tables.LEAST_UNINDEXED)])
    index.commit()
    assert index.status().unindexed == tables.LEAST_UNINDEXED
    assert len(words(index, "lemon")) == tables.LEAST_UNINDEXED + 1
    index.add([chunk("b", "lemon")])
    index.commit()
    assert index.status().unindexed == 0
    assert len(words(index, "lemon")) == tables.LEAST_UNINDEXED + 2
    index.add([chunk("c", "lemon")])
    index.commit()
    assert (index.status().unindexed, index.status().engine) == (1, "lancedb")
    index.freeze()
    assert index.status().unindexed == 0


def test_snapshots_of_the_same_content_score_alike_however_it_came_in(tmp_path: Path) -> None:
    """One commit or many: a frozen state answers with the same scores."""
    texts = [f"lemon {'tart ' * (i % 4)}number{i % 7}" for i in range(15)]
    once, often = opened(tmp_path / "once"), opened(tmp_path / "often")
    once.add([chunk(f"d{i:02}", text) for i, text in enumerate(texts)])
    once.commit()
    for i, text in enumerate(texts):
        often.add([chunk(f"d{i:02}", text)])
        often.commit()
    first, second = once.freeze().snapshot_id, often.freeze().snapshot_id
    assert first == second
    found = [i.open(first).lexical("tart number3", EVERYONE, 50) for i in (once, often)]
    assert [hit.chunk_id for hit in found[0]] == [hit.chunk_id for hit in found[1]]
    assert [hit.score for hit in found[0]] == pytest.approx([hit.score for hit in found[1]])


def test_nothing_of_a_removed_document_stays_after_compacting(tmp_path: Path) -> None:
    """Its words and ids are in no file of the index once it is compacted and no snapshot holds it."""
    index = filled(tmp_path)
    index.add([chunk("secretdoc", "xylophone lemon")])
    index.commit()
    frozen = index.freeze()
    index.remove(["secretdoc"])
    index.commit()
    index.compact()
    assert len(index.open(frozen.snapshot_id).lexical("xylophone", EVERYONE, 9)) == 1
    index.drop_snapshot(frozen.snapshot_id)
    index.compact()
    left = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for trace in (b"xylophon", b"secretdoc"):
        assert trace not in left
    assert b"lemon" in left
    assert len(tables_in(tmp_path)) == 2
    assert words(index, "lemon") == ["d0#0", "d1#0", "d2#0"]
    assert index.head().vectors == 3
    with pytest.raises(NotFound):
        index.drop_snapshot(frozen.snapshot_id)


def test_a_reader_that_a_compaction_overtook_says_so(tmp_path: Path) -> None:
    """It never answers from half of what it had; the next head answers."""
    index, other = filled(tmp_path), opened(tmp_path)
    overtaken = other.head()
    index.compact()
    with pytest.raises(Unavailable):
        overtaken.lexical("lemon", EVERYONE, 9)
    assert words(other, "lemon") == ["d0#0", "d1#0", "d2#0"]


def test_tables_are_written_anew_when_old_indexes_pile_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables that were left stay for their readers for ten minutes and go with a later commit."""
    monkeypatch.setattr(tables, "LEAST_UNINDEXED", 0)
    monkeypatch.setattr(writing, "MOST_REBUILT", 3)
    clock = FakeClock()
    index = filled(tmp_path, clock=clock)
    before = index.head()
    for i in range(3):
        index.add([chunk(f"more{i}", "lemon")])
        index.commit()
    assert len(tables_in(tmp_path)) == 4
    assert len(before.lexical("lemon", EVERYONE, 9)) == 3
    clock.advance(GRACE.total_seconds() + 1)
    index.add([chunk("last", "lemon")])
    index.commit()
    assert len(tables_in(tmp_path)) == 2
    assert len(words(index, "lemon")) == 7


def test_unchanged_words_keep_their_vectors(tmp_path: Path) -> None:
    """A document that comes again, or whose access list changes, needs no vector for the chunks that stayed."""
    index = filled(tmp_path)
    closed = AccessList("default", ("hr",))
    index.add([replace(chunk("d0", "lemon number0"), access=closed), chunk("d1", "cherry")])
    index.commit()
    assert index.missing_vectors(EMBEDDER.recipe) == ("d1#0",)
    vector = EMBEDDER.embed(["lemon number0"])[0]
    assert {hit.chunk_id for hit in index.head().dense(vector, EVERYONE, 9)} == {"d2#0"}
    hr = Scope("default", frozenset({"hr"}))
    assert index.head().dense(vector, hr, 1)[0].chunk_id == "d0#0"
    stored = index.stored_vectors(EMBEDDER.recipe, ["d0#0", "d1#0", "unknown"])
    assert list(stored) == ["d0#0"]
    assert stored["d0#0"] == pytest.approx(vector)
    assert index.stored_vectors("another", ["d0#0"]) == {}


def test_two_embedders_do_not_mix(tmp_path: Path) -> None:
    """Vectors of another embedder have a table of their own; the newest is searched, and going back finds the old."""
    index = filled(tmp_path)
    index.add_vectors("wide", {"d0#0": np.eye(24, dtype=np.float32)[3]})
    assert (index.head().vectors, index.head().embedder) == (1, "wide")
    index.add_vectors(EMBEDDER.recipe, {})
    assert index.head().vectors == 3
    for bad in (np.zeros(16), np.full(16, np.nan), np.eye(8)[0]):
        with pytest.raises(InputError):
            index.add_vectors(EMBEDDER.recipe, {"d0#0": bad.astype(np.float32)})
    with pytest.raises(InputError):
        index.head().dense(np.zeros(7, dtype=np.float32), EVERYONE, 3)
    assert index.head().vectors == 3


def test_rows_that_are_not_those_that_were_committed_are_not_frozen(tmp_path: Path) -> None:
    """A table that somebody else wrote to is noticed before it becomes a snapshot."""
    index = filled(tmp_path)
    published = index._register.read()
    assert published.chunks is not None
    table = index._tables.writable(published.chunks)
    table.delete("doc = 'd1'")
    forged = published.moved(chunks=tables.place_of(table))
    with index._turns.take() as turn:
        turn.end(forged.as_json())
    with pytest.raises(CannotJudge) as caught:
        index.freeze()
    assert caught.value.code == "index.damaged"
    assert index.snapshots() == ()


def test_another_analyser_is_refused(tmp_path: Path) -> None:
    """An index is never searched with words divided differently from how they were indexed."""
    filled(tmp_path)
    with pytest.raises(CannotJudge) as caught:
        LanceIndex(str(tmp_path / "index"), analyzer=Analyzer(default_language="de"))
    assert caught.value.code == "index.analyzer"


def test_a_place_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    """A file where the folder should be is an error with a code, no traceback of the engine."""
    (tmp_path / "index").write_text("not a folder")
    with pytest.raises(AssayError) as caught:
        opened(tmp_path)
    assert caught.value.code == "index.disk"


def test_each_language_is_asked_with_its_own_stems(tmp_path: Path) -> None:
    """German, French, Chinese and Thai chunks are found by another form or a part of their words."""
    index = opened(tmp_path)
    texts = {
        "de": "Die Verträge wurden gekündigt", "fr": "Les employés travaillaient beaucoup", "zh": "北京大学的图书馆",
        "th": "ภาษาไทยสวยงาม", "en": "She was running quickly",
    }  # fmt: skip
    index.add([replace(chunk(language, text), language=language) for language, text in texts.items()])
    index.commit()
    for query, expected in {
        "kündigen Vertrag": "de", "travailler": "fr", "图书馆": "zh", "ไทย": "th", "run": "en"
    }.items():  # fmt: skip
        assert words(index, query) == [f"{expected}#0"], query


COUNT, WIDTH = tables.ANN_FROM + 2_000, 64
SHARES = {"all": 1.0, "tenth": 0.1, "hundredth": 0.01, "thousandth": 0.001}


def clustered(rng: np.random.Generator, centres: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    made = centres[rng.integers(0, len(centres), count)] + 0.6 * rng.normal(size=(count, centres.shape[1]))
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), dtype=np.float32)


def large(folder: Path, matrix: NDArray[np.float32], groups: Sequence[tuple[str, ...]]) -> LanceIndex:
    index = opened(folder)
    chunks = [replace(chunk(f"d{i:05}", "text"), access=AccessList("acme", groups[i])) for i in range(len(matrix))]
    index.add(chunks)
    index.commit()
    index.add_vectors("random", {c.chunk_id: matrix[i] for i, c in enumerate(chunks)})
    return index


def test_recall_by_selectivity_through_the_approximate_index(tmp_path: Path) -> None:
    """With the approximate index in use, at least .95 of the ten nearest are found in scopes of .1 to 100 %, and never
    fewer hits than were asked for."""
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(200, WIDTH)).astype(np.float32)
    matrix, queries = clustered(rng, centres, COUNT), clustered(rng, centres, 20)
    draw = rng.random(COUNT)
    groups = [tuple(name for name, share in SHARES.items() if number < share) for number in draw]
    head = large(tmp_path, matrix, groups).head()
    assert "vector_idx" in {index.name for index in head._vector_table.list_indices()}
    assert sum(draw < SHARES["tenth"]) > reader.EXACT_UP_TO, "the tenth goes through the approximate index"
    for name, share in SHARES.items():
        inside = np.flatnonzero(draw < share)
        found = 0
        for query in queries:
            best = {f"d{i:05}#0" for i in inside[np.argsort(-(matrix[inside] @ query))[:10]]}
            hits = head.dense(query, Scope("acme", frozenset({name})), 20)
            assert len(hits) == min(20, len(inside))
            found += len(best & {hit.chunk_id for hit in hits[:10]})
        assert found / (10 * len(queries)) >= 0.95, name


@pytest.mark.data
def test_words_find_what_scifact_judged_relevant(tmp_path: Path) -> None:
    """nDCG@10 on the first 100 judged questions of SciFact, over all of its abstracts, is at least .67."""
    folder = DATA / "retrieval" / "scifact"
    if not folder.exists():
        pytest.skip("../shared/data is not here")
    index = opened(tmp_path)
    index.add([abstract(json.loads(line)) for line in (folder / "corpus.jsonl").open(encoding="utf-8")])
    index.commit()
    judged: dict[str, set[str]] = {}
    for line in (folder / "qrels" / "test.tsv").read_text().splitlines()[1:]:
        question, document, grade = line.split("\t")
        if int(grade) > 0:
            judged.setdefault(question, set()).add(document)
    questions = {q["_id"]: q["text"] for q in map(json.loads, (folder / "queries.jsonl").open(encoding="utf-8"))}
    head, total = index.head(), 0.0
    for question in sorted(judged)[:100]:
        hits = [hit.chunk_id.split("#")[0] for hit in head.lexical(questions[question], EVERYONE, 10)]
        gain = sum(1 / np.log2(rank + 2) for rank, doc in enumerate(hits) if doc in judged[question])
        total += gain / sum(1 / np.log2(rank + 2) for rank in range(min(10, len(judged[question]))))
    assert total / 100 >= 0.67


def abstract(record: dict[str, str]) -> Chunk:
    return replace(chunk(record["_id"], record["text"]), title=record["title"])
