"""The one line of `assay.yaml` that names the engine: found by the YAML parser, changed as text, comments kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from assay.adapters.embedded_index.durable import write_durably
from assay.records.errors import ConfigError


def with_engine(text: str, engine: str) -> str:
    """The same file with `index.engine: ENGINE`. Raises ConfigError where that cannot be done without reshaping it."""
    wanted = _plain(text)
    wanted["index"] = {**(wanted.get("index") or {}), "engine": engine}
    changed = _changed(text, engine)
    try:
        right = yaml.safe_load(changed) == wanted
    except yaml.YAMLError:
        right = False
    if not right:
        raise ConfigError(
            "config.engine_line", "the line cannot be changed safely in this file", where="assay.yaml",
            remedy=f"set it by hand: index: {{engine: {engine}}}",
        )  # fmt: skip
    return changed


def _plain(text: str) -> dict[str, Any]:
    found = yaml.safe_load(text)
    return dict(found) if isinstance(found, dict) else {}


def _changed(text: str, engine: str) -> str:
    index = _entry(yaml.compose(text, Loader=yaml.SafeLoader), "index")
    if index is None:
        return text + ("" if text.endswith("\n") or not text else "\n") + f"index:\n  engine: {engine}\n"
    stated = _entry(index, "engine")
    if stated is not None:
        return text[: stated.start_mark.index] + engine + text[stated.end_mark.index :]
    first = index.value[0][0].start_mark if isinstance(index, yaml.MappingNode) and index.value else None
    if first is None:
        return text
    if isinstance(index, yaml.MappingNode) and index.flow_style:
        return text[: first.index] + f"engine: {engine}, " + text[first.index :]
    return text[: first.index] + f"engine: {engine}\n{' ' * first.column}" + text[first.index :]


def _entry(node: yaml.Node | None, name: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for key, value in node.value if key.value == name), None)


def write_engine(path: Path, engine: str) -> None:
    """Change the file, whole or not at all. Raises ConfigError."""
    data = with_engine(path.read_bytes().decode("utf-8"), engine).encode("utf-8")
    mode = path.stat().st_mode & 0o777
    try:
        write_durably(path, data)
        os.chmod(path, mode)
    except OSError as error:
        raise ConfigError("config.unwritable", f"cannot write it ({error.strerror})", where=str(path)) from None
