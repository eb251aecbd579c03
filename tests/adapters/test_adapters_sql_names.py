"""Looking up many names at once."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from assay.adapters.sql.database import open_database
from assay.adapters.sql.lookup import add_new, all_of
from assay.adapters.sql.schema import removals


def test_any_name_is_found_whole(tmp_path: Path) -> None:
    """Quotes, control characters and digits are part of a name; a NUL does not cut it short."""
    names = ["a", "a\0b", 'é"\\', "1", "\x1f", "名", "x" * 3000]
    database = open_database(tmp_path / "assay.db")
    with database.write() as connection:
        for name in names:
            add_new(connection, removals, [{"doc_id": name}])

    def found(asked: list[str]) -> set[str]:
        with database.read() as connection:
            return {row.doc_id for row in all_of(connection, select(removals), removals.c.doc_id, asked)}

    assert found(names) == set(names)
    for name in names:
        assert found([name]) == {name}
    assert found(["a\0c", "nobody"]) == set()
    assert found([*names, *(f"n{i}" for i in range(1200))]) == set(names)
    database.close()
