"""Paths into a JSON value, a small part of JSONPath (RFC 9535): `$.choices[0].message.content`, `$.sources[*].url`."""

from __future__ import annotations

import re
from typing import Any

from assay.records.errors import ConfigError

_STEP = re.compile(r"\.?([A-Za-z_][\w-]*)|\[(\d+)\]|\[\*\]|\['((?:[^'\\]|\\.)*)'\]")
Path = tuple[str | int | None, ...]
"""Keys, positions, and None for every item of a list."""


def parse(text: str) -> Path:
    """The steps of a path. Raises ConfigError `system.pointer`."""
    rest = text.strip().removeprefix("$")
    steps: list[str | int | None] = []
    at = 0
    while at < len(rest):
        match = _STEP.match(rest, at)
        if match is None:
            raise ConfigError(
                "system.pointer", "this is no path into a JSON value", where=text,
                remedy="write it like $.choices[0].message.content or $.sources[*].url",
            )  # fmt: skip
        if match[1] is not None:
            steps.append(match[1])
        elif match[2] is not None:
            steps.append(int(match[2]))
        else:
            steps.append(None if match[3] is None else re.sub(r"\\(.)", r"\1", match[3]))
        at = match.end()
    return tuple(steps)


def find(value: Any, path: Path) -> Any:
    """What stands at the end of the path, None where nothing does. After `[*]` it is a list of what the items have."""
    for at, step in enumerate(path):
        if step is None:
            if not isinstance(value, list):
                return None
            found = (find(item, path[at + 1 :]) for item in value)
            return [item for item in found if item is not None]
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
        if value is None:
            return None
    return value
