"""Files that are whole or absent: written aside, forced to disk, then renamed."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.records.errors import AssayError, Busy, Unavailable


@contextmanager
def disk_errors(doing: str) -> Iterator[None]:
    """Turn what the disk, SQLite and tantivy raise into Unavailable or Busy; nothing is swallowed."""
    try:
        yield
    except AssayError:
        raise
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise Busy(
                "index.busy", f"another process is writing the index while {doing}", remedy="try again"
            ) from error
        raise _unavailable(doing) from error
    except (OSError, sqlite3.Error) as error:
        raise _unavailable(doing) from error
    except ValueError as error:  # tantivy-py raises its engine's failures as ValueError
        if "LockBusy" in str(error) or "Lockfile" in str(error):
            raise Busy(
                "index.busy", "another process is writing the index", remedy="wait for it to end, then try again"
            ) from error
        raise _unavailable(doing) from error


def _unavailable(doing: str) -> Unavailable:
    return Unavailable(
        "index.disk",
        f"the disk failed while {doing}; what was committed before is still there and searchable",
        where="index",
        remedy="free disk space or repair the disk, then run the command again",
    )


def write_durably(path: Path, data: bytes) -> None:
    """The file holds `data` or does not exist; on disk when this returns."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.rename(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Force the names in a folder to disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def link_or_copy(source: Path, target: Path) -> None:
    """A hard link where the file system has them, else a copy. Raises FileNotFoundError when the source is gone."""
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, target)


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
