"""The index in Qdrant: points that say in which versions they live, and a head that is moved by writing one point."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from assay.adapters.clocks import SystemClock
from assay.adapters.qdrant_index.client import Client
from assay.adapters.qdrant_index.ledger import Ledger
from assay.adapters.qdrant_index.points import ALIVE, Points, alive_at, matching
from assay.adapters.qdrant_index.reader import QdrantReader
from assay.adapters.qdrant_index.rows import Fresh, Rows, prepared
from assay.adapters.remote_index.failures import other_recipe
from assay.adapters.remote_index.state import State, Vectors, check_vectors, moved, with_vectors
from assay.adapters.remote_index.terms import RECIPE, TermCounts
from assay.adapters.remote_index.versions import check_identity, next_of
from assay.ports.reading import Clock
from assay.records.documents import Chunk
from assay.records.errors import NotFound
from assay.records.retrieval import IndexStatus, Snapshot
from assay.retrieve.analysis import Analyzer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_KEPT = timedelta(hours=1)
"""How long a dead point stays for readers of an older head; `compact` takes it at once."""
_FORMAT = "1"


class QdrantIndex:
    """An `Index` in collections whose names begin alike: words, one of vectors for each embedder, and a ledger.

    Qdrant has no transactions, so a change is written beside what is there, under the next version, and happens when
    the head is moved; what a writer left that ended before is taken away by the next one. One process writes at a
    time, which the workspace's lock sees to. Nothing is reached before first use.

    Raises Unavailable (`index.unreachable`, `index.refused`), ConfigError (`index.credentials`), Busy, and CannotJudge
    (`index.analyzer`) when the collections were written with another analyser.
    """

    def __init__(
        self,
        client: Client,
        collection: str,
        *,
        analyzer: Analyzer | None = None,
        chunker: str = "",
        clock: Clock | None = None,
    ) -> None:
        self._client = client
        self._name = collection
        self._analyzer = analyzer or Analyzer()
        self._chunker = chunker
        self._clock = clock or SystemClock()
        self._ledger = Ledger(Points(client, f"{collection}-ledger"))
        self._rows = Rows(client, collection)
        self._lock = threading.RLock()
        self._staged: dict[str, list[Chunk]] = {}
        self._head: QdrantReader | None = None
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
            fresh = [prepared(chunk, self._analyzer) for chunks in staged.values() for chunk in chunks]
            now = _seconds(self._clock.now())
            with self._change() as state:
                self._commit(state, staged, fresh, now)
            self._purge(now - _KEPT.total_seconds())

    def _commit(self, state: State, doc_ids: Iterable[str], fresh: Sequence[Fresh], now: float) -> None:
        version = state.version + 1
        gone = self._rows.current(doc_ids)
        if not fresh and not gone:
            return
        self._rows.put(fresh, version)
        self._rows.bury([row.number for row in gone], version, now)
        after = moved(state, (row.kept for row in fresh), (row.kept for row in gone))
        numbers = []
        for recipe, kept in state.vectors.items():
            lost = self._rows.bury_vectors(kept, [row.number for row in gone], version, now)
            found = self._rows.inherit_vectors(kept, fresh, version)
            numbers.append((kept, [row.number for row in found]))
            after = with_vectors(after, recipe, kept, (row.kept for row in found), lost)
        change = TermCounts.change((row.weights for row in fresh), (row.terms for row in gone))
        self._ledger.count(version, change)
        self._ledger.move(after)
        for kept, ids in numbers:
            self._rows.mark(kept, ids)
        self._ledger.settle(version)

    def add_vectors(self, recipe: str, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Vectors by chunk id, unit length; durable and searchable when this returns. Ids not indexed are passed over.

        Raises InputError (`index.vector_shape`, `index.vector_norm`).
        """
        with self._lock, self._change() as state:
            kept = state.vectors.get(recipe)
            dimensions = check_vectors(kept.dimensions if kept else None, vectors.values())
            if dimensions is None:
                return
            if kept is None:
                kept = Vectors(max((v.number for v in state.vectors.values()), default=0) + 1, dimensions)
                self._rows.make_vectors(kept)
            known, added = self._rows.put_vectors(kept, vectors, state.version + 1)
            if added or state.recipe != recipe or recipe not in state.vectors:
                kept_rows = (row.kept for row in added)
                self._ledger.move(with_vectors(next_of(state, recipe), recipe, kept, kept_rows, ()))
            self._rows.mark(kept, [*known, *(row.number for row in added)])

    def missing_vectors(self, recipe: str) -> tuple[str, ...]:
        """Ids of indexed chunks without a vector of this recipe, shortest first."""
        with self._lock:
            self._check()
            return self._rows.without_vectors(self._ledger.head().vectors.get(recipe))

    def head(self) -> QdrantReader:
        """The newest committed state, of whichever process; the same object while nothing changed."""
        with self._lock:
            self._check()
            state = self._ledger.head()
            if self._head is None or self._head.state.version != state.version:
                self._head = self._reader(state)
            return self._head

    def freeze(self) -> Snapshot:
        """An immutable snapshot of the newest committed state; no work when it exists already."""
        with self._lock, self._change() as state:
            snapshot = state.snapshot(self._analyzer.recipe, self._chunker, self._clock.now())
            try:
                return self._ledger.frozen(snapshot.snapshot_id)[1]
            except NotFound:
                self._ledger.freeze(state, snapshot)
                return snapshot

    def open(self, snapshot_id: str) -> QdrantReader:
        """Raises NotFound (`index.no_snapshot`) and CannotJudge (`index.snapshot_digest`)."""
        with self._lock:
            self._check()
            reader = self._reader(self._ledger.frozen(snapshot_id)[0])
        check_identity(reader.snapshot_id, snapshot_id)
        return reader

    def snapshots(self) -> tuple[Snapshot, ...]:
        """Oldest first."""
        with self._lock:
            self._check()
            return self._ledger.snapshots()

    def drop_snapshot(self, snapshot_id: str) -> None:
        """Forget a snapshot and the points that only it held. Raises NotFound."""
        with self._lock, self._change():
            self._ledger.drop(snapshot_id)
            self._purge(float("inf"))

    def compact(self) -> None:
        """Delete every point that neither the head nor a snapshot holds; Qdrant frees the space as it optimises."""
        with self._lock, self._change():
            self._purge(float("inf"))

    def status(self) -> IndexStatus:
        """How far the index is: counts at the head, and every snapshot."""
        with self._lock:
            self._check()
            state, frozen = self._ledger.head(), self._ledger.snapshots()
            unindexed = self._rows.unindexed(state.searched)
        vectors = state.searched.count if state.searched else 0
        return IndexStatus(state.documents, state.chunks, vectors, state.recipe, frozen, "qdrant", unindexed)

    def stored_vectors(self, recipe: str, chunk_ids: Iterable[str]) -> dict[str, NDArray[np.float32]]:
        """The head's vectors of these chunks; those it has none of are left out."""
        with self._lock:
            self._check()
            kept = self._ledger.head().vectors.get(recipe)
            return self._rows.read_vectors(kept, chunk_ids) if kept else {}

    def close(self) -> None:
        """Close connections; what is staged and not committed is forgotten."""
        with self._lock:
            self._staged = {}
            self._client.close()

    @contextmanager
    def _change(self) -> Iterator[State]:
        """The head's state, with a note that more is about to be written; first, what another writer left goes."""
        self._check()
        state = self._ledger.head()
        if self._ledger.unfinished(state):
            self._rows.undo(state)
            self._ledger.undo(state)
        self._ledger.intend(state.version + 1)
        yield state

    def _purge(self, before: float) -> None:
        """Delete points that died before a moment and that no snapshot holds."""
        held = [matching(**alive_at(version)) for version in self._ledger.held_versions()]
        died_at = {} if before == float("inf") else {"died_at": (None, before)}
        self._rows.delete(self._ledger.head(), matching(died=(None, ALIVE), not_=held, **died_at))

    def _reader(self, state: State) -> QdrantReader:
        dense = self._rows.vectors(state.searched) if state.searched else None
        return QdrantReader(
            self._rows.words, dense, self._analyzer, self._chunker, state, self._ledger.counts(state.version)
        )

    def _check(self) -> None:
        if not self._checked:
            recipe = f"{_FORMAT} {RECIPE} {self._analyzer.recipe}"
            if self._ledger.recipe(recipe) != recipe:
                raise other_recipe(f"{self._client.where} {self._name}")
            self._rows.make()
            self._checked = True


def _seconds(now: str) -> float:
    return datetime.fromisoformat(now).timestamp()
