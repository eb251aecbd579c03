"""A policy as values: rules about findings, compiled to one decision per finding's rule in one context.

A rule that forbids always wins over one that allows, and the strictest of several that forbid wins, so that adding a
rule that forbids never widens what leaves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache


class Where(StrEnum):
    """The direction of a text."""

    QUESTION = "question"
    HISTORY = "history"
    PASSAGES = "passages"
    ANSWER = "answer"


class Action(StrEnum):
    """What is done about a finding. See `Decision` for how several come together."""

    ALLOW = "allow"
    PSEUDONYMISE = "pseudonymise"
    HASH = "hash"
    MASK = "mask"
    LOWER_RIGHTS = "lower_rights"
    REFUSE = "refuse"
    ESCALATE = "escalate"


STRICTNESS = (Action.ALLOW, Action.PSEUDONYMISE, Action.HASH, Action.MASK, Action.REFUSE)
"""By what is left of a finding for its reader: all of it, a name that can be turned back, a name that cannot, its kind,
nothing of the whole text."""


@dataclass(frozen=True, slots=True)
class Context:
    """Where a text stands and for whom."""

    where: Where
    tenant: str = "default"
    app: str = ""
    purpose: str = "answer"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a policy; an empty selection means all. `line` is where it stands in its file, 0 for none."""

    rule_id: str
    action: Action
    find: frozenset[str] = frozenset()
    where: frozenset[Where] = frozenset()
    tenants: frozenset[str] = frozenset()
    apps: frozenset[str] = frozenset()
    purposes: frozenset[str] = frozenset()
    line: int = 0

    @property
    def forbids(self) -> bool:
        return self.action is not Action.ALLOW

    def holds(self, context: Context) -> bool:
        """True when the rule speaks about texts that stand so."""
        return (
            _among(context.where, self.where)
            and _among(context.tenant, self.tenants)
            and _among(context.app, self.apps)
            and _among(context.purpose, self.purposes)
        )


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to findings of one rule: the strictest change of the text, and what comes on top."""

    change: Action = Action.ALLOW
    lowers: bool = False
    escalates: bool = False
    rules: tuple[str, ...] = ()
    """Ids of the policy's rules that decided; empty for the default."""

    @property
    def silent(self) -> bool:
        """True when nothing at all is done."""
        return self.change is Action.ALLOW and not self.lowers and not self.escalates

    @property
    def strictness(self) -> int:
        return STRICTNESS.index(self.change)

    def covers(self, other: Decision) -> bool:
        """True when this one lets nothing through that the other holds back."""
        stricter = self.strictness >= other.strictness
        return stricter and self.lowers >= other.lowers and self.escalates >= other.escalates

    def with_action(self, action: Action, rule: str = "") -> Decision:
        """This decision and one more rule's."""
        change = self.change
        if action in (Action.REFUSE, Action.ESCALATE):
            change = Action.REFUSE
        elif action in STRICTNESS and STRICTNESS.index(action) > self.strictness:
            change = action
        lowers = self.lowers or action is Action.LOWER_RIGHTS
        escalates = self.escalates or action is Action.ESCALATE
        return Decision(change, lowers, escalates, (*self.rules, rule) if rule else self.rules)


Decisions = Mapping[str, Decision]
"""From the id of what can be found to what is done about it; only what something is done about."""


@dataclass(frozen=True)
class Policy:
    """Rules, and what is done about findings of `known` that no rule allows or forbids."""

    rules: tuple[Rule, ...] = ()
    default: Action = Action.ALLOW
    known: frozenset[str] = frozenset()
    digest: str = ""
    apart: frozenset[str] = frozenset()
    """Of `known`, what only a rule that names it can reach: the default says nothing about it."""

    def decisions(self, context: Context) -> Decisions:
        """What is done about every finding in this context."""
        return _decisions(self.rules, self.default, self.known, self.apart, context)


@lru_cache(maxsize=512)
def _decisions(
    rules: tuple[Rule, ...], default: Action, known: frozenset[str], apart: frozenset[str], context: Context
) -> Decisions:
    holding = [rule for rule in rules if rule.holds(context)]
    found: dict[str, Decision] = {}
    for name in sorted(known):
        speaking = [rule for rule in holding if name in rule.find or not rule.find]
        allowed = any(not rule.forbids for rule in speaking)
        decision = Decision() if allowed or name in apart else Decision().with_action(default)
        for rule in speaking:
            if rule.forbids:
                decision = decision.with_action(rule.action, rule.rule_id)
        if not decision.silent:
            found[name] = decision
    return found


def contradictions(rules: Sequence[Rule]) -> tuple[tuple[Rule, Rule, str], ...]:
    """Pairs of a rule that allows something and one that forbids it wherever the first holds, with what it is about:
    the rule that allows could never do anything for it."""
    pairs = []
    for allows in (rule for rule in rules if not rule.forbids):
        for forbids in (rule for rule in rules if rule.forbids):
            if _reaches(allows, forbids) and (shared := _shared(allows.find, forbids.find)):
                pairs.append((allows, forbids, shared))
    return tuple(pairs)


def _reaches(inner: Rule, outer: Rule) -> bool:
    """True when `outer` holds wherever `inner` does."""
    sides: Iterable[tuple[frozenset[str] | frozenset[Where], frozenset[str] | frozenset[Where]]] = (
        (inner.where, outer.where),
        (inner.tenants, outer.tenants),
        (inner.apps, outer.apps),
        (inner.purposes, outer.purposes),
    )
    return all(not wide or (bool(narrow) and narrow <= wide) for narrow, wide in sides)


def _shared(one: frozenset[str], other: frozenset[str]) -> str:
    if not one or not other:
        return ", ".join(sorted(one or other)[:5]) or "everything"
    return ", ".join(sorted(one & other)[:5])


def _among(name: str, names: frozenset[str] | frozenset[Where]) -> bool:
    return not names or name in names
