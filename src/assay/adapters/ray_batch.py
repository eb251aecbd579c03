"""Batch work on a Ray cluster: reading files, embedding texts and answering cases by the same functions as here.

A task that dies with its worker is done again elsewhere, a few times; what comes back is written by this process alone,
so that nothing is lost and nothing is doubled whatever a worker had begun.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from assay.ingest.parsing import PARSER_DIED, Done, Job, read_job
from assay.ingest.reading import Reader
from assay.ports.answering import System
from assay.ports.index import Embedder
from assay.records.dialogue import Finished, Outcome, ReplyEvent, Request
from assay.records.errors import ConfigError, Unavailable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RETRIES = 3
"""Deaths of a worker that a task survives. One file that kills whoever reads it must end some time."""
WORKER_DIED = "batch.worker_died"
_AHEAD_EACH = 4
_TEXTS_AT_ONCE = 16
_FEW = 32
_KNOCK_S = 10.0

_made: dict[bytes, Any] = {}
"""In a worker: what its maker made, so that a model is loaded once for each process."""


def _tool(maker: bytes) -> Any:
    if maker not in _made:
        _made.clear()
        _made[maker] = pickle.loads(maker)()  # noqa: S301 - bytes that the driver of this same cluster made
    return _made[maker]


def _read(maker: bytes, job: Job) -> Done:
    return read_job(_tool(maker), job)


def _embed(maker: bytes, texts: list[str]) -> NDArray[np.float32]:
    embedder: Embedder = _tool(maker)
    return embedder.embed(texts)


def _answer(maker: bytes, request: Request) -> list[ReplyEvent]:
    system: System = _tool(maker)

    async def collected() -> list[ReplyEvent]:
        return [event async for event in system.answer(request)]

    return asyncio.run(collected())


@dataclass
class RayCluster:
    """A connection to the cluster at `address`, or to one started here with `workers` processes (0: one per core).

    A cluster started here listens on loopback only and ends with `close`. Ray's usage reports are switched off. Raises
    ConfigError (`batch.no_ray`) when the extra is not installed and Unavailable (`batch.unreachable`).
    """

    address: str = ""
    workers: int = 0
    _ray: Any = field(default=None, init=False, repr=False)
    _functions: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    def task(self, function: Callable[..., Any]) -> Any:
        """The function as a task of the cluster, which is connected to at the first one."""
        ray = self._connected()
        name = function.__name__
        if name not in self._functions:
            self._functions[name] = ray.remote(max_retries=RETRIES)(function)
        return self._functions[name]

    @property
    def cpus(self) -> int:
        """Processors of the whole cluster, at least 1."""
        return max(1, int(self._connected().cluster_resources().get("CPU", 1)))

    def get(self, reference: Any) -> Any:
        """Wait for a task's outcome. Raises Unavailable (`batch.worker_died`) when its worker died once too often."""
        ray = self._connected()
        try:
            return ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            raise error.as_instanceof_cause() from error
        except ray.exceptions.RayError as error:
            raise _died() from error

    async def waited(self, reference: Any) -> Any:
        """The same without holding up an event loop."""
        return await asyncio.to_thread(self.get, reference)

    def close(self) -> None:
        """Leave the cluster, and end it if it was started here."""
        if self._ray is not None:
            self._ray.shutdown()
            self._ray, self._functions = None, {}

    def _connected(self) -> Any:
        if self._ray is None:
            self._ray = self._connect()
        return self._ray

    def _connect(self) -> Any:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        if not self.address:
            # Without this a cluster of one machine takes the machine's outside address and listens there.
            os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        try:
            import ray
        except ImportError as error:
            raise ConfigError(
                "batch.no_ray", "batch work on a cluster needs Ray, which is not installed",
                remedy="pip install 'assay[ray]'",
            ) from error  # fmt: skip
        self._knock()
        here: dict[str, Any] = {"num_cpus": self.workers or None, "include_dashboard": False}
        try:
            ray.init(
                address=self.address or "local", log_to_driver=False, logging_level=logging.ERROR,
                **({} if self.address else here),
            )  # fmt: skip
        except (ConnectionError, RuntimeError, TimeoutError, ValueError) as error:
            raise self._unreachable() from error
        return ray

    def _knock(self) -> None:
        """Ray itself tries for two minutes to reach an address where nobody listens."""
        host, _, port = self.address.removeprefix("ray://").rpartition(":")
        if host and port.isdecimal():
            try:
                socket.create_connection((host.strip("[]"), int(port)), _KNOCK_S).close()
            except OSError as error:
                raise self._unreachable() from error

    def _unreachable(self) -> Unavailable:
        return Unavailable(
            "batch.unreachable",
            "the Ray cluster cannot be reached or started",
            where=self.address or "this machine",
            remedy="check batch.address in assay.yaml, and that the cluster runs the same versions",
        )


