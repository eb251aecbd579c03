"""A System that uses tools on what documents say and never lets a document say which: plan first, read afterwards.

The plan is made from the user's words and the declared tools alone. Whatever has to come out of documents is named in
it as a typed value; a quarantined reader fills these in, and the calls leave with the names of handles in them, which
the broker resolves at the moment of the call.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.assist.closing import closing
from assay.assist.failing import finished_on_failure
from assay.assist.quarantine import Extraction, QuarantinedReader, as_object, said_by
from assay.ports.answering import ChatModel, Retriever
from assay.ports.reading import Clock
from assay.records.chat import ChatOptions
from assay.records.dialogue import (
    Finished,
    Outcome,
    Output,
    OutputReady,
    Passage,
    PassagesChosen,
    ReplyEvent,
    Request,
    StageDone,
    ToolCall,
    Turn,
)
from assay.records.errors import ConfigError, Unavailable
from assay.records.retrieval import Query, Ranked
from assay.records.shapes import check_schema
from assay.records.taint import joined, of_user
from assay.records.tools import Tool
from assay.records.values import Handle

MOST_VALUES, MOST_CALLS = 16, 8
NO_CALL, NOT_READ = "planner.no_call", "planner.value_not_read"
_SCALARS = ("string", "number", "integer", "boolean")
SYSTEM = """You plan which tools to call for a user. You see the user's words only. What stands in documents is read
later by another program: ask it for each value that you need and use the value's name, such as $value1, as a whole
argument. Never make a value up. Plan only what the user asks for; an empty list of calls is a fine plan."""
VALUE = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "what": {"type": "string"},
        "type": {"type": "string", "enum": [*_SCALARS, "date"]},
        "choices": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["name", "what", "type", "choices"],
    "additionalProperties": False,
}


def plan_schema(tools: Sequence[str]) -> dict[str, Any]:
    """What the planner's answer must be; arguments are JSON in a text, as each tool has its own."""
    call = {
        "type": "object",
        "properties": {"tool": {"type": "string", "enum": list(tools)}, "arguments": {"type": "string"}},
        "required": ["tool", "arguments"],
        "additionalProperties": False,
    }
    lists = {"values": {"type": "array", "items": VALUE}, "calls": {"type": "array", "items": call}}
    return {"type": "object", "properties": lists, "required": list(lists), "additionalProperties": False}


@dataclass(frozen=True, slots=True)
class Plan:
    """`values` is the closed schema of what must be read, by name without its `$`; calls have handles in them."""

    values: dict[str, Any]
    calls: tuple[ToolCall, ...]


@dataclass(frozen=True)
class Planner:
    """Plans calls of these tools."""

    model: ChatModel
    tools: Mapping[str, Tool]
    options: ChatOptions = field(default_factory=ChatOptions)

    @property
    def recipe(self) -> str:
        return f"planner.v1({self.model.recipe},tools={','.join(sorted(self.tools))})"

    async def plan(self, question: str) -> Plan:
        """Raises Unavailable as the model does, and `chat.refused_schema` for what is no plan."""
        if not self.tools:
            return Plan({"type": "object", "properties": {}}, ())
        told = [
            {"tool": one.name, "does": one.description, "effect": one.effect.value, "arguments": one.arguments}
            for one in self.tools.values()
        ]
        asked = (Turn("system", SYSTEM), Turn("user", f"Tools: {json.dumps(told)}\n\nThe user asks: {question}"))
        options = ChatOptions(self.options.temperature, self.options.max_tokens, plan_schema(sorted(self.tools)))
        return read_plan(as_object(await said_by(self.model, asked, options)))


def read_plan(body: Mapping[str, Any]) -> Plan:
    """Raises Unavailable `chat.refused_schema`."""
    values, calls = body.get("values"), body.get("calls")
    if not isinstance(values, list) or not isinstance(calls, list):
        raise _no_plan()
    if len(values) > MOST_VALUES or len(calls) > MOST_CALLS:
        raise _no_plan()
    try:
        properties = {_name(one): _shape(one) for one in values}
        schema = {"type": "object", "properties": properties}
        check_schema(schema)
        made = tuple(ToolCall(_text(one["tool"]), _arguments(one)) for one in calls)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, ConfigError):
        raise _no_plan() from None
    return Plan(schema, made)


