"""The engines that the index suite runs on: for each a context that gives a maker of fresh, empty indexes.

An engine that cannot run here is skipped, and says why. To add one, write a context manager and name it in ENGINES.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import count
from pathlib import Path

from assay.adapters.clocks import FakeClock
from assay.adapters.embedded_index.index import EmbeddedIndex
from assay.adapters.memory_index import MemoryIndex
from assay.ports.index import Index

Maker = Callable[[], Index]
Engine = Callable[[Path], AbstractContextManager[Maker]]
"""A folder to work in to a maker, whose indexes are closed when the context ends."""


@contextmanager
def memory(folder: Path) -> Iterator[Maker]:
    """The fake."""
    yield MemoryIndex


@contextmanager
def embedded(folder: Path) -> Iterator[Maker]:
    """The default: tantivy and an exact scan."""
    opened: list[EmbeddedIndex] = []
    numbers = count()

    def make() -> Index:
        opened.append(EmbeddedIndex(folder / str(next(numbers)), clock=FakeClock()))
        return opened[-1]

    yield make
    for index in opened:
        index.close()


@contextmanager
def postgres(folder: Path) -> Iterator[Maker]:
    """PostgreSQL with pgvector: a real server, a schema for each index."""
    from assay.adapters.pgvector_index.index import PgvectorIndex
    from postgres_server import fresh_name, shared_dsn

    dsn = shared_dsn()
    opened: list[PgvectorIndex] = []

    def make() -> Index:
        opened.append(PgvectorIndex(dsn, fresh_name("index"), clock=FakeClock()))
        return opened[-1]

    yield make
    for index in opened:
        index.close()


@contextmanager
def lancedb(folder: Path) -> Iterator[Maker]:
    """LanceDB: a database in a folder for each index."""
    from assay.adapters.lance_index.index import LanceIndex

    opened: list[LanceIndex] = []
    numbers = count()

    def make() -> Index:
        opened.append(LanceIndex(str(folder / str(next(numbers))), clock=FakeClock()))
        return opened[-1]

    yield make
    for index in opened:
        index.close()


@contextmanager
def qdrant(folder: Path) -> Iterator[Maker]:
    """Qdrant: the client's in-memory mode, or the server at ASSAY_TEST_QDRANT_URL."""
    from assay.adapters.qdrant_index.client import IN_MEMORY, qdrant_client
    from assay.adapters.qdrant_index.index import QdrantIndex

    place, run = os.environ.get("ASSAY_TEST_QDRANT_URL", IN_MEMORY), uuid.uuid4().hex[:8]
    opened: list[QdrantIndex] = []

    def make() -> Index:
        opened.append(QdrantIndex(qdrant_client(place), f"test-{run}-{len(opened)}", clock=FakeClock()))
        return opened[-1]

    yield make
    for index in opened:
        index.close()


@contextmanager
def opensearch(folder: Path) -> Iterator[Maker]:
    """OpenSearch: a stand-in on loopback, or the server that ASSAY_TEST_OPENSEARCH_URL names."""
    from assay.adapters.opensearch_index.index import OpenSearchIndex
    from opensearch_server import opensearch_server

    real = os.environ.get("ASSAY_TEST_OPENSEARCH_URL", "")
    opened: list[OpenSearchIndex] = []
    with nullcontext() if real else opensearch_server() as server:
        url = real or (server.url if server else "")

        def make() -> Index:
            name = f"assay-test-{uuid.uuid4().hex[:12]}"
            opened.append(OpenSearchIndex(url, name, clock=FakeClock()))
            return opened[-1]

        yield make
        for index in opened:
            index.erase()
            index.close()


ENGINES: dict[str, Engine] = {
    "memory": memory,
    "embedded": embedded,
    "postgres": postgres,
    "qdrant": qdrant,
    "lancedb": lancedb,
    "opensearch": opensearch,
}
