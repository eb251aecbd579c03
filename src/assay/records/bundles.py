"""An app frozen with every version it depends on, and the pointer that says which bundle is live."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from assay.records.digest import sha256_json

BUNDLE_API = 1


@dataclass(frozen=True, slots=True)
class Bundle:
    """A release candidate. `components` maps a kind (`prompt`, `model`, `snapshot`, `guards`, `retrieve`, `verify`,
    `abstain`) to its whole content as JSON values; secrets are never inside, only the name of the variable they are in.
    """

    app: str
    kind: str
    components: dict[str, Any]
    created_at: str = ""
    """Outside the digest."""
    note: str = ""
    """Outside the digest."""

    @property
    def bundle_id(self) -> str:
        """64 hex digits: SHA-256 over app, kind and the digest of every component."""
        parts = {name: sha256_json(content) for name, content in self.components.items()}
        return sha256_json({"api": BUNDLE_API, "app": self.app, "kind": self.kind, "components": parts})

    @property
    def snapshot_id(self) -> str:
        return str(self.components.get("snapshot", {}).get("id", ""))


@dataclass(frozen=True, slots=True)
class Pointer:
    """What is live for an app: the only mutable row, changed by compare-and-swap on `revision`."""

    app: str
    revision: int
    bundle_id: str


@dataclass(frozen=True, slots=True)
class ReleaseEvent:
    """One change of the pointer, kept for ever."""

    app: str
    revision: int
    action: str
    """`promote` or `rollback`."""
    bundle_id: str
    previous_bundle_id: str
    decision_id: str
    actor: str
    reason: str
    override: bool
    at: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """The abstention threshold of an app, chosen on a golden set for a stated error rate.

    `curve` holds `(threshold, coverage, error, error_low, error_high, answered)` points, strictest first.
    """

    app: str
    golden_name: str
    golden_version: str
    threshold: float
    target_error: float
    level: float
    coverage: float
    error: float
    error_low: float
    error_high: float
    answered: int
    cases: int
    scorer: str
    curve: tuple[tuple[float, float, float, float, float, int], ...] = ()
    weights: dict[str, float] = field(default_factory=dict)
    """Coefficients of the confidence model; empty means the packaged ones."""
    created_at: str = ""
