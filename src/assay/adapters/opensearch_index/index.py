"""The index in OpenSearch: rows that say in which versions they live, and a head that one document names."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from assay.adapters.clocks import SystemClock
from assay.adapters.opensearch_index.ledger import Ledger, Record
from assay.adapters.opensearch_index.reader import OpenSearchReader
from assay.adapters.opensearch_index.rows import Fresh, Moment, Rows, prepared
from assay.adapters.opensearch_index.server import Server
from assay.adapters.remote_index.state import State, Vectors, check_vectors, moved, with_vectors
from assay.adapters.remote_index.terms import RECIPE, TermCounts
from assay.adapters.remote_index.versions import check_identity
from assay.adapters.turns import Turn, Turns
from assay.ports.reading import Clock
from assay.records.documents import Chunk
from assay.records.retrieval import IndexStatus, Snapshot
from assay.retrieve.analysis import Analyzer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_KEPT = timedelta(hours=1)
"""How long a dead row stays for readers of an older head; `compact` takes it at once."""
_FORMAT = "1"


@dataclass
class _Change:
    """A turn with the version that was handed to it; the head moves when it is published."""

    turn: Turn
    record: Record
    version: int

    @property
    def moment(self) -> Moment:
        return Moment(self.record.state.version, self.record.aborted)

    def publish(self, record: Record) -> None:
        self.turn.end(record.as_json())


class OpenSearchIndex:
    """An `Index` in OpenSearch indexes whose names begin with `name`: words, vectors of each embedder, and a ledger.

    OpenSearch has no transactions, so a change is written beside what is there, under a version that nobody asks for
    yet, and happens when the ledger's document is replaced. What a writer left unfinished is taken away by the next
    one. Processes take turns to write. What is staged stays staged when a commit fails, so that it can be repeated.
    Nothing is reached before first use.

    Raises Unavailable (`index.unreachable`, `index.refused`, `index.partial`), ConfigError (`index.credentials`,
    `index.missing_extra`), Busy (`index.busy`), and CannotJudge (`index.analyzer`).
    """

    def __init__(
        self,
        url: str,
        name: str,
        *,
        analyzer: Analyzer | None = None,
        chunker: str = "",
        clock: Clock | None = None,
        user: str = "",
        password: str = "",
        verify: bool = True,
    ) -> None:
        self._server = Server(url, user=user, password=password, verify=verify)
        self._analyzer = analyzer or Analyzer()
        self._chunker = chunker
        self._clock = clock or SystemClock()
        self._ledger = Ledger(self._server, name, f"{_FORMAT} {RECIPE} {self._analyzer.recipe}")
        self._rows = Rows(self._server, name)
        self._turns = Turns(self._ledger, self._clock)
        self._lock = threading.RLock()
        self._staged: dict[str, list[Chunk]] = {}
        self._head: OpenSearchReader | None = None
        self._made = False

    def add(self, chunks: Sequence[Chunk]) -> None:
        """Stage chunks, in memory; all earlier chunks of their documents go with the same commit."""
        with self._lock:
            self._staged.update({chunk.doc_id: [] for chunk in chunks})
            for chunk in chunks:
                self._staged[chunk.doc_id].append(chunk)

    def remove(self, doc_ids: Sequence[str]) -> None:
        """Stage the removal of documents; unknown ids are no error."""
        with self._lock:
            self._staged.update({doc_id: [] for doc_id in doc_ids})

    def commit(self) -> None:
        """Make everything staged durable and searchable; nothing to do when nothing is staged."""
        with self._lock:
            if not self._staged:
                return
            fresh = [prepared(chunk, self._analyzer) for chunks in self._staged.values() for chunk in chunks]
            with self._change() as change:
                after = self._replaced(change, fresh)
                change.publish(after)
            self._ledger.forget(change.record, after)
            self._staged = {}

    def _replaced(self, change: _Change, fresh: Sequence[Fresh]) -> Record:
        """Write what is staged and mark what it replaces; nobody sees it yet."""
        before, version, now = change.record.state, change.version, _seconds(self._clock.now())
        gone = self._rows.current(self._staged, change.moment)
        self._rows.put(fresh, version)
        self._rows.bury(self._rows.words, [row.row for row in gone], version, now)
        state = moved(before, (row.kept for row in fresh), (row.kept for row in gone))
        for recipe, vectors in before.vectors.items():
            change.turn.renew()
            lost = self._rows.current_vectors(vectors, [row.kept.chunk_id for row in gone], change.moment)
            found = self._rows.inherit_vectors(vectors, fresh, version, change.moment)
            self._rows.bury(self._rows.vectors(vectors), [row.row for row in lost], version, now)
            state = with_vectors(state, recipe, vectors, found, (row.kept for row in lost))
        self._server.refresh(*self._indexes(before))
        counted = TermCounts.change((row.weights for row in fresh), (row.terms for row in gone))
        record = self._ledger.counted(change.record, version, counted)
        self._rows.purge(self._indexes(before), self._held(record), now - _KEPT.total_seconds())
        return self._ledger.swept(record.moved(state=replace(state, version=version)))

    def add_vectors(self, recipe: str, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Vectors by chunk id, unit length; durable and searchable when this returns. Ids not indexed are passed over.

        Raises InputError (`index.vector_shape`, `index.vector_norm`).
        """
        with self._lock, self._change() as change:
            state = change.record.state
            kept = state.vectors.get(recipe)
            dimensions = check_vectors(kept.dimensions if kept else None, vectors.values())
            if dimensions is None:
                return
            if kept is None:
                kept = Vectors(max((v.number for v in state.vectors.values()), default=0) + 1, dimensions)
                self._rows.make_vectors(kept)
            added = self._rows.put_vectors(kept, vectors, change.version, change.moment)
            if added or state.recipe != recipe or recipe not in state.vectors:
                self._server.refresh(self._rows.vectors(kept))
                state = replace(state, version=change.version, recipe=recipe)
                change.publish(change.record.moved(state=with_vectors(state, recipe, kept, added, ())))

    def missing_vectors(self, recipe: str) -> tuple[str, ...]:
        """Ids of indexed chunks without a vector of this recipe, shortest first."""
        record = self._read()
        vectors = record.state.vectors.get(recipe)
        return self._rows.without_vectors(vectors, Moment(record.state.version, record.aborted))

    def head(self) -> OpenSearchReader:
        """The newest committed state, of whichever process; the same object while nothing changed."""
        with self._lock:
            record = self._read()
            if self._head is None or self._head.state.version != record.state.version:
                self._head = self._reader(record, record.state)
            return self._head

    def freeze(self) -> Snapshot:
        """An immutable snapshot of the newest committed state; no work when it exists already."""
        with self._lock:
            known = self._frozen(self._read())
            if known is not None:
                return known
            return self._freeze()

    def _freeze(self) -> Snapshot:
        with self._change() as change:
            known = self._frozen(change.record)
            if known is not None:
                return known
            snapshot = change.record.state.snapshot(self._analyzer.recipe, self._chunker, self._clock.now())
            record = self._ledger.whole(change.record)
            change.publish(record.moved(frozen=(*record.frozen, (snapshot, record.state))))
            return snapshot

    def _frozen(self, record: Record) -> Snapshot | None:
        """The snapshot of the head, when there is one."""
        mine = record.state.identity(self._analyzer.recipe, self._chunker)
        return next((snapshot for snapshot, _ in record.frozen if snapshot.snapshot_id == mine), None)

    def open(self, snapshot_id: str) -> OpenSearchReader:
        """Raises NotFound (`index.no_snapshot`) and CannotJudge (`index.snapshot_digest`)."""
        record = self._read()
        snapshot, state = record.named(snapshot_id)
        reader = self._reader(record, state, snapshot.chunker)
        check_identity(reader.snapshot_id, snapshot_id)
        return reader

    def snapshots(self) -> tuple[Snapshot, ...]:
        """Oldest first."""
        return tuple(snapshot for snapshot, _ in self._read().frozen)

    def drop_snapshot(self, snapshot_id: str) -> None:
        """Forget a snapshot and the rows that only it held. Raises NotFound."""
        with self._lock, self._change() as change:
            change.record.named(snapshot_id)
            frozen = tuple(kept for kept in change.record.frozen if kept[0].snapshot_id != snapshot_id)
            self._give_up(change, change.record.moved(frozen=frozen))

    def compact(self) -> None:
        """Delete every row that neither the head nor a snapshot holds, from the server's disk too."""
        with self._lock, self._change() as change:
            self._give_up(change, change.record)
            for index in self._indexes(change.record.state):
                self._server.expunge(index)

    def _give_up(self, change: _Change, record: Record) -> None:
        record = self._ledger.swept(record)
        self._rows.purge(self._indexes(record.state), self._held(record), None)
        change.publish(record)
        self._server.refresh(*self._indexes(record.state))
        self._ledger.forget(change.record, record)

    def erase(self) -> None:
        """Delete every index of this name from the cluster, snapshots included."""
        with self._lock:
            indexes = [*self._indexes(self._read().state), self._ledger.index]
            self._made, self._head = False, None
            for index in indexes:
                self._server.delete_index(index)

    def status(self) -> IndexStatus:
        """How far the index is: counts at the head, and every snapshot."""
        record = self._read()
        state, vectors = record.state, record.state.searched
        frozen = tuple(snapshot for snapshot, _ in record.frozen)
        held = vectors.count if vectors else 0
        return IndexStatus(state.documents, state.chunks, held, state.recipe if vectors else "", frozen, "opensearch")

    def stored_vectors(self, recipe: str, chunk_ids: Iterable[str]) -> dict[str, NDArray[np.float32]]:
        """The head's vectors of these chunks; those it has none of are left out."""
        record = self._read()
        kept = record.state.vectors.get(recipe)
        moment = Moment(record.state.version, record.aborted)
        return self._rows.read_vectors(kept, chunk_ids, moment) if kept else {}

    def close(self) -> None:
        """Close connections; what is staged and not committed is forgotten."""
        with self._lock:
            self._staged = {}
            self._server.close()

    def _read(self) -> Record:
        with self._lock:
            if not self._made:
                self._ledger.make()
                self._rows.make()
                self._made = True
            return self._ledger.read()

    @contextmanager
    def _change(self) -> Iterator[_Change]:
        """The right to write under a version of one's own; first, what another writer left goes."""
        self._read()
        with self._turns.take() as turn:
            record = self._ledger.parsed(turn.row.record)
            head = record.state.version
            if record.allocated > head:
                if turn.abandoned:
                    record = record.moved(aborted=(*record.aborted, *range(head + 1, record.allocated + 1)))
                self._rows.undo(self._indexes(record.state), head)
            record = record.moved(allocated=max(record.allocated, head) + 1)
            turn.renew(record.as_json())
            yield _Change(turn, record, record.allocated)

    def _indexes(self, state: State) -> list[str]:
        return [self._rows.words, *(self._rows.vectors(vectors) for vectors in state.vectors.values())]

    def _held(self, record: Record) -> list[Moment]:
        versions = {record.state.version, *record.held_versions()}
        return [Moment(version, record.aborted) for version in sorted(versions)]

    def _reader(self, record: Record, state: State, chunker: str | None = None) -> OpenSearchReader:
        moment = Moment(state.version, record.aborted)
        counts = self._ledger.counts(record, state.version)
        chunker = self._chunker if chunker is None else chunker
        return OpenSearchReader(self._rows, self._analyzer, chunker, state, moment, counts)


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
