"""Plain text: paragraphs separated by blank lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from assay.adapters.parsers.copying import TextCopy, decode
from assay.records.documents import BlockKind, Parsed

_BLANK = re.compile(r"\n[^\S\n]*\n+")
_LIST_LINE = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s")


def add_paragraphs(copy: TextCopy, text: str) -> None:
    """Write `text` block by block; a block whose every line begins with a bullet is a list."""
    for piece in _BLANK.split(text):
        lines = [line for line in piece.split("\n") if line.strip()]
        listed = len(lines) > 1 and all(_LIST_LINE.match(line) for line in lines)
        copy.add(BlockKind.LIST if listed else BlockKind.PARAGRAPH, piece)


class TextParser:
    """Plain text in UTF-8 or a near relative; no headings are guessed. Without a title the file's name serves."""

    recipe = "text.v1"
    media_type = "text/plain"

    def parse(self, data: bytes, name: str) -> Iterator[Parsed]:
        text, warnings = decode(data, name)
        copy = TextCopy()
        add_paragraphs(copy, text)
        yield copy.parsed(warnings=warnings)
