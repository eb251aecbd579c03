"""The embedded index made anew from the catalog."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assay.adapters.embedded_index.index import EmbeddedIndex
from assay.records.access import Scope
from assay.records.errors import CannotJudge, UsageError
from assay.wiring import ingesting, rebuilding
from assay.wiring.build import Workspace, create_workspace, open_workspace
from assay.wiring.history import open_history


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two documents, one of which has an earlier version."""
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "leave.md").write_text("# Leave\n\nTwenty days.")
    (docs / "pay.md").write_text("# Pay\n\nOn the 25th.")
    create_workspace(tmp_path / "lab")
    place = open_workspace(tmp_path / "lab", ["index.embedder=none"])
    ingesting.ingest(place, [docs], lambda *_: None)
    (docs / "leave.md").write_text("# Leave\n\nThirty days of leave.")
    os.utime(docs / "leave.md", (2e9, 2e9))
    ingesting.ingest(place, [docs], lambda *_: None)
    place.close()
    return tmp_path / "lab"


def opened(root: Path) -> Workspace:
    return open_workspace(root, ["index.embedder=none"])


def found(place: Workspace, words: str) -> list[str]:
    chunks = place.stores.catalog.chunks([hit.chunk_id for hit in place.index.head().lexical(words, Scope(), 9)])
    return [chunk.doc_id for chunk in chunks.values()]


def test_an_index_written_by_another_version_is_made_anew(root: Path) -> None:
    """Search is refused until then, finds the same afterwards, and past versions are searchable again."""
    index = EmbeddedIndex(root / ".assay" / "index")
    index._rows.set_fact("recipe_of_engine", "another analyser")
    index.close()
    place = opened(root)
    with pytest.raises(CannotJudge, match=r"index\.analyzer"):
        found(place, "leave")
    assert rebuilding.rebuild(place) == 2
    place = opened(root)
    assert found(place, "thirty leave") == ["docs/leave.md"]
    assert found(place, "twenty") == []
    past = open_history(place)
    assert len(past.head().lexical("twenty days", Scope(), 9)) == 1
    past.close()
    assert sorted(path.name for path in (root / ".assay").iterdir() if path.is_dir() and "index" in path.name) == [
        "index"
    ]


def test_a_swap_that_was_interrupted_is_ended_by_the_next_rebuild(root: Path) -> None:
    """Between the two renames there is no index; the old one comes back before anything is built."""
    store = root / ".assay"
    (store / "index").rename(store / "index.old")
    (store / "history.new").mkdir()
    assert rebuilding.rebuild(opened(root)) == 2
    assert found(opened(root), "pay") == ["docs/pay.md"]


def test_another_engine_is_not_rebuilt_in_place(root: Path) -> None:
    """It says what to do instead."""
    place = open_workspace(root, ["index.engine=lancedb"])
    with pytest.raises(UsageError, match=r"index\.not_embedded"):
        rebuilding.rebuild(place)
