"""Keeping a workspace in step with its sources: changes of files, access lists and `assay.yaml` count in seconds."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from assay.adapters.file_watch import ticks
from assay.records.documents import IngestReport, ParseStatus
from assay.records.errors import AssayError, Busy, NotFound, Unavailable
from assay.wiring import ingesting
from assay.wiring.build import Workspace
from assay.wiring.config import CONFIG_NAME
from assay.wiring.sources import folders, only_remote

_MOVED = (ParseStatus.ADDED, ParseStatus.CHANGED, ParseStatus.DELETED)
_QUIET = (*_MOVED, ParseStatus.UNCHANGED)


@dataclass(frozen=True, slots=True)
class Told:
    """What a watcher tells: a sync that changed something, or a problem because of which it goes on with what it
    had."""

    report: IngestReport | None = None
    problem: AssayError | None = None


def watch(
    place: Workspace, paths: Sequence[Path], tell: Callable[[Told], object], sources: Sequence[str] = (),
    every_s: float = 300.0,
) -> None:  # fmt: skip
    """Sync now and whenever something changed, until Ctrl-C or SIGTERM, which let a sync that runs end in order.

    Sources that are no folders tell no changes: they are looked at every `every_s` seconds.

    What keeps a sync from running (another process writes, a folder is gone, `assay.yaml` is being edited) is told
    once, and tried again every half second where waiting can help.
    """
    here = tuple(name for name in sources if not only_remote(place, [name]))
    roots = [path.expanduser().resolve() for path in (*paths, *folders(place, here))]
    with _stoppable() as stop:
        watcher = _Watcher(place, paths, tell, stop)
        due = 0.0
        for changed in ticks(roots, watcher.configs, place.store, stop) if roots else _pauses(stop, every_s):
            if len(here) < len(sources) and time.monotonic() >= due:
                watcher.sync(sources)
                due = time.monotonic() + every_s
            elif roots and (changed or watcher.waiting):
                watcher.sync(here)


def _pauses(stop: Event, every_s: float) -> Iterator[bool]:
    while not stop.is_set():
        yield True
        stop.wait(every_s)


@dataclass
class _Watcher:
    place: Workspace
    paths: Sequence[Path]
    tell: Callable[[Told], object]
    stop: Event
    waiting: bool = False
    _problem: str = ""
    _odd: dict[tuple[str, ...], set[tuple[str, ParseStatus, str]]] = field(default_factory=dict)
    """What could not be read when it was last told, by the sources that were looked at."""

    def configs(self) -> list[Path]:
        """The files besides the sources that decide what may be found."""
        listed = self.place.settings.access.csv
        return [self.place.root / CONFIG_NAME, *([self.place.root / listed] if listed else [])]

    def sync(self, sources: Sequence[str] = ()) -> None:
        try:
            self.place = self.place.with_overrides(())
            report = ingesting.ingest(self.place, self.paths, lambda *_: None, self.stop.is_set, sources)
        except AssayError as error:
            self.waiting = isinstance(error, (Busy, NotFound, Unavailable))
            if str(error) != self._problem:
                self.tell(Told(problem=error))
            self._problem = str(error)
            return
        self.waiting, self._problem = False, ""
        odd = {(one.source_uri, one.status, one.code) for one in report.outcomes if one.status not in _QUIET}
        if odd != self._odd.get(tuple(sources), set()) or any(report.count(status) for status in _MOVED):
            self.tell(Told(report))
        self._odd[tuple(sources)] = odd


@contextmanager
def _stoppable() -> Iterator[Event]:
    """An event that Ctrl-C and SIGTERM set; a second one ends at once."""
    stop = Event()

    def ask(_signal: int, _frame: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
