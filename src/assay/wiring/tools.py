"""The broker of a workspace: its tools, its authorizer, and the calls that wait for a person."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.adapters.pending_calls import PendingCalls
from assay.guard.broker import Asking, Broker, Sight, sight_of
from assay.guard.brokered import Brokered
from assay.guard.rights import DeclaredRights
from assay.ports.answering import System
from assay.ports.guarding import Authorizer
from assay.records.access import Scope
from assay.records.dialogue import Request, ToolCall
from assay.records.errors import AccessDenied, ConfigError, InputError
from assay.records.taint import Classification, Integrity, Label, Labelled, Origin, of_document, of_user
from assay.records.tools import SETTLE, Ask, Confirm, Decided, Effect, Pending, Tool
from assay.wiring.settings_tools import CedarAuthorizer, ToolSetting

if TYPE_CHECKING:
    from assay.evaluate.tool_trials import Outcomes
    from assay.records.safety import Measurement
    from assay.wiring.build import Workspace

FOLDER = "broker"
LOCAL = frozenset({"ask", "operate"})
"""The roles of whoever runs the command line, who can read and write the whole workspace anyway."""
MOST_CALL_CHARS = 1_000_000


def tool(name: str, stated: ToolSetting) -> Tool:
    return Tool(
        name, stated.arguments, Effect(stated.effect), Confirm(stated.confirm),
        frozenset(stated.allow.groups), frozenset(stated.allow.apps), frozenset(stated.allow.purposes),
        frozenset(stated.untrusted_ok), Classification(stated.max_classification),
        Classification(stated.result_classification), stated.max_result_bytes, stated.on_long_result,
        stated.timeout_s, stated.description,
    )  # fmt: skip


def tools(place: Workspace) -> dict[str, Tool]:
    return {name: tool(name, stated) for name, stated in place.settings.tools.items()}


def authorizer(place: Workspace) -> Authorizer:
    """Raises ConfigError `cedar.missing`, `cedar.policy`, `cedar.schema` and `config.missing_file`."""
    stated = place.settings.broker.authorizer
    if not isinstance(stated, CedarAuthorizer):
        return DeclaredRights()
    from assay.adapters.cedar_rights import CedarRights

    schema = _file(place, stated.schema_file, "schema") if stated.schema_file else ""
    return CedarRights(_file(place, stated.policies, "policies"), schema, stated.policies)


def _file(place: Workspace, name: str, key: str) -> str:
    try:
        return (place.root / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "config.missing_file", f"broker.authorizer.{key} names a file that cannot be read "
            f"({type(error).__name__})", where=name, remedy="correct it in assay.yaml",
        ) from None  # fmt: skip


def pending_calls(place: Workspace) -> PendingCalls:
    minutes = place.settings.broker.confirmation_minutes
    return PendingCalls(place.stores.ledger, place.store / FOLDER, place.clock, minutes)


def broker(place: Workspace) -> Broker:
    return Broker(tools(place), authorizer(place), pending_calls(place))


def quiet(place: Workspace) -> Broker:
    """A broker that decides alike and asks nobody: what a person would be asked stays withheld."""
    return Broker(tools(place), authorizer(place), Nobody())


def brokered(place: Workspace, app: str, system: System, *, live: bool = True, outside: bool = False) -> System:
    """The system whose tool calls leave only as the broker decides: the outermost of an app's guards, so that what it
    decides on is what leaves. Like access lists, tools are those of today, never those of a bundle.

    One that is not `live`, as in an evaluation, decides alike, but nobody is asked and no account is kept.
    """

    def texts(chunk_ids: Any) -> dict[str, str]:
        return {name: chunk.text for name, chunk in place.stores.catalog.chunks(chunk_ids).items()}

    unlabelled = Classification(place.settings.labels.default)
    if not live:
        return Brokered(system, quiet(place), app, unlabelled, outside, texts)
    return Brokered(
        system, broker(place), app, unlabelled, outside, texts, lambda told, request: note(place, told, request, app)
    )


def note(place: Workspace, told: Decided, request: Request, app: str) -> None:
    """Account of one decision, without what was asked. Raises what the audit log raises where account is required."""
    account(place, told, app, request.scope.tenant, request.metadata.get("actor", ""), request.request_id)


def account(place: Workspace, told: Decided, app: str, tenant: str, who: str, request_id: str) -> None:
    subject = {
        "tool": told.tool or "undeclared", "effect": told.effect, "reasons": ",".join(told.reasons), "app": app,
        "request": request_id, "call": told.arguments_sha256, "pending": told.pending,
        "classification": told.label.classification.value, "integrity": told.label.integrity.value,
    }  # fmt: skip
    place.auditor.note("broker.decided", told.verdict.value, tenant=tenant, who=who, subject=subject)


@dataclass(frozen=True)
class Explained:
    """A decision with the words of the authorizer and what stood in sight."""

    decided: Decided
    call: ToolCall | None
    recipe: str


def explain(place: Workspace, call: ToolCall, sight: Sight, asking: Asking) -> Explained:
    """What would be decided now; nothing waits for a person because of it, and no account is kept."""
    asked = quiet(place)
    decided, made = asked.decide(call, sight, asking)
    return Explained(decided, made, asked.recipe)


class Nobody:
    """Confirmations that are only asked about."""

    def wait(self, *_: object) -> str:
        return ""

    def spend(self, *_: object) -> bool:
        return False


def decide(
    place: Workspace, call: ToolCall, sight: Sight, asking: Asking, by: Broker | None = None
) -> tuple[Decided, ToolCall | None]:
    """The decision, accounted for; `by` is this workspace's broker where it is made already."""
    decided, made = (by or broker(place)).decide(call, sight, asking)
    account(place, decided, asking.app, asking.scope.tenant, asking.who, asking.request_id)
    return decided, made


