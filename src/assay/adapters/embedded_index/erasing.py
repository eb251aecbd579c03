"""Erasing in the embedded engine: words rewritten, snapshots replaced, and a look at what its files still hold."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assay.adapters.embedded_index import lexical
from assay.adapters.embedded_index.durable import disk_errors, sync_folder
from assay.adapters.embedded_index.index import EmbeddedIndex
from assay.adapters.embedded_index.reader import EmbeddedReader
from assay.adapters.embedded_index.rows import access_of
from assay.adapters.embedded_index.snapshots import MANIFEST, SnapshotFolder
from assay.adapters.embedded_index.successors import note_successor, successor_of
from assay.govern.forget import Remain
from assay.govern.forget_marks import Digests, Marks, vector_marks
from assay.ports.storage import Catalog
from assay.records.documents import Chunk
from assay.records.errors import CannotJudge
from assay.records.retrieval import Snapshot
from assay.retrieve.analysis import Analyzer


@dataclass(frozen=True, slots=True)
class _At:
    """A clock that stands at the moment at which a replaced snapshot was made."""

    moment: str

    def now(self) -> str:
        return self.moment

    def monotonic(self) -> float:
        return 0.0


def vectors_by_chunk(reader: EmbeddedReader, chunk_ids: Iterable[str]) -> dict[str, NDArray[np.float32]]:
    """Copies of the vectors of those chunks that have one."""
    rows = reader.rows
    place = {chunk_id: row for row, chunk_id in enumerate(rows.chunk_ids)}
    wanted = [(chunk_id, place[chunk_id]) for chunk_id in chunk_ids if chunk_id in place]
    return {
        chunk_id: np.array(reader.segments[int(rows.segment[row])].matrix[rows.place[row]])
        for chunk_id, row in wanted
        if rows.segment[row] >= 0
    }


def marks_of_vectors(reader: EmbeddedReader, chunk_ids: frozenset[str]) -> Digests:
    """Beginnings of the vectors that only these chunks have; a text that stands in another chunk too keeps its own."""
    contents = [content.tobytes() for content in reader.rows.contents]
    kept = {c for chunk_id, c in zip(reader.rows.chunk_ids, contents, strict=True) if chunk_id not in chunk_ids}
    gone = [
        chunk_id
        for chunk_id, content in zip(reader.rows.chunk_ids, contents, strict=True)
        if chunk_id in chunk_ids and content not in kept
    ]
    found = list(vectors_by_chunk(reader, gone).values())
    return vector_marks(np.stack(found)) if found else vector_marks(np.empty((0, 2), dtype=np.float32))


@dataclass(frozen=True)
class EmbeddedErasing:
    """The folder of one embedded index. The caller holds the workspace's write lock."""

    folder: Path

    @property
    def _engine(self) -> Path:
        return self.folder / "engine"

    @property
    def _snapshots(self) -> Path:
        return self.folder / "snapshots"

    def rewrite_words(self, index: EmbeddedIndex, marks: Marks, chunks: Iterator[Sequence[Chunk]]) -> int:
        """Write every remaining document anew in one commit, so that no file holds a word of a removed one.

        The engine only marks documents as deleted and offers no merge; a segment of which nothing is left it drops at
        the commit. `chunks` gives the remaining documents, some at a time, each whole. Returns how many chunks the
        engine's files still held; nothing is written when there was none.
        """
        held, listed = self._held(self._engine, marks), self._listed(marks)
        if held or listed:
            index.remove(listed)
            for some in chunks:
                index.add(some)
            index.commit()
        return held

    def sweep(self) -> None:
        """Remove the engine's files that its last commit does not name, which a crash left. No writer is open."""
        with disk_errors("removing old files of the index"):
            _, names = lexical.committed_files(self._engine)
            for path in _stray(self._engine, names):
                path.unlink(missing_ok=True)

    def _held(self, folder: Path, marks: Marks) -> int:
        """Marked chunks in the engine's dictionary, which lists deleted ones too as long as a file holds them."""
        import tantivy

        with disk_errors("reading the index"):
            searcher = tantivy.Index.open(str(folder)).searcher()
            return sum(marks.is_name(chunk_id) for chunk_id, _ in searcher.terms_with_prefix("chunk", ""))

    def _listed(self, marks: Marks) -> list[str]:
        """Ids of marked documents that the index still lists."""
        with disk_errors("reading the index"), closing(sqlite3.connect(self.folder / "rows.sqlite")) as rows:
            every = [doc_id for (doc_id,) in rows.execute("SELECT DISTINCT doc_id FROM rows")]
        return list(filter(marks.is_name, every))

    def replace_snapshots(self, catalog: Catalog, marks: Marks) -> dict[str, str]:
        """Put a snapshot without them in the place of each that holds marked chunks; old id to new, empty: dropped."""
        with disk_errors("replacing snapshots"):
            self._clear_unfinished()
            folder = SnapshotFolder(self._snapshots, Analyzer())
            replaced: dict[str, str] = {}
            for snapshot in folder.snapshots():
                if self._in_snapshot(snapshot.snapshot_id, marks):
                    successor = self._rewritten(folder, snapshot, catalog, marks)
                    note_successor(self._snapshots, snapshot.snapshot_id, successor)
                    folder.drop(snapshot.snapshot_id)
                    replaced[snapshot.snapshot_id] = successor
            return replaced

    def _in_snapshot(self, snapshot_id: str, marks: Marks) -> int:
        """Marked chunks that a snapshot lists, or that its engine's files still hold as deleted."""
        folder = self._snapshots / snapshot_id
        names: list[str] = json.loads((folder / "rows.json").read_bytes())["chunks"]
        return sum(map(marks.is_name, names)) + self._held(folder / "engine", marks)

    def standing(self, snapshot_id: str) -> str:
        """The snapshot that stands for this one today; empty where none does."""
        try:
            return successor_of(self._snapshots, snapshot_id)
        except CannotJudge:
            return ""

    def snapshots_with(self, marks: Marks) -> tuple[str, ...]:
        """Ids of the snapshots that would be replaced."""
        listed = SnapshotFolder(self._snapshots, Analyzer()).snapshots()
        return tuple(one.snapshot_id for one in listed if self._in_snapshot(one.snapshot_id, marks))

    def _clear_unfinished(self) -> None:
        """Folders aside, which begin with a dot, are what a crash left of a freeze, a drop or a replacement."""
        for path in self._snapshots.iterdir():
            if path.name.startswith(".") and path.is_dir():
                shutil.rmtree(path)

    def _rewritten(self, folder: SnapshotFolder, old: Snapshot, catalog: Catalog, marks: Marks) -> str:
        try:
            reader = folder.open(old.snapshot_id)
        except CannotJudge:  # damaged or from another version: it cannot be searched either, so nothing is lost
            return ""
        aside = self._snapshots / f".rewriting-{old.snapshot_id[:16]}"
        chunks = _remaining(reader, catalog, marks)
        if chunks is None:
            return ""
        index = EmbeddedIndex(aside, analyzer=reader.analyzer, chunker=old.chunker, clock=_At(old.created_at))
        try:
            index.add(chunks)
            index.commit()
            if reader.vectors:
                index.add_vectors(reader.embedder, vectors_by_chunk(reader, [chunk.chunk_id for chunk in chunks]))
            made = index.freeze().snapshot_id
        finally:
            index.close()
        if not folder.has(made):
            (aside / "snapshots" / made).rename(self._snapshots / made)
            sync_folder(self._snapshots)
        shutil.rmtree(aside)
        return made

    def probe(self, marks: Marks) -> tuple[dict[str, int], list[Remain]]:
        """Look for marked chunks in the dictionary of every engine folder and the list of every snapshot, and for files
        that nothing names."""
        held = {"engine": self._held(self._engine, marks)}
        held |= {
            f"snapshot {path.parent.name[:12]}": self._in_snapshot(path.parent.name, marks)
            for path in sorted(self._snapshots.glob(f"*/{MANIFEST}"))
        }
        with disk_errors("reading the index"):
            held["files of no commit"] = len(_stray(self._engine, lexical.committed_files(self._engine)[1]))
            held["unfinished snapshots"] = sum(1 for path in self._snapshots.glob(".*") if path.is_dir())
        remains = [Remain("index", f"{self.folder.name}: {where}", count) for where, count in held.items() if count]
        return {"engines": len(held) - 2}, remains


def _stray(folder: Path, names: Sequence[str]) -> list[Path]:
    kept = {*names, "meta.json", ".managed.json"}
    return [path for path in folder.iterdir() if path.name not in kept and not path.name.endswith(".lock")]


def _remaining(reader: EmbeddedReader, catalog: Catalog, marks: Marks) -> list[Chunk] | None:
    """The snapshot's other chunks under its own access lists; None when the catalog lacks one, or there is none."""
    rows = reader.rows
    kept = [(row, chunk_id) for row, chunk_id in enumerate(rows.chunk_ids) if not marks.is_name(chunk_id)]
    known = catalog.chunks([chunk_id for _, chunk_id in kept])
    if not kept or len(known) < len(kept):
        return None
    return [replace(known[chunk_id], access=access_of(rows.access_names[rows.access[row]])) for row, chunk_id in kept]
