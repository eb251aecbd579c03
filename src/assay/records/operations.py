"""What running leaves behind: traces, feedback and API keys."""

from __future__ import annotations

from dataclasses import dataclass, field

from assay.records.dialogue import Check, Outcome, Passage, StageDone, Usage
from assay.records.taint import Label


@dataclass(frozen=True, slots=True)
class Trace:
    """What happened for one request. `question` and `answer` are empty unless the workspace keeps content."""

    trace_id: str
    app: str
    bundle_id: str
    snapshot_id: str
    tenant: str
    groups: tuple[str, ...]
    at: str
    outcome: Outcome
    reason: str
    confidence: float | None
    duration_ms: float
    stages: tuple[StageDone, ...]
    passages: tuple[Passage, ...]
    checks: tuple[Check, ...]
    usage: Usage
    question: str = ""
    answer: str = ""
    label: Label | None = None
    """Of all that the answer was made from."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """A person's opinion of one answer: `rating` is `up` or `down`."""

    feedback_id: str
    trace_id: str
    tenant: str
    rating: str
    comment: str
    at: str


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A credential. The key itself is shown once and never stored; `key_sha256` is its hash."""

    key_id: str
    key_sha256: str
    label: str
    tenant: str
    groups: tuple[str, ...]
    created_at: str
    expires_at: str = ""
    revoked_at: str = ""
    roles: frozenset[str] = field(default_factory=lambda: frozenset({"ask"}))
    """`ask` (chat, search, feedback), `operate` (traces, runs, release) and `label` (labelling tasks)."""