def measure(place: Workspace, reference: str, n: int, seed: int) -> tuple[Measurement, Outcomes]:
    """Trials of this workspace's tools under its authorizer, kept as evidence for an app or a bundle."""
    from assay.evaluate import tool_trials
    from assay.wiring import apps, safety_store

    known = place.settings.apps
    running = apps.start(place, reference, traced=False) if not reference or reference in known else None
    running = running or apps.start(place, "", reference, traced=False)
    made = asyncio.run(tool_trials.run(tools(place), authorizer(place), n, seed, running.app))
    subject = safety_store.subject_of(place, running.bundle_id or running.app)[0]
    command = f"assay broker measure{f' {reference}' if reference else ''} --trials {n} --seed {seed}"
    told = tool_trials.measured(made, subject, broker(place).recipe, seed, command)
    return safety_store.record(place, [told])[0], made


def settle(
    place: Workspace, key: str, decision: str, scope: Scope, *, by: str, roles: frozenset[str] = LOCAL
) -> tuple[Pending, str]:
    """Approve or deny a call that waits, when the authorizer lets this person, in their own tenant. Raises AccessDenied
    `broker.not_yours`, and what `PendingCalls.settle` raises. An approval gives its token."""
    calls = pending_calls(place)
    one = calls.one(key)
    known = tools(place).get(one.tool) or Tool(one.tool, effect=Effect(one.effect))
    ruling = authorizer(place).decide(Ask(SETTLE, known, scope, by, roles, one.app, label=_settled(one)))
    if not ruling.allowed or scope.tenant != one.tenant:
        raise AccessDenied("broker.not_yours", "you may not settle this call", where=one.key)
    settled, token = calls.settle(one.key, decision, by)
    place.auditor.record(
        "broker.settled", decision, tenant=one.tenant, who=by,
        subject={"pending": one.key, "tool": one.tool, "call": one.arguments_sha256},
    )  # fmt: skip
    return settled, token


def _settled(one: Pending) -> Label:
    return Label(frozenset({Origin.MODEL}), frozenset({one.tenant}), Classification.INTERNAL, Integrity.UNTRUSTED)


def read_call(text: str) -> ToolCall:
    """A call as JSON: `{"name": …, "arguments": {…}}`. Raises InputError `broker.call`."""
    try:
        if len(text) > MOST_CALL_CHARS:
            raise ValueError
        body = json.loads(text, parse_constant=_refused)
        name, arguments = body["name"], body.get("arguments", {})
    except (ValueError, TypeError, KeyError, RecursionError, AttributeError):
        name, arguments = None, None
    if not isinstance(name, str) or not isinstance(arguments, dict):
        raise InputError(
            "broker.call", "this is no tool call", remedy='write {"name": "send_mail", "arguments": {"to": "…"}}'
        )
    return ToolCall(name, arguments)


def _refused(_: str) -> None:
    raise ValueError


def sight(place: Workspace, scope: Scope, question: str, untrusted: list[str], *, unseen: bool = False) -> Sight:
    """What a model saw, told from outside: the question, texts that others wrote, and with `unseen` texts that are not
    at hand."""
    default = Classification(place.settings.labels.default)
    strange = of_document(scope.tenant, default)
    spans = (Labelled(question, of_user(scope.tenant)), *(Labelled(text, strange) for text in untrusted))
    return sight_of(spans, *([strange] if unseen else []))
