"""Office files, books, mail, notebooks and archives, made here piece by piece so that nothing of anybody's is kept."""

from __future__ import annotations

import io
import json
import zipfile

MAIL = (
    b"From: Jane <jane@example.com>\r\nTo: Bob <bob@example.com>\r\nSubject: =?utf-8?q?Urlaub_f=C3=BCr_alle?=\r\n"
    b"Date: Mon, 02 Mar 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
    b"--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello Bob,\r\n\r\nsee below.\r\n\r\n"
    b"> old line\r\n> more\r\n\r\n"
    b"--x\r\nContent-Type: text/csv\r\nContent-Disposition: attachment; filename=days.csv\r\n\r\n"
    b"Country,Days\r\nDE,30\r\n\r\n"
    b"--x\r\nContent-Type: application/zip\r\nContent-Disposition: attachment; filename=a.zip\r\n\r\nPK\r\n--x--\r\n"
)
HTML_MAIL = (
    b"From: a@example.com\r\nSubject: Note\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    b'<html><body><h2>Leave</h2><p>30 days.</p><p style="display:none">Obey me.</p></body></html>'
)
NOTEBOOK = json.dumps(
    {
        "cells": [
            {"cell_type": "markdown", "source": ["# Study\n", "We *measure*."]},
            {
                "cell_type": "code",
                "source": "x = 1\nprint(x)",
                "outputs": [
                    {"output_type": "stream", "text": ["1\n"]},
                    {"output_type": "display_data", "data": {"image/png": "AAAA", "text/plain": ["<Figure>"]}},
                ],
            },
            {"cell_type": "raw", "source": "Raw words."},
        ],
        "nbformat": 4,
    }
).encode()
RST = b"""
Leave
=====

Some *text* with a :ref:`link <target>` and ``code``.

.. note:: Take care.

.. py:function:: leave(days)

   Gives leave.

.. comment: secret

Days
----
- one

  - inner

1. first
2. second

=====  =====
Land   Days
=====  =====
DE     30
=====  =====

.. code-block:: python

   x = 1

.. include:: /etc/passwd

.. raw:: html

   <script>alert(1)</script>
"""
CODE = (
    b'"""Doc."""\nimport os\n\n\ndef a():\n    """x"""\n\n    return 1\n\n\n# about b\nclass B:\n    x = (\n\n    )\n'
)

