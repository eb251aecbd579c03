"""Bringing a database's schema forward; Alembic is imported only when there is something to migrate."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, func, insert, inspect, select

from assay.adapters.sql import schema
from assay.records.errors import UsageError


@dataclass(frozen=True, slots=True)
class Migrations:
    """Where the migration files stand and the revision they lead to."""

    folder: Path
    head: str


PACKAGED = Migrations(Path(__file__).parent / "migrations", schema.REVISION)


class _Opened(Protocol):
    where: str

    def read(self) -> AbstractContextManager[Connection]: ...
    def write(self) -> AbstractContextManager[Connection]: ...


def bring_up(database: _Opened, path: Path | None, migrations: Migrations) -> None:
    """Leave `database` at `migrations.head`: made, migrated, or as it is. `path` is the SQLite file, if it is one."""
    with database.read() as connection:
        if _revision(connection) == migrations.head:
            return
    with database.write() as connection:
        # Read again: another process may have done the work while this one waited for the lock.
        revision = _revision(connection)
        if revision == migrations.head:
            return
        if revision == "" and migrations is PACKAGED:
            _create(connection, database.where)
            return
        if path is not None and revision:
            _back_up(path, revision)
        _upgrade(connection, migrations, database.where, revision)


def _revision(connection: Connection) -> str:
    """The revision a database stands at, empty when it holds no schema yet."""
    if not inspect(connection).has_table(schema.revision_table.name):
        return ""
    return connection.execute(select(func.max(schema.revision_table.c.version_num))).scalar() or ""


def _create(connection: Connection, where: str) -> None:
    """Make the newest schema at once; a test holds it equal to what the migrations lead to."""
    if inspect(connection).get_table_names():
        raise UsageError(
            "store.not_ours", "this database holds tables of something else", where=where, remedy="name another one"
        )
    schema.metadata.create_all(connection, checkfirst=False)
    schema.revision_table.create(connection)
    connection.execute(insert(schema.revision_table).values(version_num=schema.REVISION))


def _back_up(path: Path, revision: str) -> Path:
    """Copy a SQLite file, write-ahead log included, beside itself; an earlier copy of this revision is replaced."""
    copy = path.with_name(f"{path.name}.before-{revision}")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def _upgrade(connection: Connection, migrations: Migrations, where: str, revision: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(migrations.folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, migrations.head)
    except CommandError as error:
        raise UsageError(
            "store.newer_schema",
            f"the store stands at schema revision {revision}, which this version of Assay does not know",
            where=where,
            remedy="use the version of Assay that wrote it, or a newer one",
        ) from error
