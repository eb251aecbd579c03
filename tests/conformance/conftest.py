"""Every store twice: the fake in memory, and the one on a SQLite file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from store_examples import Kept, in_memory, on_disk


@pytest.fixture(params=["memory", "sql"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    if request.param == "memory":
        yield in_memory()
        return
    with on_disk(tmp_path) as stores:
        yield stores
