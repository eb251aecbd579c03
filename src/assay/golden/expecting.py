"""What a case expects beyond words: a class, fields, spans, tool calls, nuggets, how it stands to another case."""

from __future__ import annotations

from typing import Any

from assay.golden.fields import Fields
from assay.golden.problems import Problem
from assay.records.dialogue import LabelledSpan, ToolCall
from assay.records.digest import plain
from assay.records.golden import Case, Expected, Nugget, Relation, RelationKind

KEYS = frozenset({"label", "fields", "spans", "tools", "nuggets", "relation"})
KINDS = frozenset(kind.value for kind in RelationKind)
DIRECTIONS = frozenset({"up", "down"})
QUANTITIES = ("score:", "field:")
"""What may move beside `confidence`: each followed by the name of a label or field."""


def read_task(fields: Fields, question: str) -> dict[str, Any]:
    """The arguments of `Expected` that these keys give; whatever is wrong with them is noted in `fields`."""
    return {
        "label": _label(fields),
        "fields": fields.json_object("fields"),
        "spans": _spans(fields, len(question)),
        "tools": tuple(_tool(item) for item in fields.objects("tools")),
        "nuggets": _nuggets(fields),
        "relation": _relation(fields),
    }


def task_row(expected: Expected) -> dict[str, Any]:
    """The keys that `read_task` reads back; those that are empty are left out."""
    relation = expected.relation
    row: dict[str, Any] = {
        "label": expected.label,
        "fields": plain(expected.fields),
        "spans": plain(expected.spans),
        "tools": [{"name": tool.name} | ({"arguments": plain(tool.arguments)} if tool.arguments else {})
                  for tool in expected.tools],
        "nuggets": [n.text if n.vital else {"text": n.text, "vital": False} for n in expected.nuggets],
        "relation": {key: value for key, value in plain(relation).items() if value} if relation else {},
    }  # fmt: skip
    return {key: value for key, value in row.items() if value}


def check_relations(rows: list[tuple[int, Case]], problems: list[Problem]) -> None:
    """Note every relation to a case that does not stand in the file, or that leads back to where it began."""
    of = {case.case_id: case.expected.relation.of for _, case in rows if case.expected.relation}
    known = {case.case_id for _, case in rows}
    for line, case in rows:
        relation = case.expected.relation
        if relation is None or not relation.of:
            continue
        if relation.of not in known:
            problems.append(
                Problem(line, "$.relation.of", "golden.unknown_relation", "no case in the file has this id")
            )
        elif _returns(case.case_id, of):
            problems.append(Problem(line, "$.relation.of", "golden.relation_cycle", "leads back to the case itself"))


def _returns(start: str, of: dict[str, str]) -> bool:
    at, seen = of.get(start, ""), set[str]()
    while at and at not in seen:
        if at == start:
            return True
        seen.add(at)
        at = of.get(at, "")
    return False


def _label(fields: Fields) -> str:
    text = fields.text("label", required=fields.has("label"))
    if text.strip() not in ("", text):
        fields.report("label", "golden.bad_label", "begins or ends with white space")
    return text


def _spans(fields: Fields, length: int) -> tuple[LabelledSpan, ...]:
    found: list[LabelledSpan] = []
    for item in fields.objects("spans"):
        item.only(frozenset({"start", "end", "label"}))
        start, end = item.whole("start"), item.whole("end")
        span = LabelledSpan(start or 0, end or 0, item.text("label", required=True))
        if start is not None and end is not None and not start < end <= length:
            item.report("end", "golden.span_outside", "must lie after `start` and within the question")
        if span in found:
            item.report("start", "golden.duplicate_span", "the same span with the same label stands here twice")
        found.append(span)
    return tuple(found)


def _tool(fields: Fields) -> ToolCall:
    fields.only(frozenset({"name", "arguments"}))
    return ToolCall(fields.text("name", required=True), fields.json_object("arguments"))


def _nuggets(fields: Fields) -> tuple[Nugget, ...]:
    """Texts alone, which are vital, or objects, or both mixed as they are written back."""
    return tuple(
        Nugget(item, True) if isinstance(item, str) else _nugget(item) for item in fields.texts_or_objects("nuggets")
    )


def _nugget(fields: Fields) -> Nugget:
    fields.only(frozenset({"text", "vital"}))
    return Nugget(fields.text("text", required=True), fields.flag("vital", default=True))


def _relation(fields: Fields) -> Relation | None:
    item = fields.object("relation")
    if item is None:
        return None
    item.only(frozenset({"kind", "of", "quantity", "direction", "tolerance"}))
    kind = item.text("kind", required=True)
    if kind not in KINDS:
        if kind:
            item.report("kind", "golden.bad_relation", f"must be one of {', '.join(sorted(KINDS))}")
        return None
    relation = Relation(
        RelationKind(kind), item.text("of"), item.text("quantity"), item.text("direction"), item.amount("tolerance")
    )
    _check_relation(relation, item)
    return relation


def _check_relation(relation: Relation, item: Fields) -> None:
    minimum = relation.kind is RelationKind.MINIMUM
    if minimum and (relation.of or relation.quantity or relation.direction or relation.tolerance):
        item.report("kind", "golden.bad_relation", "a minimum functionality test stands to no other case")
    if not minimum and not relation.of.strip():
        item.report("of", "golden.missing", "is missing: the case that this one was made from")
    directional = relation.kind is RelationKind.DIRECTIONAL
    if directional and relation.direction not in DIRECTIONS:
        item.report("direction", "golden.bad_relation", "must be up or down")
    if directional and not relation.quantity:
        item.report("quantity", "golden.missing", "is missing: what moves, such as confidence or score:LABEL")
    if relation.direction and not directional:
        item.report("direction", "golden.bad_relation", "only a directional test has one")
    if relation.quantity and not _is_quantity(relation.quantity):
        item.report("quantity", "golden.bad_relation", "must be confidence, score:LABEL or field:NAME")


def _is_quantity(text: str) -> bool:
    return text == "confidence" or any(text.startswith(kind) and text[len(kind) :].strip() for kind in QUANTITIES)
