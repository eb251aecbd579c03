"""Freezing an app into a bundle, and saying what differs between two."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from assay.detect import secrets
from assay.records.bundles import Bundle
from assay.records.digest import canonical_json
from assay.records.errors import InputError

REQUIRED = MappingProxyType(
    {"assistant": frozenset({"prompt", "model", "snapshot", "guards", "retrieve", "verify", "abstain"})}
)
"""What a bundle of a kind must hold, so that it can be rebuilt from nothing else."""


def freeze(app: str, kind: str, components: Mapping[str, Any], now: str, note: str = "") -> Bundle:
    """An app with every version it depends on, checked and in canonical form.

    Raises InputError: `bundle.unknown_kind`, `bundle.missing_component`, `bundle.no_snapshot`, `bundle.not_json`,
    `bundle.secret` (the place is named, the value never).
    """
    required = REQUIRED.get(kind)
    if required is None:
        raise InputError(
            "bundle.unknown_kind", "no app is of this kind", where=kind, remedy="one of: " + ", ".join(REQUIRED)
        )
    missing = sorted(required - components.keys())
    if missing:
        raise InputError("bundle.missing_component", f"a bundle of this kind needs {', '.join(missing)}", where=app)
    content = _canonical(app, components)
    if not (isinstance(content["snapshot"], dict) and content["snapshot"].get("id")):
        raise InputError(
            "bundle.no_snapshot", "a bundle pins one snapshot of the index", where=app, remedy="ingest documents first"
        )
    exposed = list(secrets.places(content))
    if exposed:
        raise InputError(
            "bundle.secret",
            "a credential stands in the configuration and would be frozen with it",
            where=", ".join(exposed),
            remedy="keep it in an environment variable and name only the variable",
        )
    return Bundle(app, kind, content, created_at=now, note=note)


def _canonical(app: str, components: Mapping[str, Any]) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(canonical_json(components))
    except (TypeError, ValueError) as error:
        raise InputError("bundle.not_json", "a component holds something that is no JSON value", where=app) from error
    return content


@dataclass(frozen=True, slots=True)
class Change:
    """One setting that differs. `path` is such as `retrieve.passages` or `guards[0].rules`; `before` and `after` are
    its values as JSON, empty where the bundle does not have it."""

    path: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.path}: {self.before or '(absent)'} → {self.after or '(absent)'}"


def diff(before: Bundle, after: Bundle) -> tuple[Change, ...]:
    """What differs between the contents of two bundles, in the order of the paths; notes and times are not compared."""
    heads = {"app": (before.app, after.app), "kind": (before.kind, after.kind)}
    changes = [Change(name, _text(a), _text(b)) for name, (a, b) in heads.items() if a != b]
    return (*changes, *_changes("", _plain(before), _plain(after)))


def _plain(bundle: Bundle) -> Any:
    return json.loads(canonical_json(bundle.components))


def _changes(path: str, before: Any, after: Any) -> Iterator[Change]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            inner = f"{path}.{name}" if path else name
            yield from _side(inner, name in before, name in after, before.get(name), after.get(name))
    elif isinstance(before, list) and isinstance(after, list):
        for number in range(max(len(before), len(after))):
            one, other = before[number : number + 1], after[number : number + 1]
            yield from _side(f"{path}[{number}]", bool(one), bool(other), *(one or [None]), *(other or [None]))
    elif before != after or type(before) is not type(after):
        yield Change(path, _text(before), _text(after))


def _side(path: str, in_before: bool, in_after: bool, before: Any, after: Any) -> Iterator[Change]:
    if in_before and in_after:
        yield from _changes(path, before, after)
    else:
        yield Change(path, _text(before) if in_before else "", _text(after) if in_after else "")


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