def _name(value: Mapping[str, Any]) -> str:
    name = _text(value["name"]).removeprefix("$")
    if not name.isidentifier() or len(name) > 60:
        raise ValueError
    return name


def _shape(value: Mapping[str, Any]) -> dict[str, Any]:
    kind, choices = value["type"], value.get("choices") or []
    what = {"description": _text(value["what"])[:500]}
    if choices:
        return {"type": "string", "enum": [_text(one) for one in choices], **what}
    if kind == "date":
        return {"type": "string", "format": "date", **what}
    if kind not in _SCALARS:
        raise ValueError
    return {"type": kind, **what}


def _arguments(call: Mapping[str, Any]) -> dict[str, Any]:
    made = json.loads(call["arguments"]) if isinstance(call["arguments"], str) else call["arguments"]
    if not isinstance(made, dict):
        raise ValueError
    return made


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _no_plan() -> Unavailable:
    return Unavailable("chat.refused_schema", "the model's answer is not a plan as it was asked for")


@dataclass(frozen=True)
class PlannedSystem:
    """Answers with tool calls. Stages: `plan`, and where something must be read `retrieve` and `quarantine`.

    A call that needs a value which no passage states is not made (`planner.value_not_read`).
    """

    planner: Planner
    reader: QuarantinedReader
    retriever: Retriever
    clock: Clock
    passages: int = 8
    mode: str = "hybrid"

    @property
    def recipe(self) -> str:
        return f"planned.v1({self.planner.recipe},{self.reader.recipe},{self.retriever.recipe},{self.passages})"

    async def answer(self, request: Request) -> AsyncIterator[ReplyEvent]:
        started = self.clock.monotonic()
        async with closing(finished_on_failure(self._steps(request, started), self.clock, started)) as events:
            async for event in events:
                yield event

    async def _steps(self, request: Request, started: float) -> AsyncIterator[ReplyEvent]:
        def now_ms() -> float:
            return 1000.0 * (self.clock.monotonic() - started)

        plan = await self.planner.plan(request.question)
        detail = {"values": len(plan.values["properties"]), "calls": len(plan.calls)}
        yield StageDone("plan", 0.0, now_ms(), {**detail})
        handles: tuple[Handle, ...] = ()
        missing: frozenset[str] = frozenset()
        if plan.values["properties"] and plan.calls:
            began = now_ms()
            ranked = await self._found(request)
            yield StageDone("retrieve", began, now_ms() - began, {"ranked": len(ranked)})
            yield _chosen(ranked, request)
            began = now_ms()
            read = await self.reader.read(plan.values, request.question, ranked)
            handles, missing = _handles(read), frozenset(f"${name}" for name in read.missing)
            counts = {"read": len(read.values), **_counted(read)}
            yield StageDone("quarantine", began, now_ms() - began, {**counts})
        calls = tuple(one for one in plan.calls if missing.isdisjoint(map(str, one.arguments.values())))
        if calls:
            yield OutputReady(Output(tools=calls, handles=handles))
        reason = "" if calls else NOT_READ if plan.calls else NO_CALL
        yield Finished(Outcome.ANSWERED if calls else Outcome.ABSTAINED, reason, duration_ms=now_ms())

    async def _found(self, request: Request) -> tuple[Ranked, ...]:
        query = Query(request.question, request.scope, self.passages, self.mode, as_of=request.as_of)
        found = await asyncio.to_thread(self.retriever.retrieve, query)
        return found.ranked[: self.passages]


def _chosen(ranked: Sequence[Ranked], request: Request) -> PassagesChosen:
    passages = tuple(
        Passage(number, one.chunk.chunk_id, one.chunk.span, one.score, dict(one.stages), label=one.label)
        for number, one in enumerate(ranked, start=1)
    )
    labels = [one.label for one in ranked if one.label is not None]
    whole = joined([of_user(request.scope.tenant), *labels]) if len(labels) == len(ranked) else None
    return PassagesChosen(passages, "", whole, quarantined=True)


def _handles(read: Extraction) -> tuple[Handle, ...]:
    return tuple(Handle(f"${name}", one.value, one.label) for name, one in read.values.items())


def _counted(read: Extraction) -> dict[str, int]:
    reasons = list(read.missing.values())
    return {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)}
