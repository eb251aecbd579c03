"""Where a run's failed cases lost their evidence: the system replayed with the gold evidence put back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.records.dialogue import Reply, Request, fold
from assay.records.errors import CannotJudge
from assay.records.evaluation import Run, RunStatus, Sample, Scored
from assay.records.golden import Case
from assay.wiring import apps, judging
from assay.wiring.build import Workspace
from assay.wiring.workspace import Running

if TYPE_CHECKING:
    from assay.evaluate.attribution import Attribution
    from assay.evaluate.placing import Placement
    from assay.records.documents import Chunk

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Losses:
    """The failed cases of one run with their losses."""

    run: Run
    judged: int
    cases: dict[str, Case]
    attributions: tuple[Attribution, ...]


def attribute(place: Workspace, run_reference: str, progress: Progress) -> Losses:
    """Attribute every case that the run got wrong by the scorer `correct`.

    `run_reference` is a run's id, a bundle, `live`, or an app, whose newest complete run it is. Raises CannotJudge when
    the run is incomplete, or its system is no longer what stands here under that name.
    """
    run = judging.run_named(place, run_reference)
    if run.status is not RunStatus.COMPLETE:
        raise CannotJudge("losses.incomplete", "the run is not complete", where=run.run_id, remedy="run it to its end")
    _check_same(place, run)
    golden = judging.golden_of(place, run)
    cases = {case.case_id: case for case in golden.cases}
    samples = judging.samples_of(place, run)
    wrong = [s for s in samples if s.scores.get(judging.CALIBRATED_BY) == 0.0 and s.repeat == 0 and not s.error]
    judged = sum(judging.CALIBRATED_BY in s.scores and s.repeat == 0 for s in samples)
    found = asyncio.run(_attribute_all(place, run, cases, wrong, progress))
    return Losses(run, judged, cases, tuple(found))


def _check_same(place: Workspace, run: Run) -> None:
    now = _start(place, run, apps.AS_IT_IS).system.recipe
    if now != run.system:
        raise CannotJudge(
            "losses.other_system",
            "the system has changed since this run, so a replay would not tell about it",
            where=run.run_id,
            remedy=f"assay eval {run.bundle_id[:12] or run.app} --golden {run.golden_name}, then again",
        )


def _start(place: Workspace, run: Run, seams: apps.Seams) -> Running:
    if run.bundle_id:
        return apps.start_bundle(place, place.stores.bundles.get(run.bundle_id), traced=False, seams=seams)
    return apps.start_app(place, run.app, traced=False, seams=seams)


def _settings(place: Workspace, run: Run) -> dict[str, Any]:
    if run.bundle_id:
        found: dict[str, Any] = place.stores.bundles.get(run.bundle_id).components["retrieve"]
        return found
    return apps.app_settings(place, run.app).retrieve.model_dump(mode="json")


async def _attribute_all(
    place: Workspace, run: Run, cases: dict[str, Case], wrong: list[Sample], progress: Progress
) -> list[Attribution]:
    from assay.evaluate.attribution import Attributor
    from assay.evaluate.scorers import scorer

    correct = scorer(judging.CALIBRATED_BY)

    def right(case: Case, reply: Reply) -> bool:
        return correct.score(case, reply) == Scored(1.0)

    settings = _settings(place, run)
    attributor = Attributor(
        place.stores.catalog, _start(place, run, apps.AS_IT_IS).retriever, int(settings["passages"]),
        str(settings["mode"]), right, partial(_answer, place, run), int(settings["candidates"]),
    )  # fmt: skip
    found: list[Attribution] = []
    for done, sample in enumerate(wrong, 1):
        found.append(await attributor.attribute(cases[sample.case_id], sample.reply))
        progress(done, len(wrong))
    return found


async def _answer(place: Workspace, run: Run, case: Case, placement: Placement, gold: tuple[Chunk, ...]) -> Reply:
    running = _start(place, run, _seams(placement, gold))
    request = Request(apps.new_request_id(), case.question, case.scope, case.history)
    return fold([event async for event in running.system.answer(request)])


def _seams(placement: Placement, gold: tuple[Chunk, ...]) -> apps.Seams:
    from assay.evaluate.placing import PlacedReader, PlacedRetriever, Placement

    if placement is Placement.ENGINES:
        return apps.Seams(reader=lambda reader: PlacedReader(reader, gold))
    if placement is Placement.RANKING:
        return apps.Seams(ranking=lambda finder: PlacedRetriever(finder, gold))
    alone = placement is Placement.ALONE
    return apps.Seams(passages=lambda finder: PlacedRetriever(finder, gold, alone))


def write_losses_report(place: Workspace, losses: Losses, path: Path | None = None) -> Path:
    """The self-contained HTML page; by default under `.assay/reports`."""
    from assay.evaluate.attribution_html import attribution_html

    run = losses.run
    target = path or place.store / "reports" / f"losses-{run.run_id}.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    subject = f"run {run.run_id} · {run.app} {run.bundle_id[:12]} · golden set {run.golden_name}"
    target.write_text(attribution_html(losses.attributions, losses.cases, subject, losses.judged), encoding="utf-8")
    return target
