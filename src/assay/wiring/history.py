"""The index of versions that are over, in `.assay/history`: filled when the index is published, asked as of a date."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from assay.ingest.publishing import Publisher
from assay.ports.answering import Retriever
from assay.ports.index import Embedder, Index, IndexReader
from assay.ports.storage import Catalog
from assay.wiring.build import Workspace, chunk_policy

if TYPE_CHECKING:
    from assay.adapters.embedded_index.index import EmbeddedIndex

FOLDER = "history"


def open_history(place: Workspace) -> EmbeddedIndex:
    """The index of past versions; made when there is none. Whoever writes it holds the workspace's write lock.

    It is the embedded engine whatever `index.engine` says: it is small, and asked rarely.
    """
    from assay.adapters.embedded_index.index import EmbeddedIndex

    return EmbeddedIndex(place.store / FOLDER, chunker=chunk_policy(place.settings).recipe)


def has_history(place: Workspace) -> bool:
    return (place.store / FOLDER).is_dir()


def embed_history(place: Workspace, embedder: Embedder, stop: Callable[[], bool]) -> int:
    """Make the vectors that past versions lack; the number made. Most are in the cache from when they were current."""
    from assay.retrieve.backfill import embed_missing

    if not has_history(place):
        return 0
    past = open_history(place)
    try:
        return embed_missing(past, place.stores.catalog, embedder, stop=stop)
    finally:
        past.close()


@contextmanager
def publishing(place: Workspace, index: Index) -> Iterator[Publisher]:
    """A publisher that keeps the past versions searchable too, while the caller holds the write lock."""
    opened: list[EmbeddedIndex] = []

    def history() -> Index:
        if not opened:
            opened.append(open_history(place))
        return opened[0]

    try:
        yield Publisher(place.stores.catalog, index, place.clock, history=history)
    finally:
        for past in opened:
            past.close()


def with_as_of(place: Workspace, reader: IndexReader, make: Callable[[IndexReader, Catalog], Retriever]) -> Retriever:
    """What `make` makes of the reader and the catalog, which also answers as of an earlier moment."""
    from assay.retrieve.as_of import AsOfRetriever, BothReaders, CatalogAsOf

    opened: list[EmbeddedIndex] = []

    def then(at: str) -> Retriever:
        catalog = cast(Catalog, CatalogAsOf(place.stores.catalog, at))
        if not has_history(place):
            return make(reader, catalog)
        if not opened:
            opened.append(open_history(place))
        return make(cast(IndexReader, BothReaders(reader, opened[0].head())), catalog)

    return AsOfRetriever(make(reader, place.stores.catalog), then)