def _died() -> Unavailable:
    return Unavailable(
        WORKER_DIED, "a worker of the cluster died over this task more than once", remedy="look at the worker's memory"
    )


class RayReading:
    """A `Reading` on the cluster. `make` makes a worker's reader and can be pickled."""

    def __init__(self, cluster: RayCluster, make: Callable[[], Reader]) -> None:
        self._cluster = cluster
        self._maker = pickle.dumps(make)
        self._ahead = 0

    @property
    def ahead(self) -> int:
        self._ahead = self._ahead or _AHEAD_EACH * self._cluster.cpus
        return self._ahead

    def start(self, job: Job) -> Callable[[], Done]:
        begun = self._cluster.task(_read).remote(self._maker, job)
        return lambda: self._outcome(begun)

    def _outcome(self, begun: Any) -> Done:
        try:
            done: Done = self._cluster.get(begun)
        except Unavailable as error:
            if error.code != WORKER_DIED:
                raise
            return Done(
                code=PARSER_DIED, reason="the workers that read it were ended, by a crash or for want of memory"
            )
        return done


class RayEmbedder:
    """An embedder that divides many texts over the cluster; a few are embedded by `here`, without going there."""

    def __init__(self, cluster: RayCluster, here: Embedder, make: Callable[[], Embedder]) -> None:
        self._cluster, self._here = cluster, here
        self._maker = pickle.dumps(make)

    @property
    def recipe(self) -> str:
        return self._here.recipe

    @property
    def dimensions(self) -> int:
        return self._here.dimensions

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (len(texts), dimensions), rows of length 1, in the order given. Raises Unavailable
        (`batch.worker_died`)."""
        import numpy as np

        if len(texts) < _FEW:
            return self._here.embed(texts)
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        parts = [order[start : start + _TEXTS_AT_ONCE] for start in range(0, len(order), _TEXTS_AT_ONCE)]
        task = self._cluster.task(_embed)
        begun = [task.remote(self._maker, [texts[row] for row in part]) for part in parts]
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for part, reference in zip(parts, begun, strict=True):
            vectors[part] = self._cluster.get(reference)
        return vectors


class RaySystem:
    """A `System` whose answers are made on the cluster, one task each. `recipe` is that of the system that `make`
    makes, so that a run begun here can be finished there."""

    def __init__(self, cluster: RayCluster, recipe: str, make: Callable[[], System]) -> None:
        self._cluster, self._recipe = cluster, recipe
        self._maker = pickle.dumps(make)

    @property
    def recipe(self) -> str:
        return self._recipe

    async def answer(self, request: Request) -> AsyncIterator[ReplyEvent]:
        """The events of one answer, all at once when it is done."""
        try:
            task = await asyncio.to_thread(self._cluster.task, _answer)
            events: list[ReplyEvent] = await self._cluster.waited(task.remote(self._maker, request))
        except Unavailable as error:
            yield Finished(Outcome.FAILED, error.code)
            return
        for event in events:
            yield event
