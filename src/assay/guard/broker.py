"""What stands between a model that asks for a tool and whoever runs it: allow, ask a person first, or deny."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from assay.detect import hidden
from assay.ports.guarding import Authorizer, Confirmations
from assay.records.access import Scope
from assay.records.dialogue import ToolCall
from assay.records.digest import sha256_json
from assay.records.errors import AssayError
from assay.records.shapes import violations
from assay.records.taint import NOTHING, Classification, Label, Labelled, joined
from assay.records.tools import CALL, CALL_UNCONFIRMED, Ask, Decided, Effect, Tool, Verdict, call_sha256
from assay.records.values import Handle

MOST_ARGUMENTS = 65_536
"""Characters of all texts of a call together."""
HANDLE = "$"
_SHORTEST = 3
"""Shorter values stand everywhere by chance and are never said to come from the question."""


@dataclass(frozen=True)
class Sight:
    """What stood in the context of the model that asks.

    `label` is the join of everything there, `spans` those texts that are at hand: a text that is not at hand still
    counts. `handles` are what the model could name without seeing it.
    """

    label: Label
    spans: tuple[Labelled, ...] = ()
    handles: Mapping[str, Handle] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asking:
    """On whose behalf a call is made."""

    scope: Scope
    app: str = ""
    who: str = ""
    roles: frozenset[str] = frozenset({"ask"})
    lowered: bool = False
    request_id: str = ""
    token: str = ""
    """From a person's approval of this very call; empty: none."""


@dataclass(frozen=True)
class Broker:
    """Decides every call of every tool.

    Taint is that of the whole context: a model that has read an untrusted text may be saying what that text wants,
    whatever words it uses, so no comparison of texts clears a call. Only a planner that never saw the text is clean,
    and then taint comes in by its arguments. Over all that an authorizer allows stands one rule of our own: untrusted
    text, data that is not public and an effect outside the house never come together without a person (Meta, Agents
    Rule of Two, 2025).
    """

    tools: Mapping[str, Tool]
    authorizer: Authorizer
    confirmations: Confirmations | None = None

    @property
    def recipe(self) -> str:
        return f"broker.v1({sha256_json(self.tools)[:12]},{self.authorizer.recipe})"

    def decide(self, call: ToolCall, sight: Sight, asking: Asking) -> tuple[Decided, ToolCall | None]:
        """The decision, and the call with its handles resolved when it may run now. Never raises for what a model
        wrote."""
        tool = self.tools.get(call.name)
        if tool is None:
            return Decided(Verdict.DENY, "", ("broker.undeclared",), label=sight.label), None
        told = Decided(Verdict.DENY, tool.name, effect=tool.effect.value, label=sight.label)
        resolved, missing = _resolved(call.arguments, sight.handles)
        if problem := "broker.unknown_handle" if missing else _unfit(resolved, tool):
            return replace(told, reasons=(problem,)), None
        made = ToolCall(tool.name, resolved)
        sources = {name: _source(value, sight) for name, value in call.arguments.items()}
        labels = {name: _label(sources[name], call.arguments[name], sight) for name in sources}
        label = joined([sight.label, *labels.values()])
        tainted = not sight.label.trusted or any(
            not one.trusted and name not in tool.untrusted_ok for name, one in labels.items()
        )
        told = replace(
            told, label=label, tainted=tainted, sources=tuple(sources.items()),
            arguments_sha256=call_sha256(tool.name, resolved),
        )  # fmt: skip
        if not joined(labels.values()).classification.within(tool.max_classification):
            return replace(told, reasons=("broker.classification",)), None
        ask = Ask(
            CALL, tool, asking.scope, asking.who, asking.roles, asking.app, tainted, asking.lowered, label
        )  # fmt: skip
        told = self._ruled(told, ask, asking, resolved)
        return told, made if told.verdict is Verdict.ALLOW else None

    def _ruled(self, told: Decided, ask: Ask, asking: Asking, arguments: dict[str, Any]) -> Decided:
        ruling = self.authorizer.decide(ask)
        if not ruling.allowed:
            return replace(told, reasons=ruling.reasons or ("broker.denied",))
        needs = _floor(ask)
        unconfirmed = self.authorizer.decide(replace(ask, action=CALL_UNCONFIRMED))
        if not unconfirmed.allowed:
            needs = (*(unconfirmed.reasons or ("broker.confirm",)), *needs)
        if not needs:
            return replace(told, verdict=Verdict.ALLOW, reasons=ruling.reasons)
        if self.confirmations is None:
            return replace(told, reasons=(*needs, "broker.nobody_to_ask"))
        try:
            if asking.token and self.confirmations.spend(asking.token, ask, told.arguments_sha256):
                return replace(told, verdict=Verdict.ALLOW, reasons=(*needs, "broker.confirmed"))
            waiting = self.confirmations.wait(ask, asking.request_id, arguments, needs)
        except AssayError as error:
            return replace(told, reasons=(*needs, error.code))
        return replace(told, verdict=Verdict.CONFIRM, reasons=needs, pending=waiting)


