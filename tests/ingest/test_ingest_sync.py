"""Syncing folders with the catalog and the index: what changes, what stays, and what is told."""

from __future__ import annotations

import pytest
from ingest_fakes import Lab

from assay.ingest.access import AccessRules
from assay.ingest.chunk import ChunkPolicy
from assay.records.access import AccessList, Scope
from assay.records.documents import IngestReport, ParseStatus
from assay.records.errors import NotFound


def told(report: IngestReport) -> dict[str, tuple[str, str]]:
    return {o.source_uri.removeprefix("file:///docs/"): (o.status.value, o.code) for o in report.outcomes}


@pytest.fixture
def lab() -> Lab:
    lab = Lab()
    lab.tree.write("/docs/a.md", "# Apples\n\nApples are red.\n")
    lab.tree.write("/docs/hr/b.md", "# Leave\n\nLeave is 30 days.\n")
    return lab


def test_a_first_sync_makes_every_file_searchable(lab: Lab) -> None:
    report = lab.ingest().sync(["/docs"])
    assert told(report) == {"a.md": ("added", ""), "hr/b.md": ("added", "")}
    (hit,) = lab.index.head().lexical("leave days", Scope(), 5)
    chunk = lab.catalog.chunks([hit.chunk_id])[hit.chunk_id]
    assert (chunk.doc_id, chunk.text, chunk.heading_path) == ("docs/hr/b.md", "Leave is 30 days.", ("Leave",))
    assert chunk.source_uri == "file:///docs/hr/b.md"
    assert lab.blobs.get(chunk.text_sha256).decode()[chunk.start : chunk.end] == chunk.text


def test_a_second_sync_touches_only_what_changed(lab: Lab) -> None:
    lab.ingest().sync(["/docs"])
    lab.tree.write("/docs/a.md", "# Apples\n\nApples are green.\n")
    before = lab.catalog.current["docs/hr/b.md"]
    report = lab.ingest().sync(["/docs"])
    assert told(report) == {"a.md": ("changed", ""), "hr/b.md": ("unchanged", "")}
    assert lab.catalog.current["docs/hr/b.md"] is before
    assert not lab.index.head().lexical("red", Scope(), 5)


def test_a_file_that_was_only_touched_is_unchanged(lab: Lab) -> None:
    lab.ingest().sync(["/docs"])
    lab.tree.write("/docs/a.md", "# Apples\n\nApples are red.\n")
    assert told(lab.ingest().sync(["/docs"]))["a.md"] == ("unchanged", "")


def test_a_change_of_the_chunker_reads_everything_again(lab: Lab) -> None:
    lab.ingest().sync(["/docs"])
    lab.policy = ChunkPolicy(100, 150)
    assert told(lab.ingest().sync(["/docs"]))["a.md"] == ("changed", "")


def test_a_deleted_file_leaves_catalog_and_index(lab: Lab) -> None:
    lab.ingest().sync(["/docs"])
    del lab.tree.files["/docs/a.md"]
    assert told(lab.ingest().sync(["/docs"]))["a.md"] == ("deleted", "")
    assert set(lab.catalog.current) == set(lab.index.by_document) == {"docs/hr/b.md"}


def test_nothing_is_deleted_below_a_folder_that_cannot_be_listed(lab: Lab) -> None:
    lab.ingest().sync(["/docs"])
    del lab.tree.files["/docs/hr/b.md"]
    lab.tree.problems["/docs/hr"] = "ingest.unreadable_folder"
    report = lab.ingest().sync(["/docs"])
    assert told(report)["hr"] == ("failed", "ingest.unreadable_folder")
    assert "docs/hr/b.md" in lab.catalog.current


def test_a_missing_root_is_an_error_and_deletes_nothing(lab: Lab) -> None:
    lab.ingest().sync(["/docs"])
    with pytest.raises(NotFound, match=r"ingest\.no_source"):
        lab.ingest().sync(["/docs", "/gone"])
    assert len(lab.catalog.current) == 2


def test_an_empty_folder_is_told() -> None:
    report = Lab().ingest().sync(["/docs"])
    assert [(o.status, o.code) for o in report.outcomes] == [(ParseStatus.SKIPPED, "ingest.empty_folder")]


