"""Samples on their way to the store: written in batches by one thread, and counted only once they are durable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from assay.ports.storage import RunStore
from assay.records.evaluation import Sample

LINGER_S = 0.05
"""How long a batch waits for company: a transaction costs about as much as the samples in it. A sample that waits when
the process is killed was not counted, so nothing that was reported is lost."""
WAITING = 256
"""More finished samples than this never wait in memory: workers pause until the store catches up."""


class Journal:
    """Group commit for one run. `kept` is called in the event loop with the number of samples that became durable,
    `after` before it in the writing thread with the samples themselves."""

    def __init__(
        self,
        store: RunStore,
        run_id: str,
        kept: Callable[[int], None],
        after: Callable[[Sequence[Sample]], None] | None = None,
    ) -> None:
        self._store = store
        self._run_id = run_id
        self._kept = kept
        self._after = after
        self._queue: asyncio.Queue[Sample | None] = asyncio.Queue(WAITING)
        self._late: list[Sample] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="assay-journal")

    async def put(self, sample: Sample) -> None:
        """Wait for room. A finished sample is kept even when this wait is cancelled."""
        try:
            await self._queue.put(sample)
        except asyncio.CancelledError:
            self._late.append(sample)
            raise

    async def write(self) -> None:
        """Write until `close`; raises what the store raises."""
        loop = asyncio.get_running_loop()
        closing = False
        while not closing:
            first = await self._queue.get()
            if first is not None:
                await asyncio.sleep(LINGER_S)
            waiting = [first, *(self._queue.get_nowait() for _ in range(self._queue.qsize()))]
            closing = None in waiting
            batch = [sample for sample in waiting if sample is not None] + (self._late if closing else [])
            if batch:
                await loop.run_in_executor(self._thread, self._write, batch)
                self._kept(len(batch))

    def _write(self, batch: list[Sample]) -> None:
        self._store.append(self._run_id, batch)
        if self._after is not None:
            self._after(batch)

    async def close(self, writer: asyncio.Task[None]) -> None:
        """Write what waits, then let the thread go. Nothing may be put any more. Raises what the store raised."""
        try:
            if not writer.done():
                ending = asyncio.ensure_future(self._queue.put(None))
                await asyncio.wait({writer, ending}, return_when=asyncio.FIRST_EXCEPTION)
                ending.cancel()
            await writer
        finally:
            self._thread.shutdown(wait=False)
