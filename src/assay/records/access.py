"""Who may see what: an access list stands on a document, a scope on a request."""

from __future__ import annotations

from dataclasses import dataclass

from assay.records.errors import InputError

EVERY_TENANT = "*"
RESERVED = "!"
"""Tenants and groups that begin so stand in access lists only: no scope can hold one."""


@dataclass(frozen=True, slots=True)
class AccessList:
    """The tenant a document belongs to and the groups that may read it.

    No group means everybody of the tenant. The tenant `*` is shared by all tenants.
    """

    tenant: str = "default"
    groups: tuple[str, ...] = ()


CLOSED = AccessList(f"{RESERVED}nobody", (f"{RESERVED}nobody",))
"""For a document that nobody may read, such as one whose access list cannot be had."""

DECOY = f"{RESERVED}canary"
"""The group of a document that was planted to be read by nobody: whoever sees it came past the access lists."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What one caller may see. Only the server derives it, from credentials or local flags.

    Raises InputError `access.reserved_name` for a tenant or group that begins with `!`.
    """

    tenant: str = "default"
    groups: frozenset[str] = frozenset()
    purpose: str = "answer"

    def __post_init__(self) -> None:
        if self.tenant.startswith(RESERVED) or any(group.startswith(RESERVED) for group in self.groups):
            raise InputError(
                "access.reserved_name", f"names of tenants and groups do not begin with {RESERVED}", where="scope"
            )

    def allows(self, access: AccessList) -> bool:
        """True when a document under `access` may be shown to this caller."""
        if access.tenant not in (self.tenant, EVERY_TENANT):
            return False
        return not access.groups or not self.groups.isdisjoint(access.groups)

    def covers(self, other: Scope) -> bool:
        """True when this caller may see everything that a caller in `other` may see."""
        return self.tenant == other.tenant and other.groups <= self.groups


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking, as the server derived it from a credential: the scope, the roles and the key they came with."""

    scope: Scope
    roles: frozenset[str] = frozenset({"ask"})
    key_id: str = ""
    """Empty for the open demo on loopback."""
