"""Tools over HTTP: which there are for a caller, what the broker decides, what waits for a person, and results.

A decision never shows a call's arguments. Whoever settles a call sees them, in their own tenant and only when they may
read all that the asker may.
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import msgspec
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from assay.records.access import Caller
from assay.records.dialogue import ToolCall
from assay.records.errors import InputError, NotFound
from assay.records.taint import Classification, Label, of_document
from assay.records.tools import Decided, Tool
from assay.serve.house import House
from assay.serve.management import house_of, reply
from assay.serve.traces import asked_inside
from assay.serve.wire import decode
from assay.wiring.apps import new_request_id
from assay.wiring.tool_desk import Shown, ToolDesk

MOST_TEXTS = 100
MOST_TOKEN = 100


class FunctionOut(msgspec.Struct):
    """`parameters` is the JSON Schema that the broker enforces."""

    name: str
    description: str
    parameters: dict[str, Any]


class ToolRules(msgspec.Struct):
    """What the broker goes by besides the schema."""

    effect: str
    confirm: str
    untrusted_ok: list[str]
    max_classification: str
    result_classification: str
    max_result_bytes: int
    timeout_s: float


class ToolOut(msgspec.Struct):
    """A tool as OpenAI's `tools` name it, so that the list can be handed to a client as it is."""

    function: FunctionOut
    assay: ToolRules
    type: Literal["function"] = "function"


class ToolList(msgspec.Struct):
    data: list[ToolOut]
    object: Literal["list"] = "list"


class DecideRequest(msgspec.Struct):
    """A call that a model asked for, and what that model had read: the user's `question`, texts that others wrote, and
    the answer `trace_id`, whose label counts. `all_seen` says that there was nothing else; otherwise there was."""

    name: str
    arguments: dict[str, Any] = {}
    app: str = ""
    question: str = ""
    untrusted: list[str] = []
    trace_id: str = ""
    all_seen: bool = False
    token: str = ""
    """From an approval of this very call."""


class LabelOut(msgspec.Struct):
    classification: str
    integrity: str
    origins: list[str]


class DecideResponse(msgspec.Struct):
    """`allow`: run it. `confirm`: a person is asked under `pending`. `deny`: do not. `sources` says where each argument
    stands: `question`, `trusted`, `untrusted` or `unknown`."""

    verdict: Literal["allow", "confirm", "deny"]
    tool: str
    """Empty for a tool that is not declared."""
    effect: str
    reasons: list[str]
    tainted: bool
    label: LabelOut
    sources: dict[str, str]
    call_sha256: str
    pending: str
    request_id: str


class PendingOut(msgspec.Struct):
    """A call that waits. `arguments` is null where `withheld` says why."""

    id: str
    tool: str
    effect: str
    app: str
    who: str
    request_id: str
    reasons: list[str]
    at: str
    expires_at: str
    arguments: dict[str, Any] | None
    withheld: str


class PendingList(msgspec.Struct):
    data: list[PendingOut]
    object: Literal["list"] = "list"


class SettleRequest(msgspec.Struct):
    decision: Literal["approve", "deny"]


class SettleResponse(msgspec.Struct):
    """`token` is worth this call with these arguments, by the key that asked, once; empty for a denial."""

    id: str
    tool: str
    state: str
    token: str
    expires_at: str


class ResultRequest(msgspec.Struct):
    """What a tool gave back."""

    tool: str
    text: str
    app: str = ""


class ResultResponse(msgspec.Struct):
    """The result as a model may see it: data, never instructions."""

    text: str
    label: LabelOut
    cut_chars: int
    hidden: int
    """Stretches that no reader sees, taken out."""


def routes() -> list[BaseRoute]:
    return [
        Route("/v1/tools", list_tools),
        Route("/v1/tools/decide", decide, methods=["POST"]),
        Route("/v1/tools/results", result, methods=["POST"]),
        Route("/v1/tools/pending", pending),
        Route("/v1/tools/pending/{id}", settle, methods=["POST"]),
    ]


def _desk(house: House) -> ToolDesk:
    desk = house.services.tools
    if desk is None:
        raise NotFound("serve.no_tools", "this server has no broker")
    return desk


