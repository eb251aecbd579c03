"""What the database drops because it is too old: overwritten with zeros, and nothing that evidence rests on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, delete, func, select

from assay.adapters.sql.database import Database
from assay.adapters.sql.lookup import batches
from assay.adapters.sql.schema import (
    cached,
    calibrations,
    certificates,
    decisions,
    feedback,
    ledger,
    release_events,
    runs,
    samples,
    traces,
)

_WORD = re.compile(r"[\w.-]+")
_EVIDENCE = (decisions, ledger, certificates, calibrations, release_events)
"""Records that may name a run as what they rest on."""


class SqlRetention:
    """Counts what is older than a moment (ISO 8601), and with `do` removes it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def traces(self, before: str, *, do: bool) -> int:
        """Traces that began earlier, with the opinions on them."""
        old = select(traces.c.trace_id).where(traces.c.at < before)
        return self._removed(traces, traces.c.at < before, do=do, first=(feedback, feedback.c.trace_id.in_(old)))

    def feedback(self, before: str, *, do: bool) -> int:
        return self._removed(feedback, feedback.c.at < before, do=do)

    def cached(self, *, do: bool) -> int:
        """All kept replies and judgements: they carry no date."""
        return self._removed(cached, cached.c.key != "", do=do)

    def drafts(self, kinds: Sequence[str], before: str, *, do: bool) -> int:
        """Facts of these kinds."""
        old = ledger.c.kind.in_(kinds) & (ledger.c.at < before)
        return self._removed(ledger, old, do=do)

    def decided(self, kind: str, decision: str, before: str, *, do: bool) -> int:
        """Facts of `kind` that a fact of kind `decision` with their subject and key ended before, with that fact; how
        many facts went."""
        ended = select(ledger.c.subject, ledger.c.key).where(ledger.c.kind == decision, ledger.c.at < before)
        with self._database.read() as connection:
            pairs = connection.execute(ended).all()
        count = 0
        for subject, key in pairs:
            mine = (ledger.c.subject == subject) & (ledger.c.key == key) & ledger.c.kind.in_((kind, decision))
            count += self._removed(ledger, mine, do=do)
        return count

    def runs(self, before: str, *, do: bool) -> tuple[int, int]:
        """`(removed, kept)`: runs that began earlier; kept are those that a decision, a label, a judge's card, a
        certificate, a calibration or a release names."""
        with self._database.read() as connection:
            old = set(connection.execute(select(runs.c.run_id).where(runs.c.created_at < before)).scalars())
            held = _named(connection, old) if old else set[str]()
        gone = sorted(old - held)
        if do:
            with self._database.write() as connection:
                overwriting(connection)
                for ids in batches(gone):
                    connection.execute(delete(samples).where(samples.c.run_id.in_(ids)))
                    connection.execute(delete(runs).where(runs.c.run_id.in_(ids)))
        return len(gone), len(held)

    def _removed(self, table: Table, old: Any, *, do: bool, first: tuple[Table, Any] | None = None) -> int:
        if not do:
            with self._database.read() as connection:
                return int(connection.execute(select(func.count()).select_from(table).where(old)).scalar_one())
        with self._database.write() as connection:
            overwriting(connection)
            if first:
                connection.execute(delete(first[0]).where(first[1]))
            return connection.execute(delete(table).where(old)).rowcount


def _named(connection: Connection, run_ids: set[str]) -> set[str]:
    found: set[str] = set()
    for table in _EVIDENCE:
        for text in connection.execute(select(table.c.record)).scalars():
            found.update(run_ids.intersection(_WORD.findall(text)))
    return found


def overwriting(connection: Connection) -> None:
    """What is deleted on this connection is overwritten with zeros in a SQLite file."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete=ON")
