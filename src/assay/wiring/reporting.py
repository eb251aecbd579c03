"""Reports of runs in a workspace: gathered from the stores, written as page, Markdown, pictures and tables."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.records.comparison import Clause, ClauseKind, GatePolicy, Verdict
from assay.records.errors import CannotJudge, Unavailable
from assay.records.evaluation import Run, Sample
from assay.records.judging import METRIC_PREFIX
from assay.wiring import judge_gate, judge_labels, judging, labelling, labelling_standing, releasing
from assay.wiring.build import Workspace

if TYPE_CHECKING:
    from assay.evaluate.report_run import Against, Corrected, Judged, RunReport
    from assay.plot.figure import Figure


@dataclass(frozen=True)
class Made:
    """A report and the samples it is of."""

    found: RunReport
    samples: tuple[Sample, ...]

    @property
    def run(self) -> Run:
        return self.found.report.run


def report(place: Workspace, reference: str, against: str = "") -> Made:
    """Everything there is to say of a run, with a baseline when `against` names one.

    Both are a run, a bundle or an app, as `assay compare` takes them. Raises NotFound, CannotJudge for runs that
    cannot be compared.
    """
    from assay.evaluate.report_run import run_report

    run = judging.run_named(place, reference)
    samples = judging.samples_of(place, run)
    policy = releasing.policy(place)
    golden = judging.golden_of(place, run)
    found = run_report(
        judging.report(place, run.run_id), samples, golden,
        named=[clause.metric for clause in policy.clauses],
        target_error=_target_error(place, run),
        judged=_cards(place, run, samples),
        corrected=_corrected(place, run),
        against=_against(place, run, against, policy) if against else None,
    )  # fmt: skip
    return Made(found, samples)


def _target_error(place: Workspace, run: Run) -> float:
    """The error among answers that the run's app aims at, or the default where the app is gone or has none."""
    from assay.wiring.settings_apps import AbstainSettings

    app = place.settings.apps.get(run.app)
    return app.abstain.target_error if app is not None else AbstainSettings().target_error


def _against(place: Workspace, run: Run, reference: str, policy: GatePolicy) -> Against:
    from assay.evaluate.report_run import Against

    baseline = judging.run_named(place, reference)
    made = judging.compare(place, baseline.run_id, run.run_id)
    asked = made.decision.policy if made.decision else policy
    return Against(made.reports[0], made.samples[0], made.comparison, made.decision, asked)


def _corrected(place: Workspace, run: Run) -> tuple[Corrected, ...]:
    """What people's labels make of the run: a row for each of its judges, then one for each labelling task."""
    from assay.evaluate.report_run import Corrected

    rows = []
    for name in _judges(place, run):
        try:
            naive, better, labels, problem = judge_gate.rates(place, run, name)
        except CannotJudge as error:
            rows.append(Corrected(f"{METRIC_PREFIX}{name}, share passed", None, None, 0, error.what))
            continue
        why_not = "" if better else problem or "too few of its replies are labelled"
        rows.append(Corrected(f"{METRIC_PREFIX}{name}, share passed", naive, better, labels, why_not))
    return (*rows, *_labelled(place, run))


def _labelled(place: Workspace, run: Run) -> Iterator[Corrected]:
    """The share that people find, by each labelling task that drew from this run's replies."""
    from assay.evaluate.report_run import Corrected

    for name in labelling.names(place):
        if all(unit.run_id != run.run_id or unit.other_run for unit in labelling.frame(place, name).units):
            continue
        task, found = labelling_standing.task_estimates(place, name)
        ours = next((one for one in found if one.run_id == run.run_id), found[-1])
        subject = f"labelling task {name}: {' or '.join(task.positive)}"
        yield Corrected(subject, None, ours.interval, ours.labelled, ours.why_not)


def _judges(place: Workspace, run: Run) -> list[str]:
    """The judges of `assay.yaml` whose verdicts the run carries."""
    names = [m.name.removeprefix(METRIC_PREFIX) for m in run.metrics if m.name.startswith(METRIC_PREFIX)]
    return [name for name in names if name in place.settings.judges]


