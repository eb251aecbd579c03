"""The catalog of sources, documents and chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, Connection, Select, and_, delete, func, select, update

from assay.adapters.clocks import SystemClock
from assay.adapters.sql.codec import from_text, to_text
from assay.adapters.sql.database import Database
from assay.adapters.sql.lookup import all_of, batches, missing, upsert
from assay.adapters.sql.schema import chunks, documents, removals, sources, versions
from assay.adapters.sql.versioning import (
    change_last_access,
    end_versions,
    held_at,
    last_access,
    note_versions,
    versions_of,
    whole_documents,
    with_current,
)
from assay.ports.reading import Clock
from assay.ports.storage import SourcePut, SourceState
from assay.records.access import AccessList, Scope
from assay.records.documents import Chunk, Document, Version

PAGE = 500
"""Rows read at a time: a reader never keeps a state of the database open while its caller works."""

_chunk_rows = select(chunks.c.chunk_id, chunks.c.record, documents.c.access).select_from(
    chunks.outerjoin(documents, chunks.c.doc_id == documents.c.doc_id)
)
_chunk_access = select(chunks.c.chunk_id, documents.c.access).select_from(
    chunks.join(documents, chunks.c.doc_id == documents.c.doc_id)
)


class SqlCatalog:
    """Catalog. A document belongs to the source that put it last: when a file is renamed and keeps its document's id,
    removing the old name afterwards does not take the document away."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or SystemClock()

    def put_source(self, state: SourceState, documents: Sequence[tuple[Document, Sequence[Chunk]]]) -> None:
        self.put_sources([(state, documents)])

    def put_sources(self, puts: Sequence[SourcePut]) -> None:
        if not puts:
            return
        with self._database.write() as connection:
            self._put(connection, puts)

    def _put(self, connection: Connection, puts: Sequence[SourcePut]) -> None:
        """In as many statements as one file would take: what the files in their order lead to is worked out first."""
        states = {state.source_uri: state for state, _ in puts}
        known = _known(connection, list(states), [document.doc_id for _, held in puts for document, _ in held])
        owners = {doc_id: row.source_uri for doc_id, row in known.items()}
        final: dict[str, tuple[Document, Sequence[Chunk]]] = {}
        for state, held in puts:
            kept = {document.doc_id for document, _ in held}
            for doc_id in [d for d, owner in owners.items() if owner == state.source_uri and d not in kept]:
                del owners[doc_id]
                final.pop(doc_id, None)
            owners.update(dict.fromkeys(kept, state.source_uri))
            final.update({document.doc_id: (document, pieces) for document, pieces in held})
        now = self._clock.now()
        _bury(connection, {doc_id: row for doc_id, row in known.items() if doc_id not in owners}, now)
        note_versions(connection, known, {d: (document, owners[d]) for d, (document, _) in final.items()}, now)
        _supersede(connection, [doc_id for doc_id in final if doc_id in known])
        _revive(connection, list(final))
        upsert(connection, _documents, [_document_row(owners[d], document) for d, (document, _) in final.items()])
        upsert(connection, _chunks, [_chunk_row(piece) for _, pieces in final.values() for piece in pieces])
        upsert(connection, sources, [_source_row(state) for state in states.values()])

    def remove_source(self, source_uri: str) -> tuple[str, ...]:
        """The documents that are gone with it."""
        with self._database.write() as connection:
            gone = _known(connection, [source_uri], [])
            _bury(connection, gone, self._clock.now())
            connection.execute(delete(sources).where(sources.c.source_uri == source_uri))
        return tuple(sorted(gone))

    def versions(self, doc_id: str) -> tuple[Version, ...]:
        """Oldest first."""
        with self._database.read() as connection:
            known = versions_of(connection, [doc_id])[doc_id]
            row = connection.execute(whole_documents.where(documents.c.doc_id == doc_id)).first()
        return tuple(known if row is None else with_current(known, row, self._clock.now()))

    def gone(self) -> Iterator[Version]:
        found = (
            select(versions.c.doc_id, func.max(versions.c.valid_from).label("newest"))
            .where(versions.c.doc_id.not_in(select(documents.c.doc_id)))
            .group_by(versions.c.doc_id)
        )
        for row in self._paged(found, versions.c.doc_id):
            with self._database.read() as connection:
                of_document = versions.c.doc_id == row.doc_id, versions.c.valid_from == row.newest
                text = connection.execute(select(versions.c.record).where(*of_document)).scalar()
            if text is not None:
                yield from_text(Version, text)

    def past_chunks(self, doc_ids: Sequence[str]) -> dict[str, tuple[Chunk, ...]]:
        """Chunks of versions that are over, under today's access list; a text that is current again is left out, and
        one that was current twice stands once."""
        with self._database.read() as connection:
            known = versions_of(connection, doc_ids, versions.c.valid_to != "")
            over = {doc_id: versions_ for doc_id, versions_ in known.items() if versions_}
            today = {row.doc_id: row for row in all_of(connection, whole_documents, documents.c.doc_id, list(over))}
        found: dict[str, tuple[Chunk, ...]] = {}
        for doc_id, versions_ in over.items():
            row = today.get(doc_id)
            now = from_text(Document, row.record).text_sha256 if row else ""
            access = _access(row.access) if row else last_access(versions_)
            cut = {one.text_sha256: one.chunk_ids for one in versions_ if one.text_sha256 != now}
            pieces = self.chunks([chunk_id for ids in cut.values() for chunk_id in ids]).values()
            found[doc_id] = tuple(piece if access is None else replace(piece, access=access) for piece in pieces)
        return found

    def visible_at(self, chunk_ids: Sequence[str], scope: Scope, at: str) -> frozenset[str]:
        chunks = self.chunks(chunk_ids)
        doc_ids = list(dict.fromkeys(chunk.doc_id for chunk in chunks.values()))
        with self._database.read() as connection:
            every = versions_of(connection, doc_ids)
            rows = {row.doc_id: row for row in all_of(connection, whole_documents, documents.c.doc_id, doc_ids)}
        now = self._clock.now()
        texts: dict[str, str] = {}
        for doc_id, known in every.items():
            row = rows.get(doc_id)
            access = _access(row.access) if row else last_access(known)
            if access is None or not scope.allows(access):
                continue
            known = with_current(known, row, now) if row else known
            texts[doc_id] = next((version.text_sha256 for version in known if held_at(version, at)), "")
        return frozenset(name for name, chunk in chunks.items() if texts.get(chunk.doc_id) == chunk.text_sha256)

    def forget_versions(self, doc_ids: Sequence[str]) -> None:
        """Of documents that are gone; those of a document that is in the catalog stay."""
        with self._database.write() as connection:
            for ids in batches(doc_ids):
                away = versions.c.doc_id.not_in(select(documents.c.doc_id).where(documents.c.doc_id.in_(ids)))
                connection.execute(delete(versions).where(versions.c.doc_id.in_(ids), away))

    def source_state(self, source_uri: str) -> SourceState | None:
        found = select(sources.c.record).where(sources.c.source_uri == source_uri)
        with self._database.read() as connection:
            text = connection.execute(found).scalar()
        return None if text is None else from_text(SourceState, text)

    def source_states(self, source: str = "") -> Iterator[SourceState]:
        found = select(sources.c.source_uri, sources.c.record)
        if source:
            found = found.where(sources.c.source == source)
        return (from_text(SourceState, row.record) for row in self._paged(found, sources.c.source_uri))

    def set_access(self, access: dict[str, AccessList]) -> None:
        """Documents whose access list really changes become pending, and those that are gone are taken out of the
        index once more; ids that are not in the catalog are left out."""
        found = select(documents.c.doc_id, documents.c.access, documents.c.source_uri, documents.c.record)
        with self._database.write() as connection:
            rows = list(all_of(connection, found, documents.c.doc_id, list(access)))
            changed = [row for row in rows if _access(row.access) != access[row.doc_id]]
            moved = [
                _document_row(row.source_uri, replace(from_text(Document, row.record), access=access[row.doc_id]))
                for row in changed
            ]
            upsert(connection, documents, moved)
            here = {row.doc_id for row in rows}
            away = change_last_access(connection, {d: a for d, a in access.items() if d not in here})
            upsert(connection, removals, [{"doc_id": doc_id} for doc_id in away])

    def pending(self) -> tuple[str, ...]:
        found = select(documents.c.doc_id).where(documents.c.pending.is_(True))
        with self._database.read() as connection:
            return tuple(sorted(connection.execute(found).scalars()))

    def removed_pending(self) -> tuple[str, ...]:
        with self._database.read() as connection:
            return tuple(sorted(connection.execute(select(removals.c.doc_id)).scalars()))

    def mark_indexed(self, doc_ids: Iterable[str]) -> None:
        self._each_batch(
            doc_ids, lambda ids: update(documents).where(documents.c.doc_id.in_(ids)).values(pending=False)
        )

    def mark_removed(self, doc_ids: Iterable[str]) -> None:
        self._each_batch(doc_ids, lambda ids: delete(removals).where(removals.c.doc_id.in_(ids)))

    def document(self, doc_id: str) -> Document:
        """Raises NotFound."""
        found = select(documents.c.record).where(documents.c.doc_id == doc_id)
        with self._database.read() as connection:
            text = connection.execute(found).scalar()
        if text is None:
            raise missing("document")
        return from_text(Document, text)

    def documents(self) -> Iterator[Document]:
        """In the order of their ids."""
        found = select(documents.c.doc_id, documents.c.record)
        return (from_text(Document, row.record) for row in self._paged(found, documents.c.doc_id))

    def chunks_of(self, doc_id: str) -> tuple[Chunk, ...]:
        """The current ones, in reading order."""
        found = _chunk_rows.where(chunks.c.doc_id == doc_id, chunks.c.current.is_(True)).order_by(chunks.c.ordinal)
        with self._database.read() as connection:
            return tuple(_chunk(row.record, row.access) for row in connection.execute(found))

    def chunks(self, chunk_ids: Sequence[str]) -> dict[str, Chunk]:
        """Current and superseded ones, in the order asked for; ids that are not known are left out."""
        with self._database.read() as connection:
            rows = {row[0]: row for row in all_of(connection, _chunk_rows, chunks.c.chunk_id, chunk_ids)}
        return {name: _chunk(*rows[name][1:]) for name in chunk_ids if name in rows}

    def current_chunk_ids(self) -> Iterator[str]:
        found = select(chunks.c.chunk_id).where(chunks.c.current.is_(True))
        return (row.chunk_id for row in self._paged(found, chunks.c.chunk_id))

    def visible(self, chunk_ids: Sequence[str], scope: Scope) -> frozenset[str]:
        with self._database.read() as connection:
            rows = list(all_of(connection, _chunk_access, chunks.c.chunk_id, chunk_ids))
        return frozenset(chunk_id for chunk_id, access in rows if scope.allows(_access(access)))

    def counts(self) -> tuple[int, int]:
        """`(documents, current chunks)`."""
        with self._database.read() as connection:
            of_documents = connection.execute(select(func.count()).select_from(documents)).scalar_one()
            of_chunks = connection.execute(
                select(func.count()).select_from(chunks).where(chunks.c.current.is_(True))
            ).scalar_one()
        return of_documents, of_chunks

    def _paged(self, statement: Select[Any], key: Column[Any]) -> Iterator[Any]:
        after: Any = None
        while True:
            page = statement.order_by(key).limit(PAGE)
            with self._database.read() as connection:
                rows = connection.execute(page if after is None else page.where(key > after)).all()
            yield from rows
            if len(rows) < PAGE:
                return
            after = getattr(rows[-1], key.name)

    def _each_batch(self, doc_ids: Iterable[str], statement: Callable[[list[str]], Any]) -> None:
        with self._database.write() as connection:
            for ids in batches(list(doc_ids)):
                connection.execute(statement(ids))


