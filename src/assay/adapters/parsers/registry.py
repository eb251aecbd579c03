"""Which parser reads which suffix."""

from __future__ import annotations

from collections.abc import Mapping

from assay.adapters.parsers.archives import ZipParser
from assay.adapters.parsers.code import SUFFIXES, CodeParser
from assay.adapters.parsers.csvs import CsvParser
from assay.adapters.parsers.docx import DocxParser
from assay.adapters.parsers.epub import EpubParser
from assay.adapters.parsers.html import HtmlParser
from assay.adapters.parsers.jsonl import JsonlParser
from assay.adapters.parsers.mail import MailParser
from assay.adapters.parsers.markdown import MarkdownParser
from assay.adapters.parsers.notebooks import NotebookParser
from assay.adapters.parsers.pdf import PdfParser
from assay.adapters.parsers.plain import TextParser
from assay.adapters.parsers.pptx import PptxParser
from assay.adapters.parsers.rst import RstParser
from assay.adapters.parsers.sheets import SheetParser
from assay.ports.reading import Parser


def parsers() -> Mapping[str, Parser]:
    """Parsers by file suffix in lower case, with its dot. No parsing library is loaded before the first `parse`."""
    markdown, html, text, code, sheets = MarkdownParser(), HtmlParser(), TextParser(), CodeParser(), SheetParser()
    return {
        **dict.fromkeys(SUFFIXES, code),
        ".md": markdown,
        ".markdown": markdown,
        ".md.erb": markdown,
        ".html": html,
        ".htm": html,
        ".xhtml": html,
        ".txt": text,
        ".text": text,
        ".pdf": PdfParser(),
        ".docx": DocxParser(),
        ".csv": CsvParser(),
        ".jsonl": JsonlParser(),
        ".ndjson": JsonlParser(),
        ".pptx": PptxParser(),
        ".xlsx": sheets,
        ".xlsm": sheets,
        ".xls": sheets,
        ".ods": sheets,
        ".epub": EpubParser(),
        ".ipynb": NotebookParser(),
        ".rst": RstParser(),
        ".eml": MailParser(parsers),
        ".zip": ZipParser(parsers),
    }
