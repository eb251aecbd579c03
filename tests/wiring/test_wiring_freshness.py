"""Freshness on a real workspace: ages against objectives, past versions as of a date, and what removal takes away."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.records.access import Scope
from assay.records.dialogue import Age, Citation
from assay.records.documents import IngestReport, Span
from assay.records.errors import ConfigError
from assay.records.retrieval import Query
from assay.wiring import apps, freshness, ingesting
from assay.wiring.build import Workspace, create_workspace, open_workspace
from assay.wiring.config import load
from assay.wiring.history import has_history, open_history


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Workspace]:
    create_workspace(tmp_path / "lab")
    made = open_workspace(tmp_path / "lab", ["index.embedder=none", *objectives("")])
    (tmp_path / "docs").mkdir()
    write(made, "leave.md", "# Leave\n\nEvery parent takes 16 weeks of leave.\n", days_ago=100)
    write(made, "pay.md", "# Pay\n\nPay day is the 25th.\n", days_ago=10)
    yield made
    made.close()


def objectives(rules: str) -> list[str]:
    return [f"ingest.freshness=[{rules}]"]


def docs(place: Workspace) -> Path:
    return place.root.parent / "docs"


def write(place: Workspace, name: str, text: str, days_ago: float) -> None:
    path = docs(place) / name
    path.write_text(text)
    at = datetime.now(UTC).timestamp() - 86_400 * days_ago
    os.utime(path, (at, at))


def sync(place: Workspace) -> IngestReport:
    return ingesting.ingest(place, [docs(place)], lambda *_: None)


def day(days_ago: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days_ago)).date().isoformat()


def found(place: Workspace, words: str, as_of: str = "", groups: tuple[str, ...] = ()) -> list[str]:
    query = Query(words, Scope("default", frozenset(groups)), 5, "lexical", as_of=as_of)
    return [ranked.chunk.text for ranked in apps.head_retriever(place).retrieve(query).ranked]


def test_a_past_version_is_found_as_of_its_time_only(place: Workspace) -> None:
    sync(place)
    assert not has_history(place)
    write(place, "leave.md", "# Leave\n\nEvery parent takes 20 weeks of leave.\n", days_ago=50)
    sync(place)
    assert found(place, "parent leave") == ["Every parent takes 20 weeks of leave."]
    assert found(place, "parent leave", day(60)) == ["Every parent takes 16 weeks of leave."]
    assert found(place, "parent leave", day(40)) == ["Every parent takes 20 weeks of leave."]
    assert found(place, "parent leave", day(200)) == []


def test_embedding_makes_the_vectors_of_past_versions_too(place: Workspace) -> None:
    whole = place.with_overrides(["index.embedder=minilm"])
    sync(whole)
    write(whole, "leave.md", "# Leave\n\nEvery parent takes 20 weeks of leave.\n", days_ago=50)
    sync(whole)
    assert ingesting.embed(whole, lambda *_: None) == 3
    past = open_history(whole)
    assert (past.head().vectors, past.head().chunks) == (1, 1)
    past.close()
    query = Query("time off for mothers and fathers", Scope("default"), 5, as_of=day(60))
    retrieved = apps.head_retriever(whole).retrieve(query)
    assert retrieved.mode == "hybrid"
    assert "dense" in next(r for r in retrieved.ranked if "16 weeks" in r.chunk.text).stages


def test_a_file_that_is_gone_is_found_as_of_earlier_under_today_s_rules_and_not_once_its_source_is_removed(
    place: Workspace,
) -> None:
    sync(place)
    (docs(place) / "leave.md").unlink()
    sync(place)
    assert found(place, "parent leave") == []
    assert found(place, "parent leave", day(60)) == ["Every parent takes 16 weeks of leave."]
    closed = place.with_overrides(
        ["index.embedder=none", "access.folders=[{path: 'docs/**', tenant: default, groups: [hr]}]"]
    )
    sync(closed)
    assert found(closed, "parent leave", day(60)) == []
    assert found(closed, "parent leave", day(60), ("hr",)) == ["Every parent takes 16 weeks of leave."]
    ingesting.remove_source(place, str(docs(place) / "leave.md"))
    assert found(place, "parent leave", day(60), ("hr",)) == []
    past = open_history(place)
    assert past.head().chunks == 0
    past.close()


def test_a_document_that_a_rule_holds_back_later_is_not_found_as_of_earlier_either(place: Workspace) -> None:
    sync(place)
    strict = place.with_overrides(["index.embedder=none", "ingest.scan.on_finding=hold"])
    write(place, "leave.md", "# Leave\n\nWrite to jane.doe@example.com for leave.\n", days_ago=5)
    sync(strict)
    assert found(place, "parent leave", day(60)) == []
    assert found(place, "pay day", day(5)) == ["Pay day is the 25th."]


def test_the_last_matching_rule_sets_the_objective_and_both_ages_are_held_against_it(place: Workspace) -> None:
    sync(place)
    rules = "{path: 'docs/**', max_age: 30d, max_unseen: 1h}, {path: docs/pay.md, max_age: 1w}"
    judged = place.with_overrides(["index.embedder=none", *objectives(rules)])
    leave, pay = freshness.source_ages(judged)
    assert (leave.max_age_days, leave.max_unseen_days, leave.missed) == (30, pytest.approx(1 / 24), ("max_age",))
    assert (pay.max_age_days, pay.max_unseen_days, pay.missed) == (7, None, ("max_age",))
    assert leave.age_days == pytest.approx(100, abs=0.1)
    assert leave.unseen_days == pytest.approx(0, abs=0.1)


def test_a_source_that_no_sync_compared_for_too_long_misses_its_objective(place: Workspace) -> None:
    judged = place.with_overrides(["index.embedder=none", *objectives("{path: '**', max_unseen: 1d}")])
    sync(judged)
    assert not any(age.missed for age in freshness.source_ages(judged))
    seen = judged.store / freshness.SEEN
    root, at = next(iter(json.loads(seen.read_text()).items()))
    old = (datetime.fromisoformat(at) - timedelta(days=3)).isoformat()
    seen.write_text(json.dumps({root: old}))
    assert [age.missed for age in freshness.source_ages(judged)] == [("max_unseen",), ("max_unseen",)]
    seen.write_text("not json")
    assert all(age.missed and age.unseen_days is None for age in freshness.source_ages(judged))
    sync(judged)
    assert not any(age.missed for age in freshness.source_ages(judged))


def test_a_citation_s_age_is_that_of_its_document_and_a_clock_ahead_makes_it_no_younger_than_new(
    place: Workspace,
) -> None:
    judged = place.with_overrides(["index.embedder=none", *objectives("{path: docs/*, max_age: 1d}")])
    age = freshness.age_of(judged)

    def cited(modified_at: str, doc_id: str = "docs/a.md", uri: str = "") -> Citation:
        return Citation(Span(doc_id, "1" * 64, 0, 1), "x", "T", uri, "c", modified_at=modified_at)

    assert age(cited(day(3))).stale
    assert not age(cited(day(3), "elsewhere/a.md")).stale
    assert age(cited(day(3), "X-1", "file:///home/me/docs/a.md")).stale
    assert age(cited(day(3), "docs/table.csv#7")).stale
    assert age(cited(day(-30))) == Age(0.0, stale=False)
    assert age(cited("")) == Age(None, stale=False)
    assert age(cited("last spring")) == Age(None, stale=False)


@pytest.mark.parametrize("rule", ["{path: a}", "{path: a, max_age: 0d}", "{path: a, max_age: soon}", "{max_age: 1d}"])
def test_a_rule_that_says_nothing_or_no_span_of_time_is_told_with_its_place(place: Workspace, rule: str) -> None:
    config = place.root / "assay.yaml"
    config.write_text(config.read_text().replace("ingest:\n", f"ingest:\n  freshness: [{rule}]\n", 1))
    with pytest.raises(ConfigError, match=r"assay\.yaml:\d+: ingest\.freshness"):
        load(place.root)


@pytest.mark.parametrize(
    ("days", "shown"),
    [(0.0, "0 min old"), (0.5, "12 h old"), (3, "3 days old"), (800, "2.2 years old"), (None, "")],
)
def test_ages_are_told_in_words_that_fit(days: float | None, shown: str) -> None:
    assert str(Age(days)) == shown
    assert "objective" in str(Age(3, stale=True))
