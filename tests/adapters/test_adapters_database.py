"""Opening, migrating and failing: what the database does when the world is not kind."""

import shutil
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event, inspect, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import CreateIndex, CreateTable

from assay.adapters.sql import lookup, schema
from assay.adapters.sql.database import Database, open_database
from assay.adapters.sql.migrate import PACKAGED, Migrations
from assay.records.errors import Busy, Unavailable, UsageError


def shape(database: Database) -> dict[str, object]:
    """Tables with their columns, keys and indexes."""
    with database.read() as connection:
        seen = inspect(connection)
        return {
            name: (
                [(c["name"], str(c["type"]), c["nullable"]) for c in seen.get_columns(name)],
                seen.get_pk_constraint(name)["constrained_columns"],
                sorted((i["name"], tuple(i["column_names"]), i["unique"]) for i in seen.get_indexes(name)),
                sorted(tuple(u["column_names"]) for u in seen.get_unique_constraints(name)),
                [(tuple(f["constrained_columns"]), f["referred_table"]) for f in seen.get_foreign_keys(name)],
            )
            for name in seen.get_table_names()
        }


def with_one_more_revision(
    folder: Path, body: str = "op.add_column('keys', sa.Column('note', sa.Text()))"
) -> Migrations:
    copied = folder / "migrations"
    shutil.copytree(PACKAGED.folder, copied)
    (copied / "versions" / "r9999_more.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        f"revision = '9999'\ndown_revision = '{schema.REVISION}'\n"
        f"def upgrade():\n    {body}\n"
    )
    return Migrations(copied, "9999")


def test_the_revision_in_the_schema_is_the_newest_migration() -> None:
    assert ScriptDirectory(str(PACKAGED.folder)).get_heads() == [schema.REVISION]


def test_a_new_database_has_the_schema_that_the_migrations_lead_to(tmp_path: Path) -> None:
    made = open_database(tmp_path / "made.db")
    migrated = open_database(tmp_path / "migrated.db", migrations=Migrations(PACKAGED.folder, schema.REVISION))
    assert shape(made) == shape(migrated)
    with migrated.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []


def test_an_existing_database_is_migrated_after_a_copy_was_put_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "assay.db"
    with open_database(path).write() as connection:
        connection.execute(schema.pointers.insert(), {"app": "helpdesk", "revision": 1, "bundle_id": "b" * 64})
    migrated = open_database(path, migrations=with_one_more_revision(tmp_path))
    with migrated.read() as connection:
        assert connection.execute(text("select note from keys")).all() == []
        assert connection.execute(text("select app from pointers")).scalars().all() == ["helpdesk"]
    with sqlite3.connect(tmp_path / f"assay.db.before-{schema.REVISION}") as copy:
        assert copy.execute("select app from pointers").fetchall() == [("helpdesk",)]
        assert copy.execute("select version_num from alembic_version").fetchall() == [(schema.REVISION,)]


def test_a_migration_that_fails_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "assay.db"
    before = shape(open_database(path))
    body = "op.add_column('keys', sa.Column('note', sa.Text())); raise RuntimeError('half-way')"
    with pytest.raises(RuntimeError, match="half-way"):
        open_database(path, migrations=with_one_more_revision(tmp_path, body))
    assert shape(open_database(path)) == before


def test_a_database_of_a_newer_version_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "assay.db"
    with open_database(path).write() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    with pytest.raises(UsageError) as refused:
        open_database(path)
    assert refused.value.code == "store.newer_schema"


def test_opening_again_needs_no_alembic(tmp_path: Path) -> None:
    code = (
        "import sys; from assay.adapters.sql.database import open_database; "
        f"open_database({str(tmp_path / 'assay.db')!r}); open_database({str(tmp_path / 'assay.db')!r}); "
        "sys.exit(any(name.split('.')[0] == 'alembic' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_file_that_is_no_database_is_named_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "assay.db"
    path.write_bytes(b"these are notes, not a database" * 40)
    with pytest.raises(Unavailable) as broken:
        open_database(path)
    assert broken.value.code == "store.corrupt"
    assert str(path) in str(broken.value)
    assert path.read_bytes().startswith(b"these are notes")


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "assay.db") as other:
        other.execute("create table recipes (name text)")
    with pytest.raises(UsageError) as refused:
        open_database(tmp_path / "assay.db")
    assert refused.value.code == "store.not_ours"


