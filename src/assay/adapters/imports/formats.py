"""Which tool wrote a file, and the reader for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from assay.adapters.imports import helm
from assay.adapters.imports.files import read_bytes, read_table
from assay.adapters.imports.inspect_log import read_inspect
from assay.adapters.imports.lm_eval import read_lm_eval
from assay.adapters.imports.observed import read_langfuse, read_phoenix
from assay.adapters.imports.promptfoo import read_promptfoo
from assay.adapters.imports.rows import ForeignRun, Wishes
from assay.adapters.imports.table import read_csv
from assay.records.errors import InputError

FORMATS = ("inspect", "lm-eval", "promptfoo", "langfuse", "phoenix", "helm", "csv")
_PEEKED = 200_000
"""The first bytes of a file, in which its outermost keys are looked for."""


def read_foreign(path: Path, format_name: str, wishes: Wishes) -> tuple[ForeignRun, ...]:
    """The runs in a file (or HELM's folder); `auto` looks at its content. Raises InputError `import.*`.

    Nothing is run, unpickled or written: a file is data.
    """
    if format_name not in ("auto", *FORMATS):
        raise InputError(
            "import.unknown_format",
            f"there is no reader of this name (there are: {', '.join(FORMATS)})",
            where=format_name,
        )
    if path.is_dir() or path.name in (helm.STATE, helm.STATS):
        if format_name not in ("auto", "helm"):
            raise InputError("import.wrong_format", f"is no file of {format_name}", where=str(path))
        return helm.read_helm(path, path.name, wishes)
    data = read_bytes(path)
    found = sniff(data, path.name)
    try:
        return _read(path, data, found if format_name == "auto" else format_name, wishes)
    except InputError as error:
        if error.code != "import.wrong_format" or found in ("", format_name):
            raise
        raise InputError(
            error.code, error.what, where=error.where, remedy=f"it looks like {found}: --format {found}, or auto"
        ) from None


def _read(path: Path, data: bytes, format_name: str, wishes: Wishes) -> tuple[ForeignRun, ...]:
    match format_name:
        case "inspect":
            return read_inspect(data, path.name, wishes)
        case "lm-eval":
            return read_lm_eval(data, path.name, wishes, path.parent)
        case "promptfoo":
            return read_promptfoo(data, path.name, wishes)
        case "langfuse":
            return read_langfuse(data, path.name, wishes)
        case "phoenix":
            return read_phoenix(data, path.name, wishes)
        case "csv":
            return read_csv(data, path.name, wishes)
        case "helm":
            raise InputError("import.wrong_format", "is no run of HELM: name its folder", where=path.name)
    raise InputError(
        "import.unknown_format", "it does not tell which tool wrote it", where=path.name,
        remedy=f"name it with --format: {', '.join(FORMATS)}",
    )  # fmt: skip


def sniff(data: bytes, name: str) -> str:
    """The format that the content shows; empty when it shows none."""
    if data[:4] == b"PK\x03\x04":
        return "inspect"
    if name.lower().endswith(".csv"):
        return _of_columns({column.lower() for column in read_table(data, name)[0]})
    return _of_keys(_keys(data))


def _of_columns(columns: set[str]) -> str:
    if {"example_id", "repetition_number"} <= columns or "attributes.input.value" in columns:
        return "phoenix"
    if {"input", "output", "timestamp"} <= columns and {"id", "traceid"} & columns:
        return "langfuse"
    return "csv"


def _keys(data: bytes) -> set[str]:
    """The keys of the first object, as far as they stand in the first bytes."""
    text = data[:_PEEKED].decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    first = text.partition("\n")[0]
    found = _object(first.strip().removesuffix(",")) or _object(text)
    return set(found) if found is not None else _outer_keys(text)


def _object(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, dict) and isinstance(found.get("data"), list):
        found = found["data"]
    if isinstance(found, list):
        found = found[0] if found else None
    return found if isinstance(found, dict) else None


def _outer_keys(text: str) -> set[str]:
    """Keys at the outermost object's level in a text that is cut off."""
    start = text.find("{")
    keys: set[str] = set()
    depth, at = 0, max(start, 0)
    while at < len(text):
        character = text[at]
        if character == '"':
            end = at + 1
            while end < len(text) and text[end] != '"':
                end += 2 if text[end] == "\\" else 1
            if depth == 1 and text[end + 1 : end + 4].lstrip()[:1] == ":":
                keys.add(text[at + 1 : end])
            at = end
        elif character in "{[":
            depth += 1
        elif character in "}]":
            depth -= 1
        at += 1
    return keys


_SHOWN_BY: tuple[tuple[str, frozenset[str]], ...] = (
    ("inspect", frozenset({"eval", "version"})),
    ("promptfoo", frozenset({"evalId", "results"})),
    ("promptfoo", frozenset({"testCase", "success", "vars"})),
    ("lm-eval", frozenset({"doc_id", "doc"})),
    ("phoenix", frozenset({"example_id", "input"})),
    ("phoenix", frozenset({"attributes.input.value"})),
    ("langfuse", frozenset({"id", "input", "output"})),
    ("langfuse", frozenset({"traceId", "input", "output"})),
    ("langfuse", frozenset({"trace_id", "input", "output"})),
)


def _of_keys(keys: set[str]) -> str:
    return next((name for name, needed in _SHOWN_BY if needed <= keys), "")
