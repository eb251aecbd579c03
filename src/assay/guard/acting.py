"""What a policy does to one text: detectors look, the policy decides, and the text is changed or held back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from assay.guard.policy import Action, Context, Decisions, Policy, Where
from assay.ports.guarding import Detector, Vault
from assay.records.errors import AssayError, CannotJudge, Unavailable
from assay.records.findings import Finding

ROUNDS = 8
"""Changing one finding can bare another that was glued to it; after so many rounds the whole text is masked."""
CONTEXTS = 4096
"""Contexts whose groups are remembered."""
WITHHELD = "[withheld]"
TOO_LONG = "guard.text_too_long"
_BLOT = "\u2588"


@dataclass(frozen=True)
class Looking:
    """A detector, the ids that it reports, and what happens to a text when it cannot be had in time: `mask` withholds
    the whole text, `refuse` the whole request. Never `allow`. With `as_found` the text counts as one in which all was
    found that was looked for. `whole` detectors tell about whole texts and are not asked about ends of them."""

    name: str
    detector: Detector
    reports: frozenset[str]
    on_timeout: Action = Action.REFUSE
    as_found: bool = False
    whole: bool = False


@dataclass
class Acted:
    """A text after the policy: `text` may be shown unless `refused` names a reason. Counts are by name, never by
    content."""

    text: str
    refused: str = ""
    lowered: bool = False
    escalates: tuple[str, ...] = ()
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def changed(self) -> bool:
        return bool(self.counts)


@dataclass(frozen=True)
class Acting:
    """A policy with its detectors and its vault. `most_chars` is the longest text that is looked at; a longer one ends
    as `on_long`. Safe for several threads as far as detectors and vault are."""

    policy: Policy
    looking: tuple[Looking, ...]
    vault: Vault | None = None
    most_chars: int = 2_000_000
    on_long: Action = Action.REFUSE
    _groups: dict[Context, tuple[tuple[tuple[str, ...], ...], ...]] = field(default_factory=dict, compare=False)

    @property
    def waits(self) -> bool:
        """True when a look can wait for another process or a disk."""
        elsewhere = any(not isinstance(one.detector, Timed) or one.detector.slow for one in self.looking)
        return elsewhere or any(rule.action in (Action.PSEUDONYMISE, Action.HASH) for rule in self.policy.rules)

    def act(self, text: str, context: Context, *, whole: bool = True) -> Acted:
        """`text` as it may leave in this context. Never raises for what a detector or the vault does: what cannot be
        decided is held back, and the reason says why. Where `whole` is False, `text` is cut out of something, and what
        is said of whole texts is not asked."""
        acted = Acted(text)
        decisions = self.policy.decisions(context)
        if not decisions or not text:
            return acted
        if len(text) > self.most_chars:
            return _closed(acted, TOO_LONG, self.on_long, context)
        for number in range(ROUNDS):
            found = self.found(acted, decisions, context, whole=whole)
            if not found:
                return acted
            before = acted.text
            self._decide(acted, found, decisions, context, again=number > 0)
            if acted.refused or acted.text == before:
                return acted
        acted.text = _withheld(acted.text, context)
        return acted

    def found(self, acted: Acted, decisions: Decisions, context: Context, *, whole: bool = True) -> list[Finding]:
        """Findings that something is done about. What is decided in the same way is looked for in one go, so that a
        finding with a milder end never hides one with a harder end inside it."""
        found: list[Finding] = []
        for looking, groups in zip(self.looking, self._grouped(decisions, context), strict=True):
            for ids in groups if whole or not looking.whole else ():
                try:
                    found += looking.detector.find(acted.text, ids)
                except AssayError as error:
                    if not looking.as_found:
                        _closed(acted, error.code, looking.on_timeout, context)
                        return []
                    acted.counts[error.code] += 1
                    found += [Finding(name, 0, len(acted.text)) for name in ids]
        return found

    def _grouped(self, decisions: Decisions, context: Context) -> tuple[tuple[tuple[str, ...], ...], ...]:
        """For each detector the ids that are decided alike; remembered, as making them costs more than a look."""
        groups = self._groups.get(context)
        if groups is None:
            groups = tuple(_by_decision(decisions, looking.reports) for looking in self.looking)
            if len(self._groups) < CONTEXTS:
                self._groups[context] = groups
        return groups

    def _decide(
        self, acted: Acted, found: Sequence[Finding], decisions: Decisions, context: Context, *, again: bool
    ) -> None:
        """Note what was found, once, and change or refuse the text."""
        told = [one for one in found if not again or decisions[one.rule_id].change is not Action.ALLOW]
        acted.counts.update(one.rule_id for one in told)
        ends = [decisions[one.rule_id] for one in told]
        acted.lowered = acted.lowered or any(end.lowers for end in ends)
        acted.escalates = tuple(dict.fromkeys(rule for end in ends if end.escalates for rule in end.rules))
        if acted.escalates:
            acted.refused = "policy.escalated"
        elif any(end.change is Action.REFUSE for end in ends):
            acted.refused = "policy.refused"
        if acted.refused:
            return
        try:
            acted.text = replaced(acted.text, found, decisions, self.shown(context))
        except (CannotJudge, Unavailable) as error:
            acted.refused = error.code

    def shown(self, context: Context) -> Callable[[str, Finding, Action], str]:
        """What stands for a finding in this context. Raises what the vault raises."""

        def shown(value: str, one: Finding, action: Action) -> str:
            if context.where is Where.PASSAGES:
                return _BLOT * len(value)  # offsets of citations count in the passage
            if action is Action.MASK:
                return f"[{one.rule_id}]"
            if self.vault is None:
                raise CannotJudge("vault.missing", "this policy needs a vault", remedy="open it in a workspace")
            name = self.vault.pseudonym if action is Action.PSEUDONYMISE else self.vault.hashed
            return name(context.tenant, one.rule_id, value)

        return shown


def replaced(
    text: str, found: Sequence[Finding], decisions: Decisions, shown: Callable[[str, Finding, Action], str]
) -> str:
    """`text` with each finding as `shown` gives it; of findings that overlap the one with the strictest end stands for
    the whole stretch. Findings whose end is `allow` stay."""
    pieces: list[str] = []
    at = 0
    for stretch in _stretches([one for one in found if decisions[one.rule_id].change is not Action.ALLOW]):
        start, end = stretch[0].start, max(one.end for one in stretch)
        hardest = max(stretch, key=lambda one: (decisions[one.rule_id].strictness, one.end - one.start))
        pieces += (text[at:start], shown(text[start:end], hardest, decisions[hardest.rule_id].change))
        at = end
    return "".join((*pieces, text[at:]))


def _stretches(found: Sequence[Finding]) -> list[list[Finding]]:
    stretches: list[list[Finding]] = []
    end = -1
    for one in sorted(found, key=lambda one: (one.start, -one.end)):
        if one.start < end:
            stretches[-1].append(one)
        else:
            stretches.append([one])
        end = max(end, one.end)
    return stretches


def _by_decision(decisions: Decisions, reports: frozenset[str]) -> tuple[tuple[str, ...], ...]:
    groups: dict[tuple[Action, bool, bool], list[str]] = {}
    for name, decision in decisions.items():
        if name in reports:
            groups.setdefault((decision.change, decision.lowers, decision.escalates), []).append(name)
    return tuple(tuple(ids) for ids in groups.values())


def _closed(acted: Acted, code: str, action: Action, context: Context) -> Acted:
    """How a text ends that could not be looked at."""
    acted.counts[code] += 1
    if action is Action.MASK:
        acted.text = _withheld(acted.text, context)
    else:
        acted.refused = code
    return acted


def _withheld(text: str, context: Context) -> str:
    return _BLOT * len(text) if context.where is Where.PASSAGES else WITHHELD


@dataclass(frozen=True)
class Timed:
    """Detection in this process, for detectors whose time is linear in the text; an overrun is told afterwards and
    fails closed all the same. `scan` takes a text and rule ids."""

    name: str
    version: str
    scan: Callable[[str, tuple[str, ...]], tuple[Finding, ...]]
    budget_ms: float
    clock: Callable[[], float] = time.perf_counter
    slow: bool = False
    """True when a look is better done in a thread of its own."""

    @property
    def recipe(self) -> str:
        return f"{self.name}({self.version})"

    def find(self, text: str, rule_ids: Sequence[str]) -> tuple[Finding, ...]:
        began = self.clock()
        found = self.scan(text, tuple(rule_ids))
        if (self.clock() - began) * 1000 > self.budget_ms:
            raise Unavailable("detector.timeout", "a detector took longer than its budget", where=self.name)
        return found
