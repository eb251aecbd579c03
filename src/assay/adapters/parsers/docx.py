"""Word documents: headings, paragraphs, lists and tables in the order of the document."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from assay.adapters.parsers.asides import Asides
from assay.adapters.parsers.copying import TextCopy
from assay.adapters.parsers.stated import read_stated
from assay.records.documents import Aside, BlockKind, Parsed
from assay.records.errors import InputError

if TYPE_CHECKING:
    from docx.table import Table
    from docx.text.paragraph import Paragraph

_HEADING_STYLE = re.compile(r"(?:Heading|heading|Überschrift|Titre|Título) ?([1-9])")
_OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MAX_UNPACKED_MB = 300
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_TINY_HALF_POINTS = 4
_FAILURES = (
    zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, SyntaxError, OSError, NotImplementedError,
)  # fmt: skip


class DocxParser:
    """Text of the body; headers, footers, comments and deleted text are left out."""

    recipe = "docx.v1"
    media_type = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

    def parse(self, data: bytes, name: str) -> Iterator[Parsed]:
        document = _open(data, name)
        copy = TextCopy()
        items: list[str] = []
        for block in document.iter_inner_content():
            if hasattr(block, "rows"):
                _end_list(copy, items)
                copy.table(_rows(block))
            else:
                _write_paragraph(copy, items, block)
        _end_list(copy, items)
        title, fields = _properties(document)
        stated = read_stated(fields, name)
        parsed = copy.parsed(title, language=stated.language, metadata=stated.metadata)
        yield replace(parsed, asides=_asides(document))


def _asides(document: Any) -> tuple[Aside, ...]:
    """Runs that Word does not show or shows in white or next to no size, and comments."""
    asides = Asides()
    for paragraph in document.element.body.iter(f"{_W}p"):
        asides.add("docx.hidden", "".join(_text(run) for run in paragraph.iter(f"{_W}r") if _unseen(run)), shown=True)
    for comment in document.comments if _has_comments(document) else ():
        asides.add("docx.comment", comment.text)
    return asides.found


def _has_comments(document: Any) -> bool:
    """Asked first, because python-docx makes the part where there is none."""
    return any(str(part.partname).lower() == "/word/comments.xml" for part in document.part.package.iter_parts())


def _text(run: Any) -> str:
    return "".join(part.text or "" for part in run.iter(f"{_W}t"))


def _unseen(run: Any) -> bool:
    """By what the run itself says; styles are not followed."""
    given = run.find(f"{_W}rPr")
    if given is None:
        return False
    vanish = given.find(f"{_W}vanish")
    if vanish is not None and vanish.get(f"{_W}val", "1") not in {"0", "false", "off"}:
        return True
    size, colour = given.find(f"{_W}sz"), given.find(f"{_W}color")
    if size is not None and (size.get(f"{_W}val") or "").isdigit() and int(size.get(f"{_W}val")) <= _TINY_HALF_POINTS:
        return True
    white = colour is not None and (colour.get(f"{_W}val") or "").upper() == "FFFFFF"
    shaded = any(given.find(f"{_W}{name}") is not None for name in ("shd", "highlight"))
    return white and not shaded and not _on_ground(run)


def _on_ground(run: Any) -> bool:
    """Whether the paragraph or the table cell that the run stands in has a ground of its own."""
    return any(
        node.find(f"{_W}{properties}/{_W}shd") is not None
        for name, properties in (("p", "pPr"), ("tc", "tcPr"), ("tbl", "tblPr"))
        for node in run.iterancestors(f"{_W}{name}")
    )


def _properties(document: Any) -> tuple[str, dict[str, Any]]:
    """Title and stated fields. python-docx invents properties, dated today, for a file without any: not taken."""
    if not any(str(part.partname).lower() == "/docprops/core.xml" for part in document.part.package.iter_parts()):
        return "", {}
    properties = document.core_properties
    return properties.title or "", {"modified": properties.modified, "language": properties.language or ""}


def _open(data: bytes, name: str) -> Any:
    import docx

    if data.startswith(_OLE_MAGIC):
        raise InputError(
            "ingest.encrypted_docx",
            "this is an encrypted or an old binary Word document",
            where=name,
            remedy="save it as .docx without a password",
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > _MAX_UNPACKED_MB * 1_000_000:
            raise InputError(
                "ingest.too_large",
                f"it unpacks to {unpacked / 1e6:.0f} MB, more than {_MAX_UNPACKED_MB} MB",
                where=name,
                remedy="remove large pictures, or split the document",
            )
        return docx.Document(io.BytesIO(data))
    except _FAILURES as error:
        raise InputError(
            "ingest.unreadable_docx",
            f"this is no readable Word document ({type(error).__name__})",
            where=name,
            remedy="open it in a word processor and save it again as .docx",
        ) from error


def _write_paragraph(copy: TextCopy, items: list[str], paragraph: Paragraph) -> None:
    style = (paragraph.style.name or "") if paragraph.style is not None else ""
    heading = _HEADING_STYLE.fullmatch(style)
    text = paragraph.text
    if heading or style == "Title":
        _end_list(copy, items)
        copy.heading(text, int(heading.group(1)) if heading else 1)
    elif text.strip() and (style.startswith("List") or _numbered(paragraph)):
        items.append("  " * _depth(paragraph, style) + "- " + " ".join(text.split()))
    else:
        _end_list(copy, items)
        copy.add(BlockKind.QUOTE if "Quote" in style else BlockKind.PARAGRAPH, text)


def _end_list(copy: TextCopy, items: list[str]) -> None:
    copy.add(BlockKind.LIST, "\n".join(items))
    items.clear()


def _numbered(paragraph: Paragraph) -> bool:
    properties = paragraph._p.pPr
    return properties is not None and properties.numPr is not None


def _depth(paragraph: Paragraph, style: str) -> int:
    """Nesting of a list paragraph, from its numbering level or a style such as `List Bullet 2`."""
    if _numbered(paragraph):
        properties: Any = paragraph._p.pPr
        level = properties.numPr.ilvl
        return min(int(level.val), 6) if level is not None else 0
    return int(style[-1]) - 1 if style[-1:] in {"2", "3", "4", "5"} else 0


def _rows(table: Table) -> list[list[str]]:
    """Cell texts row by row; a merged cell is told once."""
    rows = []
    for row in table.rows:
        cells: list[str] = []
        last = None
        for cell in row.cells:
            if cell._tc is not last:
                cells.append(cell.text)
            last = cell._tc
        rows.append(cells)
    return rows
