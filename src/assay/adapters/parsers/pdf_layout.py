"""From the lines of PDF pages to paragraphs, headings, lists and rows of figures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from assay.adapters.parsers.pdf_lines import Line, is_row, table_lines
from assay.adapters.parsers.pdf_running import drop_running
from assay.records.documents import BlockKind

_BULLET = re.compile(r"[•◦▪●·‣–*-]\s|\(?(?:\d{1,2}|[a-z])[.)]\s")
_COMPOUND = re.compile(r"[^\W\d_]+-[^\W\d_]+")
_BROKEN = re.compile(r"([^\W\d_]+)[-\u00ad]$")
_GOES_ON = re.compile(r"[^\W\d_]+")
_ENDS = re.compile(r"[.!?:;…。！？][\"'”’)\]]*$")
_NUMBERED_TITLE = re.compile(r"(?:note|item|part|section|chapter|appendix|annex) [\dIVXA-F]+\b", re.IGNORECASE)
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
_LONGEST_WORD = 80
_LONGEST_BLOCK = 50_000
"""A block is copied with every line that joins it, so a sentence over two thousand pages is divided."""
_CAPTION_LINES = 6
_LABEL_WORDS = 14


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
    style = _Style(_body_size(kept), heading_sizes(kept), _hyphenated_words(kept))
    elements: list[Element] = []
    for number, lines in enumerate(kept, start=1):
        _add_page(elements, number, lines, style)
    return with_captions(elements)


@dataclass(frozen=True, slots=True)
class _Style:
    """What holds for the whole document: the body's size, heading levels by size, words that it writes with a hyphen
    inside a line."""

    body: float
    levels: dict[float, int]
    hyphenated: frozenset[str]


def _hyphenated_words(pages: Sequence[Sequence[Line]]) -> frozenset[str]:
    """Words such as `long-term`, in small letters; where such a word breaks at its hyphen, the hyphen stays."""
    return frozenset(
        word.lower() for lines in pages for line in lines if "-" in line.text for word in _COMPOUND.findall(line.text)
    )


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


def _add_page(elements: list[Element], number: int, lines: Sequence[Line], style: _Style) -> None:
    pitch = _pitch(lines)
    right = max((line.right for line in lines), default=0.0)
    rows = table_lines(lines)
    previous: Line | None = None
    for position, line in enumerate(lines):
        unit = min(pitch, _WIDEST_PITCH * line.size)
        gap = (previous.bottom - line.bottom) / unit if previous is not None and unit else 1.0
        below = lines[position + 1 : position + 2 + _HEADINGS_IN_A_ROW]
        if rows[position]:
            kind, level, text = BlockKind.TABLE, 0, line.row
        else:
            kind, level = _kind(line, gap if previous is not None else 9.0, below, style)
            text = line.text
        last = elements[-1] if elements else None
        if last is not None and _joins(last, kind, level, previous, line, gap, line.edge or right):
            if position == 0:
                last.page_starts.append((number, _joined_length(last, text, kind, style)))
            last.text = _join(last.text, text, kind, style)
        else:
            elements.append(Element(kind, text, level, [(number, 0)]))
        previous = line


def _pitch(lines: Sequence[Line]) -> float:
    """The page's usual distance between two base lines of one paragraph, in points; 0 when not known.

    The lower quartile, because a page of short paragraphs has more gaps between paragraphs than inside them.
    """
    gaps = sorted(a.bottom - b.bottom for a, b in pairwise(lines) if a.bottom - b.bottom > 1)
    return gaps[len(gaps) // 4] if gaps else 0.0


def _kind(line: Line, gap: float, below: Sequence[Line], style: _Style) -> tuple[BlockKind, int]:
    big = line.size >= style.body * _BIG and float(round(line.size)) in style.levels
    stands_out = gap >= 1.2 and (line.bold or _NUMBERED_TITLE.match(line.text))
    if style.body and (big or stands_out) and _titled(line):
        if big:
            return BlockKind.HEADING, style.levels[float(round(line.size))]
        if stands_out and line.size >= style.body * _NOT_SMALL and _leads_to_prose(line, below):
            return BlockKind.HEADING, len(style.levels) + 1
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
    if len(last.text) > _LONGEST_BLOCK:
        return False
    if kind is BlockKind.HEADING or last.kind is BlockKind.HEADING:
        return kind is last.kind and level == last.level and previous is not None and gap <= 1.2
    if kind is BlockKind.TABLE or last.kind is BlockKind.TABLE:
        return kind is last.kind and previous is not None
    if kind is BlockKind.LIST:
        return last.kind is BlockKind.LIST and previous is not None
    goes_on = not _ENDS.search(last.text[-8:]) and (line.text[0].islower() or last.text.endswith((",", "-")))
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


def _join(text: str, more: str, kind: BlockKind, style: _Style) -> str:
    kept, glue = _seam(text, more, kind, style)
    return text[:kept] + glue + more


def _joined_length(last: Element, more: str, kind: BlockKind, style: _Style) -> int:
    """Where `more` will begin in the joined text."""
    kept, glue = _seam(last.text, more, kind, style)
    return kept + len(glue)


def _seam(text: str, more: str, kind: BlockKind, style: _Style) -> tuple[int, str]:
    """How much of the text stays before `more`, and what comes between.

    A hyphen that only breaks the line goes: small letters on both sides, and no word of the document is written with
    it. Before a capital, and in words such as `long-term`, it stays.
    """
    if kind is BlockKind.TABLE:
        return len(text), "\n"
    broken = _BROKEN.search(text[-_LONGEST_WORD:]) if text.endswith(("-", "\u00ad")) else None
    goes_on = _GOES_ON.match(more)
    if kind is BlockKind.LIST and not (broken and goes_on and more[:1].islower()):
        return len(text), "\n"
    if broken is None or goes_on is None:
        return len(text), " "
    whole = f"{broken.group(1)}-{goes_on.group()}".lower()
    if broken.group(1)[-1].islower() and more[:1].islower() and whole not in style.hyphenated:
        return len(text) - 1, ""
    return len(text), ""
