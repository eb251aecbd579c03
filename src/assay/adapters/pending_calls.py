"""Tool calls that wait for a person: hashes and codes in the ledger, the arguments in a file until it is settled."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from assay.ports.reading import Clock
from assay.ports.storage import Ledger
from assay.records.errors import InputError, NotFound, Unavailable
from assay.records.ledger import Entry
from assay.records.moments import moment
from assay.records.tools import Ask, Pending, call_sha256

PENDING, SETTLED, USED = "broker.pending", "broker.settled", "broker.used"
MOST_OPEN = 1000
"""Calls of one tool that wait at a time; more are refused, since nobody reads them."""


@dataclass(frozen=True)
class PendingCalls:
    """`Confirmations` over a ledger and a folder.

    A person sees the exact arguments; they stand in a file that only this user may read and that goes when the call is
    settled or has expired. The ledger keeps their hash. A token is given out once, at the approval; its SHA-256 is what
    is kept, and it is worth one call with these arguments, by this caller, until it expires.
    """

    ledger: Ledger
    folder: Path
    clock: Clock
    minutes: float = 15.0

    def wait(self, asked: Ask, request_id: str, arguments: dict[str, Any], reasons: Sequence[str]) -> str:
        digest = call_sha256(asked.tool.name, arguments)
        waiting = [one for one in self.all(asked.tool.name) if one.state == "open"]
        for one in waiting:
            if _bound(one) == (digest, *_caller(asked)):
                return one.key
        if len(waiting) >= MOST_OPEN:
            raise Unavailable("broker.too_many_pending", "too many calls wait for a person", where=asked.tool.name)
        now = moment(self.clock.now())
        expires = moment((datetime.fromisoformat(now) + timedelta(minutes=self.minutes)).isoformat())
        made = Pending(
            secrets.token_hex(8), asked.tool.name, asked.tool.effect.value, asked.scope.tenant, asked.who, asked.app,
            request_id, digest, tuple(reasons), now, expires, groups=tuple(sorted(asked.scope.groups)),
        )  # fmt: skip
        self._keep(made.key, arguments)
        self.ledger.append([Entry(PENDING, made.tool, made.key, asdict(made), now)])
        return made.key

    def all(self, tool: str = "") -> Iterator[Pending]:
        """Every call that ever waited, oldest first, with its state now."""
        settled = {entry.key: entry for entry in self.ledger.entries(SETTLED)}
        used = {entry.key for entry in self.ledger.entries(USED)}
        now = moment(self.clock.now())
        for entry in self.ledger.entries(PENDING, tool):
            one = _read(entry.body)
            end = settled.get(one.key)
            if end is not None:
                one = replace(one, expires_at=end.body["expires_at"], state=end.body["decision"])
            if one.key in used:
                one = replace(one, state="used")
            elif one.state != "denied" and one.expires_at <= now:
                one = replace(one, state="expired")
                self._forget(one.key)
            yield one

    def one(self, key: str) -> Pending:
        """Raises NotFound `broker.no_pending`."""
        found = [one for one in self.all() if key and one.key.startswith(key)]
        if len(found) != 1:
            raise NotFound(
                "broker.no_pending", "no single call with this id waits", where=key, remedy="assay broker pending"
            )
        return found[0]

    def arguments(self, one: Pending) -> dict[str, Any] | None:
        """The arguments of a call that waits; None once it is settled. Raises Unavailable when they were changed."""
        try:
            made: dict[str, Any] = json.loads((self.folder / f"{one.key}.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise Unavailable("broker.arguments_lost", "its arguments cannot be read", where=one.key) from error
        if call_sha256(one.tool, made) != one.arguments_sha256:
            raise Unavailable("broker.arguments_changed", "its arguments are not those that were asked", where=one.key)
        return made

    def settle(self, key: str, decision: str, by: str) -> tuple[Pending, str]:
        """Note `approved` or `denied`, once; with an approval its token. Raises NotFound, InputError `broker.settled`
        for what does not wait any more, and Unavailable when what was asked can no longer be seen."""
        one = self.one(key)
        if one.state != "open":
            raise InputError("broker.settled", f"this call does not wait any more: it is {one.state}", where=one.key)
        token = ""
        if decision == "approved":
            if self.arguments(one) is None:
                raise Unavailable("broker.arguments_lost", "its arguments are gone: deny it", where=one.key)
            token = secrets.token_urlsafe(24)
        now = moment(self.clock.now())
        expires = moment((datetime.fromisoformat(now) + timedelta(minutes=self.minutes)).isoformat())
        body = {"decision": decision, "by": by, "token_sha256": _hash(token) if token else "", "expires_at": expires}
        if not self.ledger.append([Entry(SETTLED, one.tool, one.key, body, now)]):
            raise InputError("broker.settled", "somebody else settled this call just now", where=one.key)
        self._forget(one.key)
        return replace(one, state=decision, expires_at=expires), token

    def spend(self, token: str, asked: Ask, arguments_sha256: str) -> bool:
        digest = _hash(token)
        now = moment(self.clock.now())
        for entry in self.ledger.entries(SETTLED, asked.tool.name):
            if entry.body["token_sha256"] != digest or entry.body["expires_at"] <= now:
                continue
            first = self.ledger.get(PENDING, asked.tool.name, entry.key)
            if first is None:
                return False
            one = _read(first.body)
            if _bound(one) != (arguments_sha256, *_caller(asked)):
                return False
            return self.ledger.append([Entry(USED, asked.tool.name, entry.key, {}, now)]) == 1
        return False

    def _keep(self, key: str, arguments: dict[str, Any]) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(self.folder / f"{key}.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(arguments, file)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise Unavailable(
                "broker.disk", f"a call cannot be kept for a person ({error.strerror})", where=str(self.folder)
            ) from error

    def _forget(self, key: str) -> None:
        with contextlib.suppress(OSError):  # gone already, or a read-only disk: the state stands in the ledger
            (self.folder / f"{key}.json").unlink(missing_ok=True)


def _read(body: dict[str, Any]) -> Pending:
    return Pending(**{**body, "reasons": tuple(body["reasons"]), "groups": tuple(body.get("groups", ()))})


def _caller(asked: Ask) -> tuple[str, str, str]:
    return asked.scope.tenant, asked.who, asked.app


def _bound(one: Pending) -> tuple[str, str, str, str]:
    return one.arguments_sha256, one.tenant, one.who, one.app


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
