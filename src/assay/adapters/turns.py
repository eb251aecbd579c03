"""Turns to write: processes that share a store take them by comparing and swapping one row of it."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from assay.ports.reading import Clock
from assay.records.errors import Busy, Unavailable

WAIT_S = 60.0
LEASE = timedelta(minutes=5)
"""A writer on another machine that has been silent for so long is taken for dead."""
_PROCESS = uuid.uuid4().hex[:12]


@dataclass(frozen=True, slots=True)
class Row:
    """`token` is what a swap compares; `record` is the store's own, `holder` and `since` say whose turn it is."""

    token: Any
    holder: str
    since: str
    record: str


class Board(Protocol):
    """Where the row stands."""

    def latest(self) -> Row: ...
    def swapped(self, row: Row, after: Row) -> Row | None:
        """The row as it is now, or None when it was no longer `row`."""
        ...


@dataclass
class Turn:
    """The right to write, until it ends or is given up. `abandoned` is true when it was taken from a writer that may
    still be running somewhere else."""

    turns: Turns
    row: Row
    abandoned: bool
    over: bool = False

    def renew(self, record: str | None = None) -> None:
        """Say that this writer lives, and keep a record. Raises Busy when another has taken over."""
        self.row = self.turns.swap(self.row, self.row.holder, self.row.record if record is None else record)

    def end(self, record: str) -> None:
        """Replace the record, for everybody at once, and let others write. Raises Busy when another has taken over."""
        self.row = self.turns.swap(self.row, "", record)
        self.over = True


class Turns:
    """One user of a board. When its process dies on this machine its turn is free at once; on another after LEASE."""

    def __init__(self, board: Board, clock: Clock) -> None:
        self._board = board
        self._clock = clock
        self.me = f"{_machine()}/{os.getpid()}/{_PROCESS}/{uuid.uuid4().hex[:12]}"

    @contextmanager
    def take(self) -> Iterator[Turn]:
        """Wait for the right to write. Raises Busy when another writer keeps it for a minute."""
        row, abandoned = self._taken()
        turn = Turn(self, row, abandoned)
        try:
            yield turn
        finally:
            if not turn.over:
                with suppress(Unavailable, Busy):  # a turn that cannot be given up is still ours, or is lost already
                    self.swap(turn.row, "", turn.row.record)

    def swap(self, row: Row, holder: str, record: str) -> Row:
        """Raises Busy when the row is not what it was."""
        changed = self._board.swapped(row, replace(row, holder=holder, since=self._clock.now(), record=record))
        if changed is None:
            raise _busy()
        return changed

    def _taken(self) -> tuple[Row, bool]:
        until = time.monotonic() + WAIT_S
        while True:
            row = self._board.latest()
            free = row.holder in ("", self.me) or _is_dead(row.holder)
            silent = not free and self._is_silent(row)
            if free or silent:
                taken = self._board.swapped(row, replace(row, holder=self.me, since=self._clock.now()))
                if taken is not None:
                    return taken, silent
            if time.monotonic() > until:
                raise _busy()
            time.sleep(0.02)

    def _is_silent(self, row: Row) -> bool:
        return datetime.fromisoformat(self._clock.now()) - datetime.fromisoformat(row.since) > LEASE


def _machine() -> str:
    """This machine, and within it the numbering of processes: a container counts its own."""
    with suppress(OSError):
        return f"{_plain(socket.gethostname())}:{_plain(os.readlink('/proc/self/ns/pid'))}"
    return _plain(socket.gethostname())


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-." else "-" for letter in name)


def _is_dead(holder: str) -> bool:
    """True when the holder ran on this machine and does no more."""
    machine, pid, process, _ = holder.split("/")
    if machine != _machine():
        return False
    if int(pid) == os.getpid():
        return process != _PROCESS
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _busy() -> Busy:
    return Busy("index.busy", "another process is writing the index", remedy="wait for it to end, then try again")
