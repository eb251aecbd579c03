"""SQLite files on a disk without room for the files that SQLite puts beside them: they can still be read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

_NO_ROOM_BESIDE = frozenset({"SQLITE_IOERR_SHMSIZE", "SQLITE_IOERR_SHMOPEN"})
_NO_ROOM = _NO_ROOM_BESIDE | {"SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_TRUNCATE"}


def no_room(error: sqlite3.Error) -> bool:
    """True when the disk took no more of a change; what was committed before can be read."""
    return getattr(error, "sqlite_errorname", "") in _NO_ROOM


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
    return empty and getattr(error, "sqlite_errorname", "") in _NO_ROOM_BESIDE


def as_it_stands(path: Path) -> AsItStands:
    """Open the file without its log, for any thread."""
    uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, factory=AsItStands)


def copy_in_memory(path: Path) -> sqlite3.Connection:
    """A copy of the file as it stands, which stays the same whoever writes the file, and refuses to be written."""
    with closing(as_it_stands(path)) as source:
        return copy_of(source)


def copy_of(source: sqlite3.Connection) -> sqlite3.Connection:
    """A copy in memory of what a connection sees, its log included; it refuses to be written."""
    copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    source.backup(copy)
    copy.execute("PRAGMA query_only=ON")
    return copy


@contextmanager
def settable(copy: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """A copy that may be written until the block ends."""
    copy.execute("PRAGMA query_only=OFF")
    try:
        yield copy
    finally:
        copy.execute("PRAGMA query_only=ON")
