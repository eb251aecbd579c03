"""A PDF page as a picture, and the pieces of text that OCR reads in it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from statistics import median
from typing import Any

from assay.adapters.ocr import SeenWord
from assay.adapters.parsers.copying import one_line
from assay.adapters.parsers.pdf_text import Piece, cut

_DPI = 300
_MOST_PIXELS = 25_000_000
"""An A4 page at 300 dots an inch has 8.7 million."""
_POINTS = 72


def read_picture(page: Any, words: Callable[[bytes], tuple[SeenWord, ...]]) -> tuple[Piece, ...]:
    """Render the page in grey and read it; boxes are in points from the lower left corner."""
    width, height = page.get_size()
    scale = min(_DPI / _POINTS, (_MOST_PIXELS / max(width * height, 1.0)) ** 0.5)
    bitmap = page.render(scale=scale, grayscale=True)
    pixels = bitmap.to_numpy()[:, : bitmap.width]
    picture = b"P5 %d %d 255\n" % (bitmap.width, bitmap.height) + pixels.tobytes()
    bitmap.close()
    found: list[Piece] = []
    for number, (_, line) in enumerate(groupby(words(picture), key=lambda word: word.line)):
        seen = list(line)
        bottom = height - median(word.bottom for word in seen) / scale
        top = height - median(word.top for word in seen) / scale
        placed = [(one_line(word.text), word.left / scale, word.right / scale) for word in seen]
        found += cut([word for word in placed if word[0]], bottom, max(top, bottom + 1), number)
    return tuple(found)
