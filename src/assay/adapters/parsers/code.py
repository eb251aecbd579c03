"""Source code: one block for each top-level piece, so that a function is found and quoted whole."""

from __future__ import annotations

import re
from collections.abc import Iterator

from assay.adapters.parsers.copying import TextCopy, decode
from assay.records.documents import BlockKind, Parsed

SUFFIXES = (
    ".py", ".pyi", ".js", ".mjs", ".jsx", ".ts", ".tsx", ".java", ".kt", ".go", ".rs", ".c", ".h", ".cc", ".cpp",
    ".hpp", ".cs", ".rb", ".php", ".swift", ".scala", ".sh", ".bash", ".sql", ".r", ".lua", ".pl", ".proto", ".tf",
)  # fmt: skip
_CLOSING = re.compile(r"[)\]}]|end\b|else\b|elif\b|except\b|finally\b|catch\b")
"""Lines at the left margin that still belong to what stands above them."""


class CodeParser:
    """A piece begins at a line without indent after a blank line; a comment directly above stays with it."""

    recipe = "code.v1"
    media_type = "text/x-source"

    def parse(self, data: bytes, name: str) -> Iterator[Parsed]:
        text, warnings = decode(data, name)
        copy = TextCopy()
        for piece in pieces(text):
            copy.add(BlockKind.CODE, piece)
        yield copy.parsed(warnings=warnings)


def pieces(text: str) -> list[str]:
    """The text cut before lines at the left margin that follow a blank line."""
    made: list[list[str]] = [[]]
    blank = False
    for line in text.split("\n"):
        at_margin = bool(line) and not line[0].isspace()
        if blank and at_margin and not _CLOSING.match(line):
            made.append([])
        made[-1].append(line)
        blank = not line.strip()
    return ["\n".join(lines) for lines in made]
