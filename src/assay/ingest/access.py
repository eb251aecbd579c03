"""Who may see a document: a default, folder rules, a list in a CSV file, what the document states, and a plug-in."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from assay.ports.reading import AccessResolver
from assay.records.access import CLOSED, AccessList
from assay.records.errors import InputError

_SEPARATORS = re.compile(r"[;|]")
_KEYS = ("path", "doc_id")


@dataclass(frozen=True, slots=True)
class Ruling:
    """The access list of one document and the rule that decided: `plugin`, `stated`, `row`, `folder`, `default`, or
    `plugin_failed`, which closes. `detail` names the row or pattern, or how the plug-in failed."""

    access: AccessList
    rule: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AccessRules:
    """The workspace's rules; the strongest that says something about a document decides alone.

    From weak to strong: `default`; `folders`, of which the last match wins; `rows` by document id or path; what the
    document states in its front matter or record, when `trust_stated`; the `resolver`, a plug-in. Paths are
    `<root's name>/<path below it>`.
    """

    default: AccessList = AccessList()
    folders: tuple[tuple[str, AccessList], ...] = ()
    rows: Mapping[str, AccessList] = field(default_factory=dict)
    trust_stated: bool = True
    resolver: AccessResolver | None = None
    failed: dict[str, str] = field(default_factory=dict, compare=False)
    """Documents that were closed because the resolver failed, with how: filled as documents are resolved."""

    def resolve(self, doc_id: str, path: str, stated: AccessList | None = None) -> AccessList:
        """The access list of one document."""
        return self.ruling(doc_id, path, stated).access

    def ruling(self, doc_id: str, path: str, stated: AccessList | None = None) -> Ruling:
        """The access list of one document and what decided it."""
        if self.resolver is not None:
            said = self._asked(self.resolver, doc_id, path, stated)
            if said is not None:
                return said
        if stated is not None and self.trust_stated:
            return Ruling(stated, "stated")
        for key in (doc_id, path, path.partition("/")[2]):
            if key in self.rows:
                return Ruling(self.rows[key], "row", key)
        for pattern, access in reversed(self.folders):
            if matches(pattern, path):
                return Ruling(access, "folder", pattern)
        return Ruling(self.default, "default")

    def _asked(self, resolver: AccessResolver, doc_id: str, path: str, stated: AccessList | None) -> Ruling | None:
        """What the plug-in says; a plug-in that fails or answers nonsense closes the document, never opens it."""
        try:
            access = resolver.resolve(doc_id, path, stated)
        except Exception as error:  # noqa: BLE001 - foreign code: whatever goes wrong in it must close the document
            how = type(error).__name__
        else:
            self.failed.pop(doc_id, None)
            if access is None:
                return None
            if _sound(access):
                return Ruling(access, "plugin")
            how = "no access list"
        self.failed[doc_id] = how
        return Ruling(CLOSED, "plugin_failed", how)


def _sound(access: Any) -> bool:
    """True for an access list whose parts are what they should be: a string given as groups would be its letters."""
    if not isinstance(access, AccessList):
        return False
    parts: tuple[Any, Any] = (access.tenant, access.groups)
    named = isinstance(parts[1], tuple) and all(isinstance(group, str) and group for group in parts[1])
    return named and isinstance(parts[0], str) and bool(parts[0])


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
    if cells["groups"] and not groups:
        raise InputError(
            "access.row",
            "the groups cell holds separators and no group, which would open the document to everybody of the tenant",
            where=where,
            remedy="name a group, or leave the cell empty if everybody of the tenant may read it",
        )
    found[name] = AccessList(cells["tenant"], groups)
