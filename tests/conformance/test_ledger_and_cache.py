"""What every ledger and every cache must do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.adapters.memory_ledger import MemoryCache, MemoryLedger
from assay.adapters.sql.database import open_database
from assay.adapters.sql.stores import sql_stores
from assay.ports.storage import Cache, Ledger
from assay.records.ledger import Entry
from postgres_server import fresh_database


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Ledger, Cache]]:
    if request.param == "memory":
        yield MemoryLedger(), MemoryCache()
        return
    database = open_database(fresh_database() if request.param == "postgres" else tmp_path / "assay.db")
    kept = sql_stores(database)
    yield kept.ledger, kept.cache
    database.close()


def test_facts_come_back_in_the_order_they_were_written(both: tuple[Ledger, Cache]) -> None:
    """By kind, by subject, and one by its key; a body comes back as the JSON values it was."""
    ledger, _ = both
    facts = [Entry("label", f"task-{n % 2}", f"k{n:04}", {"value": ["é", n, 0.5, None]}, f"2026-{n}") for n in range(7)]
    assert ledger.append(facts[:3]) == 3
    assert ledger.append([*facts[3:], Entry("look", "handbook", "1")]) == 5
    assert list(ledger.entries("label")) == facts
    assert list(ledger.entries("label", "task-1")) == facts[1::2]
    assert list(ledger.entries("nothing")) == []
    assert ledger.get("label", "task-1", "k0003") == facts[3]
    assert ledger.get("label", "task-0", "k0003") is None
    assert ledger.subjects("label") == ("task-0", "task-1")


def test_a_fact_is_never_changed(both: tuple[Ledger, Cache]) -> None:
    """A second one of the same name is ignored, in one call and in the next, and is not counted."""
    ledger, _ = both
    first = Entry("judge.card", "j", "1", {"kappa": 0.25})
    assert ledger.append([first, Entry("judge.card", "j", "1", {"kappa": 1})]) == 1
    assert ledger.append([Entry("judge.card", "j", "1", {"kappa": 1})]) == 0
    assert list(ledger.entries("judge.card")) == [first]


def test_more_facts_than_one_page(both: tuple[Ledger, Cache]) -> None:
    ledger, _ = both
    assert ledger.append([Entry("n", "s", str(n), {"n": n}) for n in range(1203)]) == 1203
    assert [entry.body["n"] for entry in ledger.entries("n", "s")] == list(range(1203))


def test_a_cache_gives_what_was_put_last_until_it_is_cleared(both: tuple[Ledger, Cache]) -> None:
    _, cache = both
    assert cache.get("a") is None
    cache.put("a", "1")
    cache.put("a", "2 – ü")
    cache.put("b", "")
    assert (cache.get("a"), cache.get("b")) == ("2 – ü", "")
    assert cache.clear() == 2
    assert cache.get("a") is None
