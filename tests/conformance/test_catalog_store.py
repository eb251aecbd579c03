"""What every Catalog promises."""

import pytest
from store_examples import ACCESS, SCOPE, Kept, document, pieces, source, with_pieces

from assay.records.access import AccessList, Scope
from assay.records.errors import NotFound

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
