"""Jupyter notebooks: Markdown cells as Markdown, code cells as code, and what they printed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from assay.adapters.parsers.copying import TextCopy, decode
from assay.adapters.parsers.markdown import write_markdown
from assay.adapters.parsers.plain import add_paragraphs
from assay.records.documents import BlockKind, Parsed
from assay.records.errors import InputError

_MOST_OUTPUT_CHARS = 2_000
"""More of one output is data, not something people read."""


class NotebookParser:
    """nbformat 3 and 4. Pictures and HTML outputs are left out."""

    recipe = "notebook.v1"
    media_type = "application/x-ipynb+json"

    def parse(self, data: bytes, name: str) -> Iterator[Parsed]:
        text, warnings = decode(data, name)
        try:
            book = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _unreadable(name) from error
        if not isinstance(book, dict):
            raise _unreadable(name)
        cells = book.get("cells")
        if cells is None and isinstance(book.get("worksheets"), list):
            cells = [cell for sheet in book["worksheets"] if isinstance(sheet, dict) for cell in sheet.get("cells", [])]
        if not isinstance(cells, list):
            raise _unreadable(name)
        copy = TextCopy()
        for cell in cells:
            if isinstance(cell, dict):
                _write(copy, cell, name)
        yield copy.parsed(warnings=warnings)


def _unreadable(name: str) -> InputError:
    return InputError(
        "ingest.unreadable_notebook", "this is no Jupyter notebook", where=name, remedy="save it in Jupyter again"
    )


def _write(copy: TextCopy, cell: dict[str, Any], name: str) -> None:
    source = _joined(cell.get("source", cell.get("input", "")))
    kind = cell.get("cell_type")
    if kind == "markdown":
        write_markdown(copy, source, name)
    elif kind == "heading":
        level = cell.get("level", 1)
        copy.heading(source, level if isinstance(level, int) else 1)
    elif kind == "code":
        copy.add(BlockKind.CODE, source)
        for output in cell.get("outputs", []) if isinstance(cell.get("outputs"), list) else []:
            _write_output(copy, output)
    else:
        add_paragraphs(copy, source)


def _write_output(copy: TextCopy, output: object) -> None:
    if not isinstance(output, dict):
        return
    data = output.get("data")
    text = _joined(output.get("text", "")) or _joined(data.get("text/plain", "") if isinstance(data, dict) else "")
    if text.strip():
        shown = text if len(text) <= _MOST_OUTPUT_CHARS else text[:_MOST_OUTPUT_CHARS].rsplit("\n", 1)[0]
        copy.add(BlockKind.CODE, shown)


def _joined(value: object) -> str:
    if isinstance(value, str):
        return value
    return "".join(part for part in value if isinstance(part, str)) if isinstance(value, list) else ""
