"""The register: a table of one row that says what is published and who is writing, changed by compare and swap."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from assay.adapters.lance_index.published import Published
from assay.ports.reading import Clock
from assay.records.errors import Busy, CannotJudge, Unavailable

TABLE = "register"
REFRESH_S = 0.5
"""A store that is reached over the network is asked for news at most this often; a folder every time."""
WAIT_S = 60.0
LEASE = timedelta(minutes=5)
"""A writer on another machine that has been silent for so long is taken for dead."""
_TIDY_EVERY = 64
_PROCESS = uuid.uuid4().hex[:12]
_PUBLISHED_HERE: dict[str, int] = {}
"""By address: how often this process published, so that its own readers never wait for REFRESH_S."""


@dataclass(frozen=True, slots=True)
class Row:
    """`turn` counts the changes of the row, and is what a swap compares."""

    turn: int
    holder: str
    since: str
    record: str


@dataclass
class Turn:
    """The right to write, until it is published or given up. `abandoned` is true when it was taken from a writer that
    may still be running somewhere else: the tables it knows must not be written."""

    register: Register
    row: Row
    published: Published
    abandoned: bool
    over: bool = False

    def renew(self) -> None:
        """Say that this writer lives. Raises Busy when another has taken over."""
        self.row = self.register.swap(self.row, holder=self.row.holder, record=self.row.record)

    def publish(self, published: Published) -> None:
        """Make a state the head, for everybody at once, and end the turn. Raises Busy when another has taken over."""
        self.row = self.register.swap(self.row, holder="", record=published.as_json())
        self.published, self.over = published, True


class Register:
    """Readers ask it for the published state; writers take turns.

    A turn belongs to one index object of one process. When that process dies on this machine the turn is free at once;
    on another machine after LEASE. Compare and swap is an update of the row under a condition: of two that race, the
    engine lets the second find no row to update.
    """

    def __init__(self, database: Any, uri: str, analyzer: str, clock: Clock) -> None:
        self._uri = uri
        self._analyzer = analyzer
        self._clock = clock
        self._me = f"{_machine()}/{os.getpid()}/{_PROCESS}/{uuid.uuid4().hex[:12]}"
        self._table = _opened(database, Published(analyzer).as_json())
        self._seen: tuple[int, Row, Published] | None = None
        self._asked = (-1, 0.0)
        self.read()

    def read(self) -> Published:
        """What is published. Raises CannotJudge (`index.analyzer`) when another version wrote it."""
        news = _PUBLISHED_HERE.get(self._uri, 0)
        if "://" in self._uri and self._asked[0] == news and time.monotonic() - self._asked[1] < REFRESH_S:
            assert self._seen is not None
            return self._seen[2]
        published = self._latest()[1]
        self._asked = (news, time.monotonic())
        return published

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Wait for the right to write. Raises Busy when another writer keeps it for a minute."""
        row, abandoned = self._take()
        turn = Turn(self, row, self._latest()[1], abandoned)
        try:
            yield turn
        finally:
            if not turn.over:
                with suppress(Unavailable, Busy):  # a turn that cannot be given up is still ours, or is lost already
                    self.swap(turn.row, holder="", record=turn.row.record)

    def swap(self, row: Row, *, holder: str, record: str) -> Row:
        """Raises Busy when the row is not what it was."""
        changed = self._swapped(row, holder, record)
        if changed is None:
            raise _busy()
        return changed

    def _take(self) -> tuple[Row, bool]:
        until = time.monotonic() + WAIT_S
        while True:
            row, _ = self._latest()
            free = row.holder in ("", self._me) or _is_dead(row.holder)
            silent = not free and self._is_silent(row)
            if free or silent:
                taken = self._swapped(row, self._me, row.record)
                if taken is not None:
                    return taken, silent
            elif time.monotonic() > until:
                raise _busy()
            time.sleep(0.02)

    def _is_silent(self, row: Row) -> bool:
        return datetime.fromisoformat(self._clock.now()) - datetime.fromisoformat(row.since) > LEASE

    def _swapped(self, row: Row, holder: str, record: str) -> Row | None:
        after = Row(row.turn + 1, holder, self._clock.now(), record)
        values = {"turn": after.turn, "holder": holder, "since": after.since}
        if record != row.record:
            values["record"] = record
        done = self._table.update(where=f"turn = {row.turn} AND holder = '{row.holder}'", values=values)
        if after.turn % _TIDY_EVERY == 0:
            self._table.optimize(cleanup_older_than=timedelta(hours=1))
        if record != row.record:
            _PUBLISHED_HERE[self._uri] = _PUBLISHED_HERE.get(self._uri, 0) + 1
        return after if done.rows_updated == 1 else None

    def _latest(self) -> tuple[Row, Published]:
        self._table.checkout_latest()
        version = self._table.version
        if self._seen is None or self._seen[0] != version:
            (stated,) = self._table.search().limit(2).to_arrow().to_pylist()
            row = Row(**stated)
            same = self._seen is not None and self._seen[1].record == row.record
            published = self._seen[2] if same and self._seen is not None else self._parsed(row.record)
            self._seen = version, row, published
        return self._seen[1], self._seen[2]

    def _parsed(self, record: str) -> Published:
        try:
            published = Published.from_json(record)
        except (ValueError, KeyError, TypeError) as error:
            raise _another_version() from error
        if published.analyzer != self._analyzer:
            raise _another_version()
        return published


def _opened(database: Any, record: str) -> Any:
    """The register, made when there is none; of two that make it at once, one finds the other's."""
    try:
        return database.open_table(TABLE)
    except ValueError:
        import pyarrow as pa

        columns = {"turn": pa.array([0], pa.int64()), "holder": [""], "since": [""], "record": [record]}
        try:
            return database.create_table(TABLE, pa.table(columns))
        except ValueError:
            return database.open_table(TABLE)


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


def _another_version() -> CannotJudge:
    return CannotJudge(
        "index.analyzer",
        "the index was written by another version, which divided words or kept its record differently",
        where="index.lancedb",
        remedy="name another uri in assay.yaml and ingest again; the catalog and the text copies stay",
    )
