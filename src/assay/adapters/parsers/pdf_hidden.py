"""Text on a PDF page that nobody sees: drawn invisibly, in the colour of the paper, next to no size, off the page."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.adapters.parsers.asides import Asides
    from assay.adapters.parsers.pdf_text import Piece

_INVISIBLE = 3
"""Text rendering mode 3: neither fill nor stroke (ISO 32000-1, 9.3.6). OCR programs set the text of a scan so."""
_TINY_POINTS = 1.0
_WHITE = 250
_SCAN = 0.5
"""A picture of so much of the page makes invisible text on it the text of the picture."""
_MOST_OBJECTS = 20_000
_DEPTH = 3
_STEP = 3
_WORD = re.compile(r"\S+")

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Inkless:
    """A word that leaves no ink (`invisible`), or white ink, and the middle of its first character on the page."""

    text: str
    why: str
    x: float
    y: float


def inkless(handle: Any, text: str) -> tuple[Inkless, ...]:
    """The words of a page's text layer that leave no ink of their own, by its `FPDF_TEXTPAGE` and its text.

    Every third word is asked for, all of them where one of those is: nothing that says something has fewer than three.
    """
    words = list(_WORD.finditer(text))
    reason = _reasons(handle)
    if not any(reason(word.start()) for word in words[::_STEP]):
        return ()
    found = ((word, reason(word.start())) for word in words)
    return tuple(Inkless(word.group(), why, *_middle(handle, word.start())) for word, why in found if why)


def _reasons(handle: Any) -> Callable[[int], str]:
    """Why the character at an index is not seen; empty when it is. One call costs about three microseconds."""
    import pypdfium2.raw as raw

    fill, of, mode = raw.FPDFText_GetFillColor, raw.FPDFText_GetTextObject, raw.FPDFTextObj_GetTextRenderMode
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    places = [ctypes.byref(one) for one in (red, green, blue, alpha)]

    def reason(index: int) -> str:
        if fill(handle, index, *places):
            if not alpha.value:
                return "invisible"
            if red.value >= _WHITE and green.value >= _WHITE and blue.value >= _WHITE:
                return "white"
        drawn = of(handle, index)
        return "invisible" if drawn and mode(drawn) == _INVISIBLE else ""

    return reason


def _middle(handle: Any, index: int) -> tuple[float, float]:
    import pypdfium2.raw as raw

    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    raw.FPDFText_GetCharBox(handle, index, left, right, bottom, top)
    return (left.value + right.value) / 2, (bottom.value + top.value) / 2


def gather_hidden(page: Any, pieces: Sequence[Piece], words: Sequence[Inkless], asides: Asides) -> None:
    """Add what one open page hides to `asides`: `pieces` tell what is tiny or off the page, `words` what has no ink.

    White text on a picture or a coloured shape is seen; invisible text on a page that is one picture is what an OCR
    program read there. Whatever pypdfium2 raises passes through.
    """
    for why, texts in _misplaced(page, pieces).items():
        asides.add(f"pdf.{why}", " ".join(texts), shown=True)
    if not words:
        return
    grounds = list(_grounds(page))
    paper = _area(page.get_cropbox()) or 1.0
    scanned = any(picture and _area(box) > _SCAN * paper for picture, box in grounds)
    kept: dict[str, list[str]] = {}
    for word in words:
        if not (scanned if word.why == "invisible" else _stands_on(word, grounds)):
            kept.setdefault(word.why, []).append(word.text)
    for why, parts in kept.items():
        asides.add(f"pdf.{why}", " ".join(parts), shown=True)


def _misplaced(page: Any, pieces: Sequence[Piece]) -> dict[str, list[str]]:
    """Pieces that are too small to read, and those outside of what is shown of the page where it is not turned."""
    left, bottom, right, top = page.get_cropbox()
    turned = page.get_rotation() != 0
    found: dict[str, list[str]] = {}
    for piece in pieces:
        if 0 < piece.size < _TINY_POINTS:
            found.setdefault("tiny", []).append(piece.text)
        elif piece.size and not turned and (
            piece.right < left or piece.left > right or piece.top < bottom or piece.bottom > top
        ):  # fmt: skip
            found.setdefault("off_page", []).append(piece.text)
    return found


def _objects(handle: Any) -> Iterator[Any]:
    """Everything drawn on the page, forms opened, up to a limit."""
    import pypdfium2.raw as raw

    kind, form = raw.FPDFPageObj_GetType, raw.FPDF_PAGEOBJ_FORM
    get = raw.FPDFPage_GetObject
    forms: list[tuple[Any, int]] = []
    given = min(raw.FPDFPage_CountObjects(handle), _MOST_OBJECTS)
    for at in range(given):
        one = get(handle, at)
        if kind(one) == form:
            forms.append((one, 1))
        yield one
    while forms and given < _MOST_OBJECTS:
        holder, depth = forms.pop()
        for at in range(min(raw.FPDFFormObj_CountObjects(holder), _MOST_OBJECTS - given)):
            one = raw.FPDFFormObj_GetObject(holder, at)
            given += 1
            if kind(one) == form and depth < _DEPTH:
                forms.append((one, depth + 1))
            yield one


def _bounds(one: Any) -> Box:
    import pypdfium2.raw as raw

    sides = [ctypes.c_float() for _ in range(4)]
    raw.FPDFPageObj_GetBounds(one, *sides)
    return sides[0].value, sides[1].value, sides[2].value, sides[3].value


def _grounds(page: Any) -> Iterator[tuple[bool, Box]]:
    """Pictures and filled shapes that are not white, which white text can be read on; True for a picture."""
    import pypdfium2.raw as raw

    for one in _objects(page.raw):
        kind = raw.FPDFPageObj_GetType(one)
        if kind in (raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_SHADING):
            yield True, _bounds(one)
        elif kind == raw.FPDF_PAGEOBJ_PATH:
            red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
            mode, stroke = ctypes.c_int(), ctypes.c_int()
            raw.FPDFPath_GetDrawMode(one, mode, stroke)
            coloured = raw.FPDFPageObj_GetFillColor(one, red, green, blue, alpha)
            if mode.value and coloured and min(red.value, green.value, blue.value) < _WHITE:
                yield False, _bounds(one)


def _stands_on(word: Inkless, grounds: Sequence[tuple[bool, Box]]) -> bool:
    return any(left <= word.x <= right and bottom <= word.y <= top for _, (left, bottom, right, top) in grounds)


def _area(box: Box) -> float:
    return abs(box[2] - box[0]) * abs(box[3] - box[1])