def _floor(ask: Ask) -> tuple[str, ...]:
    """What no authorizer can permit away."""
    private = ask.label.classification is not Classification.PUBLIC
    both = ask.tainted and private and ask.tool.effect is Effect.EXTERNAL
    return ("broker.rule_of_two",) if both else ()


def _unfit(arguments: dict[str, Any], tool: Tool) -> str:
    if violations(arguments, tool.arguments):
        return "broker.arguments"
    texts = list(_texts(arguments))
    if sum(map(len, texts)) > MOST_ARGUMENTS:
        return "broker.arguments_too_long"
    if any(_unsound(text) for text in texts):
        return "broker.arguments"
    return "broker.hidden_text" if any(hidden.find(text) for text in texts) else ""


def _unsound(text: str) -> bool:
    """True for text without a UTF-8 form: lone surrogates."""
    return any("\ud800" <= sign <= "\udfff" for sign in text)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from (name, *_texts(inner))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def is_handle(value: Any) -> bool:
    """True for a text that is the name of a handle and nothing else."""
    return isinstance(value, str) and value.startswith(HANDLE) and value[1:].isidentifier() and len(value) <= 64


def _resolved(arguments: Mapping[str, Any], handles: Mapping[str, Handle]) -> tuple[dict[str, Any], bool]:
    """Arguments with the values of handles, and whether one is not known. A handle is a whole argument: inside a
    longer text it stays what it is, and only arguments themselves can be one, not what stands in them."""
    if not handles:
        return dict(arguments), False
    made = {}
    for name, value in arguments.items():
        if not is_handle(value):
            made[name] = value
        elif value in handles:
            made[name] = handles[value].value
        else:
            return dict(arguments), True
    return made, False


def _source(value: Any, sight: Sight) -> str:
    """Where a value stands, for the record: `handle`, `untrusted`, `question`, `trusted`, `unknown`."""
    if is_handle(value) and value in sight.handles:
        return "handle"
    words = _plain(" ".join(_texts(value)) if not isinstance(value, int | float) else str(value))
    if len(words) < _SHORTEST:
        return "unknown"
    holding = [span.label for span in sight.spans if words in _plain(span.text)]
    if any(not label.trusted for label in holding):
        return "untrusted"
    if not holding:
        return "unknown"
    return "question" if any("user" in label.origins for label in holding) else "trusted"


def _label(source: str, value: Any, sight: Sight) -> Label:
    """The label of an argument: of its handle, of the question it was copied from, else of all that was in sight."""
    if source == "handle":
        return sight.handles[value].label
    if source == "question":
        return joined(span.label for span in sight.spans if "user" in span.label.origins)
    return sight.label


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def sight_of(spans: tuple[Labelled, ...], *more: Label) -> Sight:
    """What a model saw: texts at hand, and labels of those that are not."""
    return Sight(joined([NOTHING, *(span.label for span in spans), *more]), spans)
