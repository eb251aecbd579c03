"""What guards ask of the outside: a detector that may be ended, a vault of pseudonyms, and a place for escalations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from assay.records.findings import Finding
from assay.records.tools import Ask, Ruling


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


class Authorizer(Protocol):
    """Says who may call which tool, and who may settle what waits for a person. Whatever is not allowed is denied, one
    that forbids overrides all that allow, and what goes wrong inside is a denial with a reason, never an exception."""

    @property
    def recipe(self) -> str: ...
    def decide(self, ask: Ask) -> Ruling: ...


class Confirmations(Protocol):
    """Keeps calls that wait for a person. Raises Unavailable when they cannot be kept: the call is then denied."""

    def wait(self, asked: Ask, request_id: str, arguments: dict[str, Any], reasons: Sequence[str]) -> str:
        """The id under which a person can settle it. One that waits already keeps its id."""
        ...

    def spend(self, token: str, asked: Ask, arguments_sha256: str) -> bool:
        """True, once, for a token that a person's approval of exactly this call of this caller gave, in its time."""
        ...