def _cards(place: Workspace, run: Run, samples: tuple[Sample, ...]) -> tuple[Judged, ...]:
    """The newest card of each of the run's judges, with what a gate on this run would hold against it."""
    from assay.evaluate.report_run import Judged

    names = _judges(place, run)
    clauses = tuple(Clause(f"{METRIC_PREFIX}{name}", ClauseKind.NON_INFERIORITY, 0.0) for name in names)
    policy = GatePolicy(clauses, judges=judge_gate.rules(place, [clause.metric for clause in clauses]))
    found, _ = judge_gate.conditions_and_measurer(place, policy, (run, run), (samples, samples))
    against: dict[str, dict[str, None]] = {}
    for one in found:
        if one.verdict is not Verdict.SHIP:
            against.setdefault(one.subject, {})[one.reason] = None
    cards = {name: judge_labels.newest_card(place, name) for name in names}
    return tuple(Judged(card, tuple(against.get(name, ()))) for name, card in cards.items() if card is not None)


def comparison_figures(place: Workspace, made: judging.Compared) -> tuple[Figure, ...]:
    """Every figure of two runs compared."""
    from assay.evaluate import figures

    a, b = (found.run for found in made.reports)
    asked = made.decision.policy if made.decision else releasing.policy(place)
    gate = (figures.gate_figure(made.decision),) if made.decision and made.decision.clauses else ()
    pairs = (a, made.samples[0], b, made.samples[1])
    return (
        *gate,
        figures.forest_figure(made.comparison),
        figures.flips_figure(made.comparison),
        *figures.power_figures(asked, *pairs, made.golden),
        *figures.distribution_figures(*pairs, made.golden.cases),
    )


def write_comparison(place: Workspace, made: judging.Compared, path: Path | None = None) -> Path:
    """The self-contained page of two runs compared; by default under `.assay/reports`, named by the two runs."""
    from assay.evaluate.report_html import comparison_html

    a, b = made.reports
    html = comparison_html(
        made.comparison, a, b, made.golden, *made.samples, decision=made.decision, policy=releasing.policy(place)
    )
    return write(path or place.store / "reports" / f"compare-{a.run.run_id}-{b.run.run_id}.html", html)


def write_html(place: Workspace, made: Made, path: Path | None = None) -> Path:
    """The self-contained page of a run; by default under `.assay/reports`, named by the run."""
    from assay.evaluate.report_run_html import run_html

    return write(path or place.store / "reports" / f"run-{made.run.run_id}.html", run_html(made.found, made.samples))


def write_markdown(made: Made, path: Path, pictures: Mapping[str, Path] | None = None) -> Path:
    """For a pull request; pictures are linked from where the file stands."""
    from assay.evaluate.report_text import run_markdown

    folder = path.resolve().parent
    links = {name: Path(os.path.relpath(file.resolve(), folder)).as_posix() for name, file in (pictures or {}).items()}
    return write(path, run_markdown(made.found, made.samples, links))


def write_figures(figures: tuple[Figure, ...], folder: Path) -> dict[str, Path]:
    """Each figure's picture as NAME.svg with its table as NAME.csv; returns the pictures by the figures' names."""
    written = {}
    for figure in figures:
        written[figure.identity] = write(folder / f"{figure.identity}.svg", figure.standalone())
        write(folder / f"{figure.identity}.csv", figure.csv())
    return written


def write(path: Path, text: str) -> Path:
    """Write a whole file or none. Raises Unavailable `report.unwritable`."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8", errors="replace", newline="")
        partial.replace(path)
    except OSError as error:
        if partial.is_file():
            partial.unlink()
        reason = error.strerror or type(error).__name__
        raise Unavailable(
            "report.unwritable", f"the report cannot be written ({reason})", where=str(path), remedy="name another path"
        ) from None
    return path


def text(made: Made, width: int) -> str:
    """For the terminal."""
    from assay.evaluate.report_text import run_text

    return run_text(made.found, made.samples, width)


def twin(made: Made) -> dict[str, Any]:
    """As JSON values."""
    from assay.evaluate.report_run import twin

    return twin(made.found)
