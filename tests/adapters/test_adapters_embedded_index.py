"""The embedded index under what a disk, a crash and other processes do to it."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from assay.adapters.embedded_index import vectors as vector_files
from assay.adapters.embedded_index.index import EmbeddedIndex
from assay.adapters.hashing_embedder import HashingEmbedder
from assay.records.access import AccessList, Scope
from assay.records.documents import BlockKind, Chunk
from assay.records.errors import Busy, CannotJudge, InputError, NotFound, Unavailable
from assay.retrieve.analysis import Analyzer

EMBEDDER = HashingEmbedder(16)
EVERYONE = Scope()


def chunk(doc_id: str, text: str, language: str = "en") -> Chunk:
    return Chunk(
        f"{doc_id}#0", doc_id, "0" * 64, 0, 0, len(text), text, "", (), BlockKind.PARAGRAPH, language, AccessList()
    )


def filled(folder: Path, count: int = 3) -> EmbeddedIndex:
    index = EmbeddedIndex(folder)
    chunks = [chunk(f"d{i}", f"lemon number{i}") for i in range(count)]
    index.add(chunks)
    index.commit()
    index.add_vectors(EMBEDDER.recipe, {c.chunk_id: EMBEDDER.embed([c.text])[0] for c in chunks})
    return index


def found(index: EmbeddedIndex, text: str) -> list[str]:
    return sorted(hit.chunk_id for hit in index.head().lexical(text, EVERYONE, 99))


def in_another_process(body: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Python with `index` opened on the folder and `chunk` as above."""
    prelude = (
        "import os, sys\nfrom pathlib import Path\n"
        "from assay.adapters.embedded_index.index import EmbeddedIndex\n"
        "from assay.records.access import AccessList\nfrom assay.records.documents import BlockKind, Chunk\n"
        "def chunk(doc_id, text):\n"
        "    return Chunk(f'{doc_id}#0', doc_id, '0'*64, 0, 0, len(text), text, '', (), BlockKind.PARAGRAPH, 'en',"
        " AccessList())\n"
        f"index = EmbeddedIndex(Path({str(folder)!r}))\n"
    )
    return subprocess.run([sys.executable, "-c", prelude + body], capture_output=True, text=True, timeout=60)


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """The nearest thing to a full disk that needs no file system of its own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_crash_keeps_what_was_committed_and_nothing_else(tmp_path: Path) -> None:
    """A process that dies with staged chunks leaves the last commit, and the next writer starts from it."""
    died = in_another_process(
        "index.add([chunk('a', 'lemon')]); index.commit(); index.add([chunk('b', 'lemon')]); index.remove(['a'])\n"
        "os._exit(9)",
        tmp_path,
    )
    assert died.returncode == 9, died.stderr
    index = EmbeddedIndex(tmp_path)
    assert found(index, "lemon") == ["a#0"]
    index.add([chunk("c", "lemon")])
    index.commit()
    assert found(index, "lemon") == ["a#0", "c#0"]
    assert index.missing_vectors("any") == ("a#0", "c#0")


@pytest.mark.parametrize(
    ("dies_in", "kept"),
    [("index._rows.settle", ["a#0", "b#0"]), ("index._writer.commit", ["a#0"])],
)
def test_words_and_rows_are_of_one_commit_after_a_crash_between_them(
    tmp_path: Path, dies_in: str, kept: list[str]
) -> None:
    """Dying before the engine's commit undoes the change, dying after it keeps the change, in both engines alike."""
    died = in_another_process(
        "index.add([chunk('a', 'lemon')]); index.commit(); index.add([chunk('b', 'lemon')])\n"
        "class Dying:\n"
        "    def __init__(self, inner): self.inner = inner\n"
        "    def __getattr__(self, name): return getattr(self.inner, name)\n"
        f"owner, name = {dies_in!r}.rsplit('.', 1)\n"
        "field = owner.split('.')[1]\n"
        "setattr(Dying, name, lambda self, *a: os._exit(9))\n"
        "setattr(index, field, Dying(getattr(index, field)))\n"
        "index.commit()",
        tmp_path,
    )
    assert died.returncode == 9, died.stderr
    for index in (EmbeddedIndex(tmp_path), EmbeddedIndex(tmp_path)):
        assert found(index, "lemon") == kept
        assert list(index.head().rows.chunk_ids) == kept
    index.add([chunk("c", "lemon")])
    index.commit()
    assert found(index, "lemon") == [*kept, "c#0"]


