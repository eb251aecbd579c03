"""The embedded index made anew from the catalog: after a change of the analyser, or when its folder was damaged."""

from __future__ import annotations

import shutil
from pathlib import Path

from assay.adapters.files import WorkspaceLock
from assay.ingest.publishing import Publisher
from assay.records.errors import UsageError
from assay.wiring.build import Workspace, chunk_policy
from assay.wiring.forgetting import go_on
from assay.wiring.history import FOLDER as HISTORY

INDEX = "index"
_NEW, _OLD = ".new", ".old"


def rebuild(place: Workspace) -> int:
    """Build index and history beside the old ones and put them in their place; the number of documents.

    Vectors are made anew from the cache by the next `assay index embed`. Snapshots go with the old index: bundles that
    pin one must be frozen again. A crash leaves the old index or the new one, and running it again ends the work.
    Raises Busy, and UsageError (`index.not_embedded`) for an engine that is not in the workspace's folder.
    """
    if place.settings.index.engine != "embedded":
        raise UsageError(
            "index.not_embedded", "only the embedded engine is rebuilt in place", where=place.settings.index.engine,
            remedy="name a new collection, schema or index in assay.yaml, then assay index migrate",
        )  # fmt: skip
    from assay.adapters.embedded_index.index import EmbeddedIndex

    recipe = chunk_policy(place.settings).recipe
    with WorkspaceLock(place.store / "write.lock", "assay index rebuild"):
        go_on(place)
        folders = [place.store / INDEX, place.store / HISTORY]
        for folder in folders:
            _settle(folder)
        fresh = [EmbeddedIndex(_beside(folder, _NEW), chunker=recipe) for folder in folders]
        try:
            made = Publisher(place.stores.catalog, fresh[0], place.clock, history=lambda: fresh[1]).rebuild()
        finally:
            for index in fresh:
                index.close()
        for folder in folders:
            _swap(folder)
    return made


def _beside(folder: Path, suffix: str) -> Path:
    return folder.with_name(folder.name + suffix)


def _settle(folder: Path) -> None:
    """End a swap that a crash interrupted, and throw away what was half built."""
    if not folder.exists() and _beside(folder, _OLD).exists():
        _beside(folder, _OLD).rename(folder)
    for suffix in (_NEW, _OLD):
        shutil.rmtree(_beside(folder, suffix), ignore_errors=True)


def _swap(folder: Path) -> None:
    if folder.exists():
        folder.rename(_beside(folder, _OLD))
    _beside(folder, _NEW).rename(folder)
    shutil.rmtree(_beside(folder, _OLD), ignore_errors=True)
