"""Credentials: found in a text, and named by their place in a configuration that must hold none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from assay.detect.registry import SECRET_IDS
from assay.detect.scanning import scan
from assay.records.findings import Finding

KINDS = SECRET_IDS
"""Ids of all rules for credentials."""
_PROMISES = (
    r"(?i)(?:api[_-]?key|private[_-]?key|secret|passw(?:or)?d|credentials?|authorization"
    r"|(?:access|auth|bearer|refresh)[_-]?token)$|^(?i:token)$"
)


@cache
def _promises() -> Any:
    import re2

    return re2.compile(_PROMISES)


def kinds(text: str) -> tuple[str, ...]:
    """Names of the kinds of credential that `text` holds."""
    found = {one.rule_id for one in find(text)}
    return tuple(kind for kind in KINDS if kind in found)


def find(text: str, rules: Sequence[str] = KINDS) -> tuple[Finding, ...]:
    """Credentials in `text`, without overlap, in reading order; a rule is a kind of credential."""
    return scan(text, tuple(rules))


def places(value: Any, where: str = "$") -> Iterator[str]:
    """Paths into a JSON value, such as `$.model.api_key`, at which a credential stands."""
    if isinstance(value, dict):
        for name, inner in value.items():
            path = f"{where}.{name}"
            if isinstance(inner, str) and inner and _promises().search(name):
                yield path
            else:
                yield from places(inner, path)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from places(inner, f"{where}[{number}]")
    elif isinstance(value, str) and kinds(value):
        yield where
