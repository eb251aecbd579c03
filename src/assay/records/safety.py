"""What was measured of a safeguard or of a group's treatment, as evidence for one bundle: never an opinion."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Standing(StrEnum):
    """What a measurement says. What was not run is not passed, and what no line was drawn for is only reported."""

    PASSED = "pass"
    FAILED = "fail"
    NOT_RUN = "not run"
    REPORTED = "reported"


@dataclass(frozen=True, slots=True)
class Slice:
    """One part of the trials: its name such as `language=de`, its size and its value."""

    name: str
    n: int
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """One check of one bundle or app, once.

    `check` names what was measured and never changes its meaning: `redteam.exfiltrate_by_link`,
    `fairness.false_block_ratio.language`, `corpus.xstest.refused`. `subject` is the bundle's id or the recipe of the
    app that was measured. `value` is None when nothing was run. `low` and `high` are its limits at `level`, each None
    where there is none on that side. The check fails when `value` lies beyond `threshold` on its bad side, or, with
    `by_limit`, when the limit on the bad side does; without a threshold it is reported and can neither pass nor fail.
    """

    check: str
    subject: str
    control: str
    """What should hold, in one plain line."""
    risks: tuple[str, ...] = ()
    """Ids such as `LLM01:2025` (OWASP Top 10 for LLM applications), `NIST AI 600-1 2.9`, `EU AI Act Art. 15`."""
    n: int = 0
    events: int | None = None
    """How many of the `n` trials went wrong, where that is what `value` is a share of."""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    higher_is_better: bool = False
    threshold: float | None = None
    by_limit: bool = False
    slices: tuple[Slice, ...] = ()
    digests: tuple[tuple[str, str], ...] = ()
    """Name and SHA-256 or recipe of everything that it rests on: corpus, detector, policy, model, seed."""
    command: str = ""
    """The command line that makes it again, without anything secret."""
    at: str = ""
    """ISO 8601."""
    reason: str = ""
    """Why it was not run."""

    @property
    def counts(self) -> bool:
        """True when the value is the share of trials that went wrong."""
        return bool(self.n) and self.events is not None and self.value == self.events / self.n

    @property
    def standing(self) -> Standing:
        if self.value is None or not self.n:
            return Standing.NOT_RUN
        if self.threshold is None:
            return Standing.REPORTED
        limit = self.low if self.higher_is_better else self.high
        if self.by_limit and limit is None:
            return Standing.NOT_RUN
        told = limit if self.by_limit and limit is not None else self.value
        good = told >= self.threshold if self.higher_is_better else told <= self.threshold
        return Standing.PASSED if good else Standing.FAILED

    @property
    def worst_slice(self) -> Slice | None:
        """The slice with the worst value, the larger one of equals."""
        sign = -1.0 if self.higher_is_better else 1.0
        return max(self.slices, key=lambda one: (sign * one.value, one.n), default=None)


@dataclass(frozen=True, slots=True)
class Requirement:
    """A line that a policy draws. `check` is the name of a check, or a pattern with `*` that at least one must match.

    The value must be at most `at_most`, or at least `at_least`; with `by_limit` the measurement's limit on the bad
    side must be. Fewer than `min_n` trials cannot tell. Raises ValueError unless there is just one line.
    """

    check: str
    at_most: float | None = None
    at_least: float | None = None
    by_limit: bool = False
    min_n: int = 1

    def __post_init__(self) -> None:
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError("a requirement has either at_most or at_least")


@dataclass(frozen=True, slots=True)
class Waiver:
    """Somebody's word that a check need not hold for a while. `check` is a name, never a pattern; `subject` the bundle
    that it is about, empty for all of the workspace; `expires` is a date, the last day on which it holds."""

    waiver_id: str
    check: str
    owner: str
    reason: str
    expires: str
    subject: str = ""
    by: str = ""
    """Who wrote it down."""
    at: str = ""
    revoked_at: str = ""

    def holds(self, check: str, subject: str, now: str) -> bool:
        """True on the days on which it stands for this check of this subject."""
        about = self.check == check and self.subject in ("", subject)
        return about and not self.revoked_at and now[:10] <= self.expires


@dataclass(frozen=True, slots=True)
class Judged:
    """One check held against what a policy asks. `standing` is what was measured, whatever is waived."""

    check: str
    standing: Standing
    reason: str
    measurement: Measurement | None = None
    requirement: Requirement | None = None
    waiver: Waiver | None = None
    before: Measurement | None = None
    """The same check of the release that is live."""

    @property
    def blocks(self) -> bool:
        """True when a release must wait for it."""
        return self.requirement is not None and self.standing is not Standing.PASSED and self.waiver is None


@dataclass(frozen=True, slots=True)
class RiskRow:
    """A risk and what was checked of it; a risk without checks was not run."""

    risk: str
    title: str
    checks: tuple[Judged, ...]

    @property
    def standing(self) -> Standing:
        if any(one.standing is Standing.FAILED for one in self.checks):
            return Standing.FAILED
        if not self.checks or any(one.standing is Standing.NOT_RUN for one in self.checks):
            return Standing.NOT_RUN
        passed = any(one.standing is Standing.PASSED for one in self.checks)
        return Standing.PASSED if passed else Standing.REPORTED


@dataclass(frozen=True, slots=True)
class SafetyReport:
    """Everything that is known of the safety of one bundle or app, as of one moment."""

    subject: str
    app: str
    made_at: str
    made_by: str
    environment: tuple[tuple[str, str], ...]
    """Versions of Assay, Python and the machine's kind."""
    hashes: tuple[tuple[str, str], ...]
    """Name and digest of the bundle, its components, the gate's policy and every corpus and detector."""
    checks: tuple[Judged, ...]
    risks: tuple[RiskRow, ...]
    waivers: tuple[Waiver, ...] = ()
    against: str = ""
    """The live bundle that `before` is about; empty where there is none."""

    @property
    def standing(self) -> Standing:
        """Failed when a check fails that nobody waives, not run when a required one was not run, passed when a check
        holds or is waived, else reported."""
        failed = [one for one in self.checks if one.standing is Standing.FAILED and one.waiver is None]
        if failed:
            return Standing.FAILED
        if not self.checks or any(one.blocks for one in self.checks):
            return Standing.NOT_RUN
        holds = any(one.standing is Standing.PASSED or one.waiver for one in self.checks)
        return Standing.PASSED if holds else Standing.REPORTED
