"""Plug-ins: installed entry points that `assay.yaml` names. What is only installed is never loaded."""

from __future__ import annotations

import importlib.metadata
from typing import Any

from assay.records.errors import ConfigError


def load(group: str, name: str, setting: str) -> Any:
    """What the entry point `name` of `group` leads to. Raises ConfigError: `plugin.unknown`, `plugin.ambiguous`,
    `plugin.broken`; `setting` is the place in `assay.yaml` that names it."""
    found = [point for point in importlib.metadata.entry_points(group=group) if point.name == name]
    if not found:
        known = ", ".join(sorted(point.name for point in importlib.metadata.entry_points(group=group))) or "none"
        raise ConfigError(
            "plugin.unknown", f"no installed package has an entry point of this name in {group} (there are: {known})",
            where=setting, remedy="install the package that has it, or correct the name",
        )  # fmt: skip
    if len({point.value for point in found}) > 1:
        raise ConfigError(
            "plugin.ambiguous", f"several installed packages have an entry point of this name in {group}",
            where=setting, remedy="uninstall all but one of them",
        )  # fmt: skip
    try:
        return found[0].load()
    except Exception as error:
        raise ConfigError(
            "plugin.broken", f"the plug-in cannot be loaded ({type(error).__name__})", where=setting,
            remedy="python -c 'import …' of its module shows why",
        ) from error  # fmt: skip
