"""What every Catalog promises."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete
from store_examples import ACCESS, SCOPE, Kept, document, pieces, source, with_pieces

from assay.adapters.clocks import FakeClock
from assay.adapters.memory import MemoryCatalog
from assay.adapters.sql.catalog import SqlCatalog
from assay.adapters.sql.database import open_database
from assay.adapters.sql.schema import versions
from assay.ports.storage import Catalog
from assay.records.access import AccessList, Scope
from assay.records.documents import Document
from assay.records.errors import NotFound
from postgres_server import fresh_database

EVERYBODY_ELSE = Scope("globex", frozenset({"hr"}))


def ids(*documents_: object) -> list[str]:
    return [piece.chunk_id for one in documents_ for piece in pieces(one)]  # type: ignore[arg-type]


def test_documents_and_chunks_come_back_as_they_were_put(kept: Kept) -> None:
    one = document("a")
    kept.catalog.put_source(source("a.md", "a"), with_pieces(one))
    assert kept.catalog.document("a") == one
    assert kept.catalog.chunks_of("a") == pieces(one)
    assert kept.catalog.chunks([*reversed(ids(one)), "nobody"]) == {p.chunk_id: p for p in pieces(one)}
    assert list(kept.catalog.chunks([*reversed(ids(one))])) == [*reversed(ids(one))]
    assert sorted(kept.catalog.current_chunk_ids()) == ids(one)
    assert kept.catalog.counts() == (1, 2)


def test_what_was_put_is_pending_until_the_engine_has_it(kept: Kept) -> None:
    kept.catalog.put_source(source("a.md", "a", "b"), with_pieces(document("a"), document("b")))
    assert kept.catalog.pending() == ("a", "b")
    kept.catalog.mark_indexed(["a", "nobody"])
    assert kept.catalog.pending() == ("b",)


def test_a_new_version_replaces_the_current_chunks_and_keeps_the_old_rows(kept: Kept) -> None:
    old, new = document("a", "1"), document("a", "2")
    kept.catalog.put_source(source("a.md", "a"), with_pieces(old))
    kept.catalog.mark_indexed(["a"])
    kept.catalog.put_source(source("a.md", "a"), with_pieces(new))
    assert kept.catalog.chunks_of("a") == pieces(new)
    assert sorted(kept.catalog.current_chunk_ids()) == ids(new)
    assert set(kept.catalog.chunks(ids(old, new))) == set(ids(old, new))
    assert kept.catalog.visible(ids(old, new), SCOPE) == set(ids(old, new))
    assert kept.catalog.pending() == ("a",)
    assert kept.catalog.counts() == (1, 2)


def test_a_chunk_that_comes_back_in_a_later_version_is_current_once(kept: Kept) -> None:
    first, second = document("a", "1"), document("a", "2")
    for version in (first, second, first):
        kept.catalog.put_source(source("a.md", "a"), with_pieces(version))
    assert kept.catalog.chunks_of("a") == pieces(first)
    assert kept.catalog.counts() == (1, 2)


def test_a_removed_source_is_invisible_at_once_and_its_chunk_rows_stay(kept: Kept) -> None:
    one = document("a")
    kept.catalog.put_source(source("a.md", "a"), with_pieces(one))
    assert kept.catalog.remove_source("a.md") == ("a",)
    assert kept.catalog.visible(ids(one), SCOPE) == frozenset()
    assert set(kept.catalog.chunks(ids(one))) == set(ids(one))
    assert list(kept.catalog.documents()) == []
    assert list(kept.catalog.current_chunk_ids()) == []
    assert kept.catalog.chunks_of("a") == ()
    assert kept.catalog.pending() == ()
    assert kept.catalog.removed_pending() == ("a",)
    kept.catalog.mark_removed(["a"])
    assert kept.catalog.removed_pending() == ()
    assert kept.catalog.source_state("a.md") is None
    with pytest.raises(NotFound) as missing:
        kept.catalog.document("a")
    assert missing.value.code == "store.no_document"


def test_a_document_that_left_its_file_is_removed_with_the_file_s_next_version(kept: Kept) -> None:
    kept.catalog.put_source(source("t.csv", "a", "b"), with_pieces(document("a"), document("b")))
    kept.catalog.put_source(source("t.csv", "b"), with_pieces(document("b")))
    assert [one.doc_id for one in kept.catalog.documents()] == ["b"]
    assert kept.catalog.removed_pending() == ("a",)
    assert kept.catalog.counts() == (1, 2)


def test_a_document_put_again_after_its_removal_is_no_longer_to_be_removed(kept: Kept) -> None:
    kept.catalog.put_source(source("a.md", "a"), with_pieces(document("a")))
    kept.catalog.remove_source("a.md")
    kept.catalog.put_source(source("a.md", "a"), with_pieces(document("a")))
    assert kept.catalog.removed_pending() == ()
    assert kept.catalog.pending() == ("a",)
    assert kept.catalog.visible(ids(document("a")), SCOPE) == set(ids(document("a")))


def test_a_renamed_file_keeps_its_document_when_the_old_name_is_removed_afterwards(kept: Kept) -> None:
    kept.catalog.put_source(source("old.md", "a"), with_pieces(document("a")))
    kept.catalog.put_source(source("new.md", "a"), with_pieces(document("a")))
    assert kept.catalog.remove_source("old.md") == ()
    assert kept.catalog.document("a") == document("a")
    assert kept.catalog.removed_pending() == ()


def test_removing_what_was_never_there_removes_nothing(kept: Kept) -> None:
    assert kept.catalog.remove_source("nobody.md") == ()
    assert kept.catalog.removed_pending() == ()


def test_today_s_access_list_decides_even_for_superseded_chunks(kept: Kept) -> None:
    old, new = document("a", "1"), document("a", "2")
    kept.catalog.put_source(source("a.md", "a"), with_pieces(old))
    kept.catalog.put_source(source("a.md", "a"), with_pieces(new))
    kept.catalog.mark_indexed(["a"])
    legal = AccessList("acme", ("legal",))
    kept.catalog.set_access({"a": legal, "nobody": legal})
    assert kept.catalog.visible(ids(old, new), SCOPE) == frozenset()
    assert kept.catalog.visible(ids(old, new), Scope("acme", frozenset({"legal"}))) == set(ids(old, new))
    assert kept.catalog.document("a").access == legal
    assert {piece.access for piece in kept.catalog.chunks_of("a")} == {legal}
    assert kept.catalog.pending() == ("a",)


def test_an_access_list_that_does_not_change_makes_no_work(kept: Kept) -> None:
    kept.catalog.put_source(source("a.md", "a"), with_pieces(document("a")))
    kept.catalog.mark_indexed(["a"])
    kept.catalog.set_access({"a": ACCESS})
    assert kept.catalog.pending() == ()


def test_visible_drops_other_tenants_and_unknown_chunks(kept: Kept) -> None:
    mine, shared = document("a"), document("b", access=AccessList("*"))
    kept.catalog.put_source(source("a.md", "a", "b"), with_pieces(mine, shared))
    assert kept.catalog.visible([*ids(mine, shared), "nobody"], EVERYBODY_ELSE) == set(ids(shared))
    assert kept.catalog.visible([], SCOPE) == frozenset()


def test_sources_are_remembered_by_root_with_every_field(kept: Kept) -> None:
    states = [source("a.md", "a"), source("b.md", "b", root="other"), source("c.md")]
    for state in reversed(states):
        kept.catalog.put_source(state, with_pieces(*(document(doc_id) for doc_id in state.doc_ids)))
    assert list(kept.catalog.source_states()) == states
    assert list(kept.catalog.source_states("docs")) == [states[0], states[2]]
    assert kept.catalog.source_state("b.md") == states[1]


def test_more_names_than_one_statement_takes(kept: Kept) -> None:
    many = [document(f"d{number:04}") for number in range(1201)]
    kept.catalog.put_source(source("t.csv", *(one.doc_id for one in many)), with_pieces(*many))
    assert kept.catalog.counts() == (1201, 2402)
    assert len(kept.catalog.visible(ids(*many), SCOPE)) == 2402
    assert len(list(kept.catalog.current_chunk_ids())) == 2402
    assert [one.doc_id for one in kept.catalog.documents()] == [one.doc_id for one in many]
    kept.catalog.mark_indexed(one.doc_id for one in many)
    assert kept.catalog.pending() == ()
    assert len(kept.catalog.remove_source("t.csv")) == 1201
    assert kept.catalog.counts() == (0, 0)


@pytest.fixture(params=["memory", "sql", "postgres"])
def timed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Catalog, FakeClock]]:
    """A catalog that tells the time by a clock that only the test moves."""
    clock = FakeClock(tick_s=0.0)
    if request.param == "memory":
        yield MemoryCatalog(clock=clock), clock
        return
    database = open_database(fresh_database() if request.param == "postgres" else tmp_path / "assay.db")
    yield SqlCatalog(database, clock), clock
    database.close()


def dated(version: str, modified_at: str, doc_id: str = "a", access: AccessList = ACCESS) -> Document:
    return replace(document(doc_id, version, access), modified_at=modified_at)


def put(catalog: Catalog, *documents: Document, uri: str = "a.md") -> None:
    catalog.put_sources([(source(uri, *(one.doc_id for one in documents)), with_pieces(*documents))])


def spans(catalog: Catalog, doc_id: str = "a") -> list[tuple[str, str, str]]:
    return [(one.text_sha256[0], one.valid_from, one.valid_to) for one in catalog.versions(doc_id)]


NOW = "2026-01-01T00:00:00.000000Z"


def test_a_version_counts_from_its_source_s_time_until_the_next_one_s(timed: tuple[Catalog, FakeClock]) -> None:
    catalog, clock = timed
    put(catalog, dated("1", "2025-05-01T00:00:00Z"))
    clock.advance(3600)
    put(catalog, dated("2", "2025-09-01T12:00:00+02:00"))
    assert spans(catalog) == [
        ("1", "2025-05-01T00:00:00.000000Z", "2025-09-01T10:00:00.000000Z"),
        ("2", "2025-09-01T10:00:00.000000Z", ""),
    ]
    over = catalog.versions("a")[0]
    assert over.document == dated("1", "2025-05-01T00:00:00Z")
    assert list(over.chunk_ids) == ids(document("a", "1"))
    assert over.origin == "a.md"


@pytest.mark.parametrize("odd", ["2030-01-01T00:00:00Z", "2020-01-01", "2025-05-01T00:00:00Z", "yesterday", ""])
def test_a_source_s_time_that_cannot_be_is_replaced_by_the_catalog_s(
    timed: tuple[Catalog, FakeClock], odd: str
) -> None:
    catalog, clock = timed
    put(catalog, dated("1", "2025-05-01T00:00:00Z"))
    clock.advance(60)
    put(catalog, dated("2", odd))
    assert spans(catalog)[1] == ("2", "2026-01-01T00:01:00.000000Z", "")


def test_a_catalog_s_clock_that_is_set_back_makes_no_version_empty_or_negative(
    timed: tuple[Catalog, FakeClock],
) -> None:
    catalog, clock = timed
    for version, moved in (("1", 0), ("2", -86_400), ("3", -86_400)):
        clock.advance(moved)
        put(catalog, dated(version, "2031-01-01T00:00:00Z"))
    catalog.remove_source("a.md")
    found = spans(catalog)
    assert [version for version, _, _ in found] == ["1", "2", "3"]
    assert all(begun < ended for _, begun, ended in found)
    assert [ended for _, _, ended in found[:-1]] == [begun for _, begun, _ in found[1:]]


def test_the_same_text_put_again_is_the_same_version(timed: tuple[Catalog, FakeClock]) -> None:
    catalog, clock = timed
    put(catalog, dated("1", NOW))
    clock.advance(60)
    put(catalog, replace(dated("1", "2026-01-01T00:00:30Z"), title="Another title"))
    catalog.set_access({"a": AccessList("acme", ("legal",))})
    assert spans(catalog) == [("1", NOW, "")]


def test_a_search_as_of_a_moment_sees_the_version_of_that_moment_only(timed: tuple[Catalog, FakeClock]) -> None:
    catalog, _ = timed
    put(catalog, dated("1", "2025-05-01"))
    put(catalog, dated("2", "2025-09-01"))
    both = ids(document("a", "1"), document("a", "2"))
    assert catalog.visible_at(both, SCOPE, "2025-04-30T23:59:59.999999Z") == frozenset()
    assert catalog.visible_at(both, SCOPE, "2025-05-01T00:00:00.000000Z") == set(ids(document("a", "1")))
    assert catalog.visible_at(both, SCOPE, "2025-08-31T23:59:59.999999Z") == set(ids(document("a", "1")))
    assert catalog.visible_at(both, SCOPE, "2025-09-01T00:00:00.000000Z") == set(ids(document("a", "2")))
    assert catalog.visible_at([*both, "nobody"], EVERYBODY_ELSE, "2025-09-01T00:00:00.000000Z") == frozenset()
    catalog.set_access({"a": AccessList("globex")})
    assert catalog.visible_at(both, SCOPE, "2025-05-01T00:00:00.000000Z") == frozenset()
    assert catalog.visible_at(both, EVERYBODY_ELSE, "2025-05-01T00:00:00.000000Z") == set(ids(document("a", "1")))


def test_a_document_that_is_gone_is_seen_as_of_earlier_under_its_last_access_list(
    timed: tuple[Catalog, FakeClock],
) -> None:
    catalog, _ = timed
    one = dated("1", "2025-05-01")
    put(catalog, one)
    catalog.remove_source("a.md")
    catalog.mark_removed(["a"])
    then = "2025-06-01T00:00:00.000000Z"
    assert catalog.visible_at(ids(one), SCOPE, then) == set(ids(one))
    assert catalog.visible_at(ids(one), SCOPE, "2026-01-01T00:00:01.000000Z") == frozenset()
    assert [version.doc_id for version in catalog.gone()] == ["a"]
    catalog.set_access({"a": AccessList("acme", ("legal",))})
    assert catalog.removed_pending() == ("a",)
    assert catalog.visible_at(ids(one), SCOPE, then) == frozenset()
    assert catalog.visible_at(ids(one), Scope("acme", frozenset({"legal"})), then) == set(ids(one))
    assert {chunk.access for chunk in catalog.past_chunks(["a"])["a"]} == {AccessList("acme", ("legal",))}
    catalog.forget_versions(["a", "nobody"])
    assert catalog.visible_at(ids(one), Scope("acme", frozenset({"legal"})), then) == frozenset()
    assert (list(catalog.gone()), catalog.past_chunks(["a"]), catalog.versions("a")) == ([], {}, ())


def test_a_document_that_comes_back_was_away_in_between(timed: tuple[Catalog, FakeClock]) -> None:
    catalog, clock = timed
    put(catalog, dated("1", "2025-05-01"))
    catalog.remove_source("a.md")
    clock.advance(60)
    put(catalog, dated("1", "2025-05-01"))
    assert spans(catalog) == [
        ("1", "2025-05-01T00:00:00.000000Z", NOW),
        ("1", "2026-01-01T00:01:00.000000Z", ""),
    ]
    assert list(catalog.gone()) == []
    assert catalog.past_chunks(["a"]) == {"a": ()}


def test_past_chunks_are_those_of_texts_that_are_not_current_each_once(timed: tuple[Catalog, FakeClock]) -> None:
    catalog, clock = timed
    put(catalog, dated("9", NOW, "b"), uri="b.md")
    for version in "12123":
        clock.advance(60)
        put(catalog, dated(version, NOW))
    past = catalog.past_chunks(["a", "b", "nobody"])
    assert list(past) == ["a"]
    assert sorted(chunk.chunk_id for chunk in past["a"]) == ids(document("a", "1"), document("a", "2"))
    assert {chunk.text_sha256[0] for chunk in catalog.chunks_of("a")} == {"3"}


def test_versions_of_a_document_in_the_catalog_cannot_be_forgotten(timed: tuple[Catalog, FakeClock]) -> None:
    catalog, _ = timed
    put(catalog, dated("1", NOW))
    catalog.forget_versions(["a"])
    assert spans(catalog) == [("1", NOW, "")]


def test_many_files_put_at_once_come_to_what_they_come_to_one_by_one(timed: tuple[Catalog, FakeClock]) -> None:
    catalog, _ = timed
    first = [(source("one.csv", "a", "b"), with_pieces(document("a"), document("b")))]
    then = [
        (source("two.csv", "a", "c"), with_pieces(document("a", "2"), document("c"))),
        (source("one.csv", "d"), with_pieces(document("d"))),
        (source("three.csv", "c", "e"), with_pieces(document("c", "3"), document("e"))),
        (source("three.csv", "c"), with_pieces(document("c", "4"))),
    ]
    catalog.put_sources(first)
    catalog.mark_indexed(["a", "b"])
    catalog.put_sources(then)
    catalog.put_sources([])
    assert {one.doc_id: one.text_sha256[0] for one in catalog.documents()} == {"a": "2", "c": "4", "d": "1"}
    assert catalog.pending() == ("a", "c", "d")
    assert "b" in catalog.removed_pending()
    assert {chunk.chunk_id for chunk in catalog.chunks_of("c")} == set(ids(document("c", "4")))
    assert sorted(state.source_uri for state in catalog.source_states()) == ["one.csv", "three.csv", "two.csv"]
    assert catalog.remove_source("three.csv") == ("c",)
    assert catalog.remove_source("two.csv") == ("a",)


def test_files_put_at_once_are_all_there_or_none(tmp_path: Path) -> None:
    database = open_database(tmp_path / "assay.db")
    catalog = SqlCatalog(database)
    broken = replace(document("b"), title=b"no text")  # type: ignore[arg-type]
    broken = replace(broken, chars=object())  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        catalog.put_sources([(source("a.md", "a"), with_pieces(document("a"))), (source("b.md", "b"), [(broken, ())])])
    assert (list(catalog.documents()), list(catalog.source_states()), catalog.pending()) == ([], [], ())
    database.close()


def test_a_document_from_before_versions_were_kept_gets_its_version_when_its_text_changes(tmp_path: Path) -> None:
    database = open_database(tmp_path / "assay.db")
    clock = FakeClock(tick_s=0.0)
    catalog = SqlCatalog(database, clock)
    put(catalog, dated("1", "2025-05-01"))
    with database.write() as connection:
        connection.execute(delete(versions))
    assert spans(catalog) == [("1", "2025-05-01T00:00:00.000000Z", "")]
    then = "2025-06-01T00:00:00.000000Z"
    assert catalog.visible_at(ids(document("a", "1")), SCOPE, then) == set(ids(document("a", "1")))
    put(catalog, dated("2", "2025-09-01"))
    assert [version for version, _, _ in spans(catalog)] == ["1", "2"]
    assert catalog.visible_at(ids(document("a", "1")), SCOPE, then) == set(ids(document("a", "1")))
    database.close()
