"""From the lines of PDF pages to paragraphs, headings, lists and rows of figures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from assay.records.documents import BlockKind

_FIGURE = re.compile(r"[$€£(]*[-–—]?\(?[$€£]?\d[\d,.]*\)?%?\)?|[—–-]|[$€£%)]|N/?[AM]", re.IGNORECASE)
_BULLET = re.compile(r"[•◦▪●·‣–*-]\s|\(?(?:\d{1,2}|[a-z])[.)]\s")
_DATE = re.compile(
    r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? \d{1,2}, \d{4}|^\d{1,2}, \d{4} ", re.IGNORECASE
)
_ENDS = re.compile(r"[.!?:;…。！？][\"'”’)\]]*$")
_NUMBERED_TITLE = re.compile(r"(?:note|item|part|section|chapter|appendix|annex) [\dIVXA-F]+\b", re.IGNORECASE)
_NOISE = re.compile(r"\d+")
_MARKS_ALONE = re.compile(r"(?:\s*(?:[®™©†‡*]|\(\d{1,2}\)))+")
"""Raised marks, which some producers put into lines of their own, away from what they belong to."""
_PAGE_NUMBER = re.compile(r"(?:page\s*)?[-–—]?\s*\d{1,4}\s*[-–—]?(?:\s*(?:of|/)\s*\d{1,4})?", re.IGNORECASE)
_HEADING_WORDS = 14
_BIG = 1.15
"""A line this much larger than the body text is a heading."""
_NOT_SMALL = 0.85
_HEADINGS_IN_A_ROW = 3
_SHORT_HEADING = 3
_PROSE_WORDS = 6
_PARAGRAPH_GAP = 1.45
"""In units of the page's usual line pitch."""
_WIDEST_PITCH = 1.6
"""Text set wider than this, in line heights, is no running text: rows of a table, single lines."""
_RUNNING_SHARE = 0.2
_RUNNING_PAGES = 4
_EDGE_LINES = 3
_CAPTION_LINES = 6
_LABEL_WORDS = 14


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a page. Lengths in points; `bottom` counts from the page's foot; `size` 0 means not known."""

    text: str
    right: float = 0.0
    bottom: float = 0.0
    size: float = 0.0
    bold: bool = False


@dataclass
class Element:
    """A block to be: its lines joined, and where in it each page begins as `(page from 1, offset)`."""

    kind: BlockKind
    text: str
    level: int = 0
    page_starts: list[tuple[int, int]] = field(default_factory=list)


def layout(pages: Sequence[Sequence[Line]]) -> list[Element]:
    """Group lines into blocks in reading order; running headers, footers and page numbers are dropped."""
    kept = drop_running(pages)
    levels = heading_sizes(kept)
    body = _body_size(kept)
    elements: list[Element] = []
    for number, lines in enumerate(kept, start=1):
        _add_page(elements, number, lines, levels, body)
    return with_captions(elements)


def with_captions(elements: Sequence[Element]) -> list[Element]:
    """Elements with the labels above and between rows of figures taken into their table.

    A label is one short line without a full stop, on the table's page: a column head, a unit, the name of a group of
    rows. At most `_CAPTION_LINES` of them stand above a table.
    """
    result: list[Element] = []
    for element in elements:
        if element.kind is BlockKind.TABLE:
            labels: list[Element] = []
            while result and len(labels) < _CAPTION_LINES and _is_label(result[-1], element):
                labels.append(result.pop())
            for label in labels:
                element = _append(label, element)
            if result and result[-1].kind is BlockKind.TABLE and _page(result[-1]) == _page(element):
                element = _append(result.pop(), element)
        result.append(element)
    return result


def _append(first: Element, table: Element) -> Element:
    """One table of both; pages keep their offsets."""
    moved = len(first.text) + 1
    starts = {page: offset + moved for page, offset in reversed(table.page_starts)} | dict(first.page_starts)
    return Element(BlockKind.TABLE, f"{first.text}\n{table.text}", 0, sorted(starts.items()))


