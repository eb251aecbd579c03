"""YAML front matter: the fields between two lines of three dashes at the top of a text."""

from __future__ import annotations

import re
from typing import Any

from assay.records.errors import InputError

_FENCED = re.compile(r"\A---[^\S\n]*\n(.*?)(?:^|\n)(?:---|\.\.\.)[^\S\n]*(?:\n|\Z)", re.DOTALL)
_NAMES_ACCESS = re.compile(r"^\s*[\"']?(?:tenant|groups)[\"']?\s*:", re.MULTILINE | re.IGNORECASE)
_MAX_CHARS = 65_536
_MAX_DEPTH = 20


def split_front_matter(text: str, name: str) -> tuple[dict[Any, Any], str, tuple[str, ...]]:
    """The fields, the rest of the text, and warnings.

    Front matter that is no YAML mapping is left out with a warning. Raises InputError `ingest.front_matter` when such
    front matter names a tenant or groups: then the access list is unknown, and the document must not be shown.
    """
    match = _FENCED.match(text)
    if match is None:
        return {}, text, ()
    source = match.group(1)
    fields = _mapping(source)
    if fields is not None:
        return fields, text[match.end() :], ()
    if _NAMES_ACCESS.search(source):
        raise InputError(
            "ingest.front_matter",
            "the front matter names a tenant or groups but is no valid YAML",
            where=name,
            remedy="correct the lines between the two `---` at the top of the file",
        )
    if ":" not in source:
        return {}, text, ()
    return {}, text[match.end() :], ("ingest.front_matter: the front matter is no valid YAML and was left out",)


def _mapping(source: str) -> dict[Any, Any] | None:
    """The YAML mapping in `source`, or None. Aliases are refused: a few lines of them unfold into gigabytes."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    if len(source) > _MAX_CHARS:
        return None
    depth = 0
    try:
        for event in yaml.parse(source, Loader=loader):
            opens = isinstance(event, yaml.events.CollectionStartEvent)
            depth += opens - isinstance(event, yaml.events.CollectionEndEvent)
            if isinstance(event, yaml.events.AliasEvent) or depth > _MAX_DEPTH:
                return None
        value = yaml.load(source, Loader=loader)  # noqa: S506 (a safe loader, in C where there is one)
    except (yaml.YAMLError, ValueError, TypeError):
        return None
    return value if isinstance(value, dict) else {} if value is None else None
