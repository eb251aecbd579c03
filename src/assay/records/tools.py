"""What a tool is, who asks for one to be run, and what was decided: names, hashes and codes, never arguments."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from assay.records.access import Scope
from assay.records.digest import sha256_json
from assay.records.taint import NOTHING, Classification, Label


class Effect(StrEnum):
    """What a tool changes."""

    NONE = "none"
    """Computes; reads nothing that is kept."""
    READ = "read"
    WRITE = "write"
    EXTERNAL = "external"
    """What it is given, or what it does, leaves the house."""

    @property
    def acts(self) -> bool:
        return self in (Effect.WRITE, Effect.EXTERNAL)


class Confirm(StrEnum):
    """When a person is asked first."""

    NEVER = "never"
    WHEN_TAINTED = "when_tainted"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that may be asked for. `allow_*` are empty where there is no limit of that kind.

    `untrusted_ok` are arguments that may come from untrusted text without a person being asked; each can carry no
    sentence (`records.shapes.bounded`).
    """

    name: str
    arguments: dict[str, Any] = field(default_factory=lambda: {"type": "object"})
    effect: Effect = Effect.EXTERNAL
    confirm: Confirm = Confirm.WHEN_TAINTED
    allow_groups: frozenset[str] = frozenset()
    allow_apps: frozenset[str] = frozenset()
    allow_purposes: frozenset[str] = frozenset()
    untrusted_ok: frozenset[str] = frozenset()
    max_classification: Classification = Classification.RESTRICTED
    """Arguments above it are refused."""
    result_classification: Classification = Classification.INTERNAL
    max_result_bytes: int = 65_536
    on_long_result: str = "cut"
    """`cut` or `refuse`."""
    timeout_s: float = 30.0
    description: str = ""
    """For the planner."""


CALL, CALL_UNCONFIRMED, SETTLE = "call", "call_unconfirmed", "settle"
"""What can be asked of an authorizer: to call a tool, to call it without a person, to settle what waits for one."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Who wants to do what with which tool, and what stands in the context of the model that wants it."""

    action: str
    tool: Tool
    scope: Scope
    who: str = ""
    """The id of the key; empty for the open demo and for operators of the command line."""
    roles: frozenset[str] = frozenset({"ask"})
    app: str = ""
    tainted: bool = True
    lowered: bool = False
    label: Label = NOTHING
    """Of everything in the model's context and of the arguments."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """An authorizer's word. `reasons` are codes or ids of the policies that decided."""

    allowed: bool
    reasons: tuple[str, ...] = ()


class Verdict(StrEnum):
    ALLOW = "allow"
    CONFIRM = "confirm"
    """Not before a person agrees."""
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Decided:
    """What the broker decided about one call. `reasons` are stable codes; `arguments_sha256` names the exact call."""

    verdict: Verdict
    tool: str
    """Empty for a tool that is not declared: its name is what a model wrote."""
    reasons: tuple[str, ...] = ()
    effect: str = ""
    arguments_sha256: str = ""
    label: Label = NOTHING
    tainted: bool = True
    sources: tuple[tuple[str, str], ...] = ()
    """Argument to where its value stands: `question`, `trusted`, `untrusted`, `handle` or `unknown`."""
    pending: str = ""
    """The id under which a person can settle it."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A call that waits for a person. `state` is `open`, `approved`, `denied`, `used` or `expired`."""

    key: str
    tool: str
    effect: str
    tenant: str
    who: str
    app: str
    request_id: str
    arguments_sha256: str
    reasons: tuple[str, ...]
    at: str
    expires_at: str
    state: str = "open"
    groups: tuple[str, ...] = ()
    """Of whoever asked: its arguments may hold what only they may read."""


def call_sha256(tool: str, arguments: dict[str, Any]) -> str:
    """Names one call with exactly these arguments. Raises ValueError and TypeError for what is no JSON value."""
    return sha256_json({"tool": tool, "arguments": arguments})
