"""The embedded index: a folder with tantivy, vector files, rows and snapshots; one process writes, any number read."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.adapters.clocks import SystemClock
from assay.adapters.embedded_index import lexical
from assay.adapters.embedded_index.durable import disk_errors
from assay.adapters.embedded_index.mapped import SegmentMaps
from assay.adapters.embedded_index.reader import EmbeddedReader, RowMap
from assay.adapters.embedded_index.rows import Row, RowStore, Segment, State, row_of
from assay.adapters.embedded_index.snapshots import SnapshotFolder
from assay.adapters.embedded_index.vectors import VectorFiles
from assay.ports.reading import Clock
from assay.records.documents import Chunk
from assay.records.errors import AssayError, CannotJudge, Unavailable
from assay.records.retrieval import IndexStatus, Snapshot
from assay.retrieve.analysis import Analyzer

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TRIES = 8
_FORMAT = "1"


class EmbeddedIndex:
    """An `Index` in a folder.

    The engine's commit is the only moment at which a change happens: what the commit will hold is written down before
    it and settled after it, so a crash at any point leaves words, rows and vectors of one state. The write lock is the
    engine's; it is taken at the first `add` or `remove` and held until `close`. Vectors are kept by the content they
    were made from: a document that moves or comes back finds them again.

    Raises Unavailable (`index.disk`), Busy (`index.busy`), and CannotJudge (`index.analyzer`) when the folder was
    written with another analyser.
    """

    def __init__(
        self, path: Path, *, analyzer: Analyzer | None = None, chunker: str = "", clock: Clock | None = None
    ) -> None:
        self._analyzer = analyzer or Analyzer()
        self._chunker = chunker
        self._clock = clock or SystemClock()
        self._engine_folder = path / "engine"
        self._vector_folder = path / "vectors"
        self._lock = threading.RLock()
        self._writer: Any = None
        self._staged: dict[str, list[Row]] = {}
        self._head: tuple[State, EmbeddedReader, dict[int, Segment]] | None = None
        with disk_errors("opening the index"):
            for folder in (self._engine_folder, self._vector_folder, path / "snapshots"):
                folder.mkdir(parents=True, exist_ok=True)
            self._engine = lexical.open_engine(self._engine_folder)
            self._rows = RowStore(path / "rows.sqlite")
            self._vectors = VectorFiles(self._vector_folder, self._rows)
            self._maps = SegmentMaps(self._vector_folder)
            self._snapshots = SnapshotFolder(path / "snapshots", self._analyzer)
            self._check_recipe()

    def _check_recipe(self) -> None:
        recipe = f"{_FORMAT} {lexical.RECIPE} {self._analyzer.recipe}"
        known = self._rows.fact("recipe_of_engine")
        if not known:
            self._rows.set_fact("recipe_of_engine", recipe)
        elif known != recipe:
            raise CannotJudge(
                "index.analyzer",
                "the index was written by another version, which divided words differently",
                remedy="assay index rebuild makes it anew from the catalog",
            )

    def add(self, chunks: Sequence[Chunk]) -> None:
        """Stage chunks; all earlier chunks of their documents go with the same commit."""
        with self._lock, self._changing("adding chunks"):
            writer = self._write_lock()
            for doc_id in dict.fromkeys(chunk.doc_id for chunk in chunks):
                self._stage_removal(writer, doc_id)
            for chunk in chunks:
                writer.add_document(lexical.engine_document(chunk, self._analyzer))
                self._staged[chunk.doc_id].append(row_of(chunk, self._analyzer.group(chunk.language)))

    def remove(self, doc_ids: Sequence[str]) -> None:
        """Stage the removal of documents; unknown ids are no error."""
        with self._lock, self._changing("removing documents"):
            writer = self._write_lock()
            for doc_id in doc_ids:
                self._stage_removal(writer, doc_id)

    def _stage_removal(self, writer: Any, doc_id: str) -> None:
        writer.delete_documents_by_term("document", lexical.key_of(doc_id))
        self._staged[doc_id] = []

    def commit(self) -> None:
        """Make everything staged durable and searchable; nothing to do when nothing is staged."""
        with self._lock:
            if not self._staged:
                return
            with self._changing("committing"):
                self._rows.stage(self._staged, lexical.committed_opstamp(self._engine_folder))
                self._writer.commit()
                self._rows.settle(lexical.committed_opstamp(self._engine_folder))
                self._staged = {}

    def add_vectors(self, recipe: str, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Vectors by chunk id, unit length; durable and searchable when this returns. Ids not indexed are passed over.

        Raises InputError (`index.vector_shape`, `index.vector_norm`).
        """
        with self._lock, disk_errors("writing vectors"):
            contents = self._rows.contents(vectors)
            by_content = {content: vectors[chunk_id] for chunk_id, content in contents.items()}
            self._vectors.add(recipe, by_content)

    def missing_vectors(self, recipe: str) -> tuple[str, ...]:
        """Ids of indexed chunks without a readable vector of this recipe, shortest first."""
        with self._lock, disk_errors("reading the index"):
            self._vectors.forget_torn(recipe)
            return self._rows.missing(recipe)

    def head(self) -> EmbeddedReader:
        """The newest committed state, of whichever process; the same object while nothing changed."""
        with self._lock, disk_errors("reading the index"):
            return self._current()[1]

    def freeze(self) -> Snapshot:
        """An immutable snapshot of the newest committed state; no work when it exists already."""
        with self._lock, disk_errors("freezing a snapshot"):
            for _ in range(_TRIES):
                state, reader, segments = self._current()
                if self._snapshots.has(reader.snapshot_id):
                    return self._snapshots.snapshot(reader.snapshot_id)
                snapshot = self._describe(reader)
                try:
                    self._snapshots.write(snapshot, reader.rows, segments, self._engine_folder, self._vector_folder)
                except FileNotFoundError:  # merged away between reading the list and linking; the new list is read
                    self._head = None
                    continue
                if lexical.committed_opstamp(self._engine_folder) == state.opstamp:
                    return snapshot
                self._snapshots.drop(snapshot.snapshot_id)
            raise _restless()

    def _describe(self, reader: EmbeddedReader) -> Snapshot:
        documents, _, _ = self._rows.counts(reader.embedder)
        return Snapshot(
            snapshot_id=reader.snapshot_id,
            documents=documents,
            chunks=reader.chunks,
            vectors=reader.vectors,
            embedder=reader.embedder if reader.vectors else "",
            analyzer=self._analyzer.recipe,
            chunker=self._chunker,
            created_at=self._clock.now(),
        )

    def open(self, snapshot_id: str) -> EmbeddedReader:
        """Raises NotFound (`index.no_snapshot`) and CannotJudge (`index.snapshot_digest`)."""
        with disk_errors("opening a snapshot"):
            return self._snapshots.open(snapshot_id)

    def snapshots(self) -> tuple[Snapshot, ...]:
        """Oldest first."""
        with disk_errors("reading the snapshots"):
            return self._snapshots.snapshots()

    def drop_snapshot(self, snapshot_id: str) -> None:
        """Remove a snapshot from disk. Raises NotFound."""
        with self._lock, disk_errors("removing a snapshot"):
            self._snapshots.drop(snapshot_id)

    def compact(self) -> None:
        """Drop vectors that no indexed chunk has any more and merge the rest: after an erasure nothing remains here."""
        with self._lock, disk_errors("compacting vectors"):
            self._vectors.compact()

    def status(self) -> IndexStatus:
        """How far the index is: counts at the head, and every snapshot."""
        with disk_errors("reading the index"):
            recipe = self._rows.state().recipe
            documents, chunks, vectors = self._rows.counts(recipe)
        return IndexStatus(documents, chunks, vectors, recipe, self.snapshots())

    def close(self) -> None:
        """Let merges end and release the write lock; what is staged and not committed is forgotten."""
        with self._lock:
            if self._writer is not None:
                with disk_errors("closing the index"):
                    writer, self._writer, self._staged = self._writer, None, {}
                    writer.rollback()
                    writer.wait_merging_threads()
            self._rows.close()

    def _write_lock(self) -> Any:
        if self._writer is None:
            self._writer = self._engine.writer(lexical.HEAP_BYTES, 1)
            # A process that died inside a commit leaves files that no commit names, and the next one wants their names.
            self._writer.garbage_collect_files()
            opstamp = lexical.committed_opstamp(self._engine_folder)
            self._rows.settle(opstamp)
            self._rows.unstage()
        return self._writer

    def _changing(self, doing: str) -> _Change:
        return _Change(self, doing)

    def forget_staged(self) -> None:
        """After a failed change: let the engine's writer go with all it had staged; a new one is made when needed."""
        self._writer, self._staged = None, {}

    def _current(self) -> tuple[State, EmbeddedReader, dict[int, Segment]]:
        """Rows, vectors and searcher of one commit. A process that died between two of them is caught up with."""
        for _ in range(_TRIES):
            self._rows.settle_for_reading(lexical.committed_opstamp(self._engine_folder))
            if self._head is not None and self._head[0] == self._rows.state():
                return self._head
            with self._rows.reading():
                state = self._rows.state()
                listed = self._rows.every_row(state.recipe)
                segments = self._rows.segments(state.recipe)
            mapped, torn = self._maps.map(segments)
            if torn:
                self._rows.forget_segments(torn)
                continue
            self._engine.reload()
            searcher = self._engine.searcher()
            if lexical.committed_opstamp(self._engine_folder) != state.opstamp:
                time.sleep(0.01)
                continue
            reader = EmbeddedReader(
                self._engine, searcher, self._analyzer, self._chunker, state.recipe, _row_map(listed), mapped
            )
            self._head = (state, reader, {segment.segment: segment for segment in segments})
            return self._head
        raise _restless()


