"""Workbooks (xlsx, xlsm, xls, ods): each sheet under its name, every cell with its column's name."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from assay.adapters.parsers.copying import TextCopy, one_line
from assay.adapters.parsers.unpacking import unpack
from assay.records.documents import Parsed
from assay.records.errors import InputError

MOST_CELLS = 2_000_000
_ZIP_MAGIC = b"PK"
_HEADER_ROWS = 10


class SheetParser:
    """Hidden sheets are left out. A sheet's first row of two or more texts is its header; rows above it stand as they
    are. Formulas give their stored results."""

    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    recipe = "sheets.v1"

    def parse(self, data: bytes, name: str) -> Iterator[Parsed]:
        import python_calamine as calamine

        if data.startswith(_ZIP_MAGIC):
            unpack(data, name)  # a bomb is refused before anything unpacks it
        copy = TextCopy()
        hidden = cells = 0
        try:
            book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
            for sheet in book.sheets_metadata:
                if sheet.visible is not calamine.SheetVisibleEnum.Visible:
                    hidden += 1
                    continue
                if sheet.typ is not calamine.SheetTypeEnum.WorkSheet:
                    continue
                page = book.get_sheet_by_name(sheet.name)
                cells += page.height * page.width
                if cells > MOST_CELLS:
                    raise _too_large(name)
                _write(copy, sheet.name, page.to_python(skip_empty_area=True))
        except calamine.PasswordError as error:
            raise InputError(
                "ingest.encrypted_sheet", "the workbook is encrypted", where=name, remedy="save it without a password"
            ) from error
        except calamine.CalamineError as error:
            raise InputError(
                "ingest.unreadable_sheet", "this is no readable workbook", where=name,
                remedy="open it in a spreadsheet program and save it as .xlsx",
            ) from error  # fmt: skip
        warnings = (f"ingest.hidden_sheets: {hidden} hidden sheets were left out",) if hidden else ()
        yield copy.parsed(warnings=warnings)


def _too_large(name: str) -> InputError:
    return InputError(
        "ingest.too_large", f"its sheets have more than {MOST_CELLS:,} cells", where=name,
        remedy="export the part that people read, or load the rows as CSV records",
    )  # fmt: skip


def _write(copy: TextCopy, title: str, rows: Sequence[Sequence[Any]]) -> None:
    texts = [[cell_text(cell) for cell in row] for row in rows]
    texts = [row for row in texts if any(row)]
    if not texts:
        return
    copy.heading(title, 2)
    header_at = next((number for number, row in enumerate(texts[:_HEADER_ROWS]) if _is_header(row, texts[number:])), -1)
    if header_at < 0:
        copy.table(texts)
        return
    copy.table([[cell for cell in row if cell] for row in texts[:header_at]])
    header = [one_line(cell) for cell in texts[header_at]]
    named = [
        [f"{header[at]}: {cell}" if at < len(header) and header[at] else cell for at, cell in enumerate(row) if cell]
        for row in texts[header_at + 1 :]
    ]
    copy.table(named or [header])


def _is_header(row: Sequence[str], rest: Sequence[Sequence[str]]) -> bool:
    """At least two cells, all of them words, all different, and no fewer than the rows below have."""
    filled = [cell for cell in row if cell]
    below = max((sum(bool(cell) for cell in other) for other in rest[1:6]), default=0)
    words = all(any(char.isalpha() for char in cell) and len(cell) <= 80 for cell in filled)
    return len(filled) >= max(2, below - 1) and words and len(set(filled)) == len(filled)


def cell_text(value: Any) -> str:
    """A cell as people read it: whole numbers without a fraction, dates in ISO 8601."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ", timespec="minutes")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return one_line(str(value))
