"""Who may call which tool, as `assay.yaml` declares it: the built-in authorizer."""

from __future__ import annotations

from dataclasses import dataclass

from assay.records.tools import CALL, CALL_UNCONFIRMED, SETTLE, Ask, Confirm, Ruling

OPERATE = "operate"


@dataclass(frozen=True)
class DeclaredRights:
    """Decides from the tool's own declaration: groups, apps and purposes that may call it, and when a person is asked
    first. What waits for a person is settled by whoever has the role `operate`."""

    @property
    def recipe(self) -> str:
        return "declared_rights.v1"

    def decide(self, ask: Ask) -> Ruling:
        if ask.action == SETTLE:
            return _ruling("rights.role" if OPERATE not in ask.roles else "")
        if ask.action not in (CALL, CALL_UNCONFIRMED):
            return _ruling("rights.unknown_action")
        denied = _outside(ask)
        if not denied and ask.action == CALL_UNCONFIRMED:
            denied = _unconfirmed(ask)
        return _ruling(denied)


def _ruling(denied: str) -> Ruling:
    return Ruling(not denied, (denied,) if denied else ())


def _outside(ask: Ask) -> str:
    tool = ask.tool
    if ask.lowered:
        return "rights.lowered"
    if tool.allow_groups and tool.allow_groups.isdisjoint(ask.scope.groups):
        return "rights.group"
    if tool.allow_apps and ask.app not in tool.allow_apps:
        return "rights.app"
    if tool.allow_purposes and ask.scope.purpose not in tool.allow_purposes:
        return "rights.purpose"
    return ""


def _unconfirmed(ask: Ask) -> str:
    if ask.tool.confirm is Confirm.ALWAYS:
        return "rights.confirm_always"
    acts_tainted = ask.tainted and ask.tool.effect.acts
    return "rights.confirm_tainted" if acts_tainted and ask.tool.confirm is Confirm.WHEN_TAINTED else ""
