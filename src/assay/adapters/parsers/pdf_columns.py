"""From the pieces of a PDF page to its lines in reading order: columns one after another, rows from left to right."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from assay.adapters.parsers.pdf_lines import Line, is_row
from assay.adapters.parsers.pdf_running import MARKS_ALONE
from assay.adapters.parsers.pdf_text import Piece

_MAX_DEPTH = 3
_SIDE_LINES = 4
"""Fewer lines on a side are no column."""
_BIN = 2.0
_MARGIN = 0.15
"""A gutter does not stand in the outer parts of a page's width."""
_FILL = 0.4
_PROSE_SHARE = 0.5
_PROSE_WORDS = 3
"""Lines of a column fill it and are several words long; cells of a table are short."""
_LOWEST = 3
_UP = 0.3
_OVERLAP = 0.5
_SMALL = 0.85
_RUN_LINES = 3
_LEVEL = 0.7
_CLOSING = re.compile(r"[:;,.]")
_BULLET = re.compile(r"[•◦▪●·‣–*○■□➢✓-]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,4})[.)]")


def in_order(pieces: Sequence[Piece]) -> list[Line]:
    """The page's lines. Pieces without a place keep the file's order and come last."""
    placed = [piece for piece in pieces if piece.size > 0]
    rest = [Line(piece.text) for piece in pieces if piece.size <= 0]
    return [line for flow in _flows(placed, _MAX_DEPTH) for line in _lines(flow)] + rest


def _flows(pieces: Sequence[Piece], depth: int) -> Iterator[list[Piece]]:
    """Runs of pieces that are read one after another: what crosses a gutter ends both columns above it."""
    gutter = _gutter(pieces) if depth else None
    if gutter is None:
        yield list(pieces)
        return
    crossing = sorted((p for p in pieces if p.left < gutter < p.right), key=lambda p: -p.top)
    waiting = [piece for piece in pieces if not piece.left < gutter < piece.right]
    while crossing or waiting:
        border = crossing[0].bottom if crossing else -1e9
        above = (
            [piece for piece in waiting if (piece.top + piece.bottom) / 2 > border + crossing[0].size / 2]
            if crossing
            else waiting
        )
        if above:
            taken = set(map(id, above))
            waiting = [piece for piece in waiting if id(piece) not in taken]
            for side in ([p for p in above if p.right <= gutter], [p for p in above if p.left >= gutter]):
                if side:
                    yield from _flows(side, depth - 1)
        if crossing:
            top = max((piece.top for piece in waiting), default=-1e9)
            wide = [crossing.pop(0)]
            while crossing and (crossing[0].top + crossing[0].bottom) / 2 > top:
                wide.append(crossing.pop(0))
            yield wide


def _gutter(pieces: Sequence[Piece]) -> float | None:
    """The x of a white stripe with running text on both of its sides; None where there is none."""
    if sum(p.text.count(" ") >= _PROSE_WORDS - 1 for p in pieces) < 2 * _SIDE_LINES * _PROSE_SHARE:
        return None
    left, right = min(p.left for p in pieces), max(p.right for p in pieces)
    count = max(int((right - left) / _BIN), 1)
    steps = [0] * (count + 2)
    for piece in pieces:
        steps[int((piece.left - left) / _BIN)] += 1
        steps[min(int((piece.right - left) / _BIN), count) + 1] -= 1
    covering, covered = [], 0
    for step in steps[: count + 1]:
        covered += step
        covering.append(covered)
    inner = range(int(count * _MARGIN), int(count * (1 - _MARGIN)) + 1)
    for low in sorted({covering[i] for i in inner if covering[i] <= len(pieces) - 2 * _SIDE_LINES})[:_LOWEST]:
        for first, last in _stripes([i for i in inner if covering[i] == low]):
            x = left + _BIN * (first + last + 1) / 2
            if _columns(pieces, x):
                return x
    return None


def _stripes(bins: Sequence[int]) -> list[tuple[int, int]]:
    """Runs of neighbouring bins, the widest first."""
    runs: list[list[int]] = []
    for number in bins:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return sorted(((run[0], run[-1]) for run in runs), key=lambda run: run[0] - run[1])[:6]


