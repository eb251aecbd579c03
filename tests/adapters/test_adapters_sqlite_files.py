"""SQLite files are read as they stand, and only when that is all there is to read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from assay.adapters.sqlite_files import as_it_stands, copy_in_memory, no_room_beside


class NoRoom(sqlite3.OperationalError):
    sqlite_errorname = "SQLITE_IOERR_SHMSIZE"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "odd name?#%.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as store:
        store.execute("PRAGMA journal_mode=WAL")
        store.execute("CREATE TABLE words (word)")
        store.execute("INSERT INTO words VALUES ('kept')")
    return path


def words(store: sqlite3.Connection) -> list[str]:
    return [word for (word,) in store.execute("SELECT word FROM words")]


def test_a_file_is_read_without_any_file_beside_it_and_never_written(file: Path) -> None:
    for opened in (as_it_stands(file), copy_in_memory(file)):
        with closing(opened) as store:
            assert words(store) == ["kept"]
            with pytest.raises(sqlite3.OperationalError):
                store.execute("INSERT INTO words VALUES ('more')")
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_copy_stays_what_it_was_while_the_file_changes(file: Path) -> None:
    with closing(copy_in_memory(file)) as copy, closing(sqlite3.connect(file, isolation_level=None)) as store:
        store.execute("INSERT INTO words VALUES ('more')")
        assert words(copy) == ["kept"]


def test_a_file_with_something_in_its_log_is_not_whole_alone(file: Path) -> None:
    assert no_room_beside(NoRoom(), file)
    assert not no_room_beside(sqlite3.OperationalError("disk I/O error"), file)
    with closing(sqlite3.connect(file, isolation_level=None)) as store:
        store.execute("INSERT INTO words VALUES ('in the log')")
        assert not no_room_beside(NoRoom(), file)
