"""One LanceDB index and many processes, in a folder and on an S3-compatible store: whole commits, crashes, outages."""

from __future__ import annotations

import signal
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import lance_worker as worker
from assay.adapters import turns
from assay.adapters.clocks import FakeClock
from assay.adapters.lance_index import register
from assay.adapters.lance_index.index import LanceIndex
from assay.records.errors import Busy, Unavailable
from s3_store import S3Store, s3_store

ROUNDS = 5


@dataclass
class Place:
    """Where an index lies, for this process and for others."""

    uri: str
    options: dict[str, str] = field(default_factory=dict)

    def index(self, clock: FakeClock | None = None) -> LanceIndex:
        return LanceIndex(self.uri, storage_options=self.options, clock=clock)

    def process(self, role: str, count: int) -> worker.Working:
        return worker.started(role, self.uri, self.options, count)


@pytest.fixture(scope="module")
def store() -> Iterator[S3Store]:
    with s3_store() as store:
        yield store


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "folder":
        return Place(str(tmp_path / "index"))
    return on_s3(request.getfixturevalue("store"))


def on_s3(store: S3Store) -> Place:
    return Place(f"{store.bucket(f'b{uuid.uuid4().hex}')}/index", store.options)


def ended(working: worker.Working) -> list[int]:
    """The numbers that a process told. It must have ended well."""
    numbers = list(working.told())
    assert working.ended(120) == 0
    return numbers


def test_two_readers_see_whole_commits_of_one_writer(place: Place) -> None:
    """Three processes: readers see every state whole, find all of it by words and vectors, and reach the last one."""
    place.index()
    readers = [place.process("read", ROUNDS) for _ in range(2 if "s3:" in place.uri else 1)]
    assert ended(place.process("write", ROUNDS)) == list(range(1, ROUNDS + 1))
    for reader in readers:
        numbers = ended(reader)
        assert numbers == sorted(numbers)
        assert numbers[-1] == ROUNDS


def test_a_killed_writer_loses_nothing_it_acknowledged(place: Place) -> None:
    """SIGKILL in the middle of writes: readers go on with whole commits, and a new writer goes on at once."""
    reading = place.index()
    writer = place.process("write", 1000)
    told = writer.told()
    begun = [next(told) for _ in range(3)]
    writer.process.kill()
    acknowledged = max([*begun, *told])
    assert writer.ended(60) == -signal.SIGKILL
    time.sleep(2 * register.REFRESH_S)
    last = worker.seen(reading)
    assert last >= acknowledged
    worker.commit(place.index(), last + 1)
    assert worker.seen(reading) == last + 1


def test_what_was_not_published_is_undone_by_the_next_writer(tmp_path: Path) -> None:
    """A writer that dies between its tables and the register leaves nothing that anybody ever sees."""
    place = Place(str(tmp_path / "index"))
    mine = place.index()
    worker.commit(mine, 1)
    before = mine.head().snapshot_id
    died = place.process("die", 2)
    assert died.ended(60) == 9
    again = place.index()
    assert (worker.seen(again), again.head().snapshot_id) == (1, before)
    worker.commit(again, 2)
    assert worker.seen(again) == 2
    again.compact()
    assert worker.seen(again) == 2


def test_two_writers_take_turns(tmp_path: Path) -> None:
    """Two processes that write at the same time both end well, and every document of both is there."""
    place = Place(str(tmp_path / "index"))
    place.index()
    writers = [place.process("write", 4) for _ in range(2)]
    for writer in writers:
        ended(writer)
    assert worker.seen(place.index()) == 4


def test_an_outage_is_unavailable_and_ends_without_a_restart(store: S3Store) -> None:
    """While the store is away reads and writes say so; when it is back the same objects go on, and nothing is half
    written."""
    place = on_s3(store)
    writing, reading = place.index(), place.index()
    worker.commit(writing, 1)
    assert worker.seen(writing) == 1
    store.go_away()
    try:
        for call in (lambda: worker.seen(reading), lambda: worker.commit(writing, 2), writing.freeze, place.index):
            with pytest.raises(Unavailable) as caught:
                call()
            assert (caught.value.code, bool(caught.value.remedy)) == ("index.unreachable", True)
    finally:
        store.come_back()
    assert worker.seen(place.index()) == 1
    writing.commit()
    assert worker.seen(writing) == 2
    assert worker.seen(place.index()) == 2


def test_a_silent_writer_elsewhere_is_waited_for_and_then_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer on another machine keeps its turn for five minutes; what it writes after that is never seen."""
    clock = FakeClock()
    index = LanceIndex(str(tmp_path / "index"), clock=clock)
    worker.commit(index, 1)
    other = LanceIndex(str(tmp_path / "index"), clock=clock)
    monkeypatch.setattr(other._turns, "me", "elsewhere/1/aaaaaaaaaaaa/bbbbbbbbbbbb")
    monkeypatch.setattr(turns, "WAIT_S", 0.1)
    with other._turns.take() as turn:
        with pytest.raises(Busy) as caught:
            worker.commit(index, 2)
        assert caught.value.code == "index.busy"
        stale = other._register.parsed(turn.row.record).chunks
        assert stale is not None
        clock.advance(301)
        index.commit()
        other._tables.writable(stale).delete("true")
        with pytest.raises(Busy):
            turn.end(turn.row.record)
    assert worker.seen(index) == 2
    assert worker.seen(LanceIndex(str(tmp_path / "index"), clock=clock)) == 2
