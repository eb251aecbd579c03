"""Who may see what: an access list stands on a document, a scope on a request."""

from __future__ import annotations

from dataclasses import dataclass

EVERY_TENANT = "*"


@dataclass(frozen=True, slots=True)
class AccessList:
    """The tenant a document belongs to and the groups that may read it.

    No group means everybody of the tenant. The tenant `*` is shared by all tenants.
    """

    tenant: str = "default"
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scope:
    """What one caller may see. Only the server derives it, from credentials or local flags."""

    tenant: str = "default"
    groups: frozenset[str] = frozenset()
    purpose: str = "answer"

    def allows(self, access: AccessList) -> bool:
        """True when a document under `access` may be shown to this caller."""
        if access.tenant not in (self.tenant, EVERY_TENANT):
            return False
        return not access.groups or not self.groups.isdisjoint(access.groups)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking, as the server derived it from a credential: the scope, the roles and the key they came with."""

    scope: Scope
    roles: frozenset[str] = frozenset({"ask"})
    key_id: str = ""
    """Empty for the open demo on loopback."""
