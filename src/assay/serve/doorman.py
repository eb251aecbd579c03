"""Who is asking: keys, console sessions and the open demo on loopback, turned into a scope."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from assay.govern.audited import Auditor, NoAudit
from assay.ports.reading import Clock
from assay.ports.storage import KeyStore
from assay.records.access import Caller, Scope
from assay.records.errors import AccessDenied
from assay.records.operations import ApiKey
from assay.serve.keys import PREFIX, hash_key
from assay.serve.options import ServeOptions

COOKIE = "assay_session"
KEYS_REMEMBERED = 1_024
SESSIONS_KEPT = 10_000
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def is_loopback(host: str) -> bool:
    """True for `localhost` and addresses of this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:
        return False


def unauthorized() -> AccessDenied:
    return AccessDenied(
        "serve.unauthorized",
        "a valid API key is needed",
        remedy="send `Authorization: Bearer ak_…`; make a key with `assay key create`",
    )


@dataclass
class Doorman:
    """Turns a connection into a Caller, or raises AccessDenied. A revoked key is out within `key_ttl_s`.

    Sessions live in this process's memory under the hash of an opaque token: a restart signs everybody out.
    """

    keys: KeyStore
    clock: Clock
    options: ServeOptions
    auditor: Auditor = field(default_factory=NoAudit)
    _known: dict[str, tuple[float, ApiKey]] = field(default_factory=dict, init=False)
    _sessions: dict[str, tuple[float, str]] = field(default_factory=dict, init=False)

    async def caller(self, connection: HTTPConnection, role: str = "ask") -> Caller:
        """Who is asking, when they may act in `role`. Account is kept of both answers."""
        route = {"route": route_of(connection)}
        try:
            caller = await self._identify(connection)
        except AccessDenied as error:
            self.auditor.note("http", "denied", subject={**route, "reason": error.code})
            raise
        allowed = role in caller.roles
        outcome = "allowed" if allowed else "denied"
        about = {**route, "role": role}
        self.auditor.note("http", outcome, tenant=caller.scope.tenant, who=caller.key_id, subject=about)
        if not allowed:
            raise AccessDenied("serve.forbidden", f"this needs a key with the role {role}")
        return caller

    async def _identify(self, connection: HTTPConnection) -> Caller:
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        if scheme:
            if scheme.lower() != "bearer":
                raise unauthorized()
            return _caller(await self._key(hash_key(token.strip())))
        session = self._sessions.get(hash_key(connection.cookies.get(COOKIE, "")))
        if session is not None and monotonic() < session[0]:
            return _caller(await self._key(session[1]))
        if self.is_open_to(connection):
            return Caller(self.options.demo_scope, frozenset({"ask", "operate", "label"}))
        raise unauthorized()

    async def sign_in(self, plaintext: str) -> str:
        """A new session's token for the holder of a valid key."""
        key_sha256 = hash_key(plaintext.strip()) if plaintext.strip().startswith(PREFIX) else ""
        await self._key(key_sha256)
        now = monotonic()
        self._sessions = {token: kept for token, kept in self._sessions.items() if kept[0] > now}
        while len(self._sessions) >= SESSIONS_KEPT:
            self._sessions.pop(next(iter(self._sessions)))
        token = secrets.token_urlsafe(32)
        self._sessions[hash_key(token)] = (now + self.options.session_s, key_sha256)
        return token

    def sign_out(self, token: str) -> None:
        self._sessions.pop(hash_key(token), None)

    def is_open_to(self, connection: HTTPConnection) -> bool:
        """The open demo: asked for, bound to loopback, reached from loopback, and not through a proxy."""
        client = connection.client.host if connection.client else ""
        return (
            self.options.open_demo
            and is_loopback(self.options.host)
            and is_loopback(client)
            and not any(name in connection.headers for name in FORWARDED)
            and host_name(connection.headers) in LOOPBACK_NAMES
        )

    async def _key(self, key_sha256: str) -> ApiKey:
        """The valid key with this hash, from memory while it is fresh."""
        now = monotonic()
        known = self._known.get(key_sha256)
        if known is None or known[0] < now:
            key = await asyncio.to_thread(self.keys.by_hash, key_sha256)
            self._known.pop(key_sha256, None)
            if key is None:
                raise unauthorized()
            if len(self._known) >= KEYS_REMEMBERED:
                self._known.pop(next(iter(self._known)))
            known = self._known[key_sha256] = (now + self.options.key_ttl_s, key)
        key = known[1]
        if key.revoked_at or (key.expires_at and key.expires_at <= self.clock.now()):
            raise unauthorized()
        return key


def route_of(connection: HTTPConnection) -> str:
    """Method and path, with the names of parameters where a caller wrote their values."""
    path = str(connection.scope.get("path", ""))
    for name, value in connection.scope.get("path_params", {}).items():
        path = path.replace(str(value), f"{{{name}}}") if str(value) else path
    return f"{connection.scope.get('method', '')} {path}".strip()


def host_name(headers: Mapping[str, str]) -> str:
    """The name in the Host header, without its port and brackets."""
    try:
        return urlsplit(f"//{headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""


def _caller(key: ApiKey) -> Caller:
    return Caller(Scope(key.tenant, frozenset(key.groups)), key.roles, key.key_id)
