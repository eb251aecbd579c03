"""The index in PostgreSQL with pgvector: every change is one transaction that makes one more version of the rows."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from assay.adapters.clocks import SystemClock
from assay.adapters.pgvector_index import rows, versions
from assay.adapters.pgvector_index.connection import Server
from assay.adapters.pgvector_index.reader import PgvectorReader
from assay.adapters.remote_index.failures import other_recipe
from assay.adapters.remote_index.state import State, Vectors, check_vectors, moved, with_vectors
from assay.adapters.remote_index.terms import RECIPE, TermCounts
from assay.adapters.remote_index.versions import check_identity, next_of
from assay.ports.reading import Clock
from assay.records.documents import Chunk
from assay.records.retrieval import IndexStatus, Snapshot
from assay.retrieve.analysis import Analyzer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sqlalchemy import Connection

_KEPT = timedelta(hours=1)
"""How long a dead row stays for readers of an older head; `compact` takes it at once."""
_FORMAT = "1"


class PgvectorIndex:
    """An `Index` in one schema of a database.

    A commit is one transaction: rows are added with the version they were born in, replaced ones are marked with the
    version they died in, and the head moves. A reader holds a version and sees the rows alive in it; a snapshot is a
    version with a name. Writers of several processes queue at the head's row. Nothing is reached before first use.

    Raises Unavailable (`index.unreachable`, `index.disk_full`), Busy, ConfigError, and CannotJudge (`index.analyzer`)
    when the schema was written with another analyser.
    """

    def __init__(
        self, dsn: str, schema: str, *, analyzer: Analyzer | None = None, chunker: str = "", clock: Clock | None = None
    ) -> None:
        self._analyzer = analyzer or Analyzer()
        self._chunker = chunker
        self._clock = clock or SystemClock()
        self._server = Server(dsn, schema)
        self._lock = threading.RLock()
        self._staged: dict[str, list[Chunk]] = {}
        self._head: PgvectorReader | None = None
        self._checked = False

    def add(self, chunks: Sequence[Chunk]) -> None:
        """Stage chunks; all earlier chunks of their documents go with the same commit."""
        with self._lock:
            for doc_id in dict.fromkeys(chunk.doc_id for chunk in chunks):
                self._staged[doc_id] = []
            for chunk in chunks:
                self._staged[chunk.doc_id].append(chunk)

    def remove(self, doc_ids: Sequence[str]) -> None:
        """Stage the removal of documents; unknown ids are no error."""
        with self._lock:
            self._staged.update({doc_id: [] for doc_id in doc_ids})

    def commit(self) -> None:
        """Make everything staged durable and searchable, or, when anything fails, nothing and forget it."""
        with self._lock:
            staged, self._staged = self._staged, {}
            if not staged:
                return
            fresh = [rows.prepared(chunk, self._analyzer) for chunks in staged.values() for chunk in chunks]
            now = self._clock.now()
            with self._server.transaction() as connection:
                state = self._locked(connection)
                gone = rows.bury(connection, staged, state.version + 1, now)
                if not fresh and not gone:
                    return
                numbers = rows.insert(connection, fresh, state.version + 1)
                after = moved(state, (row.kept for row in fresh), (row.kept for row in gone))
                for recipe, kept in state.vectors.items():
                    lost = rows.bury_vectors(connection, kept.number, [row.number for row in gone], after.version)
                    found = rows.inherit_vectors(connection, kept.number, numbers, after.version)
                    after = with_vectors(after, recipe, kept, found, lost)
                change = TermCounts.change((row.weights for row in fresh), (row.terms for row in gone))
                versions.count(connection, after.version, change)
                versions.move(connection, after)
                rows.purge(connection, after.vectors.values(), _before(now))

    def add_vectors(self, recipe: str, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Vectors by chunk id, unit length; durable and searchable when this returns. Ids not indexed are passed over.

        Raises InputError (`index.vector_shape`, `index.vector_norm`).
        """
        with self._lock, self._server.transaction() as connection:
            state = self._locked(connection)
            kept = state.vectors.get(recipe)
            dimensions = check_vectors(kept.dimensions if kept else None, vectors.values())
            if dimensions is None:
                return
            if kept is None:
                kept = Vectors(max((v.number for v in state.vectors.values()), default=0) + 1, dimensions)
                rows.make_vectors(connection, kept)
            version = state.version + 1
            added = rows.insert_vectors(connection, kept.number, vectors, version)
            if added or state.recipe != recipe or recipe not in state.vectors:
                after = with_vectors(next_of(state, recipe), recipe, kept, added, ())
                versions.move(connection, after)
                rows.build_graph(connection, after.vectors[recipe])

    def missing_vectors(self, recipe: str) -> tuple[str, ...]:
        """Ids of indexed chunks without a vector of this recipe, shortest first."""
        with self._server.transaction() as connection:
            state = versions.head(connection)
            return rows.without_vectors(connection, state.vectors.get(recipe))

    def head(self) -> PgvectorReader:
        """The newest committed state, of whichever process; the same object while nothing changed."""
        with self._lock, self._server.transaction() as connection:
            self._check(connection)
            known = self._head
            if known is None or versions.number_of_head(connection) != known.state.version:
                self._head = self._reader(connection, versions.head(connection))
            assert self._head is not None
            return self._head

    def freeze(self) -> Snapshot:
        """An immutable snapshot of the newest committed state; no work when it exists already."""
        with self._lock, self._server.transaction() as connection:
            state = self._locked(connection)
            snapshot = state.snapshot(self._analyzer.recipe, self._chunker, self._clock.now())
            return versions.freeze(connection, state, snapshot)

    def open(self, snapshot_id: str) -> PgvectorReader:
        """Raises NotFound (`index.no_snapshot`) and CannotJudge (`index.snapshot_digest`)."""
        with self._server.transaction() as connection:
            reader = self._reader(connection, versions.frozen_state(connection, snapshot_id))
        check_identity(reader.snapshot_id, snapshot_id)
        return reader

    def snapshots(self) -> tuple[Snapshot, ...]:
        """Oldest first."""
        with self._server.transaction() as connection:
            return versions.snapshots(connection)

    def drop_snapshot(self, snapshot_id: str) -> None:
        """Forget a snapshot and the rows that only it held. Raises NotFound."""
        with self._lock, self._server.transaction() as connection:
            state = self._locked(connection)
            versions.drop(connection, state, snapshot_id)
            rows.purge(connection, state.vectors.values(), rows.EVERY_MOMENT)

    def compact(self) -> None:
        """Delete every row that neither the head nor a snapshot holds, and give its space back to the tables."""
        with self._lock:
            with self._server.transaction() as connection:
                state = self._locked(connection)
                rows.purge(connection, state.vectors.values(), rows.EVERY_MOMENT)
            with self._server.alone() as connection:
                rows.vacuum(connection, state.vectors.values())

    def status(self) -> IndexStatus:
        """How far the index is: counts at the head, and every snapshot."""
        with self._server.transaction() as connection:
            state = versions.head(connection)
            unindexed = rows.unindexed(connection, state.searched)
            frozen = versions.snapshots(connection)
        vectors = state.searched.count if state.searched else 0
        return IndexStatus(state.documents, state.chunks, vectors, state.recipe, frozen, "postgres", unindexed)

    def stored_vectors(self, recipe: str, chunk_ids: Iterable[str]) -> dict[str, NDArray[np.float32]]:
        """The head's vectors of these chunks; those it has none of are left out."""
        with self._server.transaction() as connection:
            kept = versions.head(connection).vectors.get(recipe)
            return rows.read_vectors(connection, kept, chunk_ids) if kept else {}

    def close(self) -> None:
        """Close connections; what is staged and not committed is forgotten."""
        with self._lock:
            self._staged = {}
            self._server.close()

    def _reader(self, connection: Connection, state: State) -> PgvectorReader:
        counts = versions.counts(connection, state.version)
        ids = rows.access_ids(connection, state.access)
        return PgvectorReader(self._server, self._analyzer, self._chunker, state, counts, ids)

    def _locked(self, connection: Connection) -> State:
        """The head's state, which no other writer moves before this transaction ends."""
        self._check(connection)
        return versions.locked_head(connection)

    def _check(self, connection: Connection) -> None:
        if not self._checked:
            recipe = f"{_FORMAT} {RECIPE} {self._analyzer.recipe}"
            if versions.recipe(connection, recipe) != recipe:
                raise other_recipe(self._server.where)
            self._checked = True


def _before(now: str) -> str:
    moment: Any = datetime.fromisoformat(now) - _KEPT
    return str(moment.isoformat(timespec="microseconds")).replace("+00:00", "Z")
