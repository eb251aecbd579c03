"""The LanceDB index: tables on disk or on an S3-compatible store; any process reads, processes take turns to write."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from assay.adapters.analysed import Analysed, analysed
from assay.adapters.clocks import SystemClock
from assay.adapters.embedded_index.lexical import key_of
from assay.adapters.lance_index import writing
from assay.adapters.lance_index.failures import lance_errors
from assay.adapters.lance_index.published import RECIPE, Frozen, Place, Published
from assay.adapters.lance_index.reader import LanceReader
from assay.adapters.lance_index.register import Register
from assay.adapters.lance_index.tables import Tables
from assay.adapters.remote_index.failures import no_snapshot
from assay.adapters.remote_index.state import State
from assay.adapters.turns import Turn, Turns
from assay.ports.reading import Clock
from assay.records.documents import Chunk
from assay.records.errors import ConfigError
from assay.records.retrieval import IndexStatus, Snapshot
from assay.retrieve.analysis import Analyzer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

GRACE = timedelta(minutes=10)
"""Tables that the head has left stay so long for the readers that still have them open."""
_OVER_THE_NETWORK = {"connect_timeout": "3s", "timeout": "20s", "client_max_retries": "2", "client_retry_timeout": "15"}
"""Unless `storage_options` say otherwise; the library's own would keep a search waiting for minutes in an outage."""


