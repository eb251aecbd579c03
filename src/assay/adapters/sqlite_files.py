"""SQLite files on a disk without room for the files that SQLite puts beside them: they can still be read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

_NO_ROOM = frozenset({"SQLITE_IOERR_SHMSIZE", "SQLITE_IOERR_SHMOPEN"})


class AsItStands(sqlite3.Connection):
    """A connection that reads the file alone, takes no lock and cannot write. It does not notice later changes, so it
    is for one read."""


def no_room_beside(error: sqlite3.Error, path: Path) -> bool:
    """True when only the shared memory of the write-ahead log could not be made, and the log is empty.

    SQLite removes both together when the last process closes a database in order; then the file alone is whole. While
    a log stands, so does its shared memory, and the database opens as usual.
    """
    log = path.with_name(f"{path.name}-wal")
    empty = not log.exists() or log.stat().st_size == 0
    return empty and getattr(error, "sqlite_errorname", "") in _NO_ROOM


def as_it_stands(path: Path) -> AsItStands:
    """Open the file without its log, for any thread."""
    uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, factory=AsItStands)


def copy_in_memory(path: Path) -> sqlite3.Connection:
    """A copy of the file as it stands, which stays the same whoever writes the file, and refuses to be written."""
    copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    with closing(as_it_stands(path)) as source:
        source.backup(copy)
    copy.execute("PRAGMA query_only=ON")
    return copy
