"""Chunks and vectors as rows: born in one version, dead from another, deleted when no state holds them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from assay.adapters.embedded_index.rows import row_of
from assay.adapters.pgvector_index import schema
from assay.adapters.pgvector_index.reader import SCANNED_BELOW
from assay.adapters.pgvector_index.schema import ALIVE
from assay.adapters.remote_index.state import Kept, Vectors
from assay.adapters.remote_index.terms import TERMS, Weights, chunk_weights
from assay.records.documents import Chunk
from assay.retrieve.analysis import Analyzer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EVERY_MOMENT = "~"
"""Later than any time: what died at whichever moment."""
_MOST_TERMS = 16_000
"""pgvector's limit of a sparse vector; a chunk with more distinct terms keeps the heaviest."""


_LACKING = "AND NOT EXISTS (SELECT 1 FROM vectors_{number} v WHERE v.row_id = c.row_id)"


@dataclass(frozen=True, slots=True)
class Fresh:
    """A chunk on its way in."""

    kept: Kept
    chars: int
    weights: Weights


@dataclass(frozen=True, slots=True)
class Gone:
    """A row that was marked dead."""

    number: int
    kept: Kept
    terms: Sequence[int]


def prepared(chunk: Chunk, analyzer: Analyzer) -> Fresh:
    row = row_of(chunk, analyzer.group(chunk.language))
    weights = chunk_weights(chunk, analyzer)
    if len(weights) > _MOST_TERMS:
        weights = dict(sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:_MOST_TERMS])
    access = json.dumps([chunk.access.tenant, sorted(set(chunk.access.groups))])  # ASCII: any name survives
    return Fresh(Kept(row.chunk_id, row.doc_id, access, row.content, row.language), row.chars, weights)


def encoded(name: str) -> bytes:
    """Ids are kept as bytes: PostgreSQL's text holds neither a zero byte nor half a surrogate pair."""
    return name.encode("utf-8", "surrogatepass")


def decoded(name: bytes) -> str:
    return bytes(name).decode("utf-8", "surrogatepass")


def bury(connection: Connection, doc_ids: Iterable[str], version: int, now: str) -> list[Gone]:
    """Mark every current chunk of these documents dead from `version` on."""
    found = connection.exec_driver_sql(
        f"""UPDATE chunks c SET died = %s, died_at = %s FROM access a
        WHERE doc_id = ANY(%s) AND died = {ALIVE} AND a.access_id = c.access_id
        RETURNING row_id, chunk_id, doc_id, a.name, content, language, terms""",  # noqa: S608 - a number of ours
        (version, now, [encoded(doc_id) for doc_id in doc_ids]),
    )
    return [
        Gone(row[0], Kept(decoded(row[1]), decoded(row[2]), row[3], bytes(row[4]), row[5]), row[6]) for row in found
    ]


def insert(connection: Connection, fresh: Sequence[Fresh], version: int) -> list[int]:
    """Put chunks in, in one stream; their numbers in the same order."""
    from pgvector import SparseVector

    if not fresh:
        return []
    ids = _make_access(connection, {row.kept.access for row in fresh})
    numbers = [
        int(row[0])
        for row in connection.exec_driver_sql(
            "SELECT nextval('chunks_row_id_seq') FROM generate_series(1, %s)", (len(fresh),)
        )
    ]
    columns = "row_id, chunk_id, doc_id, content, chars, language, access_id, born, terms, words"
    with _cursor(connection) as cursor, cursor.copy(f"COPY chunks ({columns}) FROM STDIN WITH (FORMAT binary)") as copy:
        copy.set_types(["int8", "bytea", "bytea", "bytea", "int4", "text", "int4", "int8", "int4[]", "sparsevec"])
        for number, row in zip(numbers, fresh, strict=True):
            kept = row.kept
            copy.write_row(
                (
                    number, encoded(kept.chunk_id), encoded(kept.doc_id), kept.content, row.chars, kept.language,
                    ids[kept.access], version, sorted(row.weights), SparseVector(row.weights, TERMS),
                )
            )  # fmt: skip
    return numbers


