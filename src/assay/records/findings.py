"""What a detector saw in a text: spans and rule ids, never the text itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """Code points `start` to `end` of the text that was examined match a rule."""

    rule_id: str
    start: int
    end: int