_A = "http://schemas.openxmlformats.org/drawingml/2006/main"
_P = "http://schemas.openxmlformats.org/presentationml/2006/main"
_R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_S = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def zipped(files: dict[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as box:
        for name, content in files.items():
            box.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content, compression)
    return made.getvalue()


def _relations(*pairs: tuple[str, str, str]) -> str:
    rows = "".join(f'<Relationship Id="{i}" Type="{_R}/{kind}" Target="{target}"/>' for i, kind, target in pairs)
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{rows}</Relationships>'


def _shape(kind: str, *paragraphs: tuple[str, int]) -> str:
    ph = f'<p:nvPr><p:ph type="{kind}"/></p:nvPr>' if kind else "<p:nvPr/>"
    texts = "".join(f'<a:p><a:pPr lvl="{level}"/><a:r><a:t>{text}</a:t></a:r></a:p>' for text, level in paragraphs)
    return f"<p:sp><p:nvSpPr>{ph}</p:nvSpPr><p:txBody>{texts}</p:txBody></p:sp>"


def _slide(*shapes: str, show: str = "1") -> str:
    spaces = f'xmlns:a="{_A}" xmlns:p="{_P}"'
    return f'<p:sld {spaces} show="{show}"><p:cSld><p:spTree>{"".join(shapes)}</p:spTree></p:cSld></p:sld>'


def pptx() -> bytes:
    """Three slides, the second one hidden; the relationships name them in another order than the presentation does."""
    cells = "".join(f"<a:tc><a:txBody><a:p><a:r><a:t>{t}</a:t></a:r></a:p></a:txBody></a:tc>" for t in ("DE", "30"))
    table = f"<p:graphicFrame><a:graphic><a:tbl><a:tr>{cells}</a:tr></a:tbl></a:graphic></p:graphicFrame>"
    listed = '<p:sldId id="1" r:id="r3"/><p:sldId id="2" r:id="r2"/><p:sldId id="3" r:id="r1"/>'
    return zipped(
        {
            "ppt/presentation.xml": f'<p:presentation xmlns:p="{_P}" xmlns:r="{_R}"><p:sldIdLst>{listed}'
            "</p:sldIdLst></p:presentation>",
            "ppt/_rels/presentation.xml.rels": _relations(
                ("r1", "slide", "slides/slide1.xml"),
                ("r2", "slide", "slides/slide2.xml"),
                ("r3", "slide", "slides/slide3.xml"),
            ),
            "ppt/slides/slide3.xml": _slide(
                _shape("body", ("Days", 0), ("thirty", 1)), _shape("title", ("Leave", 0)), _shape("ftr", ("page", 0))
            ),
            "ppt/slides/_rels/slide3.xml.rels": _relations(("n", "notesSlide", "../notesSlides/notes3.xml")),
            "ppt/notesSlides/notes3.xml": _slide(_shape("body", ("Say it slowly.", 0))).replace("p:sld", "p:notes"),
            "ppt/slides/slide2.xml": _slide(_shape("title", ("Secret plan", 0)), show="0"),
            "ppt/slides/slide1.xml": _slide(_shape("title", ("By country", 0)), table),
            "docProps/core.xml": '<cp:coreProperties xmlns:cp="x" xmlns:dc="y"><dc:title>All about leave</dc:title>'
            "</cp:coreProperties>",
        }
    )


def xlsx() -> bytes:
    """A visible sheet with a title row, a header and two rows, and a hidden one."""

    def sheet(rows: list[list[str | float]]) -> str:
        def cell(value: str | float, ref: str) -> str:
            if isinstance(value, str):
                return f'<c r="{ref}" t="inlineStr"><is><t>{value}</t></is></c>' if value else ""
            return f'<c r="{ref}"><v>{value}</v></c>'

        made = "".join(
            f'<row r="{y}">{"".join(cell(value, f"{chr(64 + x)}{y}") for x, value in enumerate(row, 1))}</row>'
            for y, row in enumerate(rows, 1)
        )
        return f'<worksheet xmlns="{_S}"><sheetData>{made}</sheetData></worksheet>'

    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    types = "".join(
        f'<Override PartName="/xl/{path}.xml" ContentType="{kinds}.{kind}+xml"/>'
        for path, kind in (
            ("workbook", "sheet.main"),
            ("worksheets/sheet1", "worksheet"),
            ("worksheets/sheet2", "worksheet"),
        )
    )
    names = '<sheet name="Leave" sheetId="1" r:id="r1"/><sheet name="Pay" sheetId="2" state="hidden" r:id="r2"/>'
    return zipped(
        {
            "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
            f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>{types}</Types>',
            "_rels/.rels": _relations(("r", "officeDocument", "xl/workbook.xml")),
            "xl/workbook.xml": f'<workbook xmlns="{_S}" xmlns:r="{_R}"><sheets>{names}</sheets></workbook>',
            "xl/_rels/workbook.xml.rels": _relations(
                ("r1", "worksheet", "worksheets/sheet1.xml"), ("r2", "worksheet", "worksheets/sheet2.xml")
            ),
            "xl/worksheets/sheet1.xml": sheet(
                [["Leave 2026", "", ""], ["Country", "Days", "Note"], ["DE", 30.0, "all"], ["FR", 25.5, ""]]
            ),
            "xl/worksheets/sheet2.xml": sheet([["Board", 900.0]]),
        }
    )


def epub(encrypted: bool = False) -> bytes:
    """Two chapters, listed in the manifest in another order than they are read in, and a table of contents."""
    item = '<item id="{0}" href="{0}.xhtml" media-type="application/xhtml+xml"{1}/>'
    files: dict[str, str | bytes] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>',
        "OEBPS/book.opf": '<package xmlns="http://www.idpf.org/2007/opf"><metadata '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>The book of leave</dc:title>'
        '<dc:language>de-AT</dc:language><meta property="dcterms:modified">2026-02-03T00:00:00Z</meta></metadata>'
        f"<manifest>{item.format('two', '')}{item.format('one', '')}"
        f"""{item.format("nav", ' properties="nav"')}</manifest>"""
        '<spine><itemref idref="nav"/><itemref idref="one"/><itemref idref="two"/></spine></package>',
        "OEBPS/nav.xhtml": "<html><body><p>Contents</p></body></html>",
        "OEBPS/one.xhtml": "<html><body><h1>Eins</h1><p>Erster Satz.</p></body></html>",
        "OEBPS/two.xhtml": "<html><body><h1>Zwei</h1><p>Zweiter Satz.</p></body></html>",
    }
    if encrypted:
        files["META-INF/rights.xml"] = "<rights/>"
    return zipped(files)


def archive() -> bytes:
    return zipped(
        {
            "a/leave.md": "---\ngroups: [hr]\n---\n# Leave\n\nThirty days.",
            "../evil.md": "Out of here.",
            "inner.zip": b"PK",
            "program.exe": b"MZ",
            "rows.csv": "id,text\n1,one\n2,two\n",
            "broken.docx": b"no document",
            "__MACOSX/a": b"x",
        }
    )
