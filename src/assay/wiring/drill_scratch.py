"""Where an access drill happens: a workspace of its own beside the real one, with the same settings, engine and code.

Nothing is written to the real workspace's documents, index, keys or traces. What a drill that was killed left behind is
removed when the next one starts.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from assay.adapters.files import WorkspaceLock
from assay.records.errors import AssayError
from assay.wiring.build import Workspace, open_workspace
from assay.wiring.config import CONFIG_NAME
from assay.wiring.settings import Settings
from assay.wiring.settings_apps import AbstainSettings, ExtractiveModel
from assay.wiring.settings_guards import PolicyGuard
from assay.wiring.settings_ingest import AccessSettings, ScanSettings

FOLDER = "drill"
REMOTE = {"qdrant": "collection", "postgres": "schema_name", "opensearch": "name"}
"""Where an engine outside this folder keeps a workspace apart from others; the drill's has `_drill` behind it."""
MODEL = "drill-extractive"


@contextmanager
def scratch(place: Workspace, app: str) -> Iterator[Workspace]:
    """An empty workspace under `.assay/drill`, removed at the end. Raises Busy while another drill runs."""
    folder = place.store / FOLDER
    with WorkspaceLock(place.store / "drill.lock", "assay drill access"):
        clear(folder)
        root = folder / "workspace"
        root.mkdir(parents=True)
        text = yaml.safe_dump(settings_of(place.settings, app), allow_unicode=True)
        (root / CONFIG_NAME).write_text(text, encoding="utf-8")
        as_here(place, root)
        try:
            made = open_workspace(root)
            try:
                yield made
            finally:
                made.close()
        finally:
            clear(folder)


def as_here(place: Workspace, root: Path) -> None:
    """Policies and detectors of the user's own, which the guards read from the workspace's folder."""
    for guard in place.settings.guards.values():
        if isinstance(guard, PolicyGuard) and (place.root / guard.file).is_file():
            target = root / guard.file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(place.root / guard.file, target)
    for path in place.root.glob("*.py"):
        shutil.copyfile(path, root / path.name)


def clear(folder: Path) -> None:
    """Remove a scratch workspace, also from an engine that keeps its part elsewhere."""
    root = folder / "workspace"
    if (root / CONFIG_NAME).is_file():
        _clear_engine(root)
    shutil.rmtree(folder, ignore_errors=True)


def _clear_engine(root: Path) -> None:
    try:
        left = open_workspace(root)
    except AssayError:  # half made: then nothing was planted
        return
    if left.settings.index.engine != "embedded":
        with left.writing("clearing the drill") as index:
            for snapshot in index.snapshots():
                index.drop_snapshot(snapshot.snapshot_id)
            index.remove([document.doc_id for document in left.stores.catalog.documents()])
            index.commit()
            index.compact()
    left.close()


def settings_of(settings: Settings, app: str) -> dict[str, Any]:
    """The real settings with what a drill must have: canaries state their own access lists, no canary is held back for
    its odd words, answers quote and decline nothing for want of confidence, and traces keep what could leak."""
    drilled = settings.apps[app].model_copy(
        update={
            "model": MODEL,
            "abstain": AbstainSettings(threshold=0.0),
            "retrieve": settings.apps[app].retrieve.model_copy(update={"passages": 50}),
        }
    )
    index = settings.index.model_dump(mode="json")
    if name := REMOTE.get(settings.index.engine):
        stated = index[settings.index.engine]
        stated[name] = f"{stated[name]}_drill"
    if settings.index.engine == "lancedb" and "://" in index["lancedb"]["uri"]:
        index["lancedb"]["uri"] = index["lancedb"]["uri"].rstrip("/") + "_drill"
    changed = settings.model_copy(
        update={
            "access": AccessSettings(),
            "ingest": settings.ingest.model_copy(
                update={"min_quality": 0.0, "scan": ScanSettings(rules=()), "ocr": "none"}
            ),
            "models": {**settings.models, MODEL: ExtractiveModel(max_sentences=2)},
            "apps": {app: drilled},
            "traces": settings.traces.model_copy(update={"keep_content": True}),
        }
    )
    return {**changed.model_dump(mode="json"), "index": index}
