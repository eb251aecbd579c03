"""Turn the sources of the demo's PDF and Word documents into files, the same bytes every time.

    .venv/bin/python tools/build_demo_corpus.py           writes src/assay/wiring/demo_corpus/corpus/**/*.{pdf,docx}
    .venv/bin/python tools/build_demo_corpus.py --check   exits 1 when a committed file differs from its source

Needs the development dependencies (fpdf2). The files are package data, because the demo runs without these.
"""

from __future__ import annotations

import io
import re
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docx
from docx.document import Document as WordDocument
from docx.text.paragraph import Paragraph
from fpdf import FPDF, FontFace
from fpdf.enums import TableBordersLayout, XPos, YPos
from fpdf.output import OutputProducer

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "tools" / "demo_sources"
CORPUS = ROOT / "src" / "assay" / "wiring" / "demo_corpus" / "corpus"
PAGE_BREAK = "---page---"
EMPHASIS = re.compile(r"\*([^*]+)\*")
INK = (27, 38, 59)
RULE = (180, 188, 200)
HEADING_POINTS = {1: 17.0, 2: 12.5}


@dataclass(frozen=True)
class Source:
    """A document to build: its properties and its blocks, each one paragraph of text lines."""

    title: str
    modified: datetime
    language: str
    blocks: tuple[str, ...]


def read(path: Path) -> Source:
    """Header lines `name: value`, a line `---`, then blocks separated by blank lines."""
    header, _, body = path.read_text(encoding="utf-8").partition("\n---\n")
    fields = dict(line.split(": ", 1) for line in header.splitlines())
    day = datetime.fromisoformat(fields["date"]).replace(hour=9, tzinfo=UTC)
    # A page break may stand directly above a heading.
    blocks = body.replace(PAGE_BREAK + "\n", PAGE_BREAK + "\n\n").split("\n\n")
    return Source(fields["title"], day, fields["lang"], tuple(block.strip() for block in blocks if block.strip()))


def rows_of(block: str) -> list[list[str]]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
    return [rows[0], *rows[2:]]


def plain(text: str) -> str:
    return EMPHASIS.sub(r"\1", text).replace("`", "")


class _Dated(OutputProducer):
    """Writes the modification date, which fpdf2 leaves out."""

    def _add_info(self) -> Any:
        info: Any = super()._add_info()
        info.mod_date = info.creation_date
        return info


class _Page(FPDF):
    """A4 with a footer that carries the page number."""

    def footer(self) -> None:
        self.set_y(-15)
        self.set_font("helvetica", size=8)
        self.set_text_color(110)
        self.cell(0, 8, f"{self.page_no()} / {{nb}}", align="R")


def pdf(source: Source) -> bytes:
    """A paged document with a text layer, in the fonts that every viewer has."""
    page = _Page(format="A4")
    page.set_margins(24, 22, 24)
    page.set_auto_page_break(True, margin=24)
    page.set_creation_date(source.modified)
    page.set_title(source.title)
    page.set_author("Halvard Systems AS (invented for a demonstration)")
    page.set_lang(source.language)
    page.set_producer("tools/build_demo_corpus.py")
    page.add_page()
    for block in source.blocks:
        _pdf_block(page, block)
    return bytes(page.output(output_producer_class=_Dated))


def _pdf_block(page: _Page, block: str) -> None:
    page.set_text_color(*INK)
    if block == PAGE_BREAK:
        page.add_page()
    elif block.startswith("#"):
        level = len(block) - len(block.lstrip("#"))
        page.set_font("helvetica", "B", HEADING_POINTS[level])
        page.ln(3 if page.get_y() > 30 else 0)
        _flow(page, plain(block.lstrip("# ")), 7.5 if level == 1 else 6)
    elif block.startswith("|"):
        _pdf_table(page, rows_of(block))
    else:
        page.set_font("helvetica", size=10.5)
        for line in block.splitlines():
            _flow(page, plain(line), 5.4)
    page.ln(2.4)


def _flow(page: _Page, text: str, height: float) -> None:
    page.multi_cell(0, height, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _pdf_table(page: _Page, rows: list[list[str]]) -> None:
    page.set_font("helvetica", size=9.5)
    page.set_draw_color(*RULE)
    widths = [max(11 if column else 6, *(min(len(row[column]), 30) for row in rows)) for column in range(len(rows[0]))]
    with page.table(
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        col_widths=tuple(widths),
        headings_style=FontFace(emphasis="BOLD", color=INK),
        line_height=5.4,
        padding=1.7,
        text_align="LEFT",
    ) as table:
        for row in rows:
            table.row([plain(cell) for cell in row])
    page.ln(3)


def word(source: Source) -> bytes:
    """A Word document with real heading, list and table styles."""
    document = docx.Document()
    properties = document.core_properties
    properties.title, properties.language = source.title, source.language
    properties.author = "Halvard Systems AS (invented for a demonstration)"
    properties.comments = ""
    properties.created = properties.modified = source.modified.replace(tzinfo=None)
    for block in source.blocks:
        _word_block(document, block)
    buffer = io.BytesIO()
    document.save(buffer)
    return _repacked(buffer.getvalue())


def _word_block(document: WordDocument, block: str) -> None:
    if block.startswith("#"):
        document.add_heading(plain(block.lstrip("# ")), level=len(block) - len(block.lstrip("#")))
    elif block.startswith("|"):
        rows = rows_of(block)
        table = document.add_table(rows=len(rows), cols=len(rows[0]), style="Light Grid Accent 1")
        for line, row in zip(table.rows, rows, strict=True):
            for cell, text in zip(line.cells, row, strict=True):
                cell.text = plain(text)
        document.add_paragraph()
    else:
        _runs(document.add_paragraph(), block.replace("\n", " "))


def _runs(paragraph: Paragraph, text: str) -> None:
    """Add text in which `*word*` is italic: every second part of the split."""
    for index, part in enumerate(EMPHASIS.split(text)):
        paragraph.add_run(part.replace("`", "")).italic = bool(index % 2)


def _repacked(data: bytes) -> bytes:
    """The same archive with fixed time stamps, so that the same source makes the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            fixed = zipfile.ZipInfo(entry.filename, (2026, 1, 1, 0, 0, 0))
            fixed.compress_type = zipfile.ZIP_DEFLATED
            fixed.external_attr = 0o644 << 16
            new.writestr(fixed, old.read(entry))
    return buffer.getvalue()


def built() -> Iterator[tuple[Path, bytes]]:
    """Every document's path and bytes."""
    for path in sorted(SOURCES.rglob("*.txt")):
        target = CORPUS / path.relative_to(SOURCES).with_suffix("")
        make = pdf if target.suffix == ".pdf" else word
        yield target, make(read(path))


def main(arguments: list[str]) -> int:
    stale = 0
    for target, data in built():
        if target.is_file() and target.read_bytes() == data:
            continue
        if "--check" in arguments:
            print(f"differs from its source: {target.relative_to(ROOT)}")
            stale += 1
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        print(f"wrote {target.relative_to(ROOT)}")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
