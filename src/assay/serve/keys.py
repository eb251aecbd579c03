"""API keys: 256 random bits shown once, kept only as a hash."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable

from assay.ports.reading import Clock
from assay.records.access import Scope
from assay.records.errors import InputError
from assay.records.operations import ApiKey

PREFIX = "ak_"
ROLES = frozenset({"ask", "operate", "label"})


def hash_key(plaintext: str) -> str:
    """SHA-256 in hex. A fast hash is right here: a key holds 256 random bits, so guessing is hopeless anyway."""
    return hashlib.sha256(plaintext.encode()).hexdigest()


def new_key(label: str, tenant: str, groups: Iterable[str], roles: Iterable[str], clock: Clock) -> tuple[str, ApiKey]:
    """A key `ak_<id>_<secret>` and the record to keep. Raises InputError for a role that does not exist and
    for a reserved name of a tenant or group."""
    asked = frozenset(roles)
    if not asked or asked - ROLES:
        raise InputError(
            "key.role", "a key has one of the known roles, or several", remedy="name roles among: ask, operate, label"
        )
    scope = Scope(tenant, frozenset(groups))
    key_id = secrets.token_hex(6)
    plaintext = f"{PREFIX}{key_id}_{secrets.token_urlsafe(32)}"
    return plaintext, ApiKey(
        key_id=key_id,
        key_sha256=hash_key(plaintext),
        label=label,
        tenant=scope.tenant,
        groups=tuple(sorted(scope.groups)),
        created_at=clock.now(),
        roles=asked,
    )
