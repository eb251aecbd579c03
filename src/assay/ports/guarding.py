"""What guards ask of the outside: a detector that may be ended, a vault of pseudonyms, and a place for escalations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from assay.records.findings import Finding


class Detector(Protocol):
    """Finds things in a text. Raises Unavailable `detector.timeout`, `detector.crashed` or `detector.failed` when it
    does not come to an end in its time, dies, or says something that is no finding of this text."""

    @property
    def recipe(self) -> str: ...
    def find(self, text: str, rule_ids: Sequence[str]) -> tuple[Finding, ...]: ...


class Vault(Protocol):
    """Names for values, per tenant. The same value of one tenant always has the same name; nothing links the names of
    two tenants. Raises CannotJudge `vault.key_gone`, `vault.damaged` and Unavailable `vault.disk`."""

    def pseudonym(self, tenant: str, kind: str, value: str) -> str:
        """A name that `reveal` turns back into the value."""
        ...

    def hashed(self, tenant: str, kind: str, value: str) -> str:
        """A keyed hash that nothing turns back."""
        ...

    def reveal(self, tenant: str, name: str) -> str:
        """Raises NotFound `vault.unknown_name`."""
        ...

    def destroy(self, tenant: str) -> bool:
        """Destroy the tenant's key and values for ever; False where there were none."""
        ...


class Escalations(Protocol):
    """Keeps what a person has to decide."""

    def raise_to_person(self, request_id: str, tenant: str, app: str, where: str, rules: Sequence[str]) -> None: ...
