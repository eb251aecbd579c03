"""Who may see a document: a default, folder rules, a list in a CSV file, and what the document says itself."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from assay.records.access import AccessList
from assay.records.errors import InputError

_SEPARATORS = re.compile(r"[;|]")
_KEYS = ("path", "doc_id")


@dataclass(frozen=True, slots=True)
class AccessRules:
    """The workspace's rules; the strongest that says something about a document decides alone.

    From weak to strong: `default`; `folders`, of which the last match wins; `rows` by document id or path; what the
    document states in its front matter or record, when `trust_stated`. Paths are `<root's name>/<path below it>`.
    """

    default: AccessList = AccessList()
    folders: tuple[tuple[str, AccessList], ...] = ()
    rows: Mapping[str, AccessList] = field(default_factory=dict)
    trust_stated: bool = True

    def resolve(self, doc_id: str, path: str, stated: AccessList | None = None) -> AccessList:
        """The access list of one document."""
        if stated is not None and self.trust_stated:
            return stated
        below = path.partition("/")[2]
        for key in (doc_id, path, below):
            if key in self.rows:
                return self.rows[key]
        matching = (access for pattern, access in reversed(self.folders) if matches(pattern, path))
        return next(matching, self.default)


def matches(pattern: str, path: str) -> bool:
    """True when the glob names the path: `*` and `?` cross folders, `**/` may stand for no folder at all, and a pattern
    that names a folder covers everything in it. Case counts.

    A star crosses folders because a rule that restricts `hr/*` and leaves `hr/pay/` open would be a leak.
    """
    return bool(_compiled(pattern.strip("/")).fullmatch(path))


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*+|\?)", pattern)
    known = {"**/": "(?:.*/)?", "?": "."}
    body = "".join(known.get(part, ".*" if part.startswith("*") else re.escape(part)) for part in parts)
    return re.compile(f"{body}(?:/.*)?", re.DOTALL)


def read_access_csv(data: bytes, name: str = "access.csv") -> dict[str, AccessList]:
    """Access lists by path or document id, from a CSV file with the columns `path` or `doc_id`, `tenant` and `groups`.

    Groups are separated by `;` or `|`; an empty cell means everybody of the tenant. Raises InputError with the line:
    `access.not_utf8`, `access.columns`, `access.row` for a row of another length or without a name or tenant, and
    `access.duplicate`. A list that is half right is not used, because a missing row would open a document.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("access.not_utf8", "the file is not UTF-8", where=name, remedy="save it as UTF-8") from error
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [column.strip().lower() for column in next(rows, [])]
        key = next((column for column in _KEYS if column in header), "")
        if not key or not {"tenant", "groups"} <= set(header) or len(set(header)) != len(header):
            raise InputError(
                "access.columns",
                "the first line must name the columns path (or doc_id), tenant and groups",
                where=f"{name}:1",
                remedy="write `path,tenant,groups` as the first line",
            )
        found: dict[str, AccessList] = {}
        for row in rows:
            if any(cell.strip() for cell in row):
                _take(found, header, row, key, f"{name}:{rows.line_num}")
    except csv.Error as error:
        raise InputError(
            "access.row",
            "the row is no valid CSV",
            where=f"{name}:{rows.line_num}",
            remedy="close every quotation mark",
        ) from error
    return found


def _take(found: dict[str, AccessList], header: list[str], row: list[str], key: str, where: str) -> None:
    cells = dict(zip(header, (cell.strip() for cell in row), strict=False))
    name = cells.get(key, "").removeprefix("./")
    if len(row) != len(header) or not name or not cells["tenant"]:
        raise InputError(
            "access.row",
            f"the row needs {len(header)} cells, with a {key} and a tenant",
            where=where,
            remedy="separate several groups by `;`",
        )
    if name in found:
        raise InputError("access.duplicate", f"this {key} is named twice", where=where, remedy="keep one of the rows")
    groups = tuple(dict.fromkeys(group.strip() for group in _SEPARATORS.split(cells["groups"]) if group.strip()))
    found[name] = AccessList(cells["tenant"], groups)
