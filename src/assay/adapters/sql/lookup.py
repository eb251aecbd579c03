"""Finding one row by name or by the start of its name, and the errors when there is none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import islice
from typing import Any

from sqlalchemy import Column, Connection, Select, Table, bindparam, func, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite

from assay.records.errors import NotFound

MOST_PARAMETERS = 500
"""Names in one IN list; SQLite of some distributions stops at 999 parameters a statement."""


_LISTED_BY = {
    "bundle": "assay bundles list",
    "certificate": "assay certificate list",
    "key": "assay key list",
    "model": "assay ranker list",
    "run": "assay runs list",
    "trace": "assay trace list",
}


def missing(kind: str, remedy: str = "") -> NotFound:
    """The error for a named thing that is not in the store."""
    told = remedy or _LISTED_BY.get(kind, "")
    return NotFound(f"store.no_{kind.replace(' ', '_')}", f"there is no such {kind}", remedy=told)


def one_by_prefix(connection: Connection, statement: Select[Any], column: Column[Any], name: str, kind: str) -> Any:
    """The row of `statement` whose `column` is `name`, or the only one that starts with it.

    Raises NotFound when there is none, when several start so, or when `name` is empty.
    """
    if not name:
        raise missing(kind)
    row = connection.execute(statement.where(column == name)).first()
    if row is not None:
        return row
    begins = func.substr(column, 1, len(name)) == name
    rows = connection.execute(statement.where(begins).limit(2)).all()
    if len(rows) > 1:
        raise NotFound("store.ambiguous_name", f"more than one {kind} starts so", remedy="give more of its name")
    if not rows:
        raise missing(kind)
    return rows[0]


@cache
def _insert_or_replace(dialect: str, table: Table) -> Any:
    statement = _insert(dialect, table)
    names = [column.name for column in table.primary_key]
    others = {column.name: statement.excluded[column.name] for column in table.c if column.name not in names}
    if not others:
        return statement.on_conflict_do_nothing()
    return statement.on_conflict_do_update(index_elements=names, set_=others)


@cache
def _insert_or_leave(dialect: str, table: Table) -> Any:
    return _insert(dialect, table).on_conflict_do_nothing()


def _insert(dialect: str, table: Table) -> Any:
    """An INSERT that knows ON CONFLICT, which the two dialects spell alike and standard SQL does not have."""
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)


def upsert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, each with every column; a row whose primary key is there already replaces what stands there."""
    if not rows:
        return
    statement = _insert_or_replace(connection.dialect.name, table)
    if connection.dialect.name != "sqlite":
        connection.execute(statement, list(rows))
        return
    # Straight to the driver: SQLAlchemy takes every row apart once more, which doubles the time of an ingestion's rows.
    text, columns = _spelled(table)
    connection.exec_driver_sql(text, [tuple(row[column] for column in columns) for row in rows])


@cache
def _spelled(table: Table) -> tuple[str, tuple[str, ...]]:
    """SQLite's INSERT for one table, and the columns in the order of its parameters."""
    columns = [column.name for column in table.columns]
    spelled = _insert_or_replace("sqlite", table).compile(dialect=sqlite.dialect(), column_keys=columns)
    return str(spelled), tuple(spelled.positiontup)


def add_new(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> int:
    """Insert rows; a row that breaks a uniqueness rule is left out, because what is there stays.

    Returns how many went in when there is one row; drivers do not count for more.
    """
    if not rows:
        return 0
    # PostgreSQL counts only when it is not given a list and is asked to: SQLAlchemy reads rows back there instead.
    given: Any = rows[0] if len(rows) == 1 else list(rows)
    counting = {"preserve_rowcount": True}
    statement = _insert_or_leave(connection.dialect.name, table)
    return connection.execute(statement, given, execution_options=counting).rowcount


def batches(names: Sequence[str], size: int = MOST_PARAMETERS) -> Iterator[list[str]]:
    """Cut a list of names into lists that fit one statement."""
    rest = iter(names)
    while batch := list(islice(rest, size)):
        yield batch


def all_of(connection: Connection, statement: Select[Any], column: Column[Any], names: Sequence[str]) -> Iterator[Any]:
    """Rows of `statement` whose `column` is one of `names`, in any order."""
    for batch in batches(names):
        # SQLite's JSON would cut a name short at a NUL.
        packed = connection.dialect.name == "sqlite" and not any("\0" in name for name in batch)
        listed = _listed(statement, column, packed)
        yield from connection.execute(listed, {"names": json.dumps(batch) if packed else batch}).all()


@lru_cache(maxsize=64)
def _listed(statement: Select[Any], column: Column[Any], packed: bool) -> Select[Any]:
    """`packed` is one parameter for the whole list: 64 names cost half of what 64 parameters do."""
    if not packed:
        return statement.where(column.in_(bindparam("names", expanding=True)))
    names: Select[Any] = select(literal_column("value")).select_from(func.json_each(bindparam("names")))
    return statement.where(column.in_(names))


def records(connection: Connection, table: Table, *order: Any, where: Any = None) -> list[str]:
    """The JSON texts of a table's rows."""
    statement = select(table.c.record).order_by(*order)
    if where is not None:
        statement = statement.where(where)
    return list(connection.execute(statement).scalars())
