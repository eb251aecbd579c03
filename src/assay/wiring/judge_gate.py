"""What a gate and a report know of judges: cards, anchors, labels, and runs that carry verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from assay.evaluate.judges.carding import is_pairwise
from assay.evaluate.judges.estimate import by_reply, corrected, labelled_count, uneven, units_of_run
from assay.evaluate.runs import SCORER_PREFIX
from assay.evaluate.summary import metric_interval
from assay.records.comparison import ConditionResult, GatePolicy, JudgeRules
from assay.records.errors import CannotJudge
from assay.records.evaluation import Interval, Run, RunStatus, Sample
from assay.records.judging import METRIC_PREFIX, VERDICT, JudgeSpec
from assay.release.judged import Evidence, JudgedMeasurer, JudgedRun, judge_conditions, judges_of
from assay.wiring import judge_anchors, judge_labels, judges, judging
from assay.wiring.build import Workspace


def rules(place: Workspace, metrics: Sequence[str]) -> JudgeRules | None:
    """The policy's rules for judges; None where no clause is on one, so that such a policy keeps its digest."""
    if not any(metric.startswith(METRIC_PREFIX) for metric in metrics):
        return None
    found = place.settings.gate.judges
    return JudgeRules(found.min_labels, found.min_class, found.min_informedness, found.min_pairs, found.min_anchors)


def judged_version(place: Workspace, run: Run, policy: GatePolicy) -> Run:
    """The newest complete run with the same replies that every judge of the policy has judged as it is declared now;
    the run itself where there is none."""
    recipes = {
        SCORER_PREFIX + spec.metric.name: spec.recipe
        for name in judges_of(policy)
        if name in place.settings.judges
        for spec in (judges.spec_of(place, name),)
    }
    if all(run.versions.get(key) == recipe for key, recipe in recipes.items()):
        return run
    root = judges.root_of(place, run.run_id)
    for other in place.stores.runs.runs():
        fits = all(other.versions.get(key) == recipe for key, recipe in recipes.items())
        if fits and other.status is RunStatus.COMPLETE and judges.root_of(place, other.run_id) == root:
            return replace(other, app=run.app, bundle_id=run.bundle_id)
    return run


def evidence(
    place: Workspace, policy: GatePolicy, runs: tuple[Run, Run], samples: tuple[Sequence[Sample], Sequence[Sample]]
) -> Evidence:
    """All that a gate on these runs, baseline first, needs to know of the policy's judges."""
    names = [name for name in judges_of(policy) if name in place.settings.judges]
    specs = {name: judges.spec_of(place, name) for name in names}
    cards = {name: card for name in names if (card := judge_labels.newest_card(place, name)) is not None}
    labels = {
        name: by_reply(judge_labels.human_labels(place, name), lambda run_id: run_id)
        for name in names
        if not is_pairwise(specs[name])
    }
    one, other = (_side(place, specs, run, kept) for run, kept in zip(runs, samples, strict=True))
    return Evidence(specs, cards, labels, one, other)


def _side(place: Workspace, specs: dict[str, JudgeSpec], run: Run, samples: Sequence[Sample]) -> JudgedRun:
    root = judges.root_of(place, run.run_id)
    readings = {name: judge_anchors.reading(place, spec, root) for name, spec in specs.items()}
    models = {
        name: frozenset(
            model
            for verdict in judges.keeping(place, VERDICT, root).known(spec.digest).values()
            for model in verdict.judgement.models
        )
        for name, spec in specs.items()
    }
    return JudgedRun(run, tuple(samples), root, {k: v for k, v in readings.items() if v is not None}, models)


def conditions_and_measurer(
    place: Workspace, policy: GatePolicy, runs: tuple[Run, Run], samples: tuple[Sequence[Sample], Sequence[Sample]]
) -> tuple[tuple[ConditionResult, ...], JudgedMeasurer | None]:
    """What `release.gate.decide` takes where some clause is on a judge; nothing otherwise."""
    if not judges_of(policy):
        return (), None
    found = evidence(place, policy, runs, samples)
    measurer = JudgedMeasurer(policy, found, place.settings.evaluate.seed)
    return judge_conditions(policy, found, place.clock.now()), measurer


def rates(place: Workspace, run: Run, name: str) -> tuple[Interval | None, Interval | None, int, str]:
    """The judge's pass rate on a run as it stands, the rate that people would find, how many replies they labelled,
    and what is wrong with those labels, if anything is. Raises CannotJudge for a run that was not judged by it."""
    spec = judges.spec_of(place, name)
    if run.versions.get(SCORER_PREFIX + spec.metric.name) != spec.recipe:
        raise CannotJudge(
            "judge.not_judged", "the run carries no verdicts of this judge as it is declared now", where=run.run_id,
            remedy=f"assay judge run {run.run_id} --judge {name}",
        )  # fmt: skip
    golden = judging.golden_of(place, run)
    labels = by_reply(judge_labels.human_labels(place, name), lambda run_id: run_id)
    root = judges.root_of(place, run.run_id)
    units = units_of_run(spec, place.stores.runs.samples(run.run_id), root, labels, golden.cases)
    naive = metric_interval(spec.metric, [float(unit.stratum) for unit in units], [unit.cluster for unit in units])
    if uneven(units):
        return naive, None, labelled_count(units), "they were drawn with unequal chances inside a verdict"
    return naive, corrected(units, seed=place.settings.evaluate.seed), labelled_count(units), ""


def run_notes(place: Workspace, run: Run) -> tuple[str, ...]:
    """`notes` of every judge that judged this run and is declared so still."""
    names = [metric.name.removeprefix(METRIC_PREFIX) for metric in run.metrics if metric.name.startswith(METRIC_PREFIX)]
    specs = [judges.spec_of(place, name) for name in names if name in place.settings.judges]
    current = [spec for spec in specs if run.versions.get(SCORER_PREFIX + spec.metric.name) == spec.recipe]
    return tuple(line for spec in current for line in notes(place, spec, run))


def notes(place: Workspace, spec: JudgeSpec, run: Run) -> tuple[str, ...]:
    """What stands below a judged run: the pass rate, the rate with the judge's error in it, and the sentinel."""
    naive, found, labelled, problem = rates(place, run, spec.name)
    lines = []
    if naive is not None:
        lines.append(f"{spec.name} passes {_shown(naive)} as it stands, without its error")
    if found is not None:
        lines.append(f"people would pass {_shown(found)} by {labelled} labels ({found.method})")
    else:
        lines.append(f"what people would pass is not known: {problem or f'{labelled} of its replies are labelled'}")
    card = judge_labels.newest_card(place, spec.name)
    if card is None or card.digest != spec.digest:
        lines.append(f"no card of this recipe, so no gate can rest on it: assay judge card {spec.name} --labels TASK")
    reading = judge_anchors.reading(place, spec, judges.root_of(place, run.run_id))
    if reading is not None:
        change = reading.change
        lines.append(
            f"anchors {reading.state.value}: passes changed by {change.estimate:+.3f} [{change.low:+.3f}, "
            f"{change.high:+.3f}] on {change.n}, {reading.flips} flips"
        )
    return tuple(lines)


def _shown(found: Interval) -> str:
    return f"{found.estimate:.3f} [{found.low:.3f}, {found.high:.3f}]"
