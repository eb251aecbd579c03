"""Who keeps account of what was done, and how people are named in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from assay.records.audit import AuditEvent


class AuditLog(Protocol):
    """Takes events and never gives one back changed. `note` raises Unavailable or CannotJudge once events can no longer
    be kept: what must be logged is then not done. `write` is durable when it returns; `flush` waits until all is."""

    def note(self, event: AuditEvent) -> None: ...
    def write(self, events: Sequence[AuditEvent]) -> object: ...
    def flush(self, timeout_s: float = 10.0) -> None: ...
    def close(self) -> None: ...


class Pseudonyms(Protocol):
    """Keyed names: the same text of one tenant gets the same 32 hex digits, of two tenants different ones; once a
    tenant's key is destroyed nothing can be linked any more (crypto-shredding)."""

    def name(self, tenant: str, text: str) -> str: ...
    def person(self, tenant: str, who: str) -> str:
        """The name of a person or API key, under a key that can be destroyed for them alone."""
        ...

    def destroy(self, tenant: str) -> bool:
        """Whether there was a key."""
        ...
