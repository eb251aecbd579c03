"""Retention: what is older than `privacy.retention` says goes for good, by hand or once a day while a server runs."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from assay.adapters import erasing_files
from assay.adapters.embedded_index.durable import write_durably
from assay.adapters.sql.erasing import SqlErasing
from assay.adapters.sql.retention import SqlRetention
from assay.golden.review import DRAFTED, REVIEWED
from assay.records.errors import AssayError, Busy, InputError
from assay.wiring import auditing
from assay.wiring.build import DATABASE, Workspace
from assay.wiring.guarding import DECIDED, ESCALATION, vault

log = logging.getLogger("assay.privacy")

STATE = "swept.json"
DAY_S = 86_400.0
FIRST_S = 60.0
LOGS = ("*.log", "log/**/*", "logs/**/*")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
EXEMPT = (
    ("decisions, releases, certificates, calibrations, bundles", "evidence for what was shipped; they hold no content"),
    ("golden sets", "a case stays when the trace that it was made from goes; assay golden edits it"),
    ("the audit log", "holds no content; audit.keep_days"),
)
"""What no period of `privacy.retention` touches, and why."""


@dataclass(frozen=True, slots=True)
class Swept:
    """One kind of data: what was older than `before` and went, or would go. `note` says what stayed, and why."""

    kind: str
    period: str
    before: str
    removed: int
    note: str = ""


def before_of(now: str, period: str) -> str:
    """The moment that lies a period such as `30d` before `now`."""
    span = timedelta(**{_UNITS[period[-1]]: int(period[:-1])})
    try:
        return (datetime.fromisoformat(now) - span).isoformat(timespec="microseconds").replace("+00:00", "Z")
    except OverflowError:
        raise InputError("privacy.period", "the period reaches before the year 1", where=period) from None


def periods(place: Workspace) -> dict[str, str]:
    """Kinds of data with their periods, in the order in which they are swept; empty: kept."""
    stated = dict(place.settings.privacy.retention.model_dump())
    stated["traces"] = stated["traces"] or f"{place.settings.traces.days}d"
    return stated


def sweep(
    place: Workspace, *, dry_run: bool = False, told: Callable[[str], object] = lambda _: None
) -> tuple[Swept, ...]:
    """Remove what is too old, overwrite it, and make the files tight; with `dry_run` only count it.

    Each kind is one transaction. What another process keeps open is made tight by the next sweep. Raises Unavailable.
    """
    now, made = place.clock.now(), list[Swept]()
    for kind, period in periods(place).items():
        told(kind)
        if period:
            before = before_of(now, period)
            made.append(_KINDS[kind](place, Swept(kind, period, before, 0), not dry_run))
    made.append(_audit(place, not dry_run))
    if dry_run:
        return tuple(made)
    told("compacting")
    _tighten(place, any(one.removed for one in made))
    gone: dict[str, int | float] = {one.kind: one.removed for one in made if one.removed}
    if gone:
        auditing.record(place, "privacy.swept", counts=gone)
    return tuple(made)


def _traces(place: Workspace, asked: Swept, do: bool) -> Swept:
    return replace(asked, removed=SqlRetention(place.database).traces(asked.before, do=do))


def _feedback(place: Workspace, asked: Swept, do: bool) -> Swept:
    return replace(asked, removed=SqlRetention(place.database).feedback(asked.before, do=do))


def _caches(place: Workspace, asked: Swept, do: bool) -> Swept:
    """Nothing in a cache carries a date, so all of it goes as soon as the last emptying is too long ago."""
    state = _state(place)
    if state.get("caches_emptied", "") >= asked.before:
        return replace(asked, note=f"emptied {state['caches_emptied'][:19]}")
    count = SqlRetention(place.database).cached(do=do)
    for path in sorted(place.store.glob("embeddings*.db")):
        count += erasing_files.empty_cache(path) if do else _vectors(path)
    if do:
        _note(place, caches_emptied=place.clock.now())
    return replace(asked, removed=count)


def _vectors(path: Path) -> int:
    with closing(sqlite3.connect(path, timeout=erasing_files.PATIENCE_S)) as connection:
        return int(connection.execute("SELECT count(*) FROM vectors").fetchone()[0])


def _runs(place: Workspace, asked: Swept, do: bool) -> Swept:
    removed, kept = SqlRetention(place.database).runs(asked.before, do=do)
    note = f"{kept:,} older ones stay: decisions, labels, cards or certificates rest on them" if kept else ""
    return replace(asked, removed=removed, note=note)


def _vault(place: Workspace, asked: Swept, do: bool) -> Swept:
    held = vault(place)
    count = 0
    for tenant in held.tenants():
        old = held.older(tenant, asked.before)
        count += held.drop(tenant, old) if do else len(old)
    return replace(asked, removed=count)


def _escalations(place: Workspace, asked: Swept, do: bool) -> Swept:
    return replace(asked, removed=SqlRetention(place.database).decided(ESCALATION, DECIDED, asked.before, do=do))


def _drafts(place: Workspace, asked: Swept, do: bool) -> Swept:
    return replace(asked, removed=SqlRetention(place.database).drafts((DRAFTED, REVIEWED), asked.before, do=do))


def _logs(place: Workspace, asked: Swept, do: bool) -> Swept:
    limit = datetime.fromisoformat(asked.before).timestamp()
    old = [
        path
        for pattern in LOGS
        for path in sorted(place.store.glob(pattern))
        if path.is_file() and not path.is_symlink() and path.stat().st_mtime < limit
    ]
    if do:
        for path in old:
            path.unlink(missing_ok=True)
    return replace(asked, removed=len(old))


def _audit(place: Workspace, do: bool) -> Swept:
    days = place.settings.audit.keep_days
    before = before_of(place.clock.now(), f"{max(1, int(days))}d")
    if not do or not (place.store / auditing.FOLDER).is_dir():
        return Swept("audit", f"{days:g}d", before, 0, "" if do else "counted when it is done")
    return Swept("audit", f"{days:g}d", before, auditing.prune(place))


_KINDS: dict[str, Callable[[Workspace, Swept, bool], Swept]] = {
    "traces": _traces,
    "feedback": _feedback,
    "caches": _caches,
    "runs": _runs,
    "vault": _vault,
    "escalations": _escalations,
    "drafts": _drafts,
    "logs": _logs,
}


def _tighten(place: Workspace, removed: bool) -> None:
    if not removed and not _state(place).get("to_tighten"):
        return
    try:
        SqlErasing(place.database).make_tight()
        for path in (place.store / DATABASE, *sorted(place.store.glob("embeddings*.db"))):
            if path.exists():
                erasing_files.make_tight(path)
    except Busy:  # a long reader; what was deleted is overwritten already, only the log is not emptied
        _note(place, to_tighten=True)
    else:
        _note(place, to_tighten=False)


def _state(place: Workspace) -> dict[str, Any]:
    try:
        found = json.loads((place.store / STATE).read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _note(place: Workspace, **facts: object) -> None:
    write_durably(place.store / STATE, json.dumps({**_state(place), **facts}, sort_keys=True).encode())


@contextmanager
def daily(place: Workspace, first_s: float = FIRST_S, every_s: float = DAY_S) -> Iterator[None]:
    """Sweep in a thread while the caller serves: soon, and then once a day. A sweep that fails is told by its code, and
    tried again the next time."""
    stop = threading.Event()

    def run() -> None:
        wait = first_s
        while not stop.wait(wait):
            wait = every_s
            try:
                gone = sum(one.removed for one in sweep(place))
            except AssayError as error:
                log.warning("what is too old could not be removed: %s", error.code)
            except (OSError, sqlite3.Error) as error:
                log.warning("what is too old could not be removed: %s", type(error).__name__)
            else:
                log.info("%d records were too old and are removed", gone)

    thread = threading.Thread(target=run, name="assay-sweep", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=erasing_files.PATIENCE_S)
