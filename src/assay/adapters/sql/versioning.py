"""Which text a document had when: the rows of `versions`, written in the transaction that changes the document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, select

from assay.adapters.sql.codec import from_text, to_text
from assay.adapters.sql.lookup import all_of, upsert
from assay.adapters.sql.schema import chunks, documents, versions
from assay.ingest.versions import becomes_current, ends
from assay.records.access import AccessList
from assay.records.documents import Document, Version

whole_documents = select(documents.c.doc_id, documents.c.source_uri, documents.c.access, documents.c.record)


def versions_of(connection: Connection, doc_ids: Sequence[str], *where: Any) -> dict[str, list[Version]]:
    """Every version that is written down, oldest first, for every document asked for."""
    found: dict[str, list[Version]] = {doc_id: [] for doc_id in doc_ids}
    rows = all_of(connection, select(versions.c.doc_id, versions.c.record).where(*where), versions.c.doc_id, doc_ids)
    for row in rows:
        found[row.doc_id].append(from_text(Version, row.record))
    for known in found.values():
        known.sort(key=lambda version: version.valid_from)
    return found


def with_current(known: list[Version], row: Any, now: str) -> list[Version]:
    """`known` with the version of the document that stands in the catalog.

    Documents that came into the catalog before versions were kept have no row for it: it is taken to have begun at the
    source's modification time, and what was before is not known.
    """
    if known and not known[-1].valid_to:
        return known
    document = from_text(Document, row.record)
    after = known[-1].valid_to if known else ""
    begun = becomes_current(document.modified_at, now, after)
    return [*known, Version(row.doc_id, document.text_sha256, begun, origin=row.source_uri)]


def held_at(version: Version, at: str) -> bool:
    return version.valid_from <= at and (not version.valid_to or at < version.valid_to)


def last_access(known: Sequence[Version]) -> AccessList | None:
    """Of a document that is gone: the access list that it had last, or was given since."""
    last = known[-1].document if known else None
    return None if last is None else last.access


def note_versions(
    connection: Connection, before: Mapping[str, Any], after: Mapping[str, tuple[Document, str]], now: str
) -> None:
    """Write down what begins and what ends when documents are put: `before` holds their rows, `after` the documents
    with the file each is read from. A document whose text stays the same keeps its version."""
    known = versions_of(connection, list(after))
    begun: list[Version] = []
    over: dict[str, tuple[Version, str]] = {}
    for doc_id, (document, origin) in after.items():
        so_far = known[doc_id]
        if doc_id in before:
            so_far = with_current(so_far, before[doc_id], now)
            if so_far[-1].text_sha256 == document.text_sha256:
                continue
        last = so_far[-1] if so_far else None
        valid_from = becomes_current(document.modified_at, now, (last.valid_to or last.valid_from) if last else "")
        begun.append(Version(doc_id, document.text_sha256, valid_from, origin=origin))
        if last is not None and doc_id in before:
            over[doc_id] = (last, valid_from)
    _write(connection, [*_closed(connection, before, over), *begun])


def end_versions(connection: Connection, rows: Mapping[str, Any], now: str) -> None:
    """Write down that documents are gone."""
    known = versions_of(connection, list(rows))
    over: dict[str, tuple[Version, str]] = {}
    for doc_id, row in rows.items():
        last = with_current(known[doc_id], row, now)[-1]
        over[doc_id] = (last, ends(now, last.valid_from))
    _write(connection, _closed(connection, rows, over))


def change_last_access(connection: Connection, access: Mapping[str, AccessList]) -> list[str]:
    """Give documents that are gone another access list; those of them for which it is another."""
    changed = []
    for doc_id, known in versions_of(connection, list(access)).items():
        last = known[-1] if known else None
        if last is None or last.document is None or last.document.access == access[doc_id]:
            continue
        changed.append(replace(last, document=replace(last.document, access=access[doc_id])))
    _write(connection, changed)
    return [version.doc_id for version in changed]


def _closed(connection: Connection, rows: Mapping[str, Any], over: Mapping[str, tuple[Version, str]]) -> list[Version]:
    """Versions that end, with what is known of the document only as long as its row stands."""
    pieces: dict[str, list[str]] = {doc_id: [] for doc_id in over}
    wanted = select(chunks.c.doc_id, chunks.c.chunk_id).where(chunks.c.current.is_(True)).order_by(chunks.c.ordinal)
    for row in all_of(connection, wanted, chunks.c.doc_id, list(over)):
        pieces[row.doc_id].append(row.chunk_id)
    return [
        replace(
            version,
            valid_to=valid_to,
            document=from_text(Document, rows[doc_id].record),
            chunk_ids=tuple(pieces[doc_id]),
            origin=rows[doc_id].source_uri,
        )
        for doc_id, (version, valid_to) in over.items()
    ]


def _write(connection: Connection, written: Sequence[Version]) -> None:
    rows = [
        {
            "doc_id": version.doc_id,
            "valid_from": version.valid_from,
            "valid_to": version.valid_to,
            "text_sha256": version.text_sha256,
            "record": to_text(version),
        }
        for version in written
    ]
    upsert(connection, versions, rows)