class LanceIndex:
    """An `Index` in a LanceDB database: `uri` is a folder or `s3://bucket/prefix`.

    Writes go into the tables first and are published by one change of the register: a reader sees a commit whole or
    not at all, and what a writer left half done is undone by the next. Snapshots are versions of tables, which never
    change. What is staged stays staged when a commit fails, so that it can be repeated.

    Raises Unavailable (`index.unreachable`, `index.disk`, `index.not_searchable`), Busy (`index.busy`), CannotJudge
    (`index.analyzer`, `index.damaged`), and ConfigError (`index.missing_extra`) without the extra.
    """

    def __init__(
        self,
        uri: str,
        *,
        analyzer: Analyzer | None = None,
        chunker: str = "",
        clock: Clock | None = None,
        storage_options: Mapping[str, str] | None = None,
    ) -> None:
        self._uri = uri
        self._analyzer = analyzer or Analyzer()
        self._chunker = chunker
        self._clock = clock or SystemClock()
        self._lock = threading.RLock()
        self._staged: dict[str, list[Analysed]] = {}
        self._head: tuple[Published, LanceReader] | None = None
        with lance_errors(uri, "opening the index"):
            database = _connected(uri, storage_options or {})
            self._tables = Tables(database)
            self._register = Register(database, uri, f"{RECIPE} {self._analyzer.recipe}")
        self._turns = Turns(self._register, self._clock)

    def add(self, chunks: Sequence[Chunk]) -> None:
        """Stage chunks, in memory; all earlier chunks of their documents go with the same commit."""
        with self._lock:
            for doc_id in dict.fromkeys(chunk.doc_id for chunk in chunks):
                self._staged[doc_id] = []
            for chunk in chunks:
                self._staged[chunk.doc_id].append(analysed(chunk, self._analyzer))

    def remove(self, doc_ids: Sequence[str]) -> None:
        """Stage the removal of documents; unknown ids are no error."""
        with self._lock:
            self._staged.update({doc_id: [] for doc_id in doc_ids})

    def commit(self) -> None:
        """Make everything staged durable and searchable; nothing to do when nothing is staged."""
        with self._lock:
            if not self._staged:
                return
            documents = [key_of(doc_id) for doc_id in self._staged]
            with self._turn("committing") as (turn, published):
                after = writing.replace_documents(self._tables, published, self._staged, documents, turn.renew)
                if after.rebuilt >= writing.MOST_REBUILT:
                    after = writing.written_anew(self._tables, after, self._clock.now(), turn.renew)
                turn.end(self._swept(after).as_json())
            self._staged = {}

    def add_vectors(self, recipe: str, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Vectors by chunk id, unit length; durable and searchable when this returns. Ids not indexed are passed over.

        Raises InputError (`index.vector_shape`, `index.vector_norm`).
        """
        keys = {chunk_id: key_of(chunk_id) for chunk_id in vectors}
        with self._lock, self._turn("writing vectors") as (turn, published):
            if vectors or published.state.recipe != recipe:
                after = writing.put_vectors(self._tables, published, recipe, vectors, keys)
                turn.end(after.as_json())

    def missing_vectors(self, recipe: str) -> tuple[str, ...]:
        """Ids of indexed chunks without a vector of this recipe, shortest first."""
        with lance_errors(self._uri, "reading the index"):
            published = self._register.read()
            if published.chunks is None:
                return ()
            rows = self._tables.at(published.chunks).search().select(["chunk", "content", "chars"]).to_arrow()
            place = published.vectors.get(recipe)
            if place is not None:
                known = self._tables.at(place).search().select(["chunk", "content"]).to_arrow()
                rows = rows.join(known, keys=["chunk", "content"], join_type="left anti")
            return tuple(rows.sort_by([("chars", "ascending"), ("chunk", "ascending")])["chunk"].to_pylist())

    def head(self) -> LanceReader:
        """The newest published state, of whichever process; the same object while nothing changed."""
        with self._lock, lance_errors(self._uri, "reading the index"):
            published = self._register.read()
            if self._head is None or self._head[0] is not published:
                reader = self._reader(published.state, published.chunks, published.searched, self._chunker)
                self._head = published, reader
            return self._head[1]

    def freeze(self) -> Snapshot:
        """An immutable snapshot of the newest published state; no work when it exists already."""
        snapshot_id = self.head().snapshot_id
        for kept in self._register.read().frozen:
            if kept.snapshot.snapshot_id == snapshot_id:
                return kept.snapshot
        with self._lock, self._turn("freezing a snapshot") as (turn, published):
            after = writing.at_rest(self._tables, published)
            reader = self._reader(after.state, after.chunks, after.searched, self._chunker)
            snapshot = self._described(reader)
            others = tuple(kept for kept in after.frozen if kept.snapshot.snapshot_id != snapshot.snapshot_id)
            frozen = (*others, Frozen(snapshot, after.state, after.chunks, after.searched))
            turn.end(after.moved(frozen=frozen).as_json())
            return snapshot

    def _described(self, reader: LanceReader) -> Snapshot:
        return Snapshot(
            snapshot_id=reader.snapshot_id,
            documents=reader.state.documents,
            chunks=reader.chunks,
            vectors=reader.vectors,
            embedder=reader.embedder,
            analyzer=self._analyzer.recipe,
            chunker=self._chunker,
            created_at=self._clock.now(),
        )

    def open(self, snapshot_id: str) -> LanceReader:
        """Raises NotFound (`index.no_snapshot`)."""
        with lance_errors(self._uri, "opening a snapshot"):
            kept = _frozen(self._register.read(), snapshot_id)
            return self._reader(kept.state, kept.chunks, kept.vectors, kept.snapshot.chunker)

    def snapshots(self) -> tuple[Snapshot, ...]:
        """Oldest first."""
        with lance_errors(self._uri, "reading the snapshots"):
            return tuple(kept.snapshot for kept in self._register.read().frozen)

    def drop_snapshot(self, snapshot_id: str) -> None:
        """Forget a snapshot; what only it held goes when the index is compacted. Raises NotFound."""
        with self._lock, self._turn("removing a snapshot") as (turn, published):
            gone = _frozen(published, snapshot_id)
            after = published.moved(frozen=tuple(kept for kept in published.frozen if kept is not gone))
            left = {table: self._clock.now() for table in published.pinned() - after.pinned() - after.live()}
            turn.end(self._swept(after.moved(retired={**after.retired, **left})).as_json())

    def compact(self) -> None:
        """Write the head anew and drop every table that neither it nor a snapshot holds.

        After an erasure nothing of it remains but in snapshots. A reader of another process that has the old tables
        open fails with Unavailable and finds the new ones when it asks for the head again.
        """
        with self._lock, self._turn("compacting") as (turn, published):
            after = writing.written_anew(self._tables, published, self._clock.now(), turn.renew).moved(retired={})
            turn.end(after.as_json())
            self._tables.drop(self._tables.names() - after.live() - after.pinned())

    def status(self) -> IndexStatus:
        """How far the index is: counts at the head, and every snapshot."""
        head, snapshots = self.head(), self.snapshots()
        unindexed = self._register.read().unindexed
        documents = head.state.documents
        return IndexStatus(documents, head.chunks, head.vectors, head.embedder, snapshots, "lancedb", unindexed)

    def stored_vectors(self, recipe: str, chunk_ids: Iterable[str]) -> dict[str, NDArray[np.float32]]:
        """The head's vectors of these chunks; those it has none of are left out."""
        with lance_errors(self._uri, "reading vectors"):
            place = self._register.read().vectors.get(recipe)
            return writing.vectors_of(self._tables.at(place), [key_of(name) for name in chunk_ids]) if place else {}

    def close(self) -> None:
        """Forget what is staged and not committed."""
        with self._lock:
            self._staged, self._head = {}, None

    @contextmanager
    def _turn(self, doing: str) -> Iterator[tuple[Turn, Published]]:
        """The right to write. From a writer that may still run elsewhere it is taken with new tables."""
        with lance_errors(self._uri, doing), self._turns.take() as turn:
            published = self._register.parsed(turn.row.record)
            if turn.abandoned:
                published = writing.written_anew(self._tables, published, self._clock.now(), turn.renew)
            yield turn, published

    def _swept(self, published: Published) -> Published:
        """Drop tables that were left long enough ago and that no snapshot holds."""
        now = datetime.fromisoformat(self._clock.now())
        kept = published.live() | published.pinned()
        over = {
            table
            for table, since in published.retired.items()
            if table not in kept and now - datetime.fromisoformat(since) > GRACE
        }
        self._tables.drop(over)
        return published.moved(retired={t: since for t, since in published.retired.items() if t not in over | kept})

    def _reader(self, state: State, chunks: Place | None, vectors: Place | None, chunker: str) -> LanceReader:
        return LanceReader(self._uri, self._tables, state, chunks, vectors, self._analyzer, chunker)


def _frozen(published: Published, snapshot_id: str) -> Frozen:
    for kept in published.frozen:
        if kept.snapshot.snapshot_id == snapshot_id:
            return kept
    raise no_snapshot()


def _connected(uri: str, storage_options: Mapping[str, str]) -> Any:
    try:
        import lancedb
    except ImportError as error:
        raise ConfigError(
            "index.missing_extra",
            "the engine lancedb needs lancedb and pyarrow",
            where="index.engine",
            remedy="pip install 'assay[lancedb]'",
        ) from error
    if "://" not in uri:
        return lancedb.connect(uri)
    return lancedb.connect(uri, storage_options={**_OVER_THE_NETWORK, **storage_options})
