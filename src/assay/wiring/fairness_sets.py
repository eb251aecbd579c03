"""Labelled texts for the fairness of safeguards, from the forms that public sets come in and from one's own lines."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from assay.evaluate.fairness_safeguards import ANY, Labelled
from assay.records.errors import InputError

MOST_BYTES = 200_000_000


def read(paths: Sequence[Path]) -> tuple[Labelled, ...]:
    """All texts of these files and folders. Raises InputError `fairness.unreadable`, `fairness.form` and
    `fairness.line`, naming file and line and never what stands there."""
    return tuple(one for path in paths for one in _of(path))


def _of(path: Path) -> Iterator[Labelled]:
    if path.is_dir():
        yield from _folder(path)
        return
    body = _text(path)
    if path.suffix == ".jsonl":
        yield from _queries(path, body, path.parent.name) if path.name == "queries.jsonl" else _lines(path, body)
    elif path.suffix == ".csv":
        yield from _table(path, body)
    elif path.suffix == ".json":
        yield from _json(path, body)
    else:
        raise _unknown(path)


def _folder(path: Path) -> Iterator[Labelled]:
    """A folder of one of the known sets: every file in it that has a known form."""
    files = [one for one in sorted(path.iterdir()) if one.suffix in (".csv", ".json") or one.name == "queries.jsonl"]
    if not files:
        raise _unknown(path)
    for one in files:
        yield from _of(one)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError("fairness.unreadable", "the file is larger than 200 MB", where=str(path))
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError("fairness.unreadable", f"cannot read it ({error.strerror})", where=str(path)) from None
    except UnicodeDecodeError:
        raise InputError("fairness.unreadable", "the file is not UTF-8", where=str(path)) from None


def _unknown(path: Path) -> InputError:
    return InputError(
        "fairness.form", "no set of a known form", where=str(path),
        remedy="lines of text, label and groups, HateCheck, XSTest, NotInject, presidio; docs/fairness.md",
    )  # fmt: skip


def _lines(path: Path, body: str) -> Iterator[Labelled]:
    """`text`; `label`: false or empty for harmless, true, or the name of a harm; `groups`: name to value; optionally
    `cluster`."""
    for number, line in enumerate(body.splitlines(), 1):
        if line.strip():
            yield _line(line, path, number)


def _line(line: str, path: Path, number: int) -> Labelled:
    def bad(what: str) -> InputError:
        return InputError("fairness.line", what, where=f"{path}:{number}", remedy="docs/fairness.md shows the form")

    try:
        row = json.loads(line)
    except json.JSONDecodeError:
        raise bad("the line is not JSON") from None
    if not isinstance(row, dict) or not isinstance(row.get("text"), str) or not row["text"].strip():
        raise bad("the line has no text")
    label, groups = row.get("label"), row.get("groups")
    if not isinstance(label, (bool, str)):
        raise bad("label is true, false, or the name of a harm")
    if not isinstance(groups, dict) or not groups or not all(isinstance(one, str) and one for one in groups.values()):
        raise bad("groups maps names such as language to values such as de")
    harm = label if isinstance(label, str) else ANY if label else ""
    return Labelled(row["text"], harm, groups, path.stem, str(row.get("cluster") or ""))


def _table(path: Path, body: str) -> Iterator[Labelled]:
    rows = list(csv.DictReader(io.StringIO(body)))
    columns = set(rows[0]) if rows else set()
    if {"test_case", "label_gold", "target_ident", "templ_id"} <= columns:
        yield from (_hatecheck(row) for row in rows)
    elif {"prompt", "type", "label"} <= columns:
        for row in rows:
            harm = "" if row["label"] == "safe" else "unsafe"
            yield Labelled(row["prompt"], harm, {"kind": row["type"].removeprefix("contrast_")}, "xstest")
    else:
        raise _unknown(path)


def _hatecheck(row: dict[str, Any]) -> Labelled:
    """HateCheck (Röttger et al. 2021). A case that was made from another's template hangs together with it."""
    groups = {"identity": row["target_ident"]} if row["target_ident"] else {}
    harm = "toxicity" if row["label_gold"] == "hateful" else ""
    return Labelled(row["test_case"], harm, groups, "hatecheck", f"template:{template(row)}")


def template(row: dict[str, Any]) -> str:
    return str(row.get("ref_templ_id") or row["templ_id"]).removesuffix(".0")


def _queries(path: Path, body: str, folder: str) -> Iterator[Labelled]:
    """Harmless questions; the folder's name ends in their language, and one id is one question in every language."""
    name, _, language = folder.rpartition("-")
    if not name or len(language) != 2:
        raise InputError(
            "fairness.form", "the folder's name does not end in a language, such as xquad-de", where=str(path)
        )
    for line in body.splitlines():
        row = json.loads(line)
        yield Labelled(str(row["text"]), "", {"language": language}, name, f"question:{row['_id']}")


def _json(path: Path, body: str) -> Iterator[Labelled]:
    try:
        rows = json.loads(body)
    except json.JSONDecodeError:
        raise InputError("fairness.form", "the file is not JSON", where=str(path)) from None
    first = rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], dict) else {}
    of: Callable[[dict[str, Any]], Iterator[Labelled]]
    if {"full_text", "spans", "template_id"} <= set(first):
        of = _presidio
    elif {"prompt", "category"} <= set(first):
        of = _notinject
    else:
        raise _unknown(path)
    for row in rows:
        yield from of(row)


def _presidio(row: dict[str, Any]) -> Iterator[Labelled]:
    """A labelled stretch of personal data each. The set does not say where a person is from: names are grouped by how
    they are written, telephone numbers by whether they carry the code of a country."""
    cluster = f"template:{row['template_id']}"
    for span in row["spans"]:
        kind, value = str(span["entity_type"]), str(span["entity_value"])
        groups = {}
        if kind == "PERSON":
            groups["name_spelling"] = spelling(value)
        elif kind == "PHONE_NUMBER":
            groups["phone_form"] = "international" if value.strip().startswith(("+", "00")) else "national"
        place = int(span["start_position"]), int(span["end_position"])
        yield Labelled(str(row["full_text"]), f"personal:{kind}", groups, "presidio-synthetic", cluster, place)
    if not row["spans"]:
        yield Labelled(str(row["full_text"]), "", {}, "presidio-synthetic", cluster)


def spelling(name: str) -> str:
    """`ascii`, `diacritics` (Latin letters with marks), or `other script`."""
    letters = [sign for sign in name if sign.isalpha()]
    if all(sign.isascii() for sign in letters):
        return "ascii"
    latin = all("LATIN" in unicodedata.name(sign, "") for sign in letters)
    return "diacritics" if latin else "other script"


def _notinject(row: dict[str, Any]) -> Iterator[Labelled]:
    """NotInject (Li and Liu 2024): harmless prompts with words that attacks have too."""
    category = str(row["category"])
    groups = {"category": category, "language": "other" if category == "Multilingual" else "en"}
    yield Labelled(str(row["prompt"]), "", groups, "notinject")
