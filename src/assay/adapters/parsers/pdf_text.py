"""What stands on one PDF page: lines of its text layer, cut where there are wide gaps, and whether it could be read."""

from __future__ import annotations

import ctypes
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from assay.adapters.parsers.copying import one_line
from assay.adapters.parsers.pdf_hidden import Inkless, inkless

_BOLD = re.compile(rb"bold|black|heavy|semibold", re.IGNORECASE)
_BOLD_WEIGHT = 600
_WORD = re.compile(r"\S+")
_HYPHENATED = re.compile("[^\x02\ufffe]*[\x02\ufffe]?")
"""PDFium ends a line that breaks in a word with a mark and goes on with the next line as if there were no break."""
_UNMAPPED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffd\uffff\ue000-\uf8ff\U000f0000-\U0010ffff]")
_GARBLED_SHARE = 0.3
_MIN_CHARS = 3
_CAPTION_CHARS = 60
"""A page with less text than this under a picture of nearly its whole size is a scan with a stamp on it."""
_WHOLE_PAGE = 0.7
_DRAWN_PATHS = 200
"""A page without text and with so many drawn paths shows letters as outlines."""
CELL_GAP = 0.9
"""A gap this wide, in line heights, is no space between words: justified lines reach .8."""
_SPACE = 0.12
_OVERLAP = 0.3
_SAME_LINE = 0.15
"""In line heights: the smallest space between words, how far letters reach into each other, how far base lines sway."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a line without a wide gap. Lengths in points from the page's lower left corner; the text runs from
    left to right after a turned page was turned back. `line` numbers the file's own lines."""

    text: str
    left: float
    right: float
    bottom: float
    top: float
    bold: bool
    line: int

    @property
    def size(self) -> float:
        return self.top - self.bottom


@dataclass(frozen=True, slots=True)
class PageText:
    """`unread` says that the page shows something that is not in `pieces`; `placed` that pieces have true boxes."""

    pieces: tuple[Piece, ...]
    unread: bool = False
    placed: bool = True
    inkless: tuple[Inkless, ...] = ()
    """Words that leave no ink, as far as the text layer tells."""


def read_page(page: Any) -> PageText:
    """The text of one open page. Whatever pypdfium2 raises passes through."""
    text_page = page.get_textpage()
    text = text_page.get_text_range()
    placed = len(text) == text_page.count_chars()
    pieces = tuple(_mended(_pieces(text_page.raw, text, placed)))
    unseen = inkless(text_page.raw, text) if placed else ()
    text_page.close()
    visible = "".join(text.split())
    return PageText(pieces, _unread(page, visible), placed, unseen)


def _unread(page: Any, visible: str) -> bool:
    """True when the page shows more than its text layer says, as far as that can be told without reading it."""
    if len(visible) >= _CAPTION_CHARS:
        return len(_UNMAPPED.findall(visible)) > _GARBLED_SHARE * len(visible)
    import pypdfium2.raw as raw

    width, height = page.get_size()
    covered, paths = 0.0, 0
    for drawn in page.get_objects(filter=(raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_PATH), max_depth=3):
        if drawn.type == raw.FPDF_PAGEOBJ_PATH:
            paths += 1
        else:
            left, bottom, right, top = drawn.get_bounds()
            covered = max(covered, (right - left) * (top - bottom) / (width * height))
    if len(visible) < _MIN_CHARS:
        return covered > 0.02 or paths >= _DRAWN_PATHS
    return covered >= _WHOLE_PAGE or len(_UNMAPPED.findall(visible)) > _GARBLED_SHARE * len(visible)


def _pieces(handle: Any, text: str, placed: bool) -> Iterator[Piece]:
    """The page's pieces in the order of the file; a page whose characters cannot be located gives whole lines."""
    if not placed:
        for number, raw_line in enumerate(text.split("\r\n")):
            if shown := shown_text(raw_line):
                yield Piece(shown, 0.0, 0.0, 0.0, 0.0, False, number)
        return
    lines, start = [], 0
    for raw_line in text.split("\r\n"):
        for match in _HYPHENATED.finditer(raw_line):
            if match.group().strip():
                lines.append((start + match.start(), match.group()))
        start += len(raw_line) + 2
    turns = [_turn(handle, start + len(line) - len(line.lstrip())) for start, line in lines]
    turn = Counter(turns).most_common(1)[0][0] if turns else 0
    straight = [line for line, its in zip(lines, turns, strict=True) if its == turn]
    askew = [line for line, its in zip(lines, turns, strict=True) if its != turn]
    for number, (start, line) in enumerate(straight):
        yield from _line_pieces(handle, line, start, turn, number)
    for number, (_, line) in enumerate(askew, start=len(straight)):
        if shown := shown_text(line):
            yield Piece(shown, 0.0, 0.0, 0.0, 0.0, False, number)


