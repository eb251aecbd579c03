"""Headers, footers and page numbers: what stands at the edge of many pages is no text of the document."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median

from assay.adapters.parsers.pdf_lines import Line

_NUMBER = re.compile(r"\d+")
_BARE_NUMBER = re.compile(r"(?:page\s*)?[-–—]?\s*\d{1,4}\s*[-–—]?(?:\s*(?:of|/)\s*\d{1,4})?", re.IGNORECASE)
_ROMAN = re.compile(r"[-–—]?\s*[ivxlc]{1,8}\s*[-–—]?")
MARKS_ALONE = re.compile(r"(?:\s*(?:[®™©†‡*]|\(\d{1,2}\)))+")
"""Raised marks, which some producers put into lines of their own, away from what they belong to."""
_SHARE = 0.2
_PAGES = 4
_FEWEST_PAGES = 3
_EDGE_LINES = 3
_MOST_NUMBERS = 6
_HEADING = 1.15


def drop_running(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """Pages without headers, footers, page numbers and lines of nothing but raised marks.

    A header or footer is one of the outermost three lines and stands word for word, but for one number that counts the
    pages, on at least a fifth of the pages and on four (on all of three). A bare number goes when it counts the pages
    in the same way. A line that differs in any other figure is text: the last row of a table is not a footer.
    """
    edges = [_edges(lines) for lines in pages]
    sizes = [line.size for lines in pages for line in lines if line.size]
    body = median(sizes) if sizes else 0.0
    counts: Counter[str] = Counter()
    for number, edge in enumerate(edges):
        counts.update({key for line in edge for key in _keys(line, number, body)})
    least = max(min(_PAGES, max(len(pages), _FEWEST_PAGES)), _SHARE * len(pages))
    result = []
    for number, (lines, edge) in enumerate(zip(pages, edges, strict=True)):
        gone = {
            id(line)
            for line in edge
            if any(counts[key] >= least for key in _keys(line, number, body)) or _numbers(line, number, counts)
        }
        result.append([line for line in lines if id(line) not in gone and not MARKS_ALONE.fullmatch(line.text)])
    return result


def _keys(line: Line, page: int, body: float) -> Iterator[str]:
    """The line itself, and for each number in it the line with that number as its distance from the page's.

    What is set larger than the body is a heading, and headings count too: `Lesson 1`, `Lesson 2`.
    """
    text = line.text
    yield text
    if line.size > _HEADING * body:
        return
    for match in list(_NUMBER.finditer(text))[:_MOST_NUMBERS]:
        if len(match.group()) <= 5:
            yield f"{text[: match.start()]}\0{int(match.group()) - page}\0{text[match.end() :]}"


def _numbers(line: Line, page: int, counts: Counter[str]) -> bool:
    """True for a bare page number: it is the page's own, or counts on from another page's."""
    text = line.text
    if not _BARE_NUMBER.fullmatch(text):
        return bool(_ROMAN.fullmatch(text)) and page < 40 and _roman(text.strip(" -–—")) == page + 1
    own = any(int(match.group()) == page + 1 for match in _NUMBER.finditer(text))
    return own or any(counts[key] > 1 for key in list(_keys(line, page, line.size))[1:])


def _roman(text: str) -> int:
    values = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}
    signs = [values[sign] for sign in text]
    return sum(-one if one < after else one for one, after in zip(signs, [*signs[1:], 0], strict=True))


def _edges(lines: Sequence[Line]) -> list[Line]:
    """The outermost lines: by their height on the page where it is known, else by their order."""
    placed = [line for line in lines if line.size > 0]
    if placed:
        lines = sorted(placed, key=lambda line: -line.bottom)
    if len(lines) <= 1:
        return []
    return [*lines[:_EDGE_LINES], *lines[max(_EDGE_LINES, len(lines) - _EDGE_LINES) :]]
