"""Files of other tools, read within limits: a log is somebody else's data, and may be broken or hostile."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assay.records.errors import InputError

MAX_FILE = 1 << 30
"""One gigabyte: a larger file is refused, since JSON has to be held in memory."""
MAX_FIELD = 64 << 20


def read_bytes(path: Path) -> bytes:
    """The whole file. Raises InputError when it is not there or too large."""
    try:
        size = path.stat().st_size
        if size > MAX_FILE:
            raise InputError(
                "import.too_large", f"holds {size >> 20} MB, more than {MAX_FILE >> 20} MB can be read", where=str(path)
            )
        return path.read_bytes()
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise InputError("import.unreadable", f"cannot be read ({reason})", where=str(path)) from error


def read_json(data: bytes, name: str) -> Any:
    """A JSON value. `NaN` is let through, as Python's own tools write it; whoever reads a score refuses it."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise InputError("import.bad_json", "is no JSON, or is cut off", where=name) from None


def read_jsonl(data: bytes, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Numbered objects, one a line; blank lines are passed over."""
    for line, text in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not text.strip():
            continue
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            raise InputError("import.bad_json", "is no JSON, or is cut off", where=f"{name}: line {line}") from None
        if not isinstance(value, dict):
            raise InputError("import.bad_json", "must be an object", where=f"{name}: line {line}")
        yield line, value


def read_table(data: bytes, name: str) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """The header of a CSV file, and its rows by column with the line each ends in. Raises InputError."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("import.not_utf8", "is not UTF-8", where=name) from None
    before = csv.field_size_limit(MAX_FIELD)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        lines = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error:
        raise InputError("import.bad_csv", "is no CSV", where=f"{name}: line {reader.line_num}") from None
    finally:
        csv.field_size_limit(before)
    if not lines:
        raise InputError("import.empty", "there is no line in it", where=name)
    header = [column.strip() for column in lines[0][1]]
    if len(set(header)) < len(header):
        raise InputError("import.bad_csv", "two columns have one name", where=f"{name}: line 1")
    rows = []
    for line, row in lines[1:]:
        if len(row) > len(header):
            raise InputError("import.bad_csv", "has more columns than the header", where=f"{name}: line {line}")
        rows.append((line, dict(zip(header, row, strict=False))))
    return header, rows
