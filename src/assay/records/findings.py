"""What a detector saw in a text: spans and rule ids, never the text itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Basis(StrEnum):
    """What a finding rests on, the most certain first."""

    CHECKED = "checked"
    """Check digits, a checksum or a published list confirm it."""
    SHAPE = "shape"
    """Its form alone is telling; nothing confirms it."""
    CONTEXT = "context"
    """Only the words around it say what it is."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Code points `start` to `end` of the text that was examined match version `version` of a rule.

    `score` orders findings by certainty, 0 to 1; it is set by the rule and is no probability.
    """

    rule_id: str
    start: int
    end: int
    version: int = 1
    score: float = 1.0
    basis: Basis = Basis.SHAPE