async def list_tools(http: HttpRequest) -> Response:
    """`GET /v1/tools?app=`: the declared tools that the caller may call, in the app where one is named."""
    house = house_of(http)
    caller = await house.doorman.caller(http)
    desk, app = _desk(house), http.query_params.get("app", "")
    found = await asyncio.to_thread(desk.usable, caller, app)
    return reply(ToolList([_tool(one) for one in found]))


def _tool(one: Tool) -> ToolOut:
    rules = ToolRules(
        one.effect.value, one.confirm.value, sorted(one.untrusted_ok), one.max_classification.value,
        one.result_classification.value, one.max_result_bytes, one.timeout_s,
    )  # fmt: skip
    return ToolOut(FunctionOut(one.name, one.description, one.arguments), rules)


async def decide(http: HttpRequest) -> Response:
    """`POST /v1/tools/decide`: what the broker says to one call, as `assay broker decide` says it."""
    house = house_of(http)
    caller = await house.doorman.caller(http)
    asked = decode(await http.body(), DecideRequest)
    if len(asked.untrusted) > MOST_TEXTS:
        raise InputError("serve.too_many_texts", f"at most {MOST_TEXTS} texts are told", where="$.untrusted")
    if len(asked.token) > MOST_TOKEN:
        raise InputError("serve.token", "this is no token", where="$.token")
    labels = [await _made_from(house, caller, asked.trace_id)] if asked.trace_id else []
    request_id = asked.trace_id or new_request_id()
    desk = _desk(house)

    def decided() -> Decided:
        seen = desk.sight(caller, asked.question, asked.untrusted, labels, unseen=not asked.all_seen)
        return desk.decide(caller, ToolCall(asked.name, asked.arguments), asked.app, seen, asked.token, request_id)

    return reply(_decided(await asyncio.to_thread(decided), request_id))


async def _made_from(house: House, caller: Caller, trace_id: str) -> Label:
    """The label of an answer's context; the strictest there is where the trace has none."""
    seen = await house.trace(caller.scope, trace_id)
    if not asked_inside(caller.scope, seen.trace):
        raise NotFound("serve.no_trace", "there is no such trace here")
    return seen.trace.label or of_document(caller.scope.tenant, Classification.RESTRICTED)


def _decided(one: Decided, request_id: str) -> DecideResponse:
    return DecideResponse(
        one.verdict.value, one.tool, one.effect, list(one.reasons), one.tainted, _label(one.label),
        dict(one.sources), one.arguments_sha256, one.pending, request_id,
    )  # fmt: skip


def _label(label: Label) -> LabelOut:
    return LabelOut(label.classification.value, label.integrity.value, sorted(one.value for one in label.origins))


async def pending(http: HttpRequest) -> Response:
    """`GET /v1/tools/pending`: calls of the tenant that wait for a person, oldest first."""
    house = house_of(http)
    caller = await house.doorman.caller(http, "operate")
    found = await asyncio.to_thread(_desk(house).waiting, caller)
    return reply(PendingList([_pending(one) for one in found]))


def _pending(shown: Shown) -> PendingOut:
    one = shown.pending
    return PendingOut(
        one.key, one.tool, one.effect, one.app, one.who, one.request_id, list(one.reasons), one.at, one.expires_at,
        shown.arguments, shown.withheld,
    )  # fmt: skip


async def settle(http: HttpRequest) -> Response:
    """`POST /v1/tools/pending/{id}`: approve or deny exactly this call."""
    house = house_of(http)
    caller = await house.doorman.caller(http, "operate")
    asked = decode(await http.body(), SettleRequest)
    decision = "approved" if asked.decision == "approve" else "denied"
    one, token = await asyncio.to_thread(_desk(house).settle, caller, http.path_params["id"], decision)
    return reply(SettleResponse(one.key, one.tool, one.state, token, one.expires_at))


async def result(http: HttpRequest) -> Response:
    """`POST /v1/tools/results`: what a tool gave back, bounded, without hidden text, and labelled."""
    house = house_of(http)
    caller = await house.doorman.caller(http)
    asked = decode(await http.body(), ResultRequest)
    made = await asyncio.to_thread(_desk(house).taken, caller, asked.tool, asked.app, asked.text)
    return reply(ResultResponse(made.result.text, _label(made.result.label), made.cut_chars, made.hidden))
