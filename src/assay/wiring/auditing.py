"""The audit log of a workspace: opened at first use, verified, pruned."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from assay.adapters.audit_files import AuditFiles
from assay.adapters.pseudonym_keys import KeyFilePseudonyms
from assay.adapters.signing import KeyFileSigner
from assay.govern import audit_verifier
from assay.govern.audited import Auditor, Keeping, NoAudit
from assay.ports.reading import Clock
from assay.records.audit import AuditEvent, Checkpoint
from assay.records.errors import AssayError, CannotJudge, InputError
from assay.wiring.settings_audit import AuditSettings

if TYPE_CHECKING:
    from assay.wiring.build import Workspace

FOLDER = "audit"
NAMES = "pseudonyms.keys"
SIGNING = "signing.key"


@dataclass
class Account:
    """The open log of a workspace and the auditor over it."""

    auditor: Auditor
    log: AuditFiles | None

    def close(self) -> None:
        if self.log is None:
            return
        try:
            self.log.close()
        except AssayError as error:
            self.auditor.missed(error)


def open_account(store: Path, clock: Clock, settings: AuditSettings) -> Account:
    """Nothing is read or written before the first event."""
    if not settings.enabled:
        return Account(NoAudit(), None)
    log = AuditFiles(store / FOLDER, KeyFileSigner(store / SIGNING), clock)
    return Account(Keeping(log, KeyFilePseudonyms(store / NAMES), clock, settings.required), log)


def operator() -> str:
    """Who runs this command, for the record."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def record(
    place: Workspace, action: str, outcome: str = "done", *, tenant: str = "", subject: dict[str, str] | None = None,
    counts: dict[str, int | float] | None = None,
) -> None:  # fmt: skip
    """Account of something that an operator did here; durable when it returns."""
    place.auditor.record(action, outcome, tenant=tenant, who=operator(), subject=subject, counts=counts)


def events(place: Workspace, *, action: str = "", tenant: str = "", who: str = "") -> Iterator[tuple[int, AuditEvent]]:
    """Events with their numbers, oldest first. `who` is a person or key id; its tenant's key must exist still."""
    names = KeyFilePseudonyms(place.store / NAMES)
    known: dict[str, tuple[str, ...]] = {}
    for number, event in _log(place).events():
        if action and not event.action.startswith(action):
            continue
        if tenant and event.tenant != tenant:
            continue
        if who and (not event.actor or event.actor not in (who, *_names_of(names, event.tenant, who, known))):
            continue
        yield number, event


def _names_of(
    names: KeyFilePseudonyms, tenant: str, who: str, known: dict[str, tuple[str, ...]]
) -> tuple[str, ...]:  # fmt: skip
    if tenant not in known:
        known[tenant] = names.known(tenant, who)
    return known[tenant]


def verify(place: Workspace, key: str = "", kept: str = "") -> list[str]:
    """What is wrong with the log, empty when nothing is. Raises CannotJudge when there is none, InputError for a kept
    checkpoint that is none."""
    folder = place.store / FOLDER
    if not any(folder.glob("[0-9]*.log")) and not (folder / "head").exists():
        raise CannotJudge("audit.empty", "nothing was logged yet", where=str(folder))
    try:
        return audit_verifier.verify(folder, key or public_key(place), kept)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            "audit.checkpoint", "a checkpoint beside the log, or the one given, is none", where=str(folder)
        ) from error


def public_key(place: Workspace) -> str:
    return KeyFileSigner(place.store / SIGNING).public_key


def checkpoint(place: Workspace) -> Checkpoint:
    return _log(place).checkpoint()


def prune(place: Workspace) -> int:
    """Remove what is older than `audit.keep_days`; how many lines."""
    now = datetime.fromisoformat(place.clock.now())
    before = now - timedelta(days=place.settings.audit.keep_days)
    return _log(place).prune(before.isoformat())


def destroy_names(place: Workspace, tenant: str) -> bool:
    """Destroy the key under which a tenant's people and texts are named: the log stays whole and links to nobody."""
    there = KeyFilePseudonyms(place.store / NAMES).destroy(tenant)
    if there:
        record(place, "audit.names_destroyed", tenant="")
    return there


def _log(place: Workspace) -> AuditFiles:
    return AuditFiles(place.store / FOLDER, KeyFileSigner(place.store / SIGNING), place.clock)
