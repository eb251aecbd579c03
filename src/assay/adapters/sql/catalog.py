"""The catalog of sources, documents and chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, Connection, Select, and_, delete, func, select, update

from assay.adapters.sql.codec import from_text, to_text
from assay.adapters.sql.database import Database
from assay.adapters.sql.lookup import all_of, batches, missing, upsert
from assay.adapters.sql.schema import chunks, documents, removals, sources
from assay.ports.storage import SourceState
from assay.records.access import AccessList, Scope
from assay.records.documents import Chunk, Document

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

    def __init__(self, database: Database) -> None:
        self._database = database

    def put_source(self, state: SourceState, documents: Sequence[tuple[Document, Sequence[Chunk]]]) -> None:
        held = {document.doc_id: (document, pieces) for document, pieces in documents}
        with self._database.write() as connection:
            gone = [doc_id for doc_id in _owned(connection, state.source_uri) if doc_id not in held]
            _bury(connection, gone)
            _supersede(connection, list(held))
            _revive(connection, list(held))
            upsert(connection, _documents, [_document_row(state.source_uri, document) for document, _ in held.values()])
            upsert(connection, _chunks, [_chunk_row(piece) for _, pieces in held.values() for piece in pieces])
            upsert(connection, sources, [_source_row(state)])

    def remove_source(self, source_uri: str) -> tuple[str, ...]:
        """The documents that are gone with it."""
        with self._database.write() as connection:
            gone = _owned(connection, source_uri)
            _bury(connection, gone)
            connection.execute(delete(sources).where(sources.c.source_uri == source_uri))
        return tuple(gone)

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
        """Documents whose access list really changes become pending; ids that are not in the catalog are left out."""
        found = select(documents.c.doc_id, documents.c.access, documents.c.source_uri, documents.c.record)
        with self._database.write() as connection:
            rows = list(all_of(connection, found, documents.c.doc_id, list(access)))
            changed = [row for row in rows if _access(row.access) != access[row.doc_id]]
            moved = [
                _document_row(row.source_uri, replace(from_text(Document, row.record), access=access[row.doc_id]))
                for row in changed
            ]
            upsert(connection, documents, moved)

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
            rows = {row.chunk_id: row for row in all_of(connection, _chunk_rows, chunks.c.chunk_id, chunk_ids)}
        return {name: _chunk(rows[name].record, rows[name].access) for name in chunk_ids if name in rows}

    def current_chunk_ids(self) -> Iterator[str]:
        found = select(chunks.c.chunk_id).where(chunks.c.current.is_(True))
        return (row.chunk_id for row in self._paged(found, chunks.c.chunk_id))

    def visible(self, chunk_ids: Sequence[str], scope: Scope) -> frozenset[str]:
        with self._database.read() as connection:
            rows = list(all_of(connection, _chunk_access, chunks.c.chunk_id, chunk_ids))
        return frozenset(row.chunk_id for row in rows if scope.allows(_access(row.access)))

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


def _owned(connection: Connection, source_uri: str) -> list[str]:
    found = select(documents.c.doc_id).where(documents.c.source_uri == source_uri).order_by(documents.c.doc_id)
    return list(connection.execute(found).scalars())


def _bury(connection: Connection, doc_ids: Sequence[str]) -> None:
    """Tombstone documents: without its row nothing of a document is visible; chunk rows stay for old snapshots."""
    _supersede(connection, doc_ids)
    for ids in batches(doc_ids):
        connection.execute(delete(documents).where(documents.c.doc_id.in_(ids)))
    upsert(connection, removals, [{"doc_id": doc_id} for doc_id in doc_ids])


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