# Inside the methods above, `documents` and `chunks` may be arguments of the port.
_documents, _chunks = documents, chunks


def _known(connection: Connection, source_uris: Sequence[str], doc_ids: Sequence[str]) -> dict[str, Any]:
    """The rows of documents that came from these files or have these ids."""
    rows = {row.doc_id: row for row in all_of(connection, whole_documents, documents.c.source_uri, source_uris)}
    rows.update({row.doc_id: row for row in all_of(connection, whole_documents, documents.c.doc_id, doc_ids)})
    return rows


def _bury(connection: Connection, gone: Mapping[str, Any], now: str) -> None:
    """Tombstone documents: without its row nothing of a document is visible; chunk rows stay for old snapshots."""
    if not gone:
        return
    end_versions(connection, gone, now)
    _supersede(connection, list(gone))
    for ids in batches(list(gone)):
        connection.execute(delete(documents).where(documents.c.doc_id.in_(ids)))
    upsert(connection, removals, [{"doc_id": doc_id} for doc_id in gone])


def _revive(connection: Connection, doc_ids: Sequence[str]) -> None:
    for ids in batches(doc_ids):
        connection.execute(delete(removals).where(removals.c.doc_id.in_(ids)))


def _supersede(connection: Connection, doc_ids: Sequence[str]) -> None:
    for ids in batches(doc_ids):
        old = and_(chunks.c.doc_id.in_(ids), chunks.c.current.is_(True))
        connection.execute(update(chunks).where(old).values(current=False))


@lru_cache(maxsize=1024)
def _access(text: str) -> AccessList:
    return from_text(AccessList, text)


def _chunk(record: str, access: str | None) -> Chunk:
    """A chunk under its document's access list of today."""
    chunk = from_text(Chunk, record)
    if access is None or _access(access) == chunk.access:
        return chunk
    return replace(chunk, access=_access(access))


def _document_row(source_uri: str, document: Document) -> dict[str, object]:
    return {
        "doc_id": document.doc_id,
        "source_uri": source_uri,
        "access": to_text(document.access),
        "pending": True,
        "record": to_text(document),
    }


def _chunk_row(chunk: Chunk) -> dict[str, object]:
    return {
        "chunk_id": chunk.chunk_id,
        "doc_id": chunk.doc_id,
        "ordinal": chunk.ordinal,
        "current": True,
        "record": to_text(chunk),
    }


def _source_row(state: SourceState) -> dict[str, object]:
    return {"source_uri": state.source_uri, "source": state.source, "record": to_text(state)}
