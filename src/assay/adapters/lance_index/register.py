"""The register: a table of one row that says what is published and whose turn it is to write."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

from assay.adapters.lance_index.published import Published
from assay.adapters.turns import Row
from assay.records.errors import CannotJudge

TABLE = "register"
REFRESH_S = 0.5
"""A store that is reached over the network is asked for news at most this often; a folder every time."""
_TIDY_EVERY = 64
_PUBLISHED_HERE: dict[str, int] = {}
"""By address: how often this process published, so that its own readers never wait for REFRESH_S."""


class Register:
    """The board of a LanceDB index: readers ask it for the published state, writers take turns on it.

    A swap is an update of the row under a condition: of two that race, the engine lets the second find no row.
    """

    def __init__(self, database: Any, uri: str, analyzer: str) -> None:
        self._uri = uri
        self._analyzer = analyzer
        self._lock = threading.RLock()
        self._table = _opened(database, Published(analyzer).as_json())
        self._seen: tuple[int, Row] | None = None
        self._parsed: tuple[str, Published] | None = None
        self._asked = (-1, 0.0)
        self.read()

    def read(self) -> Published:
        """What is published. Raises CannotJudge (`index.analyzer`) when another version wrote it."""
        with self._lock:
            news = _PUBLISHED_HERE.get(self._uri, 0)
            recent = self._asked[0] == news and time.monotonic() - self._asked[1] < REFRESH_S
            if recent and "://" in self._uri and self._parsed is not None:
                return self._parsed[1]
            published = self.parsed(self.latest().record)
            self._asked = (news, time.monotonic())
            return published

    def parsed(self, record: str) -> Published:
        """The same object for the same record."""
        with self._lock:
            if self._parsed is None or self._parsed[0] != record:
                self._parsed = record, self._read(record)
            return self._parsed[1]

    def _read(self, record: str) -> Published:
        try:
            published = Published.from_json(record)
        except (ValueError, KeyError, TypeError) as error:
            raise _another_version() from error
        if published.analyzer != self._analyzer:
            raise _another_version()
        return published

    def latest(self) -> Row:
        with self._lock:
            self._table.checkout_latest()
            version = self._table.version
            if self._seen is None or self._seen[0] != version:
                (stated,) = self._table.search().limit(2).to_arrow().to_pylist()
                self._seen = version, Row(stated["turn"], stated["holder"], stated["since"], stated["record"])
            return self._seen[1]

    def swapped(self, row: Row, after: Row) -> Row | None:
        values = {"turn": row.token + 1, "holder": after.holder, "since": after.since}
        published = after.record != row.record
        if published:
            values["record"] = after.record
        done = self._table.update(where=f"turn = {row.token} AND holder = '{row.holder}'", values=values)
        if row.token % _TIDY_EVERY == 0:
            self._table.optimize(cleanup_older_than=timedelta(hours=1))
        if published:
            _PUBLISHED_HERE[self._uri] = _PUBLISHED_HERE.get(self._uri, 0) + 1
        return replace(after, token=row.token + 1) if done.rows_updated == 1 else None


def _opened(database: Any, record: str) -> Any:
    """The register, made when there is none; of two that make it at once, one finds the other's."""
    try:
        return database.open_table(TABLE)
    except ValueError:
        import pyarrow as pa

        columns = {"turn": pa.array([0], pa.int64()), "holder": [""], "since": [""], "record": [record]}
        try:
            return database.create_table(TABLE, pa.table(columns))
        except ValueError:
            return database.open_table(TABLE)


def _another_version() -> CannotJudge:
    return CannotJudge(
        "index.analyzer",
        "the index was written by another version, which divided words or kept its record differently",
        where="index.lancedb",
        remedy="name another uri in assay.yaml and fill it with `assay index migrate`",
    )
