"""JSON Lines: one document a line, as retrieval collections (BEIR and others) are published."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from assay.adapters.parsers.copying import TextCopy, clean, decode, one_line
from assay.adapters.parsers.plain import add_paragraphs
from assay.adapters.parsers.stated import read_stated
from assay.records.documents import Parsed
from assay.records.errors import InputError


class JsonlParser:
    """Objects with `_id`, `doc_id` or `id`, and `text`; optional `title`, `url`, `tenant`, `groups`, `language`,
    `modified`. A record of nothing but a title is its title. A line that cannot be read is a record without text whose
    warning says why; the others are kept.
    """

    recipe = "jsonl.v1"
    media_type = "application/x-ndjson"

    def parse(self, data: bytes, name: str) -> Iterator[Parsed]:
        text, _ = decode(data, name)
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                yield _record(line, f"{name}:{number}")


def _record(line: str, where: str) -> Parsed:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return _broken(where, "the line is no JSON")
    if not isinstance(value, dict):
        return _broken(where, "the line is no JSON object")
    record_id = next((value[key] for key in ("_id", "doc_id", "id") if value.get(key) not in (None, "")), None)
    text, title = value.get("text"), value.get("title") or ""
    if isinstance(record_id, bool) or not isinstance(record_id, str | int) or not one_line(str(record_id)):
        return _broken(where, "the object has no _id, doc_id or id")
    if not isinstance(text, str) or not isinstance(title, str):
        return _broken(where, "text and title must be strings")
    return _document(value, one_line(str(record_id)), title, text, where)


def _document(value: dict[str, Any], record_id: str, title: str, text: str, where: str) -> Parsed:
    wanted = ("tenant", "groups", "language", "lang", "modified", "url")
    try:
        stated = read_stated({key: value[key] for key in wanted if key in value} | {"id": record_id}, where)
    except InputError as error:
        return Parsed("", (), record_id=record_id, warnings=(f"{error.code}: {error.where}: {error.what}",))
    copy = TextCopy()
    add_paragraphs(copy, clean(text if text.strip() else title))
    parsed = copy.parsed(title, language=stated.language, metadata=stated.metadata)
    return replace(parsed, record_id=record_id, access=stated.access)


def _broken(where: str, why: str) -> Parsed:
    return Parsed("", (), record_id=where, warnings=(f"ingest.bad_record: {where}: {why}",))
