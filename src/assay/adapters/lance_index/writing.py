"""Changes to the tables, each from one published state to the next; nothing here is seen before it is published."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.adapters.analysed import Analysed
from assay.adapters.lance_index.published import Published
from assay.adapters.lance_index.tables import (
    Tables,
    add_chunks,
    add_vectors,
    delete_documents,
    index_chunks,
    index_vectors,
    kept_of,
    place_of,
    rows_where,
    unindexed,
)  # fmt: skip
from assay.adapters.remote_index.state import Kept, State, Vectors, check_vectors, moved, with_vectors
from assay.records.errors import CannotJudge, Unavailable

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_REBUILT = 16
"""Bringing an index up to date leaves the old one behind for readers; after so many, tables are written anew."""
_KEPT_COLUMNS = ("chunk", "doc", "access_key", "content", "language")
_ROW_COLUMNS = ("key", "chunk", "document", "access", "content")

Renew = Callable[[], None]


def replace_documents(
    tables: Tables, published: Published, staged: Mapping[str, Sequence[Analysed]], documents: Sequence[str],
    renew: Renew,
) -> Published:  # fmt: skip
    """All chunks of `documents` (their keys) go; those in `staged` come. Vectors of unchanged content stay."""
    table = tables.writable(published.chunks) if published.chunks else tables.new_chunks()
    gone = kept_of(rows_where(table, "document", documents, _KEPT_COLUMNS))
    rows = [row for mine in staged.values() for row in mine]
    if gone:
        delete_documents(table, documents)
    add_chunks(table, rows)
    renew()
    rebuilt = index_chunks(table)
    _check_searchable(table, rows)
    after = published.moved(state=moved(published.state, map(_kept, rows), gone))
    for recipe in published.vectors:
        renew()
        after = _follow(tables, after, recipe, documents, rows)
    return after.moved(chunks=place_of(table), rebuilt=after.rebuilt + rebuilt, unindexed=unindexed(table))


def _follow(
    tables: Tables, published: Published, recipe: str, documents: Sequence[str], rows: Sequence[Analysed]
) -> Published:
    """The vectors of one embedder after a change of documents."""
    table = tables.writable(published.vectors[recipe])
    before = rows_where(table, "document", documents, (*_ROW_COLUMNS, "vector"))
    if not before.num_rows:
        return published
    vectors = _vectors_by_content(before)
    again = [(_row(row), vectors[row.content]) for row in rows if row.content in vectors]
    delete_documents(table, documents)
    add_vectors(table, again)
    index_vectors(table)
    held = published.state.vectors[recipe]
    state = with_vectors(
        published.state, recipe, held, [_kept_vector(row) for row, _ in again], kept_of(before.drop_columns("vector"))
    )
    return published.moved(state=state, vectors={**published.vectors, recipe: place_of(table)})


def put_vectors(
    tables: Tables, published: Published, recipe: str, vectors: Mapping[str, NDArray[np.float32]],
    keys: Mapping[str, str],
) -> Published:  # fmt: skip
    """Vectors by chunk id; `keys` names the chunks. Those that are not indexed, or have one, are passed over."""
    held = published.state.vectors.get(recipe)
    dimensions = check_vectors(held.dimensions if held else None, vectors.values())
    place = published.vectors.get(recipe)
    state = replace(published.state, version=published.state.version + 1, recipe=recipe)
    if published.chunks is None or dimensions is None or not vectors:
        return published.moved(state=state)
    wanted = rows_where(tables.at(published.chunks), "key", list(keys.values()), _ROW_COLUMNS).to_pylist()
    table = tables.writable(place) if place else tables.new_vectors(dimensions)
    known = rows_where(table, "key", [row["key"] for row in wanted], ("key", "content"))
    there = set(zip(known["key"].to_pylist(), known["content"].to_pylist(), strict=True))
    new = [(row, vectors[row["chunk"]]) for row in wanted if (row["key"], row["content"]) not in there]
    add_vectors(table, new)
    index_vectors(table)
    _check_findable(table, new)
    number = held or Vectors(len(published.vectors), dimensions)
    state = with_vectors(state, recipe, number, [_kept_vector(row) for row, _ in new], ())
    return published.moved(state=state, vectors={**published.vectors, recipe: place_of(table)})


def written_anew(tables: Tables, published: Published, now: str, renew: Renew) -> Published:
    """The same state in new tables, which hold nothing that was ever removed; vectors of other embedders are left."""
    if published.chunks is None:
        return published
    chunks = tables.new_chunks()
    tables.copied(published.chunks, chunks)
    renew()
    index_chunks(chunks, whole=True)
    vectors = {}
    recipe, place = published.state.recipe, published.searched
    kept = {}
    if place is not None:
        held = published.state.vectors[recipe]
        table = tables.new_vectors(held.dimensions)
        renew()
        tables.copied(place, table)
        renew()
        index_vectors(table, whole=True)
        vectors, kept = {recipe: place_of(table)}, {recipe: held}
    retired = {**published.retired, **dict.fromkeys(published.live(), now)}
    return published.moved(
        state=replace(published.state, vectors=kept),
        chunks=place_of(chunks),
        vectors=vectors,
        rebuilt=0,
        unindexed=unindexed(chunks),
        retired=retired,
    )


def at_rest(tables: Tables, published: Published) -> Published:
    """The same state with nothing outside its indexes, so that equal states score alike."""
    if published.chunks is None:
        return published
    table = tables.writable(published.chunks)
    rebuilt = bool(unindexed(table)) and index_chunks(table, whole=True)
    _check_content(table, published.state)
    return published.moved(chunks=place_of(table), rebuilt=published.rebuilt + rebuilt, unindexed=unindexed(table))


def _check_content(table: Any, state: State) -> None:
    """Raises CannotJudge when the rows are not those that the register counted."""
    rows = kept_of(table.search().select(list(_KEPT_COLUMNS)).to_arrow()) if table.count_rows() else []
    found = moved(State(), rows, ())
    if (found.digest, found.chunks) != (state.digest, state.chunks):
        raise CannotJudge(
            "index.damaged",
            "the table of chunks does not hold what was committed to it",
            where="index.lancedb",
            remedy="name another uri in assay.yaml and ingest again; the catalog and the text copies stay",
        )


def _check_searchable(table: Any, rows: Sequence[Analysed]) -> None:
    """The last chunk that has words must be found by one of them, or the commit is not published."""
    from lancedb import query

    row = next((row for row in reversed(rows) if row.body), None)
    if row is None:
        return
    match: Any = query.MatchQuery  # its fields have defaults that mypy does not see
    search = table.search(match(row.body.split(" ", 1)[0], "body"), query_type="fts")
    if not search.where(f"key = '{row.key}'", prefilter=True).select(["chunk", "_score"]).limit(1).to_list():
        raise _not_found()


def _check_findable(table: Any, rows: Sequence[tuple[dict[str, Any], NDArray[np.float32]]]) -> None:
    if not rows:
        return
    row, vector = rows[-1]
    search = table.search(vector, vector_column_name="vector").distance_type("dot")
    if not search.where(f"key = '{row['key']}'", prefilter=True).select(["chunk", "_distance"]).limit(1).to_list():
        raise _not_found()


def _not_found() -> Unavailable:
    return Unavailable(
        "index.not_searchable",
        "what was written is not found by a search, so it is not published",
        where="index.lancedb",
        remedy="run the command again; if it fails again, name another uri in assay.yaml and ingest again",
    )


def vectors_of(table: Any, keys: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """Vectors by chunk id."""
    rows = rows_where(table, "key", keys, ("chunk", "vector"))
    return dict(zip(rows["chunk"].to_pylist(), _matrix(rows), strict=True)) if rows.num_rows else {}


def _vectors_by_content(rows: Any) -> dict[bytes, NDArray[np.float32]]:
    return dict(zip(rows["content"].to_pylist(), _matrix(rows), strict=True))


def _matrix(rows: Any) -> NDArray[np.float32]:
    flat = rows["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.asarray(flat, dtype=np.float32).reshape(rows.num_rows, -1)


def _row(row: Analysed) -> dict[str, Any]:
    stated = {"key": row.key, "chunk": row.chunk_id, "document": row.document}
    return {**stated, "access": list(row.access), "content": row.content}


def _kept(row: Analysed) -> Kept:
    return Kept(row.chunk_id, row.doc_id, row.access_key, row.content, row.language)


def _kept_vector(row: Mapping[str, Any]) -> Kept:
    return Kept(row["chunk"], "", "", row["content"], "")
