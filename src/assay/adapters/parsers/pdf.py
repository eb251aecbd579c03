"""PDF by its text layer: paragraphs put together again, cautious headings, rows of figures, page offsets."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from assay.adapters.parsers.copying import TextCopy, clean, one_line
from assay.adapters.parsers.pdf_layout import Element, Line, layout
from assay.adapters.parsers.stated import read_stated
from assay.records.documents import Page, Parsed
from assay.records.errors import InputError

_DATE = re.compile(r"D:(\d{14})")
_BOLD = re.compile(rb"bold|black|heavy|semibold", re.IGNORECASE)
_MIN_CHARS_A_PAGE = 3
_BOLD_WEIGHT = 600


class PdfParser:
    """One document a file. Its title is the stated one when that reads like a title, else the file's name, because
    headings of a PDF are guessed. Scanned pages have no text layer: a file of nothing else is refused, single ones are
    told in a warning. Optical character recognition is outside this parser.
    """

    recipe = "pdf.v1"
    media_type = "application/pdf"

    def parse(self, data: bytes, name: str) -> Iterator[Parsed]:
        document = _open(data, name)
        try:
            pages = [_lines(document, number, name) for number in range(len(document))]
            info = document.get_metadata_dict()
        finally:
            document.close()
        empty = sum(1 for page in pages if sum(len(line.text) for line in page) < _MIN_CHARS_A_PAGE)
        if empty == len(pages):
            raise InputError(
                "ingest.no_text_layer",
                f"none of its {len(pages)} pages has text; it is probably scanned",
                where=name,
                remedy="add a text layer with an OCR program, such as ocrmypdf, and ingest it again",
            )
        warnings = (f"ingest.pages_without_text: {empty} of {len(pages)} pages have no text",) if empty else ()
        yield _write(layout(pages), len(pages), info, name, warnings)


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


def _lines(document: Any, number: int, name: str) -> list[Line]:
    """The lines of one page, top to bottom as the text layer has them."""
    import pypdfium2 as pdfium

    try:
        page = document[number]
        text_page = page.get_textpage()
        text = text_page.get_text_range()
    except pdfium.PdfiumError as error:
        raise InputError(
            "ingest.unreadable_pdf",
            f"page {number + 1} is damaged",
            where=name,
            remedy="open it in a PDF viewer and save it again",
        ) from error
    placed = len(text) == text_page.count_chars()
    lines, start = [], 0
    for raw in text.split("\r\n"):
        shown = one_line(raw.replace("\ufffe", "-").replace("\x02", "-"))
        if shown:
            lines.append(_line(text_page, raw, shown, start) if placed else Line(shown))
        start += len(raw) + 2
    text_page.close()
    page.close()
    return lines


def _line(text_page: Any, raw: str, shown: str, start: int) -> Line:
    first = start + len(raw) - len(raw.lstrip())
    last = start + len(raw.rstrip()) - 1
    _, bottom, _, top = text_page.get_charbox(first, loose=True)
    _, _, right, _ = text_page.get_charbox(last, loose=True)
    bold = _is_bold(text_page, first) and _is_bold(text_page, last)
    return Line(shown, right=right, bottom=bottom, size=top - bottom, bold=bold)


def _is_bold(text_page: Any, index: int) -> bool:
    import pypdfium2.raw as raw

    if raw.FPDFText_GetFontWeight(text_page, index) >= _BOLD_WEIGHT:
        return True
    flags = ctypes.c_int()
    name = ctypes.create_string_buffer(128)
    raw.FPDFText_GetFontInfo(text_page, index, name, 128, flags)
    return bool(_BOLD.search(name.value))


def _write(elements: list[Element], pages: int, info: dict[str, str], name: str, warnings: tuple[str, ...]) -> Parsed:
    copy = TextCopy()
    starts: dict[int, int] = {}
    for element in elements:
        text = clean(element.text)
        copy.add(element.kind, text, element.level)
        for page, offset in element.page_starts:
            starts.setdefault(page, copy.blocks[-1].start + offset)
    copy.pages = _pages(starts, pages, copy.length)
    stated = read_stated({"modified": _date(info.get("ModDate", ""))}, name)
    title = _title(info.get("Title", "")) or name.rsplit("/", 1)[-1].removesuffix(".pdf")
    return copy.parsed(title, metadata=stated.metadata, warnings=warnings)


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
