"""Who keeps account of what was done."""

from __future__ import annotations

from typing import Protocol

from assay.records.audit import AuditEvent


class AuditLog(Protocol):
    """Takes events and never gives one back changed. `note` raises Unavailable or CannotJudge once events can no longer
    be kept: what must be logged is then not done. `flush` waits until everything taken is durable."""

    def note(self, event: AuditEvent) -> None: ...
    def flush(self, timeout_s: float = 10.0) -> None: ...
    def close(self) -> None: ...
