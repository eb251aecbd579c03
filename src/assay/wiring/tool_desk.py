"""What callers of the server may do with tools: see them, have calls decided, settle what waits, clean results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from assay.guard.broker import Asking, Broker, Sight
from assay.guard.tool_results import Taken, taken
from assay.records.access import Caller
from assay.records.dialogue import ToolCall
from assay.records.errors import AccessDenied, InputError, NotFound, Unavailable
from assay.records.taint import Label
from assay.records.tools import CALL, Ask, Decided, Pending, Tool
from assay.wiring import tools

if TYPE_CHECKING:
    from assay.wiring.build import Workspace

MOST_SHOWN = 200
"""Calls that wait, of one look at them."""
NOBODY = "demo"
"""Who settles a call at an open demo on loopback, where there is no key."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A call that waits. `arguments` is None where `withheld` says why: `broker.unseen` for a reader who may not read
    all that the asker may, or the code of what is wrong with them."""

    pending: Pending
    arguments: dict[str, Any] | None
    withheld: str = ""


@dataclass(frozen=True)
class ToolDesk:
    """The broker of a workspace for callers with keys: it decides by the function behind `assay broker decide`.

    Nothing outside a caller's tenant exists for it. The authorizer is made once, as that of a running app is.
    """

    place: Workspace

    @cached_property
    def broker(self) -> Broker:
        return tools.broker(self.place)

    def usable(self, caller: Caller, app: str) -> tuple[Tool, ...]:
        """The tools that this caller may call in this app at best: with nothing untrusted in sight. Raises NotFound."""
        self._known(app)
        return tuple(tool for tool in self.broker.tools.values() if self._may(tool, caller, app))

    def decide(
        self, caller: Caller, call: ToolCall, app: str, seen: Sight, token: str, request_id: str
    ) -> Decided:  # fmt: skip
        """The decision, accounted for. Raises NotFound, and what the audit log raises where account is required."""
        self._known(app)
        asking = Asking(caller.scope, app, caller.key_id, caller.roles, request_id=request_id, token=token)
        return tools.decide(self.place, call, seen, asking, self.broker)[0]

    def sight(
        self, caller: Caller, question: str, untrusted: Sequence[str], labels: Sequence[Label], *, unseen: bool
    ) -> Sight:  # fmt: skip
        """What a model saw; `labels` are of texts that are not at hand."""
        told = tools.sight(self.place, caller.scope, question, list(untrusted), unseen=unseen)
        for label in labels:
            told = Sight(told.label.join(label), told.spans)
        return told

    def waiting(self, caller: Caller) -> tuple[Shown, ...]:
        """The calls of the caller's tenant that wait, oldest first."""
        every = tools.pending_calls(self.place).all()
        own = (one for one in every if one.state == "open" and one.tenant == caller.scope.tenant)
        return tuple(self._shown(caller, one) for one in islice(own, MOST_SHOWN))

    def settle(self, caller: Caller, key: str, decision: str) -> tuple[Pending, str]:
        """`approved` or `denied`; an approval gives its token. Nobody approves what they may not see.

        Raises NotFound `broker.no_pending`, AccessDenied `broker.unseen` and `broker.not_yours`, and what
        `PendingCalls.settle` raises.
        """
        own = (one for one in tools.pending_calls(self.place).all() if one.tenant == caller.scope.tenant)
        one = next((one for one in own if one.key == key), None)
        if one is None:
            raise NotFound("broker.no_pending", "no call of this id waits here", remedy="GET /v1/tools/pending")
        if decision == "approved" and not _sees(caller, one):
            raise AccessDenied("broker.unseen", "you may not see all that this call may hold", where=one.key)
        by = caller.key_id or NOBODY
        return tools.settle(self.place, one.key, decision, caller.scope, by=by, roles=caller.roles)

    def taken(self, caller: Caller, name: str, app: str, result: str) -> Taken:
        """A result made fit for a prompt. Raises NotFound `broker.undeclared` for a tool that this caller may not call
        anyway, and InputError as `guard.tool_results` does."""
        tool = next((tool for tool in self.usable(caller, app) if tool.name == name), None)
        if tool is None:
            raise NotFound("broker.undeclared", "you may call no tool of this name", where="$.tool")
        about = {"tool": tool.name, "app": app, "classification": tool.result_classification.value}
        tenant, who = caller.scope.tenant, caller.key_id
        try:
            made = taken(tool, result, tenant)
        except InputError as error:
            about["reason"] = error.code
            self.place.auditor.note("broker.result", "refused", tenant=tenant, who=who, subject=about)
            raise
        counts: dict[str, int | float] = {"cut_chars": made.cut_chars, "hidden": made.hidden}
        self.place.auditor.note("broker.result", "taken", tenant=tenant, who=who, subject=about, counts=counts)
        return made

    def _known(self, app: str) -> None:
        if app and app not in self.place.settings.apps and app not in self.place.settings.systems:
            raise NotFound("app.unknown", "there is no app of this name", where="app", remedy="GET /v1/models")

    def _may(self, tool: Tool, caller: Caller, app: str) -> bool:
        ask = Ask(CALL, tool, caller.scope, caller.key_id, caller.roles, app, tainted=False)
        return self.broker.authorizer.decide(ask).allowed

    def _shown(self, caller: Caller, one: Pending) -> Shown:
        if not _sees(caller, one):
            return Shown(one, None, "broker.unseen")
        try:
            arguments = tools.pending_calls(self.place).arguments(one)
        except Unavailable as error:
            return Shown(one, None, error.code)
        return Shown(one, arguments, "" if arguments is not None else "broker.arguments_lost")


def _sees(caller: Caller, one: Pending) -> bool:
    """True for readers who may read whatever the asker could be answered from."""
    return caller.scope.groups.issuperset(one.groups)