def test_another_process_sees_a_commit_without_restart(tmp_path: Path) -> None:
    """A reader takes up what another process committed the next time it asks for the head."""
    mine = filled(tmp_path)
    mine.close()
    reading = EmbeddedIndex(tmp_path)
    before = reading.head()
    assert reading.head() is before
    wrote = in_another_process("index.add([chunk('new', 'lemon')]); index.commit(); index.close()", tmp_path)
    assert wrote.returncode == 0, wrote.stderr
    assert "new#0" in found(reading, "lemon")
    assert len(before.lexical("lemon", EVERYONE, 9)) == 3


def test_two_writers_are_refused_and_readers_are_not(tmp_path: Path) -> None:
    """While one process writes, another may search and freeze; its own writes are Busy."""
    writer = filled(tmp_path)
    other = in_another_process(
        "from assay.records.errors import Busy\nfrom assay.records.access import Scope\n"
        "assert len(index.head().lexical('lemon', Scope(), 9)) == 3\nassert index.freeze().chunks == 3\n"
        "try:\n    index.add([chunk('x', 'lemon')])\nexcept Busy as error:\n    print(error.code)",
        tmp_path,
    )
    assert other.stdout.strip() == "index.busy", other.stderr
    writer.close()
    again = EmbeddedIndex(tmp_path)
    again.add([chunk("x", "lemon")])
    again.commit()
    assert len(found(again, "lemon")) == 4


def test_a_full_disk_is_unavailable_and_leaves_the_index_searchable(tmp_path: Path) -> None:
    """When nothing more can be written, every write says so with a remedy, and a later one succeeds."""
    index = filled(tmp_path)
    big = [chunk(f"big{i}", " ".join(f"word{i}x{j}" for j in range(400))) for i in range(50)]
    many = {f"d{i}#0": np.eye(16, dtype=np.float32)[i] for i in range(3)}
    with files_no_larger_than(100):
        for write in (
            lambda: (index.add(big), index.commit()),
            lambda: index.add_vectors("another", many),
            lambda: index.freeze(),
        ):
            with pytest.raises(Unavailable) as caught:
                write()
            assert (caught.value.code, bool(caught.value.remedy)) == ("index.disk", True)
    assert found(index, "lemon") == ["d0#0", "d1#0", "d2#0"]
    assert len(EmbeddedIndex(tmp_path).head().dense(EMBEDDER.embed(["lemon"])[0], EVERYONE, 9)) == 3
    index.add(big)
    index.commit()
    assert index.head().chunks == 53
    assert index.freeze().chunks == 53


def test_a_torn_vector_file_is_passed_over_and_made_again(tmp_path: Path) -> None:
    """A segment that is shorter than it should be counts as missing; words still answer."""
    filled(tmp_path).close()
    (segment,) = (tmp_path / "vectors").glob("*.f32")
    segment.write_bytes(segment.read_bytes()[:-5])
    assert len(EmbeddedIndex(tmp_path).missing_vectors(EMBEDDER.recipe)) == 3
    index = EmbeddedIndex(tmp_path)
    assert index.head().vectors == 0
    assert index.head().dense(EMBEDDER.embed(["lemon"])[0], EVERYONE, 9) == ()
    assert len(found(index, "lemon")) == 3
    missing = index.missing_vectors(EMBEDDER.recipe)
    assert len(missing) == 3
    index.add_vectors(EMBEDDER.recipe, {name: EMBEDDER.embed([name])[0] for name in missing})
    assert index.head().vectors == 3


