"""What was measured of a safeguard or of a group's treatment, as evidence for one bundle: never an opinion."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Standing(StrEnum):
    """What a measurement says. What was not run is not passed."""

    PASSED = "pass"
    FAILED = "fail"
    NOT_RUN = "not run"


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
    `by_limit`, when the limit on the bad side does; without a threshold it is reported and cannot fail.
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
    def standing(self) -> Standing:
        if self.value is None or not self.n:
            return Standing.NOT_RUN
        if self.threshold is None:
            return Standing.PASSED
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