def shown_text(raw_line: str) -> str:
    """The line as it is kept: a hyphen for PDFium's marks of one, U+FFFD for what has no character."""
    if raw_line.isprintable():
        return " ".join(raw_line.split())
    raw_line = raw_line.replace("\ufffe", "-").replace("\x02", "-").replace("\t", " ")
    return one_line(_UNMAPPED.sub("\ufffd", raw_line))


def _line_pieces(handle: Any, line: str, start: int, turn: int, number: int) -> Iterator[Piece]:
    words = [match.span() for match in _WORD.finditer(line)]
    box = _boxes(handle, turn)
    edges = [(box(start + first), box(start + last - 1)) for first, last in words]
    bottom, top = min(edges[0][0][1], edges[-1][1][1]), max(edges[0][0][3], edges[-1][1][3])
    size = (top - bottom) or 1.0
    gaps = [edges[i + 1][0][0] - edges[i][1][2] for i in range(len(words) - 1)]
    bold = _is_bold(handle, start + words[0][0]) and _is_bold(handle, start + words[-1][1] - 1)
    begun = 0
    for i in range(len(words)):
        if (i + 1 == len(words) or gaps[i] > CELL_GAP * size) and (
            shown := shown_text(line[words[begun][0] : words[i][1]])
        ):
            yield Piece(shown, edges[begun][0][0], edges[i][1][2], bottom, top, bold, number)
        if i + 1 < len(words) and gaps[i] > CELL_GAP * size:
            begun = i + 1


def _mended(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Pieces with those that the file sets one by one put together: PDFium ends a line wherever letters are kerned."""
    last: Piece | None = None
    for piece in pieces:
        gap = piece.left - last.right if last is not None else 0.0
        if last is None or not _on_one_line(last, piece) or gap < -_OVERLAP * piece.size:
            if last is not None:
                yield last
            last = piece
        elif gap > CELL_GAP * piece.size:
            yield last
            last = replace(piece, line=last.line)
        else:
            space = " " if gap >= _SPACE * piece.size and piece.line != last.line else ""
            last = replace(last, text=f"{last.text}{space}{piece.text}", right=piece.right)
    if last is not None:
        yield last


def _on_one_line(one: Piece, other: Piece) -> bool:
    """True for two pieces of one size on one base line."""
    near = _SAME_LINE * max(one.size, other.size)
    return bool(one.size) and abs(one.bottom - other.bottom) <= near and abs(one.size - other.size) <= near


def _boxes(handle: Any, turn: int) -> Any:
    """A function from a character's index to its box `(left, bottom, right, top)` on the page turned back."""
    import pypdfium2.raw as raw

    rect = raw.FS_RECTF()
    reference, ask = ctypes.byref(rect), raw.FPDFText_GetLooseCharBox

    def box(index: int) -> tuple[float, float, float, float]:
        ask(handle, index, reference)
        if not turn:
            return rect.left, rect.bottom, rect.right, rect.top
        left, bottom, right, top = rect.left, rect.bottom, rect.right, rect.top
        return [(bottom, -right, top, -left), (-right, -top, -left, -bottom), (-top, left, -bottom, right)][turn - 1]

    return box


def _turn(handle: Any, index: int) -> int:
    """Quarter turns against the clock of the text that begins at a character."""
    import pypdfium2.raw as raw

    quarters: float = raw.FPDFText_GetCharAngle(handle, index) / 1.5707963
    return round(quarters) % 4


def _is_bold(handle: Any, index: int) -> bool:
    import pypdfium2.raw as raw

    if raw.FPDFText_GetFontWeight(handle, index) >= _BOLD_WEIGHT:
        return True
    flags = ctypes.c_int()
    name = ctypes.create_string_buffer(128)
    raw.FPDFText_GetFontInfo(handle, index, name, 128, flags)
    return _bold_name(name.value)


@lru_cache(maxsize=1024)
def _bold_name(name: bytes) -> bool:
    return bool(_BOLD.search(name))


def cut(words: Iterable[tuple[str, float, float]], bottom: float, top: float, number: int) -> Iterator[Piece]:
    """Pieces of one line from its words `(text, left, right)` in reading order."""
    part: list[tuple[str, float, float]] = []
    for word in words:
        if part and word[1] - part[-1][2] > CELL_GAP * (top - bottom):
            yield _piece(part, bottom, top, number)
            part = []
        part.append(word)
    if part:
        yield _piece(part, bottom, top, number)


def _piece(part: Sequence[tuple[str, float, float]], bottom: float, top: float, number: int) -> Piece:
    return Piece(" ".join(word[0] for word in part), part[0][1], part[-1][2], bottom, top, False, number)
