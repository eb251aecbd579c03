"""A writer or a reader of a LanceDB index in a process of its own, for tests.

The writer's commit number n replaces the document `shared` by three chunks that hold the word `round{n}`, and adds a
document of two chunks; it then tells n. A reader tells the number of each state it sees, and ends with an error at
the first state that is not exactly one commit.

The processes fork from a server that has imported what LanceDB imports and not LanceDB itself, whose threads would not
outlive a fork: a second and a half less for each.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from assay.adapters.hashing_embedder import HashingEmbedder
from assay.adapters.lance_index import register
from assay.adapters.lance_index.index import LanceIndex
from assay.adapters.turns import Turn
from assay.records.access import AccessList, Scope
from assay.records.documents import BlockKind, Chunk

EMBEDDER = HashingEmbedder(16)
EVERYONE = Scope()


def chunk(doc_id: str, text: str, ordinal: int = 0) -> Chunk:
    return Chunk(
        f"{doc_id}#{ordinal}", doc_id, "0" * 64, ordinal, 0, len(text), text, "", (), BlockKind.PARAGRAPH, "en",
        AccessList(),
    )  # fmt: skip


def commit(index: LanceIndex, number: int) -> None:
    index.add([chunk("shared", f"lemon round{number} part{part}", part) for part in range(3)])
    index.add([chunk(f"d{number}", f"lemon number{number} part{part}", part) for part in range(2)])
    index.commit()


def chunks_after(number: int) -> int:
    return 3 + 2 * number


def seen(index: LanceIndex) -> int:
    """The number of the commit that the head shows; 0 when there is none. AssertionError when it is a mixture."""
    head = index.head()
    found = [hit.chunk_id for hit in head.lexical("lemon", EVERYONE, 10_000)]
    assert len(found) == len(set(found)) == head.chunks, (len(found), head.chunks)
    if not head.chunks:
        return 0
    number = (head.chunks - 3) // 2
    assert head.chunks == chunks_after(number)
    rounds = [hit.chunk_id for hit in head.lexical(f"round{number}", EVERYONE, 10)]
    assert sorted(rounds) == ["shared#0", "shared#1", "shared#2"], (number, rounds)
    vectors = head.dense(EMBEDDER.embed(["lemon"])[0], EVERYONE, 10_000)
    assert len(vectors) == head.vectors, (len(vectors), head.vectors)
    return number


def write(index: LanceIndex, rounds: int, tell: Connection) -> None:
    for number in range(seen(index) + 1, rounds + 1):
        commit(index, number)
        tell.send(number)
        missing = index.missing_vectors(EMBEDDER.recipe)
        index.add_vectors(EMBEDDER.recipe, {name: EMBEDDER.embed([name])[0] for name in missing})


def read(index: LanceIndex, rounds: int, tell: Connection, pause: float) -> None:
    last = 0
    until = time.monotonic() + 60
    while last < rounds and time.monotonic() < until:
        number = seen(index)
        assert number >= last, "a reader went back in time"
        if number > last:
            tell.send(number)
        last = number
        time.sleep(pause)


def die_before_publishing(index: LanceIndex, number: int) -> None:
    """Write everything of a commit into the tables and die as by SIGKILL before it is published."""
    Turn.end = lambda self, record: os._exit(9)  # type: ignore[method-assign]
    commit(index, number)


def _work(role: str, uri: str, options: dict[str, str], count: int, tell: Connection) -> None:
    index = LanceIndex(uri, storage_options=options)
    if role == "write":
        write(index, count, tell)
    elif role == "read":
        read(index, count, tell, register.REFRESH_S / 4 if "://" in uri else 0.05)
    else:
        die_before_publishing(index, count)


@dataclass(frozen=True)
class Working:
    """A process at work, and the numbers that it tells."""

    process: BaseProcess
    _told: Connection

    def told(self) -> Iterator[int]:
        """Each number when it comes, until the process ends."""
        with contextlib.suppress(EOFError):
            while True:
                yield self._told.recv()

    def ended(self, timeout: float) -> int | None:
        self.process.join(timeout)
        return self.process.exitcode


def started(role: str, uri: str, options: dict[str, str], count: int) -> Working:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["numpy", "pyarrow", "lance_namespace", "assay.adapters.lance_index.index"])
    told, tell = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(role, uri, options, count, tell), daemon=True)
    process.start()
    tell.close()
    return Working(process, told)