class _Change:
    """Errors of the disk become Unavailable, and a failed change leaves nothing half staged."""

    def __init__(self, index: EmbeddedIndex, doing: str) -> None:
        self._index = index
        self._errors = disk_errors(doing)

    def __enter__(self) -> None:
        self._errors.__enter__()

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool | None:
        if error is not None and not isinstance(error, AssayError):
            self._index.forget_staged()
        return self._errors.__exit__(kind, error, trace)


def _row_map(listed: Sequence[tuple[str, str, bytes, int | None, int | None, str]]) -> RowMap:
    names = {name: number for number, name in enumerate(sorted({row[1] for row in listed}))}
    contents = np.frombuffer(b"".join(row[2] for row in listed), dtype=np.uint8).reshape(len(listed), 16)
    return RowMap(
        chunk_ids=tuple(row[0] for row in listed),
        access_names=tuple(names),
        access=np.array([names[row[1]] for row in listed], dtype=np.int32),
        contents=contents,
        segment=np.array([-1 if row[3] is None else row[3] for row in listed], dtype=np.int32),
        place=np.array([-1 if row[4] is None else row[4] for row in listed], dtype=np.int32),
        languages=tuple(sorted({row[5] for row in listed})),
    )


def _restless() -> Unavailable:
    return Unavailable(
        "index.restless", "the index changed faster than it could be read", remedy="try again when the ingestion pauses"
    )
