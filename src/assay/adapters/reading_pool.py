"""Reading files in several processes; one that dies over a file costs that file and no other."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from assay.ingest.parsing import PARSER_DIED, Done, Job, read_job
from assay.ingest.reading import Reader

MakeReader = Callable[[], Reader]
_AHEAD_EACH = 3
"""Files begun for each process: enough that none waits, few enough that their bytes and records are no burden."""

_reader: list[Reader] = []
"""In a process of the pool: its reader."""


@dataclass
class ReadingPool:
    """A `Reading` in `workers` processes that each make their own reader, which `make` can be pickled to do.

    The processes are started when the first file is begun and end with `close`. They are new interpreters and not
    copies of this one, whose threads a copy would not have. Ctrl-C reaches only this process, which then asks for
    nothing more.
    """

    make: MakeReader
    workers: int
    _pool: ProcessPoolExecutor | None = None

    @property
    def ahead(self) -> int:
        return _AHEAD_EACH * self.workers

    def start(self, job: Job) -> Callable[[], Done]:
        self._pool = pool = self._pool or self._processes(self.workers)
        try:
            begun = pool.submit(_read, job)
        except BrokenProcessPool:
            self.close()
            return lambda: self._alone(job)
        return lambda: self._outcome(job, pool, begun)

    def _outcome(self, job: Job, pool: ProcessPoolExecutor, begun: Future[Done]) -> Done:
        """When a process dies, every file that was begun fails with it; each of them is read again by itself."""
        try:
            return begun.result()
        except BrokenProcessPool:
            if self._pool is pool:
                self.close()
            return self._alone(job)

    def _alone(self, job: Job) -> Done:
        """Read one file in a process that reads no other, so that only the file at fault is blamed."""
        pool = self._processes(1)
        try:
            return pool.submit(_read, job).result()
        except BrokenProcessPool:
            reason = "the process that read it was ended, by a crash or for want of memory; split the file"
            return Done(code=PARSER_DIED, reason=reason)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _processes(self, workers: int) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(self.make,))

    def close(self) -> None:
        """Let the processes end with what they are at; what was begun and not asked for is given up."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _begin(make: MakeReader) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _reader[:] = [make()]


def _read(job: Job) -> Done:
    return read_job(_reader[0], job)