@pytest.mark.parametrize("victim", ["rows.npz", "rows.json", "engine/meta.json", "vectors/*.f32", "engine/*.store"])
def test_a_damaged_snapshot_cannot_be_judged(tmp_path: Path, victim: str) -> None:
    """One changed byte in any file of a snapshot is noticed when it is opened."""
    snapshot_id = filled(tmp_path).freeze().snapshot_id
    path = next((tmp_path / "snapshots" / snapshot_id).glob(victim))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()
    path.write_bytes(data)
    with pytest.raises(CannotJudge) as caught:
        EmbeddedIndex(tmp_path).open(snapshot_id)
    assert caught.value.code == "index.snapshot_digest"


def test_a_forged_manifest_cannot_be_judged(tmp_path: Path) -> None:
    """A manifest that agrees with its files is still refused when the content is not what the id names."""
    first = filled(tmp_path).freeze().snapshot_id
    folder = tmp_path / "snapshots" / first
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["snapshot"]["chunker"] = "another"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CannotJudge):
        EmbeddedIndex(tmp_path).open(first)


def test_damaged_vectors_are_not_frozen(tmp_path: Path) -> None:
    """A vector file that no longer matches its name is never made part of a snapshot."""
    index = filled(tmp_path)
    (segment,) = (tmp_path / "vectors").glob("*.f32")
    data = bytearray(segment.read_bytes())
    data[3] ^= 1
    segment.write_bytes(data)
    with pytest.raises(CannotJudge) as caught:
        index.freeze()
    assert caught.value.code == "index.vectors_damaged"
    assert index.snapshots() == ()


def test_freezing_links_the_engine_files_and_survives_their_merging(tmp_path: Path) -> None:
    """A snapshot costs no second copy, and stays whole when the engine merges and collects its files."""
    index = filled(tmp_path)
    snapshot = index.freeze()
    stores = list((tmp_path / "snapshots" / snapshot.snapshot_id / "engine").glob("*.store"))
    assert stores
    assert all(path.stat().st_nlink == 2 for path in stores)
    for i in range(20):
        index.add([chunk(f"more{i}", "lemon")])
        index.commit()
    index.close()
    assert len(EmbeddedIndex(tmp_path).open(snapshot.snapshot_id).lexical("lemon", EVERYONE, 99)) == 3


def test_many_small_vector_batches_are_merged(tmp_path: Path) -> None:
    """A hundred batches of one vector end in few files, and every vector is still found."""
    index = EmbeddedIndex(tmp_path)
    chunks = [chunk(f"d{i:03}", f"text{i}") for i in range(60)]
    index.add(chunks)
    index.commit()
    for c in chunks:
        index.add_vectors(EMBEDDER.recipe, {c.chunk_id: EMBEDDER.embed([c.text])[0]})
    assert len(list((tmp_path / "vectors").glob("*.f32"))) <= vector_files.MOST_SMALL
    assert index.head().vectors == 60
    for c in chunks[::7]:
        hits = index.head().dense(EMBEDDER.embed([c.text])[0], EVERYONE, 60)
        assert c.chunk_id in {hit.chunk_id for hit in hits if hit.score > 0.999}


def test_a_document_that_moves_keeps_its_vectors(tmp_path: Path) -> None:
    """The same words under another document need no embedding, until the index is compacted."""
    index = filled(tmp_path)
    index.remove(["d0", "d1"])
    index.add([chunk("moved", "lemon number0")])
    index.commit()
    assert index.missing_vectors(EMBEDDER.recipe) == ()
    index.compact()
    index.add([chunk("back", "lemon number1")])
    index.commit()
    assert index.missing_vectors(EMBEDDER.recipe) == ("back#0",)
    assert index.head().vectors == 2


