"""A line of a PDF page, and the cells of those lines that are rows of a table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_FIGURE = re.compile(r"[$€£(]*[-–—]?\(?[$€£]?\d[\d,.]*\)?%?\)?|[—–-]|[$€£%)]|N/?[AM]", re.IGNORECASE)
_DATE = re.compile(
    r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? \d{1,2}, \d{4}|^\d{1,2}, \d{4} ", re.IGNORECASE
)
_LAST = frozenset(",.)%$€£—–-aAmM")
_BEFORE = frozenset("$€£(")
_AFTER = re.compile(r"[)%]{1,2}")
_ALIGNED = 0.6
_ROW_GAP = 2.6
"""In line heights: cells that begin at the same place, and rows that stand below each other."""
_HEAD_WORDS = 12
_TEXT_ROWS = 3
"""Fewer rows without figures are no table."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a page. Lengths in points; `bottom` counts from the page's foot; `size` 0 means not known.

    `cells` are its parts between wide gaps and `lefts` where they begin; `edge` is the right border of its column.
    """

    text: str
    right: float = 0.0
    bottom: float = 0.0
    size: float = 0.0
    bold: bool = False
    cells: tuple[str, ...] = ()
    lefts: tuple[float, ...] = ()
    edge: float = 0.0

    @property
    def row(self) -> str:
        """The line as a row of a table, cells divided by tabs: white space, so that quotations from a viewer fit."""
        return "\t".join(row_cells(self.cells or (self.text,)))


def is_row(text: str) -> bool:
    """True for a row of figures: at least two of its words are numbers, and they end the line."""
    if not text or not (text[-1].isdigit() or text[-1] in _LAST):
        return False
    figures = 0
    for word in reversed(_DATE.sub("date ", text).split()):
        if not _FIGURE.fullmatch(word):
            break
        figures += any(char.isdigit() for char in word) or word in "—–-"
    return figures >= 2 and any(char.isdigit() for char in text)


def row_cells(parts: Sequence[str]) -> list[str]:
    """The cells of a row from its parts: figures at the end of a part stand alone, and a currency sign, bracket or
    per cent sign goes with its figure, with the space that a quotation from a viewer has."""
    cells: list[str] = []
    for part in parts:
        words = part.split()
        first = len(words)
        while first and _FIGURE.fullmatch(words[first - 1]):
            first -= 1
        if first and not is_row(part):
            first = len(words)
        for cell in filter(None, [" ".join(words[:first]), *words[first:]]):
            if cells and cell.startswith(")") and _AFTER.fullmatch(cell):
                cells[-1] += cell
            elif cells and (cell == "%" or (len(cells[-1]) <= 2 and set(cells[-1]) <= _BEFORE)):
                cells[-1] += f" {cell}"
            else:
                cells.append(cell)
    return cells


def table_lines(lines: Sequence[Line]) -> list[bool]:
    """For each line of a page whether it is a row of a table: of figures, or one of several with cells below cells.

    A line of cells directly above a row is a row too: the heads of its columns.
    """
    rows = [is_row(line.text) for line in lines]
    for first, last in _aligned_runs(lines, rows):
        if any(rows[first:last]) or last - first >= _TEXT_ROWS:
            rows[first:last] = [True] * (last - first)
    for number in range(len(lines) - 2, -1, -1):
        head = len(lines[number].cells) > 1 and len(lines[number].text.split()) <= _HEAD_WORDS
        rows[number] = rows[number] or (rows[number + 1] and head and _below(lines[number], lines[number + 1]))
    return rows


def _aligned_runs(lines: Sequence[Line], rows: Sequence[bool]) -> list[tuple[int, int]]:
    """Runs of neighbouring lines with cells that begin at the same places, as `(first, one past the last)`."""
    runs: list[tuple[int, int]] = []
    first = 0
    for number, (one, other) in enumerate(pairwise(lines), start=1):
        joined = len(one.cells) > 1 and len(other.cells) > 1 and _below(one, other)
        if not (joined and (_aligned(one, other) or rows[number])):
            runs.append((first, number))
            first = number
    runs.append((first, len(lines)))
    return [(start, end) for start, end in runs if end - start > 1]


def _below(one: Line, other: Line) -> bool:
    return 0 < one.bottom - other.bottom <= _ROW_GAP * max(one.size, other.size)


def _aligned(one: Line, other: Line) -> bool:
    """True when a cell other than the first begins at the same place in both."""
    near = _ALIGNED * max(one.size, other.size)
    return any(abs(a - b) <= near for a in one.lefts[1:] for b in other.lefts[1:])
