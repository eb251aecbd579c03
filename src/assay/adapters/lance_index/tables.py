"""The tables of chunks and of vectors: their columns, their indexes, and what is read from and written to them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.adapters.analysed import Analysed
from assay.adapters.lance_index.published import Place
from assay.adapters.remote_index.state import Kept

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_UNINDEXED = 256
UNINDEXED_SHARE = 0.05
"""More chunks than this, and more than LEAST_UNINDEXED, are never left to be read one by one: bringing an index of
100,000 chunks up to date takes seconds, reading 5,000 chunks beside it takes milliseconds."""
MOST_FRAGMENTS = 128
ANN_FROM = 20_000
"""Vectors from which an approximate index is kept; below it every search is an exact scan."""
_AT_ONCE = 500
_NEVER = timedelta(days=36_500)
_CHUNK_COLUMNS = ("key", "chunk", "doc", "document", "access", "access_key", "content", "chars", "language")
_VECTOR_COLUMNS = ("key", "chunk", "document", "access", "content", "vector")


class Tables:
    """The tables of one database."""

    def __init__(self, database: Any) -> None:
        self._database = database

    def at(self, place: Place) -> Any:
        """A handle that stays at one version."""
        return self._database.open_table(place.table, version=place.version)

    def writable(self, place: Place) -> Any:
        """The table as it is published: what a writer left unpublished is undone."""
        table = self._database.open_table(place.table)
        if table.version != place.version:
            table.restore(place.version)
        return table

    def new_chunks(self) -> Any:
        import pyarrow as pa

        text = pa.string()
        plain = {"access": pa.list_(text), "content": pa.binary(16), "chars": pa.int32()}
        names = (*_CHUNK_COLUMNS, "head", "body")
        schema = pa.schema([(name, plain.get(name, text)) for name in names])
        return self._database.create_table(f"chunks-{uuid.uuid4().hex[:12]}", schema=schema)

    def new_vectors(self, dimensions: int) -> Any:
        import pyarrow as pa

        text = pa.string()
        plain = {"access": pa.list_(text), "content": pa.binary(16), "vector": pa.list_(pa.float32(), dimensions)}
        schema = pa.schema([(name, plain.get(name, text)) for name in _VECTOR_COLUMNS])
        return self._database.create_table(f"vectors-{uuid.uuid4().hex[:12]}", schema=schema)

    def copied(self, place: Place, into: Any) -> None:
        """Every row of one table into a new one, in pieces."""
        import pyarrow as pa

        source = self.at(place)
        if source.count_rows():
            batches = source.search().to_batches()
            into.add(pa.RecordBatchReader.from_batches(into.schema, iter(batches)))

    def drop(self, names: Iterable[str]) -> None:
        there = self.names()
        for name in names:
            if name in there:
                self._database.drop_table(name)

    def names(self) -> frozenset[str]:
        """Every table of chunks or vectors, published or not."""
        found: list[str] = []
        token: str | None = None
        while True:
            page = self._database.list_tables(page_token=token)
            found.extend(page.tables)
            token = page.page_token
            if not token:
                return frozenset(name for name in found if name.startswith(("chunks-", "vectors-")))


def place_of(table: Any) -> Place:
    return Place(table.name, table.version)


def add_chunks(table: Any, rows: Sequence[Analysed]) -> None:
    import pyarrow as pa

    if not rows:
        return
    columns: dict[str, Any] = {name: [getattr(row, name) for row in rows] for name in ("key", "document", "content")}
    columns |= {name: [getattr(row, name) for row in rows] for name in ("chars", "language", "head", "body")}
    columns |= {"chunk": [row.chunk_id for row in rows], "doc": [row.doc_id for row in rows]}
    columns |= {"access": [list(row.access) for row in rows], "access_key": [row.access_key for row in rows]}
    table.add(pa.table({name: columns[name] for name in table.schema.names}, schema=table.schema))


def add_vectors(table: Any, rows: Sequence[tuple[dict[str, Any], NDArray[np.float32]]]) -> None:
    """Rows as `chunk_rows` gives them, each with its vector."""
    import pyarrow as pa

    if not rows:
        return
    kept = {name: [row[name] for row, _ in rows] for name in _VECTOR_COLUMNS if name != "vector"}
    flat = pa.array(np.concatenate([np.asarray(vector, dtype="<f4") for _, vector in rows]))
    vectors = pa.FixedSizeListArray.from_arrays(flat, len(rows[0][1]))
    table.add(pa.table([*(pa.array(kept[n], table.schema.field(n).type) for n in kept), vectors], schema=table.schema))


def rows_where(table: Any, column: str, keys: Sequence[str], columns: Sequence[str]) -> Any:
    """Rows whose `column` is one of `keys`: an arrow table. The keys must be hexadecimal."""
    import pyarrow as pa
    import pyarrow.compute as pc

    names = list(dict.fromkeys((column, *columns)))
    nothing = pa.schema([table.schema.field(name) for name in names]).empty_table()
    if not keys or not table.count_rows():
        return nothing
    asked = pa.array(list(dict.fromkeys(keys)), pa.string())
    there = table.search().select([column]).to_arrow()[column].combine_chunks()
    present = asked.filter(pc.is_in(asked, value_set=there)).to_pylist()
    parts = [
        table.search().where(_one_of(column, some)).select(names).to_arrow().select(names) for some in _slices(present)
    ]
    return pa.concat_tables([nothing, *parts])


def delete_documents(table: Any, documents: Sequence[str]) -> None:
    for some in _slices(list(dict.fromkeys(documents))):
        table.delete(_one_of("document", some))


def kept_of(rows: Any) -> list[Kept]:
    """What digest and counts need of rows of either table."""
    columns = {"chunk": "", "doc": "", "access_key": "", "content": b"", "language": ""}
    return [
        Kept(row["chunk"], row.get("doc", ""), row.get("access_key", ""), row["content"], row.get("language", ""))
        for row in rows.select([name for name in columns if name in rows.column_names]).to_pylist()
    ]


def index_chunks(table: Any, *, whole: bool = False) -> bool:
    """Bring the indexes up to date where too much stands beside them, or where anything does; true when it was done."""
    names = {index.name for index in table.list_indices()}
    if not names:
        _make_chunk_indexes(table)
    behind = unindexed(table)
    count = table.count_rows()
    if behind <= (0 if whole else max(LEAST_UNINDEXED, int(UNINDEXED_SHARE * count))) and not _scattered(table):
        return False
    table.optimize(cleanup_older_than=_NEVER)
    return True


def unindexed(table: Any) -> int:
    """Rows that a search for words reads one by one."""
    stats = table.index_stats("body_idx")
    return int(stats.num_unindexed_rows) if stats else int(table.count_rows())


def _make_chunk_indexes(table: Any) -> None:
    from lancedb.index import FTS, LabelList

    for column in ("body", "head"):
        words = FTS(
            base_tokenizer="whitespace",
            with_position=False,
            max_token_length=None,
            lower_case=False,
            stem=False,
            remove_stop_words=False,
            ascii_folding=False,
        )
        table.create_index(column, config=words)
    table.create_index("access", config=LabelList())


def index_vectors(table: Any, *, whole: bool = False) -> None:
    """An index over access lists always, over vectors from ANN_FROM on; brought up to date as that over words is."""
    from lancedb.index import IvfFlat, IvfRq, LabelList

    count = table.count_rows()
    names = {index.name for index in table.list_indices()}
    if "access_idx" not in names:
        table.create_index("access", config=LabelList())
    if count >= ANN_FROM and "vector_idx" not in names:
        dimensions = table.schema.field("vector").type.list_size
        kind = IvfRq if dimensions % 8 == 0 and dimensions >= 64 else IvfFlat
        table.create_index("vector", config=kind(distance_type="dot", num_partitions=partitions(count)))
    stats = table.index_stats("vector_idx" if count >= ANN_FROM else "access_idx")
    behind = int(stats.num_unindexed_rows) if stats else 0
    if behind > (0 if whole else max(LEAST_UNINDEXED, int(UNINDEXED_SHARE * count))) or _scattered(table):
        table.optimize(cleanup_older_than=_NEVER)


def partitions(count: int) -> int:
    """How many parts the approximate index divides `count` vectors into."""
    return max(1, count // 2048)


def _scattered(table: Any) -> bool:
    return int(table.stats()["fragment_stats"]["num_fragments"]) > MOST_FRAGMENTS


def _one_of(column: str, keys: Sequence[str]) -> str:
    assert all(key.isalnum() for key in keys)
    return f"{column} IN ({', '.join(repr(key) for key in keys)})"


def _slices(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), _AT_ONCE):
        yield keys[start : start + _AT_ONCE]
