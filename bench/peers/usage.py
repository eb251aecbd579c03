"""What a process used while it evaluated, printed as its last line: shared by the peers, standard library only."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager


def cpu_s() -> float:
    """CPU seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


@contextmanager
def clocked() -> Iterator[dict[str, float]]:
    """Wall and CPU seconds of the block, and the CPU seconds used before it."""
    before, began = cpu_s(), time.perf_counter()
    used = {"start_cpu_s": before}
    yield used
    used |= {"wall_s": time.perf_counter() - began, "cpu_s": cpu_s() - before}


def tell(used: dict[str, float], right: int, version: str) -> None:
    """One JSON object: seconds, peak MB, how many samples were scored right, and the peer's version."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**used, "peak_mb": peak, "right": right, "version": version}), flush=True)
