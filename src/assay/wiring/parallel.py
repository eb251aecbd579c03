"""How many processes read files, and what each of them reads with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from assay.ingest.access import AccessRules
from assay.ingest.parsing import Reading
from assay.ingest.reading import Reader
from assay.wiring.batching import cluster
from assay.wiring.reading import reader
from assay.wiring.settings import Settings

if TYPE_CHECKING:
    from assay.adapters.reading_pool import ReadingPool

WORTH_IT = 200
"""Files to read from which processes of their own are started: each costs about a second of CPU before its first."""


def blank_reader(settings: Settings) -> Reader:
    """The reader without access rules: those are applied where the catalog is written."""
    return reader(settings, AccessRules())


@contextmanager
def reading(settings: Settings) -> Iterator[Callable[[int], Reading | None]]:
    """Where files are read, by how many there are to read; None for: in this process. Ends what was started."""
    from assay.adapters.reading_pool import ReadingPool, cores

    opened: list[ReadingPool] = []
    clusters = ExitStack()

    def choose(files: int) -> Reading | None:
        ray = clusters.enter_context(cluster(settings))
        if ray is not None:
            from assay.adapters.ray_batch import RayReading

            return RayReading(ray, partial(blank_reader, settings))
        workers = settings.ingest.workers or (cores() if files >= WORTH_IT else 1)
        if workers < 2 or files < 2:
            return None
        opened.append(ReadingPool(partial(blank_reader, settings), min(workers, files)))
        return opened[-1]

    try:
        yield choose
    finally:
        clusters.close()
        for pool in opened:
            pool.close()
