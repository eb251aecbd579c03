"""Presentations, slide by slide: titles as headings, bullets, tables and notes; hidden slides are left out."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any

from assay.adapters.parsers.copying import TextCopy, one_line
from assay.adapters.parsers.markup_xml import children, found, local, xml_root
from assay.adapters.parsers.stated import read_stated
from assay.adapters.parsers.unpacking import Unpacked, unpack
from assay.records.documents import BlockKind, Parsed
from assay.records.errors import InputError

_PRESENTATION = "ppt/presentation.xml"
_TITLES = frozenset({"title", "ctrTitle"})
_SKIPPED = frozenset({"dt", "ftr", "sldNum", "hdr"})
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_MAX_DEPTH = 6


class PptxParser:
    """A slide is a page. ECMA-376, PresentationML and DrawingML."""

    recipe = "pptx.v1"
    media_type = "application/vnd.openxmlformats-officedocument.presentationml.presentation"

    def parse(self, data: bytes, name: str) -> Iterator[Parsed]:
        box = unpack(data, name)
        if not box.has(_PRESENTATION):
            raise InputError(
                "ingest.unreadable_pptx", "this is no PowerPoint presentation", where=name,
                remedy="open it in a presentation program and save it as .pptx",
            )  # fmt: skip
        copy = TextCopy()
        hidden = 0
        for number, path in enumerate(_slides(box), start=1):
            slide = xml_root(box.read(path), name)
            start = copy.length
            if slide.get("show") == "0":
                hidden += 1
            else:
                _write_slide(copy, box, path, slide)
            copy.page(number, start)
        title, fields = _properties(box)
        stated = read_stated(fields, name)
        warnings = (f"ingest.hidden_slides: {hidden} hidden slides were left out",) if hidden else ()
        yield copy.parsed(title, language=stated.language, metadata=stated.metadata, warnings=warnings)


def _slides(box: Unpacked) -> list[str]:
    """Paths of the slides in the order of the presentation."""
    related = relations(box, _PRESENTATION)
    listed = found(xml_root(box.read(_PRESENTATION), box.where), "sldIdLst")
    ids = [child.get(_RELATION) for child in listed] if listed is not None else []
    return [related[one][1] for one in ids if one in related and box.has(related[one][1])]


def relations(box: Unpacked, part: str) -> dict[str, tuple[str, str]]:
    """Relationship id to the last word of its type and the path it leads to; those that lead outside are left out."""
    folder, file = posixpath.split(part)
    path = posixpath.join(folder, "_rels", f"{file}.rels")
    if not box.has(path):
        return {}
    return {
        one.get("Id", ""): (
            one.get("Type", "").rpartition("/")[2],
            posixpath.normpath(posixpath.join(folder, one.get("Target", "").lstrip("/")))
            if not one.get("Target", "").startswith("/")
            else one.get("Target", "").lstrip("/"),
        )
        for one in children(xml_root(box.read(path), box.where), "Relationship")
        if one.get("TargetMode") != "External"
    }


def _write_slide(copy: TextCopy, box: Unpacked, path: str, slide: Any) -> None:
    tree = found(slide, "spTree")
    shapes = list(_shapes(tree, 0)) if tree is not None else []
    for kind, shape in sorted(shapes, key=lambda one: one[0] != "title"):
        if kind == "table":
            copy.table(_rows(shape))
        elif kind == "title":
            copy.heading(" ".join(text for text, _ in _paragraphs(shape)), 1)
        else:
            _write_text(copy, _paragraphs(shape))
    notes = [target for kind, target in relations(box, path).values() if kind == "notesSlide" and box.has(target)]
    for target in notes:
        _write_notes(copy, xml_root(box.read(target), box.where))


def _shapes(tree: Any, depth: int) -> Iterator[tuple[str, Any]]:
    for shape in tree:
        name = local(shape)
        if name == "grpSp" and depth < _MAX_DEPTH:
            yield from _shapes(shape, depth + 1)
        elif name == "graphicFrame" and (table := found(shape, "tbl")) is not None:
            yield "table", table
        elif name == "sp" and found(shape, "txBody") is not None:
            kind = _placeholder(shape)
            if kind not in _SKIPPED:
                yield ("title" if kind in _TITLES else "text"), shape


def _placeholder(shape: Any) -> str:
    mark = found(shape, "ph")
    return mark.get("type", "body") if mark is not None else ""


def _paragraphs(shape: Any) -> list[tuple[str, int]]:
    """Each paragraph's text with its level."""
    body = found(shape, "txBody")
    made: list[tuple[str, int]] = []
    for paragraph in children(body, "p"):
        words = [
            (one.text or "") if local(one) == "t" else " " for one in paragraph.iter() if local(one) in ("t", "br")
        ]
        properties = next(iter(children(paragraph, "pPr")), None)
        level = properties.get("lvl", "0") if properties is not None else "0"
        text = one_line("".join(words))
        if text:
            made.append((text, min(int(level), _MAX_DEPTH) if level.isdecimal() else 0))
    return made


def _write_text(copy: TextCopy, paragraphs: list[tuple[str, int]]) -> None:
    if len(paragraphs) > 1:
        copy.add(BlockKind.LIST, "\n".join("  " * level + "- " + text for text, level in paragraphs))
    elif paragraphs:
        copy.add(BlockKind.PARAGRAPH, paragraphs[0][0])


def _rows(table: Any) -> list[list[str]]:
    return [
        [one_line(" ".join(one.text or "" for one in cell.iter() if local(one) == "t")) for cell in children(row, "tc")]
        for row in children(table, "tr")
    ]


def _write_notes(copy: TextCopy, notes: Any) -> None:
    tree = found(notes, "spTree")
    for shape in children(tree, "sp") if tree is not None else []:
        if _placeholder(shape) == "body" and found(shape, "txBody") is not None:
            text = " ".join(text for text, _ in _paragraphs(shape))
            copy.add(BlockKind.PARAGRAPH, f"Notes: {text}" if text else "")


def _properties(box: Unpacked) -> tuple[str, dict[str, Any]]:
    if not box.has("docProps/core.xml"):
        return "", {}
    known = {local(one): one.text or "" for one in xml_root(box.read("docProps/core.xml"), box.where)}
    return known.get("title", ""), {"modified": known.get("modified", ""), "language": known.get("language", "")}
