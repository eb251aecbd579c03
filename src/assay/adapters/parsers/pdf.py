"""PDF by its text layer: paragraphs put together again, cautious headings, rows of figures, page offsets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from assay.adapters.ocr import SeenWord
from assay.adapters.parsers.asides import Asides
from assay.adapters.parsers.copying import TextCopy, clean, one_line
from assay.adapters.parsers.pdf_columns import in_order
from assay.adapters.parsers.pdf_hidden import gather_hidden
from assay.adapters.parsers.pdf_layout import Element, layout
from assay.adapters.parsers.pdf_lines import Line
from assay.adapters.parsers.pdf_picture import read_picture
from assay.adapters.parsers.pdf_text import Piece, read_page
from assay.adapters.parsers.stated import read_stated
from assay.records.documents import Page, Parsed
from assay.records.errors import InputError

_DATE = re.compile(r"D:(\d{14})")
_MIN_CHARS = 3
_MOST_RUNS = 20


class PictureReader(Protocol):
    """Reads the words in a picture of a page, such as `adapters.ocr.Tesseract`."""

    @property
    def recipe(self) -> str: ...
    def words(self, picture: bytes) -> tuple[SeenWord, ...]: ...


@dataclass(frozen=True)
class PdfParser:
    """One document a file. Its title is the stated one when that reads like a title, else the file's name, because
    headings of a PDF are guessed.

    Pages that are pictures, or whose characters have no meaning, are read by `ocr` when there is one, else told in a
    warning `ingest.scanned_page`; a file of nothing else is refused as `ingest.scanned`.
    """

    ocr: PictureReader | None = None
    media_type: str = "application/pdf"

    @property
    def recipe(self) -> str:
        return f"pdf.v2 {self.ocr.recipe}" if self.ocr is not None else "pdf.v2"

    def parse(self, data: bytes, name: str) -> Iterator[Parsed]:
        return self.parse_pages(data, name, lambda _done, _pages: None)

    def parse_pages(self, data: bytes, name: str, tick: Callable[[int, int], object]) -> Iterator[Parsed]:
        """As `parse`; `tick(done, pages)` is called after each page and may raise to stop."""
        document = _open(data, name)
        found = _Found()
        try:
            total = len(document)
            for number in range(total):
                found.pages.append(self._page(document, number, name, found))
                tick(number + 1, total)
            info = document.get_metadata_dict()
        finally:
            document.close()
        empty = [
            n for n, lines in enumerate(found.pages, start=1) if sum(len(line.text) for line in lines) < _MIN_CHARS
        ]
        if len(empty) == total or (found.unread and len(set(empty) | set(found.unread)) == total):
            raise _textless(total, bool(found.unread), name)
        yield _write(layout(found.pages), found, info, name, found.warnings(empty))

    def _page(self, document: Any, number: int, name: str, found: _Found) -> list[Line]:
        """The lines of one page in reading order."""
        import pypdfium2 as pdfium

        try:
            page = document[number]
            text = read_page(page)
            gather_hidden(page, text.pieces, text.inkless, found.asides)
            pieces = text.pieces
            if text.unread and self.ocr is not None:
                pieces = self._seen(page, number, found) or pieces
            elif text.unread:
                found.unread.append(number + 1)
            page.close()
        except pdfium.PdfiumError as error:
            raise InputError(
                "ingest.unreadable_pdf",
                f"page {number + 1} is damaged",
                where=name,
                remedy="open it in a PDF viewer and save it again",
            ) from error
        return in_order(pieces)

    def _seen(self, page: Any, number: int, found: _Found) -> tuple[Piece, ...]:
        """What OCR reads on a page; a page on which it fails or finds nothing stays unread."""
        assert self.ocr is not None
        try:
            pieces = read_picture(page, self.ocr.words)
        except InputError as error:
            found.failures.append(error.what)
            pieces = ()
        (found.seen if pieces else found.unread).append(number + 1)
        return pieces


@dataclass
class _Found:
    """What the pages gave: lines, the numbers of pages that were not read, that OCR read, and what it failed with."""

    pages: list[list[Line]] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    asides: Asides = field(default_factory=Asides)

    def warnings(self, empty: Sequence[int]) -> tuple[str, ...]:
        total = len(self.pages)
        blank = sorted(set(empty) - set(self.unread))
        told = []
        if self.unread:
            why = f" ({self.failures[0]})" if self.failures else ""
            told.append(
                f"ingest.scanned_page: pages {numbers(self.unread)} of {total} are pictures or have no usable "
                f"characters and were not read{why}"
            )
        if self.seen:
            told.append(f"ingest.ocr_page: pages {numbers(self.seen)} of {total} were read by OCR")
        if blank:
            told.append(f"ingest.pages_without_text: {len(blank)} of {total} pages have no text")
        return tuple(told)


def _textless(total: int, pictures: bool, name: str) -> InputError:
    if not pictures:
        return InputError(
            "ingest.no_text_layer", f"none of its {total} pages has text", where=name,
            remedy="add a text layer with an OCR program, such as ocrmypdf, and ingest it again",
        )  # fmt: skip
    return InputError(
        "ingest.scanned", f"all of its pages ({total}) are pictures or have no usable characters", where=name,
        remedy="set ingest.ocr: tesseract in assay.yaml, or add a text layer with a program such as ocrmypdf",
    )  # fmt: skip


def numbers(pages: Sequence[int]) -> str:
    """Page numbers as a person writes them: `2, 5-7`; the first twenty runs."""
    runs: list[list[int]] = []
    for page in pages:
        if runs and page == runs[-1][1] + 1:
            runs[-1][1] = page
        else:
            runs.append([page, page])
    told = [str(first) if first == last else f"{first}-{last}" for first, last in runs[:_MOST_RUNS]]
    return ", ".join(told) + (" …" if len(runs) > _MOST_RUNS else "")


def _open(data: bytes, name: str) -> Any:
    import pypdfium2 as pdfium

    try:
        return pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if getattr(error, "err_code", None) == pdfium.raw.FPDF_ERR_PASSWORD or "password" in str(error).lower():
            raise InputError(
                "ingest.encrypted_pdf",
                "it is encrypted and needs a password",
                where=name,
                remedy="save it without a password and ingest it again",
            ) from error
        raise InputError(
            "ingest.unreadable_pdf",
            "it is damaged or no PDF",
            where=name,
            remedy="open it in a PDF viewer and save it again",
        ) from error


def _write(
    elements: list[Element], found: _Found, info: dict[str, str], name: str, warnings: tuple[str, ...]
) -> Parsed:
    copy = TextCopy()
    starts: dict[int, int] = {}
    for element in elements:
        text = clean(element.text)
        copy.add(element.kind, text, element.level)
        for page, offset in element.page_starts:
            starts.setdefault(page, copy.blocks[-1].start + offset)
    copy.pages = _pages(starts, len(found.pages), copy.length)
    stated = read_stated({"modified": _date(info.get("ModDate", ""))}, name)
    title = _title(info.get("Title", "")) or name.rsplit("/", 1)[-1].removesuffix(".pdf")
    parsed = copy.parsed(title, metadata=stated.metadata, warnings=warnings)
    return replace(parsed, unread_pages=tuple(found.unread), asides=found.asides.found)


def _pages(starts: dict[int, int], count: int, length: int) -> list[Page]:
    """Pages numbered from 1, each reaching to the next one's start; a page without text is empty."""
    pages: list[Page] = []
    end = length
    for number in range(count, 0, -1):
        start = min(starts.get(number, end), end)
        pages.append(Page(number, start, end))
        end = start
    return pages[::-1]


def _title(stated: str) -> str:
    """The stated title when it reads like one: producers often write a file name or an identifier there."""
    title = one_line(stated)
    named = title.lower().endswith((".doc", ".docx", ".pdf", ".indd", ".tmp")) or title.lower().startswith("untitled")
    return title if len(title.split()) > 1 and not named else ""


def _date(stated: str) -> str:
    match = _DATE.match(stated)
    if match is None:
        return ""
    try:
        return datetime.strptime(match.group(1), "%Y%m%d%H%M%S").replace(tzinfo=UTC).isoformat()
    except ValueError:
        return ""
