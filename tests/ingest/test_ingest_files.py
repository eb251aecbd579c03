"""Real folders from end to end: bad input is told, good input is read, real collections keep their ids."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from ingest_fakes import Lab

from assay.adapters.source_files import FileTree
from assay.records.documents import IngestReport, ParseStatus

DATA = Path(__file__).resolve().parents[3] / "shared/data"


def sync(root: Path, lab: Lab | None = None) -> IngestReport:
    return replace((lab or Lab()).ingest(), tree=FileTree()).sync([str(root)])


def test_every_bad_input_is_told_and_costs_nothing_else(tmp_path: Path) -> None:
    """A 200 MB file, a renamed binary, broken UTF-8, a loop, two documents with one id, an empty folder inside."""
    root = tmp_path / "docs"
    (root / "empty").mkdir(parents=True)
    (root / "good.md").write_text("---\nid: X\n---\nGood.")
    (root / "second.md").write_text("---\nid: X\n---\nAlso good.")
    (root / "broken.txt").write_bytes("Grüße aus Köln ".encode() + b"\xc3")
    (root / "image.md").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    (root / "loop").symlink_to(root)
    with (root / "huge.txt").open("wb") as huge:
        huge.truncate(200_000_000)
    lab = Lab()
    report = sync(root, lab)
    assert {(Path(o.source_uri).name, o.status.value, o.code) for o in report.outcomes} == {
        ("broken.txt", "added", "ingest.broken_utf8"),
        ("good.md", "added", ""),
        ("huge.txt", "failed", "ingest.too_large"),
        ("image.md", "failed", "ingest.binary"),
        ("loop", "skipped", "ingest.symlink_loop"),
        ("second.md", "failed", "ingest.duplicate_id"),
    }
    assert set(lab.catalog.current) == {"X", "docs/broken.txt"}


def test_odd_file_names_have_addresses_that_lead_back(tmp_path: Path) -> None:
    """Spaces, accents and percent signs are quoted in the source URI and stand as they are in the document id."""
    (tmp_path / "my docs").mkdir()
    (tmp_path / "my docs" / "50% ä#1.md").write_text("Text.")
    lab = Lab()
    sync(tmp_path / "my docs", lab)
    (document,) = lab.catalog.documents()
    assert document.doc_id == "my docs/50% ä#1.md"
    assert document.source_uri.endswith("/my%20docs/50%25%20%C3%A4%231.md")
    assert sync(tmp_path / "my docs", lab).count(ParseStatus.UNCHANGED) == 1


def test_a_name_that_is_no_unicode_is_told_and_stops_nothing(tmp_path: Path) -> None:
    """Such names cannot be kept in the catalog."""
    (tmp_path / "good.md").write_text("Good.")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.md")).write_text("Bad name.")
    report = sync(tmp_path)
    assert sorted((o.status.value, o.code) for o in report.outcomes) == [
        ("added", ""),
        ("failed", "ingest.unreadable_name"),
    ]


@pytest.mark.data
@pytest.mark.parametrize("name", ["claude-docs", "xquad-zh"])
def test_published_collections_keep_their_ids(name: str) -> None:
    """A document's id is its `_id`, so that published judgements count."""
    corpus = DATA / "retrieval" / name / "corpus.jsonl"
    if not corpus.exists():
        pytest.skip("../shared/data is not here")
    lab = Lab()
    sync(corpus, lab)
    wanted = {json.loads(line)["_id"] for line in corpus.read_text().splitlines()}
    assert set(lab.catalog.current) == wanted == set(lab.index.by_document)
