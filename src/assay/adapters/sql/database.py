"""Opening a database, and the two ways into it: `read`, and `write` for one transaction.

Durability on SQLite: write-ahead log with `synchronous=NORMAL`. What a `write` block wrote survives the death of the
process (kill -9) once the block has ended. A power cut may take the last transactions with it, whole ones and never
halves; only `synchronous=FULL` would prevent that, at one disk flush per transaction.

On a disk without any room a SQLite file is read as it stands, and only writing fails.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url

from assay.adapters.sql.failures import explained, full, unusable
from assay.adapters.sql.migrate import PACKAGED, Migrations, bring_up
from assay.adapters.sqlite_files import AsItStands, as_it_stands, no_room_beside
from assay.records.errors import Busy

BUSY_TIMEOUT_S = 5.0
CHECKPOINT_PAGES = 4000
"""Pages of 4 KiB in the write-ahead log before they are copied over. SQLite's 1,000 made a sample cost a third more."""


class Database:
    """One engine. Safe to use from any number of threads; a connection is held only inside `read` and `write`."""

    def __init__(self, engine: Engine, where: str) -> None:
        self.engine = engine
        self.where = where
        self._writer = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one consistent state. Raises Unavailable or Busy with a `store.*` code."""
        with explained(self.where), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: all of it is kept, or, when anything raises, nothing.

        Threads of this process queue here, where waiting is fair, and not in SQLite, where it is a poll.
        """
        with explained(self.where), self._one_writer(), self.engine.connect() as connection:
            if isinstance(connection.connection.dbapi_connection, AsItStands):
                raise full(self.where)
            writing = connection.execution_options(assay_write=True)
            with writing.begin():
                yield writing

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        if self.engine.dialect.name != "sqlite":
            yield
            return
        if not self._writer.acquire(timeout=12 * BUSY_TIMEOUT_S):
            raise Busy("store.busy", "another thread keeps writing to the store", where=self.where)
        try:
            yield
        finally:
            self._writer.release()

    def close(self) -> None:
        """Close every connection that is not in use."""
        self.engine.dispose()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, check_same_thread=False)
    try:
        connection.execute("PRAGMA schema_version")
    except sqlite3.OperationalError as error:
        connection.close()
        if not no_room_beside(error, path):
            raise
        return as_it_stands(path)
    return connection


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "checkin")
    def _read_once(connection: Any, record: Any) -> None:
        if isinstance(connection, AsItStands):
            record.invalidate()

    @event.listens_for(engine, "connect")
    def _settings(connection: Any, _record: Any) -> None:
        # Python's driver would open transactions behind our back; `_begin` opens them instead.
        connection.isolation_level = None
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer takes its lock first: a transaction that reads and then writes could otherwise fail half-way, and
        # SQLite does not wait for a lock in that case.
        writing = connection.get_execution_options().get("assay_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _use_write_ahead_log(path: Path) -> None:
    """Switch a SQLite file to its write-ahead log, which stays on.

    The switch does not wait for locks by itself, and two processes may open a new workspace at once.
    """
    patience_ends = time.monotonic() + BUSY_TIMEOUT_S
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    try:
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as error:
                if no_room_beside(error, path):
                    return
                if error.sqlite_errorname not in ("SQLITE_BUSY", "SQLITE_LOCKED") or time.monotonic() > patience_ends:
                    raise
            time.sleep(0.01)
    finally:
        connection.close()


def open_database(path_or_url: str | Path, *, migrations: Migrations = PACKAGED) -> Database:
    """Open a database, make it when it is new, and bring its schema forward.

    A path, or a URL such as `postgresql+psycopg://user@host/name`. Before an existing SQLite file is migrated, a copy
    is put beside it. Raises Unavailable or Busy with a `store.*` code, and UsageError `store.newer_schema` when a newer
    Assay wrote the database.
    """
    url = make_url(str(path_or_url)) if "://" in str(path_or_url) else URL.create("sqlite", database=str(path_or_url))
    where = url.render_as_string(hide_password=True) if url.get_backend_name() != "sqlite" else str(url.database)
    path = Path(str(url.database)) if url.get_backend_name() == "sqlite" else None
    with explained(where):
        if path is not None:
            _make_folder(path)
            _use_write_ahead_log(path)
        # Values never appear in an error's text: they are what people wrote.
        engine = create_engine(url, hide_parameters=True, pool_size=8, max_overflow=56, **_driver_options(path))
    if path is not None:
        _prepare_sqlite(engine)
    database = Database(engine, where)
    try:
        bring_up(database, path, migrations)
    except BaseException:
        database.close()
        raise
    return database


def _driver_options(path: Path | None) -> dict[str, Any]:
    return {} if path is None else {"creator": partial(_connect, path)}


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unusable(str(path.parent)) from error
