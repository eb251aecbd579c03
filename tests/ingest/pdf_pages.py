"""PDF files made for the tests: columns, tables, running lines, pictures of text."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

from fpdf import FPDF

SENTENCES = str.split(
    "the committee meets on the first Monday of every month and keeps minutes that all members can read at any time "
    "while the treasurer reports about income and spending since the last meeting and answers questions from the floor "
    "before a vote is taken on the plans that were sent out two weeks earlier together with an estimate of their cost "
)


def blank(margin: float = 10) -> FPDF:
    made = FPDF(unit="pt", format="A4")
    made.set_auto_page_break(False)
    made.set_margins(margin, margin)
    made.set_font("helvetica", size=10)
    return made


def column(words: Sequence[str], per_line: int = 6) -> list[str]:
    return [" ".join(words[start : start + per_line]) for start in range(0, len(words), per_line)]


def numbered(tag: str, count: int, shift: int = 0) -> list[str]:
    """Words of which every tenth says where it stands, such as `left10`."""
    return [f"{tag}{i}" if i % 10 == 0 else SENTENCES[(i + shift) % len(SENTENCES)] for i in range(count)]


def place(made: FPDF, x: float, y: float, lines: Sequence[str], pitch: float = 12) -> float:
    for line in lines:
        made.text(x, y, line)
        y += pitch
    return y


def interleaved(made: FPDF, y: float, *columns: tuple[float, Sequence[str]], pitch: float = 12) -> float:
    """Columns written line by line across the page, as some producers do."""
    for number in range(max(len(lines) for _, lines in columns)):
        for x, lines in columns:
            if number < len(lines):
                made.text(x, y + number * pitch, lines[number])
    return y + max(len(lines) for _, lines in columns) * pitch


def pages_of(count: int, draw: Callable[[FPDF, int], None]) -> bytes:
    made = blank()
    for number in range(count):
        made.add_page()
        draw(made, number)
    return bytes(made.output())


def picture_of(pdf: bytes, scale: float = 200 / 72) -> bytes:
    """The first page as a PNG, so that a scan can be made of it."""
    import pypdfium2 as pdfium

    document = pdfium.PdfDocument(pdf)
    image = document[0].render(scale=scale).to_pil()
    kept = io.BytesIO()
    image.save(kept, "PNG")
    return kept.getvalue()


def scanned(*pictures: bytes, texts: Sequence[str] = ()) -> bytes:
    """One page for each picture, over the whole page, after pages of plain text."""
    made = blank()
    for text in texts:
        made.add_page()
        made.set_xy(40, 60)
        made.multi_cell(500, 14, text)
    for picture in pictures:
        made.add_page()
        made.image(io.BytesIO(picture), 0, 0, made.w, made.h)
    return bytes(made.output())
