"""What a database says when it fails, in the words of Assay's error tree; never with a statement's values."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from assay.records.errors import AssayError, Busy, Unavailable

_FULL, _BUSY, _IO, _WRITE, _CORRUPT, _REACH = "full", "busy", "io", "write", "corrupt", "reach"

# https://www.sqlite.org/rescode.html: the low byte of an extended code is the primary one.
_SQLITE = {5: _BUSY, 6: _BUSY, 8: _WRITE, 10: _IO, 11: _CORRUPT, 13: _FULL, 14: _WRITE, 26: _CORRUPT}

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRES = {"53100": _FULL, "40001": _BUSY, "40P01": _BUSY, "55P03": _BUSY, "25006": _WRITE, "58030": _IO}


def _error(kind: str, where: str) -> AssayError:
    match kind:
        case "full":
            return Unavailable(
                "store.disk_full", "the disk is full; nothing of this step was written", where=where,
                remedy="free some space and run the command again",
            )  # fmt: skip
        case "busy":
            return Busy(
                "store.busy", "another process is writing to the store", where=where,
                remedy="wait for it to end, then try again",
            )  # fmt: skip
        case "io":
            return Unavailable("store.io", "the disk failed while the store was read or written", where=where)
        case "write":
            return Unavailable(
                "store.cannot_open", "the store cannot be opened or written", where=where,
                remedy="check that the folder exists and that you may write in it",
            )  # fmt: skip
        case "corrupt":
            return Unavailable(
                "store.corrupt", "this file is no database, or is damaged", where=where,
                remedy="put it aside and restore a backup",
            )  # fmt: skip
        case _:
            return Unavailable(
                "store.unreachable", "the database does not answer", where=where,
                remedy="check its address and that it runs",
            )  # fmt: skip


def full(where: str) -> AssayError:
    """The error for a disk without room."""
    return _error(_FULL, where)


def unusable(where: str) -> AssayError:
    """The error for a place that cannot be opened or written."""
    return _error(_WRITE, where)


def _kind(error: DBAPIError | sqlite3.Error) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", None)
    if code is not None:
        return _SQLITE.get(code & 0xFF, "")
    state = getattr(cause, "sqlstate", None)
    if state is not None:
        return _REACH if state.startswith(("08", "57P")) else _POSTGRES.get(state, "")
    return _REACH if type(cause).__name__ == "OperationalError" else ""


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Raise Unavailable or Busy with a `store.*` code for failures from outside; others are defects and pass."""
    try:
        yield
    except PoolTimeout as error:
        raise _error(_BUSY, where) from error
    except (DBAPIError, sqlite3.Error) as error:
        kind = _kind(error)
        if not kind:
            raise
        raise _error(kind, where) from error