def test_the_second_document_with_an_id_fails_and_names_the_first() -> None:
    lab = Lab()
    lab.tree.write("/docs/one.md", "---\nid: X\n---\nFirst.\n")
    lab.tree.write("/docs/two.md", "---\nid: X\n---\nSecond.\n")
    report = lab.ingest().sync(["/docs"])
    assert told(report) == {"one.md": ("added", ""), "two.md": ("failed", "ingest.duplicate_id")}
    assert "/docs/one.md" in report.outcomes[-1].reason
    assert lab.catalog.chunks_of("X")[0].text == "First."
    assert told(lab.ingest().sync(["/docs"]))["two.md"] == ("failed", "ingest.duplicate_id")


def test_an_id_is_free_again_when_its_first_document_gives_it_up() -> None:
    lab = Lab()
    lab.tree.write("/docs/one.md", "---\nid: X\n---\nFirst.\n")
    lab.tree.write("/docs/two.md", "---\nid: X\n---\nSecond.\n")
    lab.ingest().sync(["/docs"])
    lab.tree.write("/docs/one.md", "---\nid: Y\n---\nFirst.\n")
    lab.ingest().sync(["/docs"])
    assert lab.catalog.chunks_of("X")[0].text == "Second."


def test_the_order_of_files_does_not_matter_when_an_id_moves_in_one_sync() -> None:
    lab = Lab()
    lab.tree.write("/docs/b.md", "---\nid: X\n---\nText.\n")
    lab.ingest().sync(["/docs"])
    lab.tree.write("/docs/a.md", "---\nid: X\n---\nText of a.\n")
    lab.tree.write("/docs/b.md", "---\nid: Y\n---\nText.\n")
    report = lab.ingest().sync(["/docs"])
    assert told(report) == {"a.md": ("added", ""), "b.md": ("changed", "")}
    assert lab.catalog.chunks_of("X")[0].text == "Text of a."


def test_a_folder_that_moved_takes_its_documents_along(lab: Lab) -> None:
    lab.ingest().sync(["/docs"])
    vectors = {chunk.chunk_id for chunks in lab.catalog.current_chunks.values() for chunk in chunks}
    lab.tree.files = {path.replace("/docs/", "/new/docs/"): kept for path, kept in lab.tree.files.items()}
    lab.tree.roots = {"/new/docs"}
    report = lab.ingest().sync(["/new/docs"])
    assert report.count(ParseStatus.ADDED) == 2
    assert set(lab.catalog.current) == {"docs/a.md", "docs/hr/b.md"}
    assert {chunk.chunk_id for chunks in lab.index.by_document.values() for chunk in chunks} == vectors


def test_a_folder_inside_an_ingested_folder_keeps_its_documents_names(lab: Lab) -> None:
    lab.ingest().sync(["/docs"])
    lab.tree.roots.add("/docs/hr")
    lab.tree.write("/docs/hr/b.md", "Leave is 31 days.")
    lab.ingest().sync(["/docs/hr"])
    assert set(lab.catalog.current) == {"docs/a.md", "docs/hr/b.md"}


def test_a_single_file_can_be_a_root_and_is_named_as_in_its_folder(lab: Lab) -> None:
    lab.ingest().sync(["/docs/a.md"])
    assert set(lab.catalog.current) == {"docs/a.md"}
    assert lab.ingest().sync(["/docs"]).count(ParseStatus.UNCHANGED) == 1


def test_access_rules_reach_unchanged_files_at_the_next_sync(lab: Lab) -> None:
    lab.ingest().sync(["/docs"])
    lab.rules = AccessRules(folders=(("docs/hr/**", AccessList(groups=("hr",))),))
    report = lab.ingest().sync(["/docs"])
    assert ("changed", "ingest.access_changed") in [(o.status.value, o.code) for o in report.outcomes]
    assert not lab.index.head().lexical("leave", Scope(), 5)
    assert lab.index.head().lexical("leave", Scope(groups=frozenset({"hr"})), 5)


def test_a_stated_access_list_survives_a_change_of_rules() -> None:
    lab = Lab()
    lab.tree.write("/docs/a.md", "---\ntenant: acme\ngroups: [board]\n---\nSecret.\n")
    lab.ingest().sync(["/docs"])
    assert lab.catalog.document("docs/a.md").access == AccessList("acme", ("board",))
    lab.rules = AccessRules(default=AccessList("other"))
    lab.ingest().sync(["/docs"])
    assert lab.catalog.document("docs/a.md").access == AccessList("acme", ("board",))
    lab.rules = AccessRules(default=AccessList("other"), trust_stated=False)
    lab.ingest().sync(["/docs"])
    assert lab.catalog.document("docs/a.md").access == AccessList("other")


