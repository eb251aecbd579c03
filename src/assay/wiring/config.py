"""Reading `assay.yaml` and the environment: the only place that does, with errors that give line and remedy."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from assay.records.errors import ConfigError, UsageError
from assay.wiring.settings import Settings

CONFIG_NAME = "assay.yaml"
WORKSPACE_VARIABLE = "ASSAY_WORKSPACE"

KeyPath = tuple[str, ...]


@dataclass(frozen=True)
class Config:
    """Settings with the line each one stands on; what has no line is a default."""

    path: Path
    settings: Settings
    lines: Mapping[KeyPath, int]
    overridden: frozenset[KeyPath] = frozenset()
    overrides: tuple[str, ...] = ()
    """As they were given, for processes that open the same workspace in the same way."""


@dataclass(frozen=True)
class Explained:
    """One setting, its value, where it came from and what it means."""

    key: str
    value: Any
    origin: str
    meaning: str


def secret(name: str) -> str:
    """The value of an environment variable that `assay.yaml` names. Raises ConfigError when it is not set."""
    value = os.environ.get(name, "")
    if not value:
        raise ConfigError(
            "config.no_secret", f"the environment variable {name} is not set", remedy=f"export {name}=… and try again"
        )
    return value


def find_workspace(stated: Path | None) -> Path:
    """The workspace: as stated, else from the environment, else the nearest folder upwards with `assay.yaml`."""
    if stated is None and os.environ.get(WORKSPACE_VARIABLE):
        stated = Path(os.environ[WORKSPACE_VARIABLE])
    if stated is not None:
        root = stated.expanduser().resolve()
        if not (root / CONFIG_NAME).is_file():
            raise ConfigError(
                "config.no_workspace", f"no {CONFIG_NAME} here", where=str(root), remedy=f"assay init {root}"
            )
        return root
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / CONFIG_NAME).is_file():
            return folder
    raise ConfigError(
        "config.no_workspace",
        f"no {CONFIG_NAME} in this folder or above it",
        where=str(here),
        remedy="run `assay init DIR`, or name the workspace with -w DIR",
    )


def load(root: Path, overrides: Sequence[str] = ()) -> Config:
    """Read and check `assay.yaml`, with `KEY=VALUE` overrides (dotted keys, YAML values) applied on top.

    Raises ConfigError that names file, line, key and remedy; all problems of a file at once.
    """
    path = root / CONFIG_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError("config.encoding", "the file is not UTF-8", where=f"{path}:byte {error.start}") from None
    except OSError as error:
        raise ConfigError("config.unreadable", f"cannot read it ({error.strerror})", where=str(path)) from None
    data, lines = _parse(path, text)
    changed = frozenset(_override(data, text_override) for text_override in overrides)
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        raise _readable(path, lines, error) from None
    return Config(path, settings, lines, changed, tuple(overrides))


def _parse(path: Path, text: str) -> tuple[dict[str, Any], dict[KeyPath, int]]:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        problem = getattr(error, "problem", None) or "it is not YAML"
        raise ConfigError("config.syntax", str(problem), where=where, remedy="check indentation and colons") from None
    if data is None:
        return {}, {}
    if not isinstance(data, dict):
        raise ConfigError("config.type", "the file must hold keys and values", where=f"{path}:1")
    return data, dict(_lines(path, node, ()))


def _lines(path: Path, node: yaml.Node | None, prefix: KeyPath) -> Iterator[tuple[KeyPath, int]]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key_node, value_node in node.value:
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
            if key in seen:
                raise ConfigError("config.duplicate_key", f"the key {key} stands twice", where=f"{path}:{line}")
            seen.add(key)
            yield (*prefix, key), line
            yield from _lines(path, value_node, (*prefix, key))
    elif isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            yield (*prefix, str(position)), item.start_mark.line + 1
            yield from _lines(path, item, (*prefix, str(position)))


def _override(data: dict[str, Any], assignment: str) -> KeyPath:
    key, equals, value = assignment.partition("=")
    if not equals or not key:
        raise UsageError("config.override", "an override is written KEY=VALUE", where=f"--set {key}")
    parts = tuple(key.strip().split("."))
    place: Any = data
    for part in parts[:-1]:
        place = place.setdefault(part, {})
        if not isinstance(place, dict):
            raise UsageError("config.override", "the key leads through a value that has no keys", where=f"--set {key}")
    try:
        place[parts[-1]] = yaml.safe_load(value)
    except yaml.YAMLError:
        raise UsageError("config.override", "the value is not YAML", where=f"--set {key}") from None
    return parts


_MESSAGES = {
    "extra_forbidden": "unknown key",
    "missing": "this key is missing",
}


def _readable(path: Path, lines: Mapping[KeyPath, int], error: ValidationError) -> ConfigError:
    problems = []
    unknown = False
    for detail in error.errors():
        key = _real_path(detail["loc"], lines)
        line = next((lines[key[:n]] for n in range(len(key), 0, -1) if key[:n] in lines), 1)
        what = _MESSAGES.get(detail["type"], detail["msg"].removeprefix("Value error, "))
        if detail["type"] == "extra_forbidden":
            unknown = True
            near = difflib.get_close_matches(key[-1], _known_names(Settings), n=1)
            what += f" (did you mean {near[0]}?)" if near else ""
        problems.append((line, f"{path.name}:{line}: {'.'.join(key)}{': ' if key else ''}{what}"))
    return ConfigError(
        "config.unknown_key" if unknown else "config.value",
        "the configuration has problems\n  " + "\n  ".join(text for _, text in sorted(problems)),
        where=str(path),
        remedy="`assay config explain` in a fresh workspace lists every setting with its meaning",
    )


def _real_path(loc: Sequence[str | int], lines: Mapping[KeyPath, int]) -> KeyPath:
    """Drop the union tags that pydantic puts into a location (`models.gpt.openai.base_url`)."""
    path: KeyPath = ()
    for position, part in enumerate(loc):
        last = position == len(loc) - 1
        if last or (*path, str(part)) in lines:
            path = (*path, str(part))
    return path


def _known_names(section: type[BaseModel]) -> list[str]:
    """Every key that stands anywhere in the settings, for "did you mean"."""
    names: set[str] = set()
    for name, field in section.model_fields.items():
        names.add(name)
        for inner in _sections_in(field.annotation):
            names.update(_known_names(inner))
    return sorted(names)


def _sections_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _sections_in(part)


def explain(config: Config) -> list[Explained]:
    """Every setting with its value, where it came from (`assay.yaml:12`, `--set` or `default`) and its meaning."""
    return list(_walk(config, config.settings, (), False))


def _walk(config: Config, value: Any, prefix: KeyPath, overridden: bool, meaning: str = "") -> Iterator[Explained]:
    overridden = overridden or prefix in config.overridden
    if isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            yield from _walk(config, getattr(value, name), (*prefix, name), overridden, field.description or "")
    elif isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _walk(config, item, (*prefix, str(name)), overridden, meaning)
    elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
        for position, item in enumerate(value):
            yield from _walk(config, item, (*prefix, str(position)), overridden, meaning)
    else:
        shown = list(value) if isinstance(value, tuple) else value
        yield Explained(".".join(prefix), shown, _origin(config, prefix, overridden), meaning)


def _origin(config: Config, key: KeyPath, overridden: bool) -> str:
    if overridden:
        return "--set"
    if key in config.lines:
        return f"{config.path.name}:{config.lines[key]}"
    return "default"
