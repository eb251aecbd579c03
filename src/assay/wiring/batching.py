"""Batch work where `batch.engine` says: in this process and its own, or on a Ray cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.ports.answering import System
from assay.ports.index import Embedder
from assay.wiring.settings import Settings

if TYPE_CHECKING:
    from assay.adapters.ray_batch import RayCluster
    from assay.wiring.build import Workspace
    from assay.wiring.workspace import Running


@contextmanager
def cluster(settings: Settings) -> Iterator[RayCluster | None]:
    """The Ray cluster that `batch` names, left at the end; None for local work. Raises ConfigError and Unavailable
    when it is first used."""
    if settings.batch.engine != "ray":
        yield None
        return
    from assay.adapters.ray_batch import RayCluster

    made = RayCluster(settings.batch.address, settings.batch.workers)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def spread_embedder(place: Workspace) -> Iterator[Embedder | None]:
    """What embeds chunks, on the cluster where there is one; known texts come from the cache either way."""
    from assay.wiring.embedders import NONE, settings_of

    name = place.settings.index.embedder
    with cluster(place.settings) as ray:
        if ray is None or name == NONE:
            yield place.embedder(name)
            return
        from assay.adapters.ray_batch import RayEmbedder

        settings = settings_of(place, name)
        make = partial(worker_model, place.root, settings)
        yield place.embedders.passages(name, settings, lambda model: RayEmbedder(ray, model, make))


def worker_model(root: Path, settings: dict[str, Any] | None) -> Embedder:
    """In a worker: the model on one thread, because every worker has one processor."""
    from assay.wiring.build import STORE
    from assay.wiring.embedders import Embedders

    return Embedders(root, root / STORE, 1).model(settings)


@contextmanager
def spread_system(place: Workspace, running: Running) -> Iterator[System]:
    """The system, answering on the cluster where there is one. Workers open the same workspace: its folder and its
    database must be reachable from each of them under the same path."""
    with cluster(place.settings) as ray:
        if ray is None:
            yield running.system
            return
        from assay.adapters.ray_batch import RaySystem

        make = partial(worker_system, place.root, place.config.overrides, running.app, running.bundle_id)
        yield RaySystem(ray, running.system.recipe, make)


def worker_system(root: Path, overrides: tuple[str, ...], app: str, bundle_id: str) -> System:
    """In a worker: the app, or the bundle, ready to answer without leaving traces."""
    from assay.wiring import apps
    from assay.wiring.build import open_workspace

    return apps.start(open_workspace(root, overrides), app, bundle_id, traced=False).system
