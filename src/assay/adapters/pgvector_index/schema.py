"""The tables of one index. Rows are never changed but to note when they died, so that every state stays readable."""

from __future__ import annotations

from typing import Any

ALIVE = (1 << 63) - 1
"""`died` of a row that is current."""

_LOCK = 0x617373617969  # "assayi": one process at a time makes the tables

_TABLES = """
CREATE TABLE IF NOT EXISTS facts (name text PRIMARY KEY, value text NOT NULL);
CREATE TABLE IF NOT EXISTS states (version bigint PRIMARY KEY, record text NOT NULL);
CREATE TABLE IF NOT EXISTS snapshots (
  snapshot_id text PRIMARY KEY, version bigint NOT NULL, created_at text NOT NULL, record text NOT NULL);
CREATE TABLE IF NOT EXISTS term_counts (
  version bigint NOT NULL, whole boolean NOT NULL, data bytea NOT NULL, PRIMARY KEY (version, whole));
CREATE TABLE IF NOT EXISTS access (access_id serial PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS chunks (
  row_id bigserial PRIMARY KEY, chunk_id bytea NOT NULL, doc_id bytea NOT NULL, content bytea NOT NULL,
  chars integer NOT NULL, language text NOT NULL, access_id integer NOT NULL, born bigint NOT NULL,
  died bigint NOT NULL DEFAULT {alive}, died_at text NOT NULL DEFAULT '',
  terms integer[] NOT NULL, words sparsevec NOT NULL);
CREATE INDEX IF NOT EXISTS chunks_of_document ON chunks (doc_id) WHERE died = {alive};
CREATE INDEX IF NOT EXISTS chunks_by_id ON chunks (chunk_id) WHERE died = {alive};
CREATE INDEX IF NOT EXISTS chunks_dead ON chunks (died) WHERE died < {alive};
CREATE INDEX IF NOT EXISTS chunks_by_access ON chunks (access_id);
CREATE INDEX IF NOT EXISTS chunks_by_term ON chunks USING gin (terms);
"""

_VECTORS = """
CREATE TABLE vectors_{number} (
  row_id bigint PRIMARY KEY, chunk_id bytea NOT NULL, content bytea NOT NULL, access_id integer NOT NULL,
  born bigint NOT NULL, died bigint NOT NULL DEFAULT {alive}, embedding vector({dimensions}) NOT NULL);
CREATE INDEX vectors_{number}_by_content ON vectors_{number} (content);
CREATE INDEX vectors_{number}_by_access ON vectors_{number} (access_id);
ALTER TABLE vectors_{number} ALTER COLUMN embedding SET STORAGE PLAIN;
"""

MOST_PLAIN = 1900
"""Vectors up to this length fit into a page of 8 KiB and stand in the row itself; longer ones PostgreSQL puts aside."""
MOST_INDEXED = 2000
"""pgvector's HNSW takes no longer vectors; they are scanned one by one."""


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def prepare(cursor: Any, name: str) -> None:
    """Make what is not there yet, and look for tables in this schema and in that of the extension.

    Nothing is made where the tables stand: a role that may only read is enough for searching.
    """
    cursor.execute("SELECT to_regclass(%s)", (f"{quoted(name)}.chunks",))
    if cursor.fetchone()[0] is None:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        if _extension(cursor) is None:
            cursor.execute("CREATE EXTENSION vector")
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(name)}")
        cursor.execute(f"SET search_path TO {_path(cursor, name)}")
        cursor.execute(_TABLES.format(alive=ALIVE))
    cursor.execute(f"SET search_path TO {_path(cursor, name)}")


def _extension(cursor: Any) -> str | None:
    """The schema in which pgvector stands."""
    cursor.execute(
        "SELECT nspname FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'vector'"
    )
    found = cursor.fetchone()
    return found[0] if found else None


def _path(cursor: Any, name: str) -> str:
    return f"{quoted(name)}, {quoted(_extension(cursor) or 'public')}"


def vectors_table(number: int, dimensions: int) -> str:
    """The statements that make the table of one embedder's vectors."""
    made = _VECTORS.format(number=number, dimensions=dimensions, alive=ALIVE)
    return made if dimensions <= MOST_PLAIN else "".join(made.splitlines(keepends=True)[:-1])
