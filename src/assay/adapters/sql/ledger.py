"""The ledger of facts, and the cache of what can be made again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, delete, func, insert, select

from assay.adapters.sql.database import Database
from assay.adapters.sql.lookup import upsert
from assay.adapters.sql.schema import cached, ledger
from assay.records.digest import canonical_json
from assay.records.ledger import Entry

PAGE = 500


class SqlLedger:
    """Ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, entries: Sequence[Entry]) -> int:
        with self._database.write() as connection:
            new: dict[tuple[str, str, str], Entry] = {}
            for entry in entries:
                name = (entry.kind, entry.subject, entry.key)
                if name not in new and _seq(connection, *name) is None:
                    new[name] = entry
            rows = [
                {**dict(zip(("kind", "subject", "key"), name, strict=True)), "at": entry.at, "record": _text(entry)}
                for name, entry in new.items()
            ]
            if rows:
                connection.execute(insert(ledger), rows)
        return len(rows)

    def get(self, kind: str, subject: str, key: str) -> Entry | None:
        named = (ledger.c.kind == kind, ledger.c.subject == subject, ledger.c.key == key)
        with self._database.read() as connection:
            row = connection.execute(select(ledger).where(*named)).first()
        return None if row is None else _entry(row)

    def entries(self, kind: str, subject: str = "") -> Iterator[Entry]:
        after = -1
        while True:
            page = select(ledger).where(ledger.c.kind == kind, ledger.c.seq > after).order_by(ledger.c.seq).limit(PAGE)
            if subject:
                page = page.where(ledger.c.subject == subject)
            with self._database.read() as connection:
                rows = connection.execute(page).all()
            yield from map(_entry, rows)
            if len(rows) < PAGE:
                return
            after = rows[-1].seq

    def subjects(self, kind: str) -> tuple[str, ...]:
        """In the order in which each was first written of."""
        first = func.min(ledger.c.seq)
        found = select(ledger.c.subject).where(ledger.c.kind == kind).group_by(ledger.c.subject).order_by(first)
        with self._database.read() as connection:
            return tuple(connection.execute(found).scalars())


def _seq(connection: Connection, kind: str, subject: str, key: str) -> int | None:
    named = (ledger.c.kind == kind, ledger.c.subject == subject, ledger.c.key == key)
    return connection.execute(select(ledger.c.seq).where(*named)).scalar()


def _text(entry: Entry) -> str:
    return canonical_json(entry.body).decode()


def _entry(row: object) -> Entry:
    kind, subject, key, at, record = (getattr(row, name) for name in ("kind", "subject", "key", "at", "record"))
    return Entry(kind, subject, key, json.loads(record), at)


class SqlCache:
    """Cache."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str) -> str | None:
        with self._database.read() as connection:
            return connection.execute(select(cached.c.record).where(cached.c.key == key)).scalar()

    def put(self, key: str, value: str) -> None:
        with self._database.write() as connection:
            upsert(connection, cached, [{"key": key, "record": value}])

    def clear(self) -> int:
        with self._database.write() as connection:
            return connection.execute(delete(cached)).rowcount