def test_bad_files_are_told_and_the_good_ones_read() -> None:
    lab = Lab(max_file_mb=0.001)
    lab.tree.write("/docs/big.txt", "x " * 1000)
    lab.tree.write("/docs/binary.md", b"\x00\x01\x02" * 50)
    lab.tree.write("/docs/empty.md", "")
    lab.tree.write("/docs/good.md", "Good.")
    lab.tree.write("/docs/latin.txt", "Grüße".encode("cp1252"))
    lab.tree.write("/docs/movie.mp4", "no")
    lab.tree.write("/docs/scan.pdf", b"%PDF-1.4 nothing")
    lab.tree.problems["/docs/loop"] = "ingest.symlink_loop"
    expected = {
        "big.txt": ("failed", "ingest.too_large"),
        "binary.md": ("failed", "ingest.binary"),
        "empty.md": ("skipped", "ingest.empty"),
        "good.md": ("added", ""),
        "latin.txt": ("added", "ingest.not_utf8"),
        "movie.mp4": ("skipped", "ingest.unsupported_type"),
        "scan.pdf": ("failed", "ingest.unreadable_pdf"),
        "loop": ("skipped", "ingest.symlink_loop"),
    }
    assert told(lab.ingest().sync(["/docs"])) == expected
    again = told(lab.ingest().sync(["/docs"]))
    assert again == expected | {
        "empty.md": ("unchanged", "ingest.empty"),
        "good.md": ("unchanged", ""),
        "latin.txt": ("unchanged", ""),
    }


def test_a_file_that_became_unreadable_keeps_its_last_good_version(lab: Lab) -> None:
    lab.ingest().sync(["/docs"])
    lab.tree.write("/docs/a.md", b"\x00\x01\x02" * 50)
    assert told(lab.ingest().sync(["/docs"]))["a.md"] == ("failed", "ingest.binary")
    assert lab.catalog.chunks_of("docs/a.md")[0].text == "Apples are red."


def test_one_broken_line_costs_one_record() -> None:
    lab = Lab()
    lab.tree.write("/docs/c.jsonl", '{"_id": "1", "text": "one"}\nnonsense\n{"_id": "3", "text": "three"}\n')
    report = lab.ingest().sync(["/docs"])
    assert set(lab.catalog.current) == {"1", "3"}
    assert [(o.status.value, o.code, o.documents) for o in report.outcomes] == [
        ("added", "", 2),
        ("failed", "ingest.bad_record", 0),
    ]


def test_errors_and_reports_never_hold_what_a_document_says() -> None:
    lab = Lab()
    lab.tree.write("/docs/c.jsonl", '{"_id": "1", "text": 5, "note": "hunter2"}\n{"hunter2"\n')
    lab.tree.write("/docs/d.md", "---\ntenant: hunter2\ngroups: {hunter2: 1}\n---\nhunter2\n")
    report = lab.ingest().sync(["/docs"])
    assert report.count(ParseStatus.FAILED) == 3
    assert "hunter2" not in str(report)


def test_work_is_published_in_batches_so_that_search_works_early(lab: Lab) -> None:
    searchable = []
    lab.tree.write("/docs/z.md", "Last.")
    lab.ingest().sync(["/docs"], progress=lambda done, total, note: searchable.append(lab.index.head().chunks))
    assert searchable == [2, 2]
    assert lab.index.head().chunks == 3


def test_a_stop_ends_cleanly_and_the_next_sync_goes_on(lab: Lab) -> None:
    asked = iter([False, False, True])
    report = lab.ingest().sync(["/docs"], stop=lambda: next(asked))
    assert report.interrupted
    assert set(lab.index.by_document) == {"docs/a.md"}
    report = lab.ingest().sync(["/docs"])
    assert not report.interrupted
    assert told(report) == {"a.md": ("unchanged", ""), "hr/b.md": ("added", "")}


def test_every_stage_has_its_time(lab: Lab) -> None:
    report = lab.ingest().sync(["/docs"])
    assert {"walk", "access", "read", "parse", "chunk", "texts", "catalog", "index"} <= set(report.stage_ms)


def test_an_index_that_was_lost_is_rebuilt_from_the_catalog(lab: Lab) -> None:
    lab.ingest().sync(["/docs"])
    before = dict(lab.index.by_document)
    lab.index.by_document = {}
    assert lab.ingest().publisher.rebuild() == 2
    assert lab.index.by_document == before
