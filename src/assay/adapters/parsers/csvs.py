"""CSV: one document a row where rows are records with an id and a text, else the file as one table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace

from assay.adapters.parsers.copying import TextCopy, clean, decode, one_line
from assay.adapters.parsers.plain import add_paragraphs
from assay.adapters.parsers.stated import lines_of, read_stated
from assay.records.documents import BlockKind, Parsed
from assay.records.errors import InputError

_ID_COLUMNS = ("doc_id", "_id", "id")
_TEXT_COLUMNS = ("text", "body", "content", "answer", "article")
_TITLE_COLUMNS = ("title", "question", "subject", "name")
_STATED = frozenset({"tenant", "groups", "language", "lang", "modified", "url"})
_SNIFFED_CHARS = 20_000
_MAX_CELL_CHARS = 100_000_000
"""Python's own limit, 131,072, is less than some articles have. It is one setting for the whole process."""


class CsvParser:
    """Rows are documents when the header names an id (`id`, `_id`, `doc_id`) and a text (`text`, `body`, `content`,
    `answer`, `article`); columns with no meaning of their own follow the text as `name: value` lines. `_id` and
    `doc_id` are the document's id; `id` counts only inside its file. Any other file is one table, in which every cell
    carries its column's name, so that a row quoted alone still says what it means.
    """

    recipe = "csv.v1"
    media_type = "text/csv"

    def parse(self, data: bytes, name: str) -> Iterator[Parsed]:
        text, warnings = decode(data, name)
        rows = _rows(text, name)
        if not rows:
            yield TextCopy().parsed(warnings=warnings)
            return
        header = [one_line(cell) for cell in rows[0][1]]
        lowered = [cell.lower() for cell in header]
        ids = next((column for column in _ID_COLUMNS if column in lowered), "")
        texts = next((column for column in _TEXT_COLUMNS if column in lowered), "")
        if ids and texts and len(rows) > 1:
            for line, row in rows[1:]:
                yield _record(lowered, row, ids, texts, f"{name}:{line}")
        else:
            yield _table(header, [row for _, row in rows[1:]], warnings)


def _rows(text: str, name: str) -> list[tuple[int, list[str]]]:
    """Rows that hold something, each with the number of its last line."""
    head = text[:_SNIFFED_CHARS].split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    csv.field_size_limit(_MAX_CELL_CHARS)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise InputError(
            "ingest.unreadable_csv",
            "the rows cannot be told apart: a quotation mark is not closed or a cell is too long",
            where=f"{name}:{reader.line_num}",
            remedy="write the file with a spreadsheet or a CSV library",
        ) from error


def _record(header: list[str], row: list[str], ids: str, texts: str, where: str) -> Parsed:
    fields = dict(zip(header, row, strict=False))
    record_id = one_line(fields.get(ids, ""))
    if not record_id:
        return Parsed("", (), record_id=where, warnings=(f"ingest.bad_record: {where}: the row has no {ids}",))
    title = next((column for column in _TITLE_COLUMNS if column in fields), "")
    used = {ids, texts, title} | _STATED
    given = {column: fields[column] for column in _STATED & fields.keys() if fields[column].strip()}
    stated = read_stated(given | ({"id": record_id} if ids != "id" else {}), where)
    copy = TextCopy()
    add_paragraphs(copy, clean(fields.get(texts, "")))
    copy.add(BlockKind.LIST, lines_of((column, value) for column, value in fields.items() if column not in used))
    parsed = copy.parsed(fields.get(title, ""), language=stated.language, metadata=stated.metadata)
    return replace(parsed, record_id=record_id, access=stated.access)


def _table(header: list[str], rows: list[list[str]], warnings: tuple[str, ...]) -> Parsed:
    copy = TextCopy()
    if rows:
        named = [
            [f"{column}: {one_line(cell)}" if column else cell for column, cell in _cells(header, row)] for row in rows
        ]
        copy.table(named)
    else:
        copy.table([header])
    return copy.parsed(warnings=warnings)


def _cells(header: list[str], row: list[str]) -> Iterator[tuple[str, str]]:
    for position, cell in enumerate(row):
        if cell.strip():
            yield (header[position] if position < len(header) else ""), cell
