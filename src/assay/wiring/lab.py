"""The retrieval lab in a workspace: which ways to search can be tried here, and trying them on a golden set."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from assay.ports.answering import Rewriter
from assay.records.errors import InputError
from assay.records.golden import Case, GoldenSet
from assay.wiring import apps, golden_sets
from assay.wiring.build import Workspace
from assay.wiring.settings_apps import RetrieveSettings

if TYPE_CHECKING:
    from assay.evaluate.lab import LabResult, Pipeline

BASELINE = "fused"
_MODES = {"lexical": "lexical", "dense": "dense", "fused": "hybrid"}


def pipelines(place: Workspace, app: str, names: Sequence[str], golden: GoldenSet) -> list[Pipeline]:
    """The named pipelines, or all that can run here. Raises InputError (`lab.unknown_pipeline`)."""
    known = _available(place, app)
    rewriter = apps.rewriter(place, app) if not names or "rewritten" in names else None
    if rewriter is not None:
        whole = known["without_history"]
        known["rewritten"] = replace(whole, name="rewritten", rewrite=_rewritten(rewriter, golden))
    for name in names:
        if name not in known:
            raise InputError(
                "lab.unknown_pipeline", f"no such pipeline here (there are: {', '.join(known)})", where=name,
                remedy="dense and fused need vectors; reranked and rewritten need retrieve.ranker and retrieve.rewrite",
            )  # fmt: skip
    return [known[name] for name in dict.fromkeys(names)] if names else list(known.values())


def _available(place: Workspace, app: str) -> dict[str, Pipeline]:
    """In this order: words, vectors, both fused, the app as it is configured, and follow-ups without their history."""
    from assay.evaluate.lab import Pipeline

    settings = apps.app_settings(place, app).retrieve
    reader = place.index.head()
    embedder = place.settings.index.embedder
    has_vectors = embedder != "none" and reader.vectors > 0
    plain = _plain(settings)
    found: dict[str, Pipeline] = {}
    for name, mode in _MODES.items():
        if mode == "lexical" or has_vectors:
            used = plain.model_copy(update={"mode": mode})
            found[name] = Pipeline(name, apps.retriever(place, reader, used, embedder), mode)
    if has_vectors and settings.ranker != "none":
        used = settings.model_copy(update={"mode": "hybrid"})
        found["reranked"] = Pipeline("reranked", apps.retriever(place, reader, used, embedder))
    whole = found[BASELINE if has_vectors else "lexical"]
    found["without_history"] = Pipeline("without_history", whole.retriever, whole.mode, lambda c: (c.question, ()))
    return found


def _rewritten(rewriter: Rewriter, golden: GoldenSet) -> Callable[[Case], tuple[str, tuple[str, ...]]]:
    """Every follow-up question rewritten once; where the model gave nothing usable, the question with its history."""

    async def every() -> dict[str, str]:
        return {case.case_id: (await rewriter.rewrite(case.question, case.history))[0] for case in golden.cases}

    alone = asyncio.run(every())

    def used(case: Case) -> tuple[str, tuple[str, ...]]:
        asked = tuple(turn.content for turn in case.history if turn.role == "user")
        return (alone[case.case_id], ()) if alone[case.case_id] else (case.question, asked)

    return used


def _plain(settings: RetrieveSettings) -> RetrieveSettings:
    """The app's settings without what comes after fusion."""
    return settings.model_copy(update={"ranker": "none"})


def evaluate_retrieval(
    place: Workspace,
    golden_reference: str,
    *,
    app: str = "",
    names: Sequence[str] = (),
    baseline: str = "",
    split: str = "",
    k: int = 10,
    progress: Callable[[int, int, str], object] = lambda *_: None,
) -> LabResult:
    """Search a golden set's cases with every pipeline, each case in its own scope, and compare with the baseline."""
    from assay.evaluate.lab import run_lab, search_cases

    golden = search_cases(golden_sets.only(golden_sets.resolve(place, golden_reference), split))
    made = pipelines(place, app or place.default_app, names, golden)
    listed = [pipeline.name for pipeline in made]
    chosen = baseline or (BASELINE if BASELINE in listed else listed[0])
    if all(not case.history for case in golden.cases) and "without_history" not in names:
        made = [pipeline for pipeline in made if pipeline.name != "without_history"]
    return run_lab(golden, made, place.clock, baseline=chosen, k=k, split=split, progress=progress)


def write_lab_report(place: Workspace, result: LabResult, path: Path | None = None) -> Path:
    """The self-contained HTML report; by default under `.assay/reports`."""
    from assay.evaluate.lab_html import lab_html

    target = path or place.store / "reports" / f"retrieval-{result.golden.name}-{result.golden.version[:12]}.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(lab_html(result), encoding="utf-8")
    return target