def test_the_same_vectors_again_change_nothing(tmp_path: Path) -> None:
    """Handing in known vectors writes no file, under another recipe they share one, and neither hurts the other."""
    index = filled(tmp_path)
    same = {f"d{i}#0": EMBEDDER.embed([f"lemon number{i}"])[0] for i in range(3)}
    before = index.freeze().snapshot_id
    index.add_vectors(EMBEDDER.recipe, same)
    assert index.freeze().snapshot_id == before
    index.add_vectors("a twin", same)
    assert len(list((tmp_path / "vectors").glob("*.f32"))) == 1
    index.remove(["d0"])
    index.commit()
    index.compact()
    assert index.freeze().embedder == "a twin"
    index.add_vectors(EMBEDDER.recipe, {})
    assert index.head().vectors == 2
    assert index.freeze().embedder == EMBEDDER.recipe


def test_vectors_that_are_not_unit_vectors_are_refused(tmp_path: Path) -> None:
    """Another length, a zero vector and infinities never enter the index."""
    index = filled(tmp_path)
    for bad in (np.zeros(16), np.full(16, np.inf), np.full(16, np.nan), np.eye(8)[0]):
        with pytest.raises(InputError):
            index.add_vectors(EMBEDDER.recipe, {"d0#0": bad.astype(np.float32)})
    with pytest.raises(InputError):
        index.head().dense(np.zeros(7, dtype=np.float32), EVERYONE, 3)
    assert index.head().vectors == 3


def test_another_analyser_is_refused(tmp_path: Path) -> None:
    """An index is never searched with words divided differently from how they were indexed."""
    filled(tmp_path).close()
    with pytest.raises(CannotJudge) as caught:
        EmbeddedIndex(tmp_path, analyzer=Analyzer(default_language="de"))
    assert caught.value.code == "index.analyzer"


def test_each_language_is_asked_with_its_own_stems(tmp_path: Path) -> None:
    """German, French, Spanish, Chinese, Japanese and Thai chunks are found by another form or a part of their words."""
    index = EmbeddedIndex(tmp_path)
    index.add(
        [
            chunk("de", "Die Verträge wurden gekündigt", "de"),
            chunk("fr", "Les employés travaillaient beaucoup", "fr"),
            chunk("es", "Las bibliotecas están cerradas", "es"),
            chunk("zh", "北京大学的图书馆", "zh"),
            chunk("ja", "東京タワーに行きました", "ja"),
            chunk("th", "ภาษาไทยสวยงาม", "th"),
            chunk("en", "She was running quickly", "en"),
            chunk("xx", "Zażółć gęślą jaźń", "pl"),
        ]
    )
    index.commit()
    for query, expected in {
        "kündigen Vertrag": "de", "travailler": "fr", "biblioteca cerrada": "es", "图书馆": "zh", "東京": "ja",
        "ไทย": "th", "run": "en", "gęślą": "xx",
    }.items():  # fmt: skip
        assert found(index, query) == [f"{expected}#0"], query


def test_identifiers_and_numbers_are_found_whole(tmp_path: Path) -> None:
    """The exact identifier ranks above those that share its parts."""
    index = EmbeddedIndex(tmp_path)
    index.add(
        [chunk("a", "set max_tokens=5 in v1.2.3"), chunk("b", "tokens of 2 3 1 max v"), chunk("c", "1,250 seats")]
    )
    index.commit()
    assert index.head().lexical("max_tokens", EVERYONE, 5)[0].chunk_id == "a#0"
    assert index.head().lexical("v1.2.3", EVERYONE, 5)[0].chunk_id == "a#0"
    assert found(index, "1250") == ["c#0"]


def test_a_dropped_snapshot_is_gone(tmp_path: Path) -> None:
    """Dropping removes the folder; dropping again is NotFound."""
    index = filled(tmp_path)
    snapshot_id = index.freeze().snapshot_id
    index.drop_snapshot(snapshot_id)
    assert index.snapshots() == ()
    with pytest.raises(NotFound):
        index.drop_snapshot(snapshot_id)


def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    """A file where the folder should be is an error with a code, no traceback of the engine."""
    (tmp_path / "index").write_text("not a folder")
    with pytest.raises((Unavailable, Busy)) as caught:
        EmbeddedIndex(tmp_path / "index")
    assert caught.value.code == "index.disk"
