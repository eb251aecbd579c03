"""An access drill: every identity tries every path to every canary, and a certificate says what came out.

A drill must be able to fail in both directions. A token seen by somebody who may not read its canary is a leak. A path
on which a canary is not found by somebody who may read it proves nothing, so the drill cannot be judged.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.govern.drill_plan import Canary, Identity, Plan, reads, rule
from assay.records.certificates import Certificate

KIND = "access"
LEAK, BLIND = "leak", "blind"
"""Kinds of finding: something was seen, or a path on which what may be read was not found."""


@dataclass(frozen=True, slots=True)
class Got:
    """All that an identity received, headers included, and what it sent: a token that it sent itself is no leak.

    `said` is a leak that the probe itself saw, such as an error that tells a hidden document from none, and `seen` is
    True when the probe itself saw that the path works.
    """

    text: str
    sent: str = ""
    said: str = ""
    seen: bool = False


Ask = Callable[[Identity, Canary], Awaitable[Got]]


def nobody(_: Identity, __: Canary) -> bool:
    """For paths that should never show a canary to anybody, so that nothing need be found on them."""
    return False


@dataclass(frozen=True, slots=True)
class Path:
    """A way to read. `finds` says who must find a canary on it, and is the path's positive control."""

    name: str
    ask: Ask
    finds: Callable[[Identity, Canary], bool] = reads


@dataclass(frozen=True, slots=True)
class Finding:
    path: str
    kind: str
    rule: str

    def __str__(self) -> str:
        return f"{self.path}: {self.kind} ({self.rule})"


@dataclass
class Tally:
    """What one path showed."""

    probes: int = 0
    found: int = 0
    """Probes in which an identity found a canary that it may read."""
    leaks: int = 0
    blind: int = 0
    """Probes in which it did not, although it must."""


@dataclass
class Outcome:
    """Everything that a drill saw, by path."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    findings: dict[Finding, int] = field(default_factory=dict)

    def tally(self, path: str) -> Tally:
        return self.tallies.setdefault(path, Tally())

    def leak(self, path: str, why: str) -> None:
        self.tally(path).leaks += 1
        self._note(Finding(path, LEAK, why))

    def miss(self, path: str, why: str) -> None:
        """A positive control that failed."""
        self.tally(path).blind += 1
        self._note(Finding(path, BLIND, why))

    def _note(self, finding: Finding) -> None:
        self.findings[finding] = self.findings.get(finding, 0) + 1

    @property
    def probes(self) -> int:
        return sum(tally.probes for tally in self.tallies.values())

    @property
    def leaks(self) -> int:
        return sum(tally.leaks for tally in self.tallies.values())

    @property
    def blind(self) -> int:
        return sum(tally.blind for tally in self.tallies.values())

    @property
    def exit_code(self) -> int:
        """0 clean, 1 a leak, 3 cannot judge: nothing leaked where nothing could be found."""
        if self.leaks:
            return 1
        return 3 if self.blind or not self.probes else 0


async def run_paths(
    paths: Sequence[Path], plan: Plan, outcome: Outcome, progress: Callable[[int, int, str], object]
) -> None:
    """Probe every path as every identity for every canary. Those who may read go first: what a cache kept for them must
    not reach the others."""
    done, total = 0, len(paths) * len(plan.canaries)
    for path in paths:
        for canary in plan.canaries:
            for identity in sorted(plan.identities, key=lambda one: not reads(one, canary)):
                judge(plan, path, identity, canary, await path.ask(identity, canary), outcome)
            done += 1
            progress(done, total, path.name)


def judge(plan: Plan, path: Path, identity: Identity, canary: Canary, got: Got, outcome: Outcome) -> None:
    """Count one probe. Any canary's token counts as a leak, not only of the one that was asked for."""
    tally = outcome.tally(path.name)
    tally.probes += 1
    if got.said:
        outcome.leak(path.name, got.said)
    for other in plan.canaries:
        if shows(got, other) and not reads(identity, other):
            outcome.leak(path.name, rule(identity, other))
    if got.seen or (shows(got, canary) and reads(identity, canary)):
        tally.found += 1
    elif path.finds(identity, canary):
        outcome.miss(path.name, "not found by whoever may read it")


def shows(got: Got, canary: Canary) -> bool:
    """True when what was received holds a token of the canary that was not sent."""
    text, sent = got.text.lower(), got.sent.lower()
    return any(token in text and token not in sent for token in canary.markers)


def certificate(outcome: Outcome, subject: str, facts: dict[str, Any], now: str) -> Certificate:
    """The unsigned certificate: counts and names of paths and rules, never a token, name or text."""
    paths = {
        name: {"probes": tally.probes, "found": tally.found, "leaks": tally.leaks, "blind": tally.blind}
        for name, tally in sorted(outcome.tallies.items())
    }
    counts = {"probes": outcome.probes, "leaks": outcome.leaks, "blind": outcome.blind}
    found = tuple(
        f"{finding} × {count}" for finding, count in sorted(outcome.findings.items(), key=lambda i: str(i[0]))
    )
    return Certificate(KIND, subject, outcome.exit_code == 0, {**facts, **counts, "paths": paths}, now, found)
