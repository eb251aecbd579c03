"""Input that is huge, hidden, turned round or out of time: bounded, told, and never half-written."""

from __future__ import annotations

import random
import resource
from pathlib import Path

import pytest
from ingest_fakes import Lab
from pdf_pages import pages_of, place

from assay.adapters.parsers.pdf import PdfParser
from assay.ingest import chunk as chunking
from assay.ingest.chunk import ChunkPolicy
from assay.ingest.reading import Stopped
from assay.records.access import AccessList, Scope
from assay.records.documents import IngestReport, ParseStatus
from assay.wiring import ingesting
from assay.wiring.build import create_workspace, open_workspace

WORDS = ["retention", "of", "records", "is", "seven", "years", "unless", "law", "says", "otherwise"]


def test_a_million_words_on_one_line_are_chunked_without_a_sentence() -> None:
    """All of them, in chunks below the limit, each standing where it says."""
    lab = Lab()
    chance = random.Random(1)
    text = " ".join(chance.choices(WORDS, k=1_000_000))
    lab.tree.write("/docs/line.txt", text)
    report = lab.ingest().sync(["/docs"])
    assert report.count(ParseStatus.ADDED) == 1
    chunks = lab.catalog.chunks_of("docs/line.txt")
    assert sum(len(chunk.text.split()) for chunk in chunks) == 1_000_000
    assert all(len(chunk.text.split()) <= ChunkPolicy().max_words for chunk in chunks)
    assert all(text[chunk.start : chunk.end] == chunk.text for chunk in chunks[:: len(chunks) // 50])


def test_the_work_for_one_line_grows_with_its_words_and_not_with_their_square(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in characters that are counted as words, so that no clock is asked."""
    looked: list[int] = []
    count = chunking.word_count

    def counting(text: str) -> int:
        looked[-1] += len(text)
        return count(text)

    monkeypatch.setattr(chunking, "word_count", counting)
    for words in (20_000, 80_000):
        looked.append(0)
        lab = Lab()
        lab.tree.write("/docs/line.txt", " ".join(WORDS * (words // 10)))
        lab.ingest().sync(["/docs"])
    assert looked[1] < 5 * looked[0]


def _big_pdf(pages: int) -> bytes:
    return pages_of(pages, lambda made, n: place(made, 40, 60, [f"Page {n} says something of its own, line {n}."] * 8))


def test_a_pdf_of_two_thousand_pages_is_read_page_by_page() -> None:
    """To its last page, and no page's own objects are kept while the next is read."""
    data = _big_pdf(2000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seen: list[int] = []
    (parsed,) = PdfParser().parse_pages(data, "big.pdf", lambda done, _total: seen.append(done))
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert seen == list(range(1, 2001))
    assert len(parsed.pages) == 2000
    assert "Page 1999 says something" in parsed.text
    assert grown_mb < 200


def test_a_large_pdf_can_be_stopped_between_two_pages_and_leaves_nothing_behind() -> None:
    """The next sync reads it whole."""
    lab = Lab()
    lab.tree.write("/docs/big.pdf", _big_pdf(30))
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 12

    report = lab.ingest().sync(["/docs"], stop=stop)
    assert report.interrupted
    assert not lab.catalog.current
    assert len(asked) < 25, "it went on to the end"
    assert not lab.ingest().sync(["/docs"]).interrupted
    assert set(lab.catalog.current) == {"docs/big.pdf"}


def test_stopping_raises_through_the_parser() -> None:
    """Whatever the callback raises ends the parse and closes the file."""

    def tick(done: int, _total: int) -> None:
        if done == 3:
            raise Stopped

    with pytest.raises(Stopped):
        list(PdfParser().parse_pages(_big_pdf(5), "big.pdf", tick))


HEBREW = "הדוח השנתי מוצג בכל שנה. כל עובד מקבל עותק של הדוח."
MIXED = "The report הדוח השנתי costs 250 ₪ and is read من قبل الجميع in 2026."


def test_right_to_left_and_mixed_scripts_keep_their_logical_order_and_offsets() -> None:
    """What is kept is the order of reading, not of display."""
    lab = Lab()
    lab.tree.write("/docs/rtl.md", f"# כותרת\n\n{HEBREW}\n\n{MIXED}\n")
    lab.ingest().sync(["/docs"])
    document = lab.catalog.document("docs/rtl.md")
    text = lab.blobs.get(document.text_sha256).decode()
    assert text == f"כותרת\n\n{HEBREW}\n\n{MIXED}"
    (chunk,) = lab.catalog.chunks_of("docs/rtl.md")
    assert text[chunk.start : chunk.end] == chunk.text == f"{HEBREW}\n\n{MIXED}"
    assert document.quality == 1


HIDDEN = {
    "display": '<div style="display:none">SECRET</div>',
    "visibility": '<p style="visibility: hidden">SECRET</p>',
    "attribute": "<p hidden>SECRET</p>",
    "aria": '<p aria-hidden="true">SECRET</p>',
    "comment": "<!-- SECRET -->",
    "template": "<template>SECRET</template>",
}


@pytest.mark.parametrize("html", HIDDEN.values(), ids=HIDDEN)
def test_hidden_text_of_a_page_is_not_indexed(html: str) -> None:
    """What a visitor cannot see is a place for instructions to models."""
    lab = Lab()
    lab.tree.write("/docs/page.html", f"<html><body><p>Seen by all.</p>{html}<p>Also seen.</p></body></html>")
    lab.ingest().sync(["/docs"])
    assert [chunk.text for chunk in lab.catalog.chunks_of("docs/page.html")] == ["Seen by all.\n\nAlso seen."]


@pytest.mark.parametrize("moment", [-2_177_452_800, 4_102_444_800, 253_402_300_800], ids=["1901", "2100", "10000"])
def test_a_clock_that_is_wrong_gives_a_date_and_no_crash(tmp_path: Path, moment: int) -> None:
    """A modification time long ago, in the future, or in no calendar."""
    lab = Lab()
    (tmp_path / "a.md").write_text("Text.")
    lab.tree.roots = {"/docs"}
    lab.tree.files["/docs/a.md"] = (b"Text.", moment * 1_000_000_000)
    lab.ingest().sync(["/docs"])
    when = lab.catalog.document("docs/a.md").modified_at
    assert when[:4] == {-2_177_452_800: "1901", 4_102_444_800: "2100", 253_402_300_800: "1970"}[moment]


def _workspace(folder: Path, settings: str = "") -> tuple[Path, Path]:
    root = create_workspace(folder / "work")
    if settings:
        (root / "assay.yaml").write_text(f"version: 1\nname: work\nindex: {{embedder: none}}\n{settings}")
    docs = folder / "docs"
    docs.mkdir()
    return root, docs


def _ingest(root: Path, docs: Path, *overrides: str) -> IngestReport:
    opened = open_workspace(root, ["index.embedder=none", *overrides])
    try:
        return ingesting.ingest(opened, [docs], lambda *_: None)
    finally:
        opened.close()


def test_a_document_that_names_an_unknown_group_is_told_and_stays_closed(tmp_path: Path) -> None:
    """Closed to everybody but callers in that very group, whatever else they are in."""
    root, docs = _workspace(tmp_path)
    (docs / "a.md").write_text("---\ngroups: [finanse]\n---\nMistyped.")
    (docs / "b.md").write_text("---\ngroups: [finance]\n---\nRight.")
    report = _ingest(root, docs, "access.known_groups=[finance, hr]")
    told = [(o.source_uri, o.code) for o in report.outcomes if o.code]
    assert told == [("docs/a.md", "access.unknown_group")]
    opened = open_workspace(root)
    access = opened.stores.catalog.document("docs/a.md").access
    opened.close()
    assert access == AccessList("default", ("finanse",))
    assert not Scope("default", frozenset({"finance", "hr"})).allows(access)
    assert Scope("default", frozenset({"finanse"})).allows(access)


def test_a_workspace_holds_back_reports_and_lists_what_its_settings_keep_out(tmp_path: Path) -> None:
    """From assay.yaml to the report and `assay source list --held`, over the files of a real folder."""
    from typer.testing import CliRunner

    from assay.cli.main import app

    root, docs = _workspace(tmp_path, "ingest: {scan: {rules: [card], on_finding: hold}}\n")
    (docs / "card.md").write_text("The card 4111 1111 1111 1111 is on file.")
    (docs / "good.md").write_text("Nothing of that kind.")
    report = _ingest(root, docs)
    assert {o.code for o in report.outcomes} == {"", "ingest.scan_held"}
    shown = CliRunner().invoke(app, ["source", "list", "--held", "-w", str(root)])
    assert "card.md" in shown.output
    assert "good.md" not in shown.output
