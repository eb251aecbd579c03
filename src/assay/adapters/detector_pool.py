"""Detectors in processes of their own, which are ended when they hang and started anew when they die."""

from __future__ import annotations

import importlib
import multiprocessing
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from assay.records.errors import ConfigError, Unavailable
from assay.records.findings import Basis, Finding

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 60.0
Find = Callable[[str, Sequence[str]], Sequence[Any]]


@dataclass
class _Worker:
    process: SpawnProcess
    pipe: Connection

    def end(self) -> None:
        self.process.kill()
        self.process.join(5)
        self.pipe.close()


class DetectorPool:
    """A Detector around a function `module:name` that takes a text and rule ids and gives findings, or triples of rule
    id, start and end.

    With `options` the function is given them by name, once, and makes the one that finds: a model is loaded before
    the first text comes. One process per worker, a new interpreter each, started at first use. A call that takes
    longer than `budget_ms` ends as Unavailable `detector.timeout` and its process is killed; one that dies as
    `detector.crashed`; one that raises or
    tells nonsense as `detector.failed`. After a kill or a crash the next start waits, twice as long each time, and
    until then a call fails at once with `detector.resting`. Nothing of the text is logged or in an error.
    """

    def __init__(
        self, function: str, *, version: str = "", path: str = "", workers: int = 1, budget_ms: float = 250,
        start_s: float = 30, options: Mapping[str, str] | None = None, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        module, colon, name = function.partition(":")
        if not colon or not module or not name.isidentifier():
            raise ConfigError("detector.function", "a detector's function is written module:name", where=function)
        self._function, self._version, self._path = function, version, path
        self._options = dict(options or {})
        self._budget_s, self._start_s, self._clock = budget_ms / 1000, start_s, clock
        self._free = threading.Semaphore(workers)
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._failures, self._rests_until = 0, 0.0
        self._end = weakref.finalize(self, _end_all, self._idle)

    @property
    def recipe(self) -> str:
        stated = "".join(f",{name}={value}" for name, value in sorted(self._options.items()))
        return f"{self._function}({self._version}{stated})"

    def find(self, text: str, rule_ids: Sequence[str]) -> tuple[Finding, ...]:
        if not self._free.acquire(timeout=self._budget_s):
            raise self._failure("detector.timeout", "all processes of a detector are busy")
        try:
            return self._asked(text, tuple(rule_ids))
        finally:
            self._free.release()

    def close(self) -> None:
        """End the processes."""
        self._end()

    def _asked(self, text: str, rule_ids: tuple[str, ...]) -> tuple[Finding, ...]:
        worker = self._worker()
        try:
            worker.pipe.send((text, rule_ids))
            if not worker.pipe.poll(self._budget_s):
                raise self._lost(worker, "detector.timeout", "a detector took longer than its budget")
            said = worker.pipe.recv()
        except (EOFError, OSError):
            raise self._lost(worker, "detector.crashed", "the process of a detector ended") from None
        with self._lock:
            self._failures = 0
            self._idle.append(worker)
        found = _findings(said, len(text), frozenset(rule_ids))
        if found is None:
            raise self._failure("detector.failed", "a detector raised, or told findings that are none of this text")
        return found

    def _worker(self) -> _Worker:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            if self._clock() < self._rests_until:
                raise self._failure("detector.resting", "a detector failed and is started anew in a moment")
        return self._started()

    def _started(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self._function, self._path, self._options), daemon=True)
        process.start()
        theirs.close()
        worker = _Worker(process, ours)
        try:
            if ours.poll(self._start_s) and ours.recv() == "ready":
                return worker
        except (EOFError, OSError):
            raise self._lost(worker, "detector.crashed", "the process of a detector ended at its start") from None
        raise self._lost(worker, "detector.failed", "a detector's function cannot be loaded")

    def _lost(self, worker: _Worker, code: str, what: str) -> Unavailable:
        worker.end()
        with self._lock:
            pause = min(FIRST_PAUSE_S * 2**self._failures, LONGEST_PAUSE_S)
            self._failures += 1
            self._rests_until = self._clock() + pause
        return self._failure(code, what)

    def _failure(self, code: str, what: str) -> Unavailable:
        return Unavailable(code, what, where=self._function)


def _end_all(idle: list[_Worker]) -> None:
    while idle:
        idle.pop().end()


def _findings(said: Any, length: int, rule_ids: frozenset[str]) -> tuple[Finding, ...] | None:
    """What a process told as findings of this text; None when it is none. What was not asked for is left out."""
    if not isinstance(said, list):
        return None
    found = []
    for one in said:
        match one:
            case (str() as rule_id, int() as start, int() as end) if 0 <= start < end <= length:
                if rule_id in rule_ids:
                    found.append(Finding(rule_id, start, end, basis=Basis.SHAPE))
            case _:
                return None
    return tuple(found)


def _serve(pipe: Connection, function: str, path: str, options: Mapping[str, str]) -> None:
    """In the process: load the function and answer until the other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if path:
        sys.path.insert(0, path)
    module, _, name = function.partition(":")
    named: Any = getattr(importlib.import_module(module), name)
    find: Find = named(**options) if options else named
    pipe.send("ready")
    while True:
        try:
            text, rule_ids = pipe.recv()
        except EOFError:
            return
        try:
            said: Any = [_triple(one) for one in find(text, rule_ids)]
        except Exception:  # noqa: BLE001 - the user's own code: told as a failure, and its words may hold the text
            said = None
        pipe.send(said)


def _triple(one: Any) -> tuple[str, int, int]:
    if isinstance(one, Finding):
        return one.rule_id, one.start, one.end
    rule_id, start, end = one
    return str(rule_id), int(start), int(end)
