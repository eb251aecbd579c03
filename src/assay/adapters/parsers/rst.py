"""reStructuredText, read by docutils with everything that touches files, the network or raw markup switched off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from assay.adapters.parsers.copying import TextCopy, decode, one_line
from assay.adapters.parsers.stated import read_stated
from assay.records.documents import BlockKind, Parsed
from assay.records.errors import InputError

_SETTINGS: dict[str, Any] = {
    "_disable_config": True,
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "halt_level": 6,
    "report_level": 6,
    "warning_stream": "",
    "input_encoding": "unicode",
    "output_encoding": "unicode",
    "doctitle_xform": False,
    "sectsubtitle_xform": False,
    "smart_quotes": False,
    "line_length_limit": 1_000_000,
}
_ROLE = re.compile(r":[\w:.+-]+:`~?!?([^`<]*?)\s*(?:<[^`]*>)?`")
_DIRECTIVE = re.compile(r"^\.\.\s+([\w:+-]+)::[^\n]*\n?(?:[ \t]+:[\w-]+:[^\n]*\n)*")
_LEFT_OUT = frozenset(
    {"comment", "substitution_definition", "target", "pending", "raw", "image", "meta", "problematic_message"}
)
_SWITCHED_OFF = frozenset({"raw", "include", "csv-table"})
_LEAVES = frozenset({"paragraph", "rubric", "term", "attribution", "line", "subtitle", "caption"})


class RstParser:
    """Sections, lists, tables, code and admonitions. Directives and roles that only Sphinx knows keep their text."""

    recipe = "rst.v1"
    media_type = "text/x-rst"

    def parse(self, data: bytes, name: str) -> Iterator[Parsed]:
        text, warnings = decode(data, name)
        copy = TextCopy()
        document = _document(_ROLE.sub(lambda match: match.group(1), text), name)
        fields: dict[str, str] = {}
        for node in document.children:
            _write(copy, node, 0, fields)
        stated = read_stated(fields, name)
        yield copy.parsed(stated.title, language=stated.language, metadata=stated.metadata, warnings=warnings)


def _document(text: str, name: str) -> Any:
    from docutils import core, utils

    try:
        return core.publish_doctree(text, settings_overrides=dict(_SETTINGS))
    except (utils.SystemMessage, RecursionError, AttributeError, ValueError, TypeError, LookupError) as error:
        raise InputError(
            "ingest.unreadable_rst", f"docutils cannot read it ({type(error).__name__})", where=name,
            remedy="build it with docutils or Sphinx to see what is wrong",
        ) from error  # fmt: skip


def _write(copy: TextCopy, node: Any, level: int, fields: dict[str, str]) -> None:
    kind = node.tagname
    if kind in _LEFT_OUT:
        return
    if kind == "system_message":
        _write_unknown(copy, node)
    elif kind == "section":
        for child in node.children:
            _write(copy, child, level + 1, fields)
    elif kind == "title":
        copy.heading(node.astext(), max(level, 1))
    elif kind == "docinfo":
        fields.update({child.tagname: child.astext() for child in node.children})
    elif kind in ("literal_block", "doctest_block", "math_block"):
        copy.add(BlockKind.CODE, node.astext())
    elif kind in ("bullet_list", "enumerated_list", "definition_list", "field_list", "option_list"):
        copy.add(BlockKind.LIST, "\n".join(_list_lines(node, 0)))
    elif kind == "table":
        _write_table(copy, node)
    elif kind == "block_quote":
        copy.add(BlockKind.QUOTE, "\n".join(one_line(child.astext()) for child in node.children))
    elif kind in _LEAVES:
        copy.add(BlockKind.PARAGRAPH, node.astext())
    elif hasattr(node, "children") and node.children and kind != "#text":
        for child in node.children:
            _write(copy, child, level, fields)


def _write_unknown(copy: TextCopy, message: Any) -> None:
    """What stood in a directive that docutils does not know, without the directive."""
    for node in message.children:
        if node.tagname == "literal_block":
            directive = _DIRECTIVE.match(node.astext())
            if directive is not None and directive.group(1) in _SWITCHED_OFF:
                continue
            body = _DIRECTIVE.sub("", node.astext())
            copy.add(BlockKind.PARAGRAPH, "\n".join(line.strip() for line in body.split("\n")))


def _list_lines(node: Any, depth: int) -> list[str]:
    lines: list[str] = []
    for number, item in enumerate(node.children, start=_start_of(node)):
        bullet = f"{number}. " if node.tagname == "enumerated_list" else "- "
        own: list[str] = []
        inner: list[str] = []
        for child in item.children:
            if child.tagname in ("bullet_list", "enumerated_list", "definition_list") and depth < 6:
                inner.extend(_list_lines(child, depth + 1))
            else:
                own.append(one_line(child.astext()))
        text = ": ".join(part for part in own if part) if node.tagname != "bullet_list" else " ".join(own)
        lines.append("  " * depth + bullet + text)
        lines.extend(inner)
    return lines


def _start_of(node: Any) -> int:
    start = node.get("start", 1)
    return start if isinstance(start, int) else 1


def _write_table(copy: TextCopy, table: Any) -> None:
    for node in table.children:
        if node.tagname == "title":
            copy.add(BlockKind.PARAGRAPH, node.astext())
    rows = [row for row in table.findall() if row.tagname == "row"]
    copy.table([[entry.astext() for entry in row.children] for row in rows])
