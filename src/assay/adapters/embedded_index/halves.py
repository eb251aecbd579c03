"""One half of some work on this thread and the other on a second core, when there is one with nothing to do."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

Job = Callable[[], None]


def run_in_halves(jobs: Sequence[Job]) -> None:
    """Run jobs that let go of Python's lock. Work that the helping thread has not begun when this one is done is taken
    back, so that under load nobody waits for anybody."""
    if len(jobs) < 2 or _cores() < 2:
        _run(jobs)
        return
    theirs = _helper().submit(_run, jobs[1::2])
    _run(jobs[::2])
    if theirs.cancel():
        _run(jobs[1::2])
    else:
        theirs.result()


def _run(jobs: Sequence[Job]) -> None:
    for job in jobs:
        job()


@cache
def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _helper() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="assay-scan")


os.register_at_fork(after_in_child=_helper.cache_clear)  # the thread does not live on in a forked process
