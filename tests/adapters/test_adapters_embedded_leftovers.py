"""What a process that died inside the engine's commit left behind does not stand in the way of the next one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from assay.adapters.embedded_index.index import EmbeddedIndex
from assay.adapters.embedded_index.rows import RowStore, row_of
from assay.records.access import AccessList, Scope
from assay.records.documents import BlockKind, Chunk
from small_disk import fill, small_disk


def chunk(doc_id: str, text: str) -> Chunk:
    kind, access = BlockKind.PARAGRAPH, AccessList()
    return Chunk(f"{doc_id}#0", doc_id, "0" * 64, 0, 0, len(text), text, "", (), kind, "en", access)


def removing(folder: Path) -> EmbeddedIndex:
    index = EmbeddedIndex(folder)
    index.remove(["a"])
    index.commit()
    return index


def test_the_next_commit_writes_over_what_a_killed_one_had_begun(tmp_path: Path) -> None:
    """The list of deletions was written and named as the engine's own, the commit that needs it was not: the same
    removal, made again, succeeds."""
    index = EmbeddedIndex(tmp_path / "index")
    index.add([chunk("a", "lemon"), chunk("b", "lemon tart"), chunk("c", "lemon soup")])
    index.commit()
    index.close()
    shutil.copytree(tmp_path / "index", tmp_path / "ended")
    removing(tmp_path / "ended").close()
    engine, ended = tmp_path / "index" / "engine", tmp_path / "ended" / "engine"
    begun = [file for file in ended.iterdir() if file.suffix == ".del" and not (engine / file.name).exists()]
    assert len(begun) == 1
    for file in (*begun, ended / ".managed.json"):
        shutil.copy(file, engine / file.name)
    again = removing(tmp_path / "index")
    assert sorted(hit.chunk_id for hit in again.head().lexical("lemon", Scope(), 9)) == ["b#0", "c#0"]
    again.close()


@pytest.mark.parametrize("left", [0, 4, 8, 16, 32, 36, 40, 48, 64, 96])
def test_a_commit_that_the_full_disk_did_not_let_settle_is_read(tmp_path: Path, left: int) -> None:
    """The engine has committed and the disk, with `left` KB to go, has no room to make the rows match it: the
    commit can be read, and once there is room the next writer settles it on disk."""
    with small_disk(tmp_path / "disk") as disk:
        store = RowStore(disk / "rows.sqlite")
        rows = [row_of(chunk(f"d{number}", f"lemon {number}"), "en") for number in range(300)]
        store.stage({row.doc_id: [row] for row in rows}, 0)
        store.close()
        room = disk / "room"
        room.write_bytes(bytes(left * 1024))
        fill(disk / "rest")
        room.unlink()
        reader = RowStore(disk / "rows.sqlite")
        for _ in range(2):
            reader.settle_for_reading(7)
            assert len(reader.every_row("")) == 300
            assert reader.state().opstamp == 7
        (disk / "rest").unlink()
        reader.settle(7)
        reader.unstage()
        reader.close()
        again = RowStore(disk / "rows.sqlite")
        assert len(again.every_row("")) == 300
        again.close()
