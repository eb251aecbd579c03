"""Files read in other processes: the same outcome as here, and a process that dies costs one file."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pytest

from assay.adapters.parsers.registry import parsers
from assay.adapters.reading_pool import ReadingPool
from assay.ingest.access import AccessRules
from assay.ingest.chunk import ChunkPolicy
from assay.ingest.parsing import PARSER_DIED, Job, ReadHere
from assay.ingest.reading import Reader, Stages
from assay.ports.reading import SourceEntry
from assay.records.documents import Parsed


class _NoLanguage:
    def identify(self, text: str) -> str:
        return ""


@dataclass(frozen=True)
class _Deadly:
    """A parser that kills its process over a file that says so."""

    recipe: str = "deadly.v1"
    media_type: str = "text/plain"

    def parse(self, data: bytes, name: str) -> Iterable[Parsed]:
        if data == b"die":
            os.kill(os.getpid(), signal.SIGKILL)
        yield Parsed(data.decode(), ())


def make() -> Reader:
    return Reader({**parsers(), ".x": _Deadly()}, _NoLanguage(), AccessRules(), ChunkPolicy(), Stages())


def job(name: str, text: str) -> Job:
    return Job(SourceEntry(f"/docs/{name}", name, len(text), 0), f"file:///docs/{name}", f"docs/{name}", text.encode())


@pytest.fixture(scope="module")
def pool() -> Iterator[ReadingPool]:
    made = ReadingPool(make, 2)
    yield made
    made.close()


def test_a_file_read_elsewhere_gives_what_it_gives_here(pool: ReadingPool) -> None:
    jobs = [job("a.md", "# A\n\nText of a."), job("b.md", ""), job("c.pdf", "%PDF no"), job("d.txt", "Plain.")]
    begun = [pool.start(one) for one in jobs]
    here = ReadHere(make())
    for one, outcome in zip(jobs, begun, strict=True):
        there, expected = outcome(), here.start(one)()
        assert (there.records, there.rejected, there.code, there.reason) == (
            expected.records, expected.rejected, expected.code, expected.reason
        )  # fmt: skip


def test_a_process_that_dies_over_a_file_costs_that_file_only(pool: ReadingPool) -> None:
    begun = [pool.start(job(f"{n}.x", text)) for n, text in enumerate(["one", "die", "three", "four"])]
    outcomes = [outcome() for outcome in begun]
    assert [done.code for done in outcomes] == ["", PARSER_DIED, "", ""]
    assert [record.text for done in outcomes for record in done.records] == ["one", "three", "four"]
