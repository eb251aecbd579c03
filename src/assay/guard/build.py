"""Guards from what a bundle says about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay.guard.acting import Acting
from assay.guard.hidden import Visible
from assay.guard.limits import Limits
from assay.guard.masked import Masked
from assay.guard.passages import PassageNotes
from assay.guard.policed import Policed, Sizes
from assay.ports.answering import System
from assay.ports.guarding import Escalations


@dataclass(frozen=True, slots=True)
class LimitsPolicy:
    """Refuse questions by their size, in code points."""

    max_chars: int = 4000


@dataclass(frozen=True, slots=True)
class MaskPolicy:
    """Mask personal data of these rules in what is shown."""

    rules: tuple[str, ...] = ("card", "iban", "us_ssn")


@dataclass(frozen=True, slots=True)
class VisiblePolicy:
    """Take hidden characters out of questions."""


@dataclass(frozen=True, slots=True)
class PolicyPolicy:
    """Apply a compiled policy to what goes in and what comes out."""

    acting: Acting
    app: str = ""
    sizes: Sizes = Sizes()
    notes: PassageNotes | None = None
    escalations: Escalations | None = None


GuardPolicy = LimitsPolicy | MaskPolicy | VisiblePolicy | PolicyPolicy


def build_guards(system: System, policies: Sequence[GuardPolicy]) -> System:
    """`system` inside its guards; the first policy sees the request first and the answer last."""
    for policy in reversed(policies):
        match policy:
            case LimitsPolicy():
                system = Limits(system, policy.max_chars)
            case MaskPolicy():
                system = Masked(system, policy.rules)
            case VisiblePolicy():
                system = Visible(system)
            case PolicyPolicy():
                system = Policed(system, policy.acting, policy.app, policy.sizes, policy.notes, policy.escalations)
    return system