def _page(element: Element) -> int:
    return element.page_starts[-1][0] if element.page_starts else 0


def _is_label(candidate: Element, table: Element) -> bool:
    text = candidate.text
    return (
        candidate.kind is BlockKind.PARAGRAPH
        and len(text.split()) <= _LABEL_WORDS
        and not text.endswith((".", ";"))
        and candidate.page_starts[-1][0] == table.page_starts[0][0]
    )


def drop_running(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """Pages without page numbers, lines of nothing but raised marks, and lines that stand at the edge of many pages.

    Many are at least four pages and a fifth of all; digits are ignored in the comparison.
    """
    counts: Counter[str] = Counter()
    for lines in pages:
        counts.update({_NOISE.sub("#", line.text) for line in _edges(lines)})
    least = max(_RUNNING_PAGES, _RUNNING_SHARE * len(pages))
    often = {text for text, count in counts.items() if count >= least}
    result = []
    for lines in pages:
        edge = {id(line) for line in _edges(lines)}
        ends = {id(line) for line in (*lines[:1], *lines[-1:])} if len(lines) > 1 else set()
        result.append(
            [
                line
                for line in lines
                if not (id(line) in edge and _NOISE.sub("#", line.text) in often)
                and not (id(line) in ends and _PAGE_NUMBER.fullmatch(line.text))
                and not _MARKS_ALONE.fullmatch(line.text)
            ]
        )
    return result


def _edges(lines: Sequence[Line]) -> list[Line]:
    return [*lines[:_EDGE_LINES], *lines[max(_EDGE_LINES, len(lines) - _EDGE_LINES) :]]


def _body_size(pages: Sequence[Sequence[Line]]) -> float:
    """The size that most characters have; 0 when sizes are not known."""
    counts: Counter[float] = Counter()
    for lines in pages:
        for line in lines:
            counts[round(line.size, 1)] += len(line.text)
    return counts.most_common(1)[0][0] if counts else 0.0


def heading_sizes(pages: Sequence[Sequence[Line]]) -> dict[float, int]:
    """Heading level by rounded size, for the three largest sizes that look like headings."""
    body = _body_size(pages)
    sizes = {
        round(line.size) for lines in pages for line in lines if body and line.size >= body * _BIG and _titled(line)
    }
    return {float(size): level for level, size in enumerate(sorted(sizes, reverse=True)[:3], start=1)}


def _titled(line: Line) -> bool:
    """True when the words could be a heading: short, begun with a capital or number, mostly letters, not ended."""
    text = line.text
    letters = sum(char.isalpha() for char in text)
    return (
        0 < len(text.split()) <= _HEADING_WORDS
        and letters >= 3
        and letters >= 0.6 * len(text.replace(" ", ""))
        and (text[0].isupper() or text[0].isdigit())
        and text[-1] not in ".,;:"
        and not is_row(text)
    )


def is_row(text: str) -> bool:
    """True for a row of figures: at least two of its words are numbers, and they end the line."""
    figures = 0
    for word in reversed(_DATE.sub("date ", text).split()):
        if not _FIGURE.fullmatch(word):
            break
        figures += any(char.isdigit() for char in word) or word in "—–-"
    return figures >= 2 and any(char.isdigit() for char in text)


def _add_page(
    elements: list[Element], number: int, lines: Sequence[Line], levels: dict[float, int], body: float
) -> None:
    pitch = _pitch(lines)
    right = max((line.right for line in lines), default=0.0)
    previous: Line | None = None
    for position, line in enumerate(lines):
        unit = min(pitch, _WIDEST_PITCH * line.size)
        gap = (previous.bottom - line.bottom) / unit if previous is not None and unit else 1.0
        below = lines[position + 1 : position + 2 + _HEADINGS_IN_A_ROW]
        kind, level = _kind(line, gap if previous is not None else 9.0, below, levels, body)
        last = elements[-1] if elements else None
        if last is not None and _joins(last, kind, level, previous, line, gap, right):
            if position == 0:
                last.page_starts.append((number, _joined_length(last, line.text, kind)))
            last.text = _join(last.text, line.text, kind)
        else:
            elements.append(Element(kind, line.text, level, [(number, 0)]))
        previous = line


def _pitch(lines: Sequence[Line]) -> float:
    """The page's usual distance between two base lines of one paragraph, in points; 0 when not known.

    The lower quartile, because a page of short paragraphs has more gaps between paragraphs than inside them.
    """
    gaps = sorted(a.bottom - b.bottom for a, b in pairwise(lines) if a.bottom - b.bottom > 1)
    return gaps[len(gaps) // 4] if gaps else 0.0


def _kind(
    line: Line, gap: float, below: Sequence[Line], levels: dict[float, int], body: float
) -> tuple[BlockKind, int]:
    if is_row(line.text):
        return BlockKind.TABLE, 0
    if body and _titled(line):
        if line.size >= body * _BIG and float(round(line.size)) in levels:
            return BlockKind.HEADING, levels[float(round(line.size))]
        stands_out = gap >= 1.2 and (line.bold or _NUMBERED_TITLE.match(line.text))
        if stands_out and line.size >= body * _NOT_SMALL and _leads_to_prose(line, below):
            return BlockKind.HEADING, len(levels) + 1
    return (BlockKind.LIST if _BULLET.match(line.text) else BlockKind.PARAGRAPH), 0


def _leads_to_prose(line: Line, below: Sequence[Line]) -> bool:
    """True when running text or a list follows, with no more than a few further headings between.

    Heads of columns are set in bold like headings, but rows or more fragments follow them; a list below several words
    is a table whose first column is numbered.
    """
    other = next((each for each in below if not (each.bold and _titled(each))), None)
    if other is None or is_row(other.text):
        return False
    if _BULLET.match(other.text):
        return len(line.text.split()) <= _SHORT_HEADING or bool(_NUMBERED_TITLE.match(line.text))
    return len(other.text.split()) >= _PROSE_WORDS


def _joins(
    last: Element, kind: BlockKind, level: int, previous: Line | None, line: Line, gap: float, right: float
) -> bool:
    """True when `line` goes on with the block `last`; `previous` is None at the top of a page."""
    if kind is BlockKind.HEADING or last.kind is BlockKind.HEADING:
        return kind is last.kind and level == last.level and previous is not None and gap <= 1.2
    if kind is BlockKind.TABLE or last.kind is BlockKind.TABLE:
        return kind is last.kind and previous is not None
    if kind is BlockKind.LIST:
        return last.kind is BlockKind.LIST and previous is not None
    goes_on = not _ENDS.search(last.text) and (line.text[0].islower() or last.text.endswith((",", "-")))
    if previous is None or gap < 0:
        return goes_on
    if gap > _PARAGRAPH_GAP:
        return False
    if not line.size:
        return goes_on
    if abs(line.size - previous.size) > 0.09 * line.size or line.bold != previous.bold:
        return goes_on
    short = right > 0 and previous.right < 0.8 * right
    return goes_on if short else True


def _join(text: str, more: str, kind: BlockKind) -> str:
    return text[: _kept_length(text, more, kind)] + _glue(text, more, kind) + more


def _joined_length(last: Element, more: str, kind: BlockKind) -> int:
    """Where `more` will begin in the joined text."""
    return _kept_length(last.text, more, kind) + len(_glue(last.text, more, kind))


def _hyphenated(text: str, more: str) -> bool:
    """True when the hyphen at the end only breaks the line: a lower-case letter on both sides."""
    return len(text) > 2 and text[-1] in "-\u00ad" and text[-2].islower() and more[:1].islower()


def _kept_length(text: str, more: str, kind: BlockKind) -> int:
    return len(text) - 1 if kind is BlockKind.PARAGRAPH and _hyphenated(text, more) else len(text)


def _glue(text: str, more: str, kind: BlockKind) -> str:
    if kind in {BlockKind.TABLE, BlockKind.LIST}:
        return "\n"
    return "" if _hyphenated(text, more) else " "
