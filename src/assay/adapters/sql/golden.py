"""Golden sets: every version is kept, and checked against its name when it is read."""

from __future__ import annotations

from sqlalchemy import select

from assay.adapters.sql.codec import from_text, to_text
from assay.adapters.sql.database import Database
from assay.adapters.sql.lookup import add_new, missing, one_by_prefix
from assay.adapters.sql.schema import golden as table
from assay.records.errors import CannotJudge
from assay.records.golden import GoldenSet

_of_name = select(table.c.version, table.c.created_at, table.c.cases, table.c.record)


class SqlGolden:
    """GoldenStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, golden: GoldenSet) -> str:
        version = golden.version
        row = {
            "name": golden.name,
            "version": version,
            "created_at": golden.created_at,
            "cases": len(golden.cases),
            "record": to_text(golden),
        }
        with self._database.write() as connection:
            add_new(connection, table, [row])
        return version

    def get(self, name: str, version: str = "") -> GoldenSet:
        """Raises NotFound, and CannotJudge when the cases no longer match their version."""
        found = _of_name.where(table.c.name == name)
        with self._database.read() as connection:
            if version:
                row = one_by_prefix(connection, found, table.c.version, version, "golden set")
            else:
                row = connection.execute(found.order_by(table.c.seq.desc()).limit(1)).first()
        if row is None:
            raise missing("golden set")
        golden = from_text(GoldenSet, row.record)
        if golden.version != row.version:
            raise CannotJudge(
                "golden.digest_mismatch",
                "the stored cases do not match the version they are named by",
                where=f"{name}@{row.version[:12]}",
                remedy="import the golden set again",
            )
        return golden

    def versions(self, name: str) -> tuple[tuple[str, str, int], ...]:
        """`(version, created_at, cases)`, oldest first."""
        found = select(table.c.version, table.c.created_at, table.c.cases).where(table.c.name == name)
        with self._database.read() as connection:
            return tuple((row[0], row[1], row[2]) for row in connection.execute(found.order_by(table.c.seq)))

    def names(self) -> tuple[str, ...]:
        with self._database.read() as connection:
            return tuple(sorted(connection.execute(select(table.c.name).distinct()).scalars()))
