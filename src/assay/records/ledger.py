"""Facts that are written once and never changed: judgements, labels, judge cards, looks at held-out cases."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact. `kind` says what it is, such as `label` or `judge.card`; `subject` what it is about, such as a task or
    a judge; `key` tells it from the others of its subject. `body` holds JSON values only.
    """

    kind: str
    subject: str
    key: str
    body: dict[str, Any] = field(default_factory=dict)
    at: str = ""
    """When it was written, ISO 8601."""
