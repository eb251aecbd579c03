"""Replies that were recorded elsewhere, read from a file by case id, as a system under test."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.adapters.systems.said import KEYS, BadReply, events
from assay.records.dialogue import Finished, Outcome, ReplyEvent, Request, StageDone
from assay.records.errors import InputError

ID_KEYS = ("id", "case_id", "case")
TEXT_KEYS = ("answer", "text", "reply", "output", "response")
"""The first of these is the answer where there is no `answer`."""
RECORDED = "recorded"
_JSON_COLUMNS = frozenset({"scores", "fields", "spans", "tools", "citations", "passages", "usage"})
_NUMBERS = frozenset({"confidence", "duration_ms"})
_FLAT_USAGE = ("tokens_in", "tokens_out", "cost_usd")
LARGEST = 2**31


@dataclass(frozen=True)
class RecordedSystem:
    """A `System` that says what was recorded for a case and repeat; a recording without a repeat serves repeat 0 only,
    because the same reply twice is no second reply. One that is missing is a failed reply (`replies.missing`)."""

    name: str
    replies: Mapping[tuple[str, int], tuple[ReplyEvent, ...]]
    file_sha256: str

    @property
    def recipe(self) -> str:
        return f"replies.v1(file={self.file_sha256[:12]}, replies={len(self.replies)})"

    @property
    def case_ids(self) -> frozenset[str]:
        return frozenset(case_id for case_id, _ in self.replies)

    async def answer(self, request: Request) -> AsyncIterator[ReplyEvent]:
        wanted = request.metadata.get("case", ""), int(request.metadata.get("repeat", "0"))
        for event in self.replies.get(wanted, (Finished(Outcome.FAILED, "replies.missing"),)):
            yield event


def read_replies(path: Path, name: str = "") -> RecordedSystem:
    """Read a JSONL or CSV file. Raises InputError (`replies.unreadable`, `replies.invalid`, `replies.duplicate_id`,
    `replies.empty`) that names the line and never repeats what stands there; nothing is taken from a file with a
    mistake."""
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise InputError("replies.unreadable", f"cannot read it ({error.strerror})", where=str(path)) from None
    except UnicodeDecodeError:
        raise InputError("replies.unreadable", "the file is not UTF-8", where=str(path)) from None
    rows = _csv_rows(text, path) if path.suffix.lower() == ".csv" else _jsonl_rows(text, path)
    replies: dict[tuple[str, int], tuple[ReplyEvent, ...]] = {}
    lines: dict[tuple[str, int], int] = {}
    for line, row in rows:
        key, made = _reply(row, path, line)
        if key in replies:
            raise InputError(
                "replies.duplicate_id", f"a reply to this case stands in line {lines[key]} already",
                where=f"{path}:{line}", remedy="number repeats with the key repeat, from 0",
            )  # fmt: skip
        replies[key], lines[key] = made, line
    if not replies:
        raise InputError("replies.empty", "there is no reply in it", where=str(path))
    return RecordedSystem(name or path.stem, replies, hashlib.sha256(data).hexdigest())


def _reply(row: Mapping[str, Any], path: Path, line: int) -> tuple[tuple[str, int], tuple[ReplyEvent, ...]]:
    case_id = next((row[key] for key in ID_KEYS if row.get(key) not in (None, "")), None)
    if isinstance(case_id, int) and not isinstance(case_id, bool):
        case_id = str(case_id)
    if not isinstance(case_id, str):
        raise _invalid(path, line, f"no case id ({', '.join(ID_KEYS)})")
    repeat = row.get("repeat") or 0
    if not str(repeat).isdigit():
        raise _invalid(path, line, "repeat is no whole number from 0")
    said = {key: value for key, value in row.items() if key in KEYS}
    said["answer"] = next((row[key] for key in TEXT_KEYS if row.get(key) is not None), None)
    if (flat := {key: row[key] for key in _FLAT_USAGE if row.get(key) not in (None, "")}) and "usage" not in said:
        said["usage"] = flat
    timed = int(said.get("duration_ms") is not None)
    try:
        made = (StageDone(RECORDED, 0.0, 0.0, {"timed": timed}), *events(said))
    except BadReply as error:
        raise _invalid(path, line, f"{error.key} has a wrong type") from None
    return (case_id, int(repeat)), made


def _invalid(path: Path, line: int, what: str) -> InputError:
    return InputError("replies.invalid", what, where=f"{path}:{line}", remedy="docs/evaluating.md shows the format")


def _jsonl_rows(text: str, path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for line, one in enumerate(text.split("\n"), start=1):
        if one.strip():
            try:
                row = json.loads(one, parse_constant=_refuse)
            except (ValueError, RecursionError):
                raise _invalid(path, line, "this is no JSON") from None
            if not isinstance(row, dict):
                raise _invalid(path, line, "this is no JSON object")
            yield line, row


def _refuse(_constant: str) -> None:
    raise ValueError


def _csv_rows(text: str, path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    csv.field_size_limit(LARGEST - 1)
    reader = csv.DictReader(io.StringIO(text, newline=""), restval=None, restkey="\0")
    while True:
        try:
            row = next(reader, None)
        except csv.Error:
            raise _invalid(path, reader.line_num, "this is no CSV") from None
        if row is None:
            return
        if "\0" in row:
            raise _invalid(path, reader.line_num, "the line has more columns than the first one")
        yield reader.line_num, {key: _cell(key, value, path, reader.line_num) for key, value in row.items() if value}


def _cell(key: str, value: str, path: Path, line: int) -> Any:
    try:
        if key in _JSON_COLUMNS:
            return json.loads(value, parse_constant=_refuse)
        return float(value) if key in _NUMBERS or key in _FLAT_USAGE else value
    except (ValueError, RecursionError):
        raise _invalid(path, line, f"{key} cannot be read") from None