def _make_access(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    wanted = sorted(names)
    connection.exec_driver_sql("INSERT INTO access (name) SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", (wanted,))
    return access_ids(connection, wanted)


def access_ids(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    """Access lists to the numbers that stand in the rows."""
    found = connection.exec_driver_sql("SELECT name, access_id FROM access WHERE name = ANY(%s)", (list(names),))
    return {row[0]: row[1] for row in found}


def make_vectors(connection: Connection, vectors: Vectors) -> None:
    for statement in schema.vectors_table(vectors.number, vectors.dimensions).split(";"):
        if statement.strip():
            connection.exec_driver_sql(statement)


def insert_vectors(
    connection: Connection, number: int, vectors: Mapping[str, NDArray[np.float32]], version: int
) -> list[Kept]:
    """Vectors for current chunks that have none yet; which chunks those are."""
    found = connection.exec_driver_sql(
        f"""SELECT row_id, chunk_id, content, access_id FROM chunks c WHERE chunk_id = ANY(%s) AND died = {ALIVE}
        AND NOT EXISTS (SELECT 1 FROM vectors_{number} v WHERE v.row_id = c.row_id)""",  # noqa: S608 - numbers of ours
        ([encoded(chunk_id) for chunk_id in vectors],),
    ).all()
    columns = "row_id, chunk_id, content, access_id, born, embedding"
    with (
        _cursor(connection) as cursor,
        cursor.copy(f"COPY vectors_{number} ({columns}) FROM STDIN WITH (FORMAT binary)") as copy,
    ):
        copy.set_types(["int8", "bytea", "bytea", "int4", "int8", "vector"])
        for row in found:
            copy.write_row((*row, version, vectors[decoded(row[1])]))
    return [_vector_of(row[1], row[2]) for row in found]


def bury_vectors(connection: Connection, number: int, gone: Sequence[int], version: int) -> list[Kept]:
    """Mark the vectors of rows dead; of which chunks there were any."""
    found = connection.exec_driver_sql(
        f"UPDATE vectors_{number} SET died = %s WHERE row_id = ANY(%s) RETURNING chunk_id, content",  # noqa: S608
        (version, list(gone)),
    )
    return [_vector_of(row[0], row[1]) for row in found]


def inherit_vectors(connection: Connection, number: int, fresh: Sequence[int], version: int) -> list[Kept]:
    """New rows whose words had a vector before get it again; which chunks those are."""
    found = connection.exec_driver_sql(
        f"""INSERT INTO vectors_{number} (row_id, chunk_id, content, access_id, born, embedding)
        SELECT DISTINCT ON (c.row_id) c.row_id, c.chunk_id, c.content, c.access_id, c.born, v.embedding
        FROM chunks c JOIN vectors_{number} v USING (content) WHERE c.row_id = ANY(%s) AND c.born = %s
        RETURNING chunk_id, content""",  # noqa: S608 - numbers of ours
        (list(fresh), version),
    )
    return [_vector_of(row[0], row[1]) for row in found]


def _vector_of(chunk_id: bytes, content: bytes) -> Kept:
    return Kept(decoded(chunk_id), "", "", bytes(content), "")


def build_graph(connection: Connection, vectors: Vectors) -> None:
    """The HNSW graph, once there are more vectors than a scan is good for; PostgreSQL keeps it up from then on."""
    if unindexed(connection, vectors) > SCANNED_BELOW and vectors.dimensions <= schema.MOST_INDEXED:
        connection.exec_driver_sql("SELECT set_config('maintenance_work_mem', '512MB', true)")
        connection.exec_driver_sql(
            f"CREATE INDEX vectors_{vectors.number}_graph ON vectors_{vectors.number} "
            "USING hnsw (embedding vector_ip_ops) WITH (m = 16, ef_construction = 64)"
        )


def unindexed(connection: Connection, vectors: Vectors | None) -> int:
    """How many vectors are searched one by one because there is no graph."""
    if vectors is None:
        return 0
    found = connection.exec_driver_sql("SELECT to_regclass(%s)", (f"vectors_{vectors.number}_graph",)).scalar()
    return 0 if found else vectors.count


def without_vectors(connection: Connection, vectors: Vectors | None) -> tuple[str, ...]:
    lacking = "" if vectors is None else _LACKING.format(number=vectors.number)
    found = connection.exec_driver_sql(
        f"SELECT chunk_id FROM chunks c WHERE died = {ALIVE} {lacking} ORDER BY chars, chunk_id"  # noqa: S608
    )
    return tuple(decoded(row[0]) for row in found)


def read_vectors(connection: Connection, vectors: Vectors, chunk_ids: Iterable[str]) -> dict[str, NDArray[np.float32]]:
    found = connection.exec_driver_sql(
        f"SELECT chunk_id, embedding FROM vectors_{vectors.number} WHERE chunk_id = ANY(%s) AND died = {ALIVE}",  # noqa: S608
        ([encoded(chunk_id) for chunk_id in chunk_ids],),
    )
    return {decoded(row[0]): row[1].to_numpy() for row in found}


def purge(connection: Connection, vectors: Iterable[Vectors], before: str) -> None:
    """Delete rows that died before a moment and that no snapshot holds."""
    held = "EXISTS (SELECT 1 FROM snapshots s WHERE {0}.born <= s.version AND s.version < {0}.died)"
    for kept in vectors:
        name = f"vectors_{kept.number}"
        connection.exec_driver_sql(
            f"DELETE FROM {name} USING chunks c WHERE c.row_id = {name}.row_id AND c.died < {ALIVE} "  # noqa: S608
            f"AND c.died_at < %s AND NOT {held.format('c')}",
            (before,),
        )
    connection.exec_driver_sql(
        f"DELETE FROM chunks WHERE died < {ALIVE} AND died_at < %s AND NOT {held.format('chunks')}",  # noqa: S608
        (before,),
    )


def vacuum(connection: Connection, vectors: Iterable[Vectors]) -> None:
    for name in ("chunks", *(f"vectors_{kept.number}" for kept in vectors)):
        connection.exec_driver_sql(f"VACUUM (ANALYZE) {name}")


def _cursor(connection: Connection) -> Any:
    driver = connection.connection.dbapi_connection
    assert driver is not None
    return driver.cursor()
