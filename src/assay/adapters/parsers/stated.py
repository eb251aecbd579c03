"""What a source says about itself: identity, title, language, date and who may read it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from assay.adapters.parsers.copying import one_line
from assay.records.access import AccessList
from assay.records.errors import InputError

_SEPARATORS = re.compile(r"[;|,]")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]+)*")
_MAX_VALUE_CHARS = 500
_MAX_FIELDS = 30


@dataclass(frozen=True, slots=True)
class Stated:
    """Fields of front matter or of a record. `access` is None when neither tenant nor groups are stated."""

    doc_id: str = ""
    title: str = ""
    language: str = ""
    access: AccessList | None = None
    metadata: tuple[tuple[str, str], ...] = ()


def read_stated(fields: Mapping[Any, Any], where: str) -> Stated:
    """Sort stated fields; `modified` (ISO 8601, UTC) and `id` stand in `metadata` under these names.

    Raises InputError `ingest.stated_access` when tenant or groups are stated in a shape that cannot be read: such a
    document must not become readable by more people than its author meant.
    """
    given = {str(key).strip().lower(): value for key, value in fields.items()}
    doc_id = _scalar(_first(given, "id", "doc_id"))
    modified = _instant(_first(given, "modified", "last_modified", "updated", "last_updated", "lastmod", "date"))
    # Named apart from the rest, which is cut to a number of fields: a lost classification would open the document.
    known = {"id": doc_id, "modified": modified, "classification": _classification(given)}
    rest = {
        key: text
        for key, value in given.items()
        if key not in {"id", "doc_id", "title", "tenant", "groups", "language", "lang", "modified", "classification"}
        and (text := _scalar(value))
    }
    metadata = [(key, value) for key, value in known.items() if value]
    metadata += sorted((one_line(key), value) for key, value in rest.items())[:_MAX_FIELDS]
    return Stated(
        doc_id=doc_id,
        title=_scalar(_first(given, "title")),
        language=primary_tag(_scalar(_first(given, "language", "lang"))),
        access=stated_access(given, where),
        metadata=tuple(metadata),
    )


def _classification(given: Mapping[str, Any]) -> str:
    """The stated classification; `unreadable`, which counts as the highest, for one that is no plain word."""
    value = given.get("classification")
    return "" if value in (None, "") else _scalar(value) or "unreadable"


def stated_access(given: Mapping[str, Any], where: str) -> AccessList | None:
    """The access list in `tenant` and `groups`; groups are a list, or text separated by `;`, `|` or commas."""
    if "tenant" not in given and "groups" not in given:
        return None
    tenant, groups = given.get("tenant"), given.get("groups")
    if isinstance(groups, str):
        groups = _SEPARATORS.split(groups)
    if groups is None and "groups" in given:
        groups = []
    named = groups is None or (isinstance(groups, list) and all(isinstance(group, str | int) for group in groups))
    if not named or not (tenant is None or isinstance(tenant, str | int)):
        raise InputError(
            "ingest.stated_access",
            "tenant must be text and groups a list of names",
            where=where,
            remedy="write `groups: [name, name]`",
        )
    names = tuple(dict.fromkeys(name for group in groups or () if (name := one_line(str(group)))))
    default = AccessList()
    return AccessList(one_line(str(tenant)) if tenant not in (None, "") else default.tenant, names)


def primary_tag(language: str) -> str:
    """The BCP 47 primary tag in lower case; empty for what is no tag."""
    return re.split(r"[-_]", language)[0].lower() if _LANGUAGE.fullmatch(language.strip()) else ""


def _first(given: Mapping[str, Any], *names: str) -> Any:
    return next((given[name] for name in names if given.get(name) not in (None, "")), None)


def _scalar(value: Any) -> str:
    """A plain value as one line of text; empty for none, lists and objects."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float | date):
        return one_line(str(value))[:_MAX_VALUE_CHARS]
    return ""


def _instant(value: Any) -> str:
    """ISO 8601 in UTC; empty when the value is no date."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return ""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        return ""
    moment = value if value.tzinfo else value.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except OverflowError:
        return ""


def lines_of(pairs: Iterable[tuple[str, str]]) -> str:
    """`name: value` lines for the fields of a record that are no prose."""
    return "\n".join(f"- {one_line(name)}: {one_line(value)}" for name, value in pairs if value.strip())
