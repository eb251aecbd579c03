"""Schemas of arguments are closed and enforced whole, or they are refused."""

from typing import Any

import pytest

from assay.records.errors import ConfigError
from assay.records.shapes import bounded, check_schema, violations

MAIL = {
    "type": "object",
    "properties": {
        "to": {"type": "string", "maxLength": 20},
        "when": {"type": "string", "format": "date"},
        "n": {"type": "integer", "minimum": 1, "maximum": 9},
        "how": {"type": "string", "enum": ["slow", "fast"]},
        "cc": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
    },
    "required": ["to"],
}


@pytest.mark.parametrize(
    ("value", "broken"),
    [
        ({"to": "bob"}, ()),
        ({"to": "bob", "when": "2026-01-31", "n": 3, "how": "slow", "cc": ["a", "b"]}, ()),
        ({}, ("$.to: required",)),
        ({"to": "bob", "secret-name": 1}, ("$: additionalProperties",)),
        ({"to": 3}, ("$.to: type",)),
        ({"to": "b" * 21}, ("$.to: length",)),
        ({"to": "b", "when": "2026-02-31"}, ("$.when: format",)),
        ({"to": "b", "n": 0}, ("$.n: minimum",)),
        ({"to": "b", "n": 10}, ("$.n: maximum",)),
        ({"to": "b", "n": True}, ("$.n: type",)),
        ({"to": "b", "n": 1.5}, ("$.n: type",)),
        ({"to": "b", "how": "by mail"}, ("$.how: enum",)),
        ({"to": "b", "cc": ["a", "b", "c"]}, ("$.cc: length",)),
        ({"to": "b", "cc": [1]}, ("$.cc[0]: type",)),
        ("text", ("$: type",)),
    ],
)
def test_a_value_is_held_against_its_schema_and_not_repeated(value: Any, broken: tuple[str, ...]) -> None:
    assert violations(value, MAIL) == broken


@pytest.mark.parametrize(
    ("schema", "code"),
    [
        ({"type": "string", "pattern": "^a"}, "schema.keyword"),
        ({"type": "object", "additionalProperties": True}, "schema.open"),
        ({"type": ["string", "null"]}, "schema.type"),
        ({"oneOf": []}, "schema.type"),
        ({"type": "string", "format": "email"}, "schema.format"),
        ({"type": "object", "required": ["x"]}, "schema.required"),
        ({"type": "array"}, "schema.shape"),
        ({"type": "integer", "enum": ["a"]}, "schema.value"),
        ({"type": "string", "maxLength": -1}, "schema.value"),
    ],
)
def test_a_schema_that_would_not_be_enforced_whole_is_refused(schema: Any, code: str) -> None:
    with pytest.raises(ConfigError) as error:
        check_schema(schema)
    assert error.value.code == code


def test_only_values_that_carry_no_sentence_are_bounded() -> None:
    check_schema(MAIL)
    properties: Any = MAIL["properties"]
    assert [name for name, one in properties.items() if bounded(one)] == ["when", "n", "how"]
