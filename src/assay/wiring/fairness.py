"""Fairness in a workspace: a run's measures by group, the declared tolerances as a gate's conditions, the evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.evaluate import fairness as groups
from assay.evaluate import fairness_report as told
from assay.evaluate.fairness import Asked, Held
from assay.records.comparison import ConditionResult, Verdict
from assay.records.digest import sha256_json
from assay.records.errors import AssayError, CannotJudge, InputError
from assay.records.evaluation import MetricKind, Run, RunStatus, Sample
from assay.records.golden import Case
from assay.records.safety import Measurement, Standing
from assay.stats.disparity import Reading, Tolerance
from assay.wiring import golden_looks, golden_sets, judging, safety_store
from assay.wiring.build import Workspace
from assay.wiring.settings_fairness import FairnessSetting

KIND = "fairness"
SAFEGUARD = "safeguard."
"""What the metric of a tolerance for a safeguard begins with: `safeguard.toxicity.miss`."""
USUAL_MEASURES = ("correct", "answered", "abstained", "refused")
_VERDICTS = {Reading.FAIR: Verdict.SHIP, Reading.UNFAIR: Verdict.DO_NOT_SHIP, Reading.OPEN: Verdict.NEED_MORE_DATA}


@dataclass(frozen=True)
class Found:
    """A run by group, what could not be judged and why, and what was kept of it for the safety report."""

    run: Run
    held: tuple[Held, ...]
    not_judged: tuple[tuple[str, str, str], ...]
    """Measure, dimension, reason."""
    kept: tuple[Measurement, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst reading of what has a tolerance; `ship` where nothing has one."""
        judged = [verdict_of(one) for one in self.held if one.disparity.tolerance is not None]
        if Verdict.DO_NOT_SHIP in judged:
            return Verdict.DO_NOT_SHIP
        if self.not_judged:
            return Verdict.CANNOT_JUDGE
        return Verdict.NEED_MORE_DATA if Verdict.NEED_MORE_DATA in judged else Verdict.SHIP


def asked(setting: FairnessSetting) -> Asked:
    """A declared tolerance as a question."""
    return Asked(
        setting.metric, setting.by, Tolerance(setting.difference, setting.ratio), setting.reference, setting.min_n,
        setting.alpha, setting.groups,
    )  # fmt: skip


def declared(place: Workspace) -> str:
    """SHA-256 of the tolerances of `assay.yaml`, for the policy that a gate judged by; empty where there are none."""
    return (
        sha256_json([one.model_dump(mode="json") for one in place.settings.fairness]) if place.settings.fairness else ""
    )


def verdict_of(held: Held) -> Verdict:
    return _VERDICTS.get(held.disparity.reading, Verdict.NEED_MORE_DATA)


def fairness_conditions(
    place: Workspace, run: Run, samples: Sequence[Sample], cases: Sequence[Case]
) -> tuple[ConditionResult, ...]:
    """What every tolerance of `assay.yaml` says of a run: held, broken, not to be told yet, or not to be judged."""
    made = []
    for setting in place.settings.fairness:
        if setting.metric.startswith(SAFEGUARD):
            made.append(_of_safeguard(place, run, setting))
            continue
        question = asked(setting)
        subject = f"{question.measure} by {question.by}"
        try:
            found = _hold(place, run, samples, cases, question)
        except AssayError as error:
            made.append(ConditionResult(KIND, subject, Verdict.CANNOT_JUDGE, f"{error.what} [{error.code}]"))
            continue
        made.append(ConditionResult(KIND, subject, verdict_of(found), told.sentence(found)))
    return tuple(made)


def _of_safeguard(place: Workspace, run: Run, setting: FairnessSetting) -> ConditionResult:
    """What was last measured of a safeguard under this bundle, by `assay fairness safeguards --for`."""
    subject = f"{setting.metric} by {setting.by}"
    check = f"fairness.{setting.metric}.{setting.by}"
    remedy = f"assay fairness safeguards SET… --for {run.bundle_id[:12] or 'APP'}"
    found = [one for one in safety_store.measurements(place, _subject(place, run)) if one.check.startswith(check)]
    stated = setting.ratio or setting.difference
    if not found:
        return ConditionResult(KIND, subject, Verdict.CANNOT_JUDGE, f"it was not measured: {remedy}")
    if any(one.threshold != stated for one in found):
        return ConditionResult(KIND, subject, Verdict.CANNOT_JUDGE, f"measured against another tolerance: {remedy}")
    if failed := [one for one in found if one.standing is Standing.FAILED]:
        worst = "; ".join(f"{one.check} is {one.value:.3f}, tolerated {stated:g}" for one in failed)
        return ConditionResult(KIND, subject, Verdict.DO_NOT_SHIP, worst)
    if short := [one for one in found if one.standing is Standing.NOT_RUN]:
        return ConditionResult(KIND, subject, Verdict.NEED_MORE_DATA, short[0].reason or "too few texts")
    return ConditionResult(KIND, subject, Verdict.SHIP, f"no farther than {stated:g} on {found[0].n} texts")


