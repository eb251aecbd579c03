"""Rows that go, or are shown, because of whose they are: a trace, an API key, whatever belongs to a tenant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, Table, delete, select

from assay.adapters.sql.codec import from_text
from assay.adapters.sql.database import Database
from assay.adapters.sql.lookup import batches
from assay.adapters.sql.retention import overwriting
from assay.adapters.sql.schema import (
    chunks,
    decisions,
    documents,
    feedback,
    golden,
    keys,
    ledger,
    release_events,
    samples,
    traces,
)
from assay.govern.forget_marks import Marks
from assay.records.documents import Chunk, Document
from assay.records.operations import ApiKey, Feedback

PAGE = 500
_KEYS: dict[str, Column[Any]] = {
    "traces": traces.c.trace_id,
    "feedback": feedback.c.feedback_id,
    "keys": keys.c.key_id,
    "ledger": ledger.c.seq,
}
RECORDS: dict[str, Table] = {
    "traces": traces,
    "feedback": feedback,
    "keys": keys,
    "golden": golden,
    "samples": samples,
    "ledger": ledger,
    "decisions": decisions,
    "releases": release_events,
}
"""Everything in which people write or are written about, documents and their pieces apart."""


def owned(database: Database, marks: Marks) -> dict[str, tuple[Any, ...]]:
    """Keys of the rows that go as a whole, by tag of the trace, the API key or the tenant (`forget_marks.tag`)."""
    found: dict[str, list[Any]] = {kind: [] for kind in _KEYS}
    for row in paged(database, traces, traces.c.trace_id):
        if marks.is_tagged("trace", row.trace_id) or marks.is_tagged("tenant", row.tenant):
            found["traces"].append(row.trace_id)
    gone = set(found["traces"])
    for row in paged(database, feedback, feedback.c.feedback_id):
        if row.trace_id in gone or marks.is_tagged("tenant", from_text(Feedback, row.record).tenant):
            found["feedback"].append(row.feedback_id)
    for row in paged(database, keys, keys.c.key_id):
        if marks.is_tagged("key", row.key_id) or marks.is_tagged("tenant", from_text(ApiKey, row.record).tenant):
            found["keys"].append(row.key_id)
    for row in paged(database, ledger, ledger.c.seq):
        tenant = json.loads(row.record).get("tenant")
        if isinstance(tenant, str) and marks.is_tagged("tenant", tenant):
            found["ledger"].append(row.seq)
    return {kind: tuple(held) for kind, held in found.items()}


def erase_owned(database: Database, marks: Marks) -> int:
    """Remove those rows, over their bytes; how many."""
    count = 0
    for kind, gone in owned(database, marks).items():
        column = _KEYS[kind]
        with database.write() as connection:
            overwriting(connection)
            for some in batches(gone):
                count += connection.execute(delete(column.table).where(column.in_(some))).rowcount
    return count


def of_tenant(database: Database, tenant: str) -> frozenset[str]:
    """Documents that belong to a tenant, superseded ones included."""
    kinds: tuple[tuple[Table, type[Document] | type[Chunk]], ...] = ((documents, Document), (chunks, Chunk))
    found: set[str] = set()
    for table, kind in kinds:
        for row in paged(database, table, next(iter(table.primary_key))):
            record: Document | Chunk = from_text(kind, row.record)
            if record.access.tenant == tenant:
                found.add(row.doc_id)
    return frozenset(found)


def every_record(database: Database) -> Iterator[tuple[str, dict[str, Any]]]:
    """`(kind, record as JSON values)` of every row of `RECORDS`; facts with their kind, subject and key."""
    for kind, table in RECORDS.items():
        for row in paged(database, table, list(table.primary_key)[-1]) if kind != "releases" else _all(database, table):
            record = json.loads(row.record)
            if kind == "ledger":
                record = {"kind": row.kind, "subject": row.subject, "key": row.key, "at": row.at, "body": record}
            yield kind, record


def _all(database: Database, table: Table) -> Iterator[Any]:
    """For a table whose key is of two columns; the history of releases is short."""
    with database.read() as connection:
        yield from connection.execute(select(table)).all()


def paged(database: Database, table: Table, key: Any) -> Iterator[Any]:
    after: Any = None
    while True:
        page = select(table).order_by(key).limit(PAGE)
        with database.read() as connection:
            rows = connection.execute(page if after is None else page.where(key > after)).all()
        yield from rows
        if len(rows) < PAGE:
            return
        after = getattr(rows[-1], key.name)