def _columns(pieces: Sequence[Piece], x: float) -> bool:
    """True when the pieces on both sides of `x` read like columns of text that stand beside each other."""
    sides = [p for p in pieces if p.right <= x], [p for p in pieces if p.left >= x]
    if any(len(side) < _SIDE_LINES for side in sides):
        return False
    low = max(min(p.bottom for p in side) for side in sides)
    high = min(max(p.top for p in side) for side in sides)
    sizes = median(p.size for p in pieces)
    if high - low < _SIDE_LINES * sizes:
        return False
    beside = [[p for p in side if low <= (p.top + p.bottom) / 2 <= high] for side in sides]
    return all(len(side) >= _SIDE_LINES and _prose(side) for side in beside)


def _prose(side: Sequence[Piece]) -> bool:
    """True when lines are several words long and fill their part of the page, however many columns stand in it."""
    width = max(p.right for p in side) - min(p.left for p in side)
    words = [p for p in side if len(p.text.split()) >= _PROSE_WORDS and not is_row(p.text)]
    rows = len({round(p.bottom / p.size) for p in side})
    filled = sum(p.right - p.left for p in side) >= _FILL * width * rows
    return filled and len(words) >= _PROSE_SHARE * len(side)


def _lines(flow: Sequence[Piece]) -> Iterator[Line]:
    """Lines of one column; the file's order stays where it already runs down the page."""
    rows: list[list[Piece]] = []
    for piece in flow:
        if rows and rows[-1][0].line == piece.line:
            rows[-1].append(piece)
        else:
            rows.append([piece])
    edge = max((piece.right for piece in flow), default=0.0)
    for row in rows if all(_follows(one, other) for one, other in pairwise(rows)) else _sorted(rows):
        if line := _line(row, edge):
            yield line


def _sorted(rows: Sequence[list[Piece]]) -> list[list[Piece]]:
    """Rows of a page that the file does not write from top to bottom.

    Stretches of running text keep together, from the left where they begin on one height; all else is put in rows.
    """
    runs: list[list[list[Piece]]] = []
    for row in rows:
        if runs and _follows(runs[-1][-1], row):
            runs[-1].append(row)
        else:
            runs.append([row])
    texts = [run for run in runs if len(run) >= _RUN_LINES and _prose([piece for row in run for piece in row])]
    kept = {id(run) for run in texts}
    loose = [piece for run in runs if id(run) not in kept for row in run for piece in row]
    units = sorted([*texts, *([row] for row in _by_height(loose))], key=lambda unit: -unit[0][0].top)
    ordered: list[list[Piece]] = []
    while units:
        first = units[0][0][0]
        level = [unit for unit in units if unit[0][0].top > first.top - _LEVEL * first.size]
        units = units[len(level) :]
        ordered += [row for unit in sorted(level, key=lambda unit: unit[0][0].left) for row in unit]
    return ordered


def _follows(one: Sequence[Piece], other: Sequence[Piece]) -> bool:
    """True when `other` stands below `one`, or is a mark raised a little beside it."""
    above, below = one[0], other[0]
    if below.size < 0.85 * above.size or above.size < 0.85 * below.size:
        return below.bottom < above.top + above.size
    return below.bottom < above.bottom - _UP * above.size


def _by_height(flow: Sequence[Piece]) -> list[list[Piece]]:
    """Pieces on one height as one row, rows from the top, pieces from the left."""
    rows: list[list[Piece]] = []
    for piece in sorted(flow, key=lambda p: -(p.top + p.bottom)):
        last = rows[-1][0] if rows else None
        shared = min(last.top, piece.top) - max(last.bottom, piece.bottom) if last is not None else 0.0
        if last is not None and shared > _OVERLAP * min(last.size, piece.size):
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return [sorted(row, key=lambda p: p.left) for row in rows]


def _line(row: Sequence[Piece], edge: float) -> Line | None:
    """The line of a row; marks raised beside other text are left out, and None is left of a row of nothing else."""
    main = max(row, key=lambda p: len(p.text))
    cells = [p for p in row if p.size >= _SMALL * main.size or not MARKS_ALONE.fullmatch(p.text)]
    if not cells:
        return None
    texts, lefts = [cells[0].text], [cells[0].left]
    for piece in cells[1:]:
        if len(texts) == 1 and _BULLET.fullmatch(texts[0]):
            texts[0] = f"{texts[0]} {piece.text}"
        elif _CLOSING.fullmatch(piece.text):
            texts[-1] += piece.text
        else:
            texts.append(piece.text)
            lefts.append(piece.left)
    return Line(
        " ".join(texts), right=cells[-1].right, bottom=main.bottom, size=main.size, bold=all(p.bold for p in cells),
        cells=tuple(texts), lefts=tuple(lefts), edge=edge,
    )  # fmt: skip
