"""What every store of certificates and trained models must do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from assay.adapters.memory import MemoryCertificates, MemoryModels
from assay.adapters.sql.database import open_database
from assay.adapters.sql.stores import sql_stores
from assay.ports.storage import CertificateStore, ModelStore
from assay.records.certificates import Certificate, TrainedModel
from assay.records.errors import NotFound
from postgres_server import fresh_database

DRILL = Certificate("access", "snapshot-a", True, {"probes": 12, "leaks": 0}, "2026-01-01T00:00:00Z")
RANKER = TrainedModel("ranker", "handbook", {"weights": [0.5, -1.25], "features": ["rank", "overlap"]}, "2026-01-01")


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[CertificateStore, ModelStore]]:
    if request.param == "memory":
        yield MemoryCertificates(), MemoryModels()
        return
    database = open_database(fresh_database() if request.param == "postgres" else tmp_path / "assay.db")
    kept = sql_stores(database)
    yield kept.certificates, kept.models
    database.close()


def test_a_certificate_comes_back_as_it_was_put(stores: tuple[CertificateStore, ModelStore]) -> None:
    """By its whole id and by its start; a second put of the same changes nothing."""
    store, _ = stores
    name = store.put(DRILL)
    assert store.put(DRILL) == name
    assert store.get(name) == store.get(name[:8]) == DRILL
    assert store.certificates() == (DRILL,)
    for wrong in ("", name[:3], "f" * 64 if name[0] != "f" else "0" * 64):
        with pytest.raises(NotFound):
            store.get(wrong)


def test_the_newest_certificate_is_found_by_kind_and_subject(stores: tuple[CertificateStore, ModelStore]) -> None:
    """Kinds do not mix, and a subject narrows it."""
    store, _ = stores
    later = replace(DRILL, created_at="2026-02-01T00:00:00Z", subject="snapshot-b")
    other = replace(DRILL, kind="forgetting", created_at="2026-03-01T00:00:00Z")
    for one in (later, DRILL, other):
        store.put(one)
    assert store.newest("access") == later
    assert store.newest("access", "snapshot-a") == DRILL
    assert store.newest("nothing") is None
    assert store.certificates("access") == (later, DRILL)
    assert store.certificates() == (other, later, DRILL)


def test_models_are_kept_by_content(stores: tuple[CertificateStore, ModelStore]) -> None:
    """The same content is the same model whenever it was made; numbers come back exactly."""
    _, store = stores
    name = store.put(RANKER)
    assert store.put(replace(RANKER, created_at="2027-01-01")) == name
    assert store.get(name[:10]) == RANKER
    newer = replace(RANKER, content={"weights": [1e-300, 0.1]}, created_at="2026-05-01")
    store.put(newer)
    assert store.newest("ranker", "handbook") == newer
    assert store.newest("ranker", "elsewhere") is None
    assert store.models("ranker") == (newer, RANKER)
    with pytest.raises(NotFound):
        store.get("zzzzzzzz")
