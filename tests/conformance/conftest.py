"""Every store three times: the fake in memory, the one on a SQLite file, and the same on a real PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from store_examples import Kept, in_memory, on_disk

from postgres_server import fresh_database


@pytest.fixture(params=["memory", "sql", "postgres"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    if request.param == "memory":
        yield in_memory()
        return
    with on_disk(tmp_path, fresh_database() if request.param == "postgres" else "") as stores:
        yield stores