def _subject(place: Workspace, run: Run) -> str:
    """What measurements of safeguards about this run's system are kept under."""
    if run.bundle_id or run.app not in place.settings.apps:
        return run.bundle_id or run.system
    return safety_store.subject_of(place, run.app)[0]


def _hold(place: Workspace, run: Run, samples: Sequence[Sample], cases: Sequence[Case], question: Asked) -> Held:
    values = groups.measured(run.metrics, samples, cases, question.measure)
    return groups.hold(values, question, seed=place.settings.evaluate.seed)


def look(place: Workspace, reference: str, by: Sequence[str], measures: Sequence[str], *, record: bool = True) -> Found:
    """A run's measures by group, and the evidence kept under its bundle or recipe. Counts as a look at its cases.

    Without names: what `assay.yaml` declares, else the usual measures by the usual dimensions that the cases have.
    A declared tolerance applies wherever its measure and dimension are asked for. Raises CannotJudge for a run that is
    not complete, or when nothing at all can be judged.
    """
    run = judging.run_named(place, reference)
    if run.status is not RunStatus.COMPLETE:
        raise CannotJudge(
            "fairness.incomplete", "the run is not complete", where=run.run_id,
            remedy="run the same assay eval again: it goes on where it stopped",
        )  # fmt: skip
    cases = golden_sets.resolve(place, f"{run.golden_name}@{run.golden_version}").cases
    samples = judging.samples_of(place, run)
    golden_looks.looked(place, "fairness", run)
    held: list[Held] = []
    problems: list[tuple[Asked, CannotJudge]] = []
    for question in _questions(place, run, cases, by, measures):
        try:
            held.append(_hold(place, run, samples, cases, question))
        except CannotJudge as error:
            problems.append((question, error))
    if not held:
        raise problems[0][1]
    kept = safety_store.record(place, evidence(run, held)) if record else ()
    not_judged = tuple((question.measure, question.by, error.what) for question, error in problems)
    return Found(run, tuple(held), not_judged, kept)


def _questions(
    place: Workspace, run: Run, cases: Sequence[Case], by: Sequence[str], measures: Sequence[str]
) -> list[Asked]:
    declared = [asked(one) for one in place.settings.fairness if not one.metric.startswith(SAFEGUARD)]
    if not by and not measures and declared:
        return declared
    wanted = by or tuple(dict.fromkeys(one.by for one in declared)) or groups.usual(cases)
    there = {metric.name for metric in run.metrics if metric.kind is not MetricKind.SKEWED}
    usual = [one for one in USUAL_MEASURES if one in there or one in groups.OUTCOMES]
    return [
        next((one for one in declared if (one.measure, one.by) == (measure, dimension)), Asked(measure, dimension))
        for measure in measures or usual
        for dimension in wanted
    ]


def evidence(run: Run, held: Sequence[Held]) -> tuple[Measurement, ...]:
    """What the safety report rests on: one measurement for each measure and dimension."""
    digests = {"run": run.run_id, "samples": run.samples_digest, "golden": f"{run.golden_name}@{run.golden_version}"}
    subject = run.bundle_id or run.system
    return tuple(
        told.measurement(
            one, subject, command=f"assay fairness {run.run_id} --by {one.by} --metric {one.measure}", digests=digests
        )
        for one in held
    )


def write_page(place: Workspace, found: Found, path: Path | None) -> Path:
    """The page with the forests of groups; by default under `.assay/reports`."""
    target = path or place.store / "reports" / f"fairness-{found.run.run_id}.html"
    about = f"run {found.run.run_id} of {found.run.app} · golden set {found.run.golden_name}"
    return write_html("Fairness by group", about, found.held, target)


def write_html(title: str, about: str, held: Sequence[Held], target: Path) -> Path:
    """Raises InputError `fairness.unwritable`."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(told.html(title, about, held), encoding="utf-8")
    except OSError as error:
        raise InputError("fairness.unwritable", f"cannot write it ({error.strerror})", where=str(target)) from None
    return target