def test_a_place_that_cannot_be_written_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unavailable) as failed:
        open_database(tmp_path / "file" / "assay.db")
    assert failed.value.code == "store.cannot_open"
    assert failed.value.remedy


def test_a_full_disk_is_said_and_nothing_is_half_written(tmp_path: Path) -> None:
    database = open_database(tmp_path / "assay.db")
    with database.read() as connection:
        pages = connection.execute(text("pragma page_count")).scalar_one()
    database.close()
    event.listen(database.engine, "connect", lambda raw, _: raw.execute(f"pragma max_page_count={pages + 4}"))
    rows = [{"app": f"app-{number}", "revision": 1, "bundle_id": "b" * 64} for number in range(2000)]
    with pytest.raises(Unavailable) as full, database.write() as connection:
        connection.execute(schema.pointers.insert(), rows)
    assert full.value.code == "store.disk_full"
    assert "app-" not in str(full.value)
    with database.read() as connection:
        assert connection.execute(text("select count(*) from pointers")).scalar() == 0
    with database.write() as connection:
        connection.execute(schema.pointers.insert(), rows[:1])


def test_another_process_that_keeps_the_write_lock_is_busy_and_readers_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.adapters.sql.database.BUSY_TIMEOUT_S", 0.05)
    database = open_database(tmp_path / "assay.db")
    other = sqlite3.connect(tmp_path / "assay.db", isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(Busy) as busy, database.write():
        pass
    assert busy.value.code == "store.busy"
    with database.read() as connection:
        assert connection.execute(text("select count(*) from pointers")).scalar() == 0
    other.execute("rollback")
    with database.write() as connection:
        connection.execute(schema.pointers.insert(), {"app": "a", "revision": 1, "bundle_id": "b"})


def test_a_block_that_raises_writes_nothing(tmp_path: Path) -> None:
    database = open_database(tmp_path / "assay.db")

    def fail_half_way() -> None:
        with database.write() as connection:
            connection.execute(schema.pointers.insert(), {"app": "a", "revision": 1, "bundle_id": "b"})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    with database.read() as connection:
        assert connection.execute(text("select count(*) from pointers")).scalar() == 0


def test_many_threads_write_at_once_and_none_is_turned_away(tmp_path: Path) -> None:
    database = open_database(tmp_path / "assay.db")
    start = threading.Barrier(16)

    def write(number: int) -> None:
        start.wait()
        for step in range(10):
            with database.write() as connection:
                values = {"app": f"{number}-{step}", "revision": 1, "bundle_id": "b"}
                connection.execute(schema.pointers.insert(), values)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(write, range(16)))
    with database.read() as connection:
        assert connection.execute(text("select count(*) from pointers")).scalar() == 160


def test_an_error_of_the_database_never_holds_a_value(tmp_path: Path) -> None:
    database = open_database(tmp_path / "assay.db")
    twice = [{"app": "what a person wrote", "revision": 1, "bundle_id": "b"}] * 2
    with pytest.raises(IntegrityError, match="UNIQUE") as failed, database.write() as connection:
        connection.execute(schema.pointers.insert(), twice)
    assert "what a person wrote" not in str(failed.value)


def test_every_table_and_write_also_compiles_for_postgresql() -> None:
    dialect = postgresql.dialect()
    for table in schema.metadata.sorted_tables:
        assert CreateTable(table).compile(dialect=dialect)
        assert all(CreateIndex(index).compile(dialect=dialect) for index in table.indexes)
        assert "ON CONFLICT" in str(lookup._insert_or_leave("postgresql", table).compile(dialect=dialect))
        assert "ON CONFLICT" in str(lookup._insert_or_replace("postgresql", table).compile(dialect=dialect))
