"""The part of JSON Schema (draft 2020-12) that arguments and extracted values may have: closed, bounded and checked.

Every object lists what it may hold and takes nothing else. A keyword that is not understood is an error, since a
restriction that nobody enforces is worse than none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from assay.records.errors import ConfigError

_OF_ANY = {"type", "enum", "const", "description", "title"}
_OF_TYPE: dict[str, set[str]] = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"minLength", "maxLength", "format"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
    "integer": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
    "boolean": set(),
}
FORMATS = ("date",)
DEEPEST = 8
LONGEST = 10_000
"""Characters of a string, and items of an array, for which the schema states no limit."""
Schema = Mapping[str, Any]


def check_schema(schema: Any, where: str = "$", depth: int = 0) -> None:
    """Raise ConfigError `schema.*` with the place when a schema is none of those that are enforced whole."""
    if not isinstance(schema, Mapping) or depth > DEEPEST:
        raise ConfigError("schema.shape", f"a schema is an object, nested at most {DEEPEST} deep", where=where)
    kind = schema.get("type")
    if not isinstance(kind, str) or kind not in _OF_TYPE:
        raise ConfigError("schema.type", f"type is one of {', '.join(_OF_TYPE)}", where=f"{where}.type")
    unknown = sorted(str(key) for key in schema if key not in _OF_ANY | _OF_TYPE[kind])
    if unknown:
        raise ConfigError(
            "schema.keyword", f"{', '.join(unknown)} is not enforced for type {kind}", where=where,
            remedy=f"there are: {', '.join(sorted(_OF_ANY | _OF_TYPE[kind]))}",
        )  # fmt: skip
    _check_keywords(schema, kind, where)
    if kind == "object":
        _check_object(schema, where, depth)
    if kind == "array":
        check_schema(schema.get("items"), f"{where}.items", depth + 1)


def _check_keywords(schema: Schema, kind: str, where: str) -> None:
    for key in ("minLength", "maxLength", "minItems", "maxItems"):
        if key in schema and (type(schema[key]) is not int or schema[key] < 0):
            raise ConfigError("schema.value", "this is a whole number from 0", where=f"{where}.{key}")
    for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        if key in schema and not _is_number(schema[key]):
            raise ConfigError("schema.value", "this is a number", where=f"{where}.{key}")
    if "format" in schema and schema["format"] not in FORMATS:
        raise ConfigError("schema.format", f"format is one of {', '.join(FORMATS)}", where=f"{where}.format")
    if "enum" in schema and (not isinstance(schema["enum"], Sequence) or isinstance(schema["enum"], str)):
        raise ConfigError("schema.value", "enum is a list of values", where=f"{where}.enum")
    for value in schema.get("enum", ()):
        if any(_violations(value, {"type": kind}, "$")) and kind not in ("object", "array"):
            raise ConfigError("schema.value", f"enum holds a value that is no {kind}", where=f"{where}.enum")


def _check_object(schema: Schema, where: str, depth: int) -> None:
    properties = schema.get("properties", {})
    if not isinstance(properties, Mapping):
        raise ConfigError("schema.shape", "properties is an object of schemas", where=f"{where}.properties")
    if schema.get("additionalProperties", False) is not False:
        raise ConfigError(
            "schema.open", "an object takes only what it lists", where=f"{where}.additionalProperties",
            remedy="list the properties, and leave additionalProperties out or false",
        )  # fmt: skip
    for name, inner in properties.items():
        check_schema(inner, f"{where}.properties.{name}", depth + 1)
    required = schema.get("required", [])
    if not isinstance(required, list) or any(name not in properties for name in required):
        raise ConfigError("schema.required", "required lists names of properties", where=f"{where}.required")


def violations(value: Any, schema: Schema) -> tuple[str, ...]:
    """Where a value breaks a checked schema and which keyword says so, such as `$.amount: maximum`; never the value.
    Empty when it fits. Names that a value brings and the schema does not know are counted and not told."""
    return tuple(_violations(value, schema, "$"))


def _violations(value: Any, schema: Schema, where: str, depth: int = 0) -> Iterator[str]:
    kind = schema["type"]
    if depth > DEEPEST or not _has_type(value, kind):
        yield f"{where}: type"
        return
    if "enum" in schema and not any(_same(value, one) for one in schema["enum"]):
        yield f"{where}: enum"
    if "const" in schema and not _same(value, schema["const"]):
        yield f"{where}: const"
    if kind == "object":
        yield from _of_object(value, schema, where, depth)
    elif kind == "array":
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", LONGEST):
            yield f"{where}: length"
            return
        for number, item in enumerate(value if "items" in schema else ()):
            yield from _violations(item, schema["items"], f"{where}[{number}]", depth + 1)
    elif kind == "string":
        yield from _of_string(value, schema, where)
    elif kind in ("number", "integer"):
        yield from _of_number(value, schema, where)


def _of_object(value: Mapping[str, Any], schema: Schema, where: str, depth: int) -> Iterator[str]:
    properties = schema.get("properties", {})
    if any(name not in properties for name in value):
        yield f"{where}: additionalProperties"
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{where}.{name}: required"
    for name, inner in properties.items():
        if name in value:
            yield from _violations(value[name], inner, f"{where}.{name}", depth + 1)


def _of_string(value: str, schema: Schema, where: str) -> Iterator[str]:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", LONGEST):
        yield f"{where}: length"
    elif schema.get("format") == "date" and not is_date(value):
        yield f"{where}: format"


def _of_number(value: float, schema: Schema, where: str) -> Iterator[str]:
    if value < schema.get("minimum", value) or value <= schema.get("exclusiveMinimum", -math.inf):
        yield f"{where}: minimum"
    if value > schema.get("maximum", value) or value >= schema.get("exclusiveMaximum", math.inf):
        yield f"{where}: maximum"


def is_date(text: str) -> bool:
    """A calendar date as ISO 8601 writes it, `2026-01-31`."""
    try:
        return len(text) == 10 and text[4] == text[7] == "-" and bool(date.fromisoformat(text))
    except ValueError:
        return False


def bounded(schema: Schema) -> bool:
    """True for values that can carry no sentence: numbers, booleans, dates, and one of a few listed values."""
    return schema["type"] in ("number", "integer", "boolean") or "enum" in schema or schema.get("format") == "date"


def _has_type(value: Any, kind: str) -> bool:
    match kind:
        case "object":
            return isinstance(value, Mapping) and all(isinstance(name, str) for name in value)
        case "array":
            return isinstance(value, list | tuple)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return type(value) is int or (type(value) is float and math.isfinite(value) and value.is_integer())
    return _is_number(value)


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value)


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: `true` is not 1."""
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)
