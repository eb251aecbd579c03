"""Reports of runs in a workspace: gathered from the stores, written as page, Markdown, pictures and tables."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from assay.evaluate.runs import SCORER_PREFIX
from assay.records.comparison import GatePolicy
from assay.records.errors import Unavailable
from assay.records.evaluation import MetricSummary, Run, Sample
from assay.records.judging import CARD, METRIC_PREFIX, JudgeCard
from assay.wiring import judging, labelling, releasing
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
        judged=_cards(place, run),
        corrected=_corrected(place, run),
        against=_against(place, run, against, policy) if against else None,
    )  # fmt: skip
    return Made(found, samples)


def _target_error(place: Workspace, run: Run) -> float:
    """The error among answers that the run's app aims at, or the default where the app is gone or has none."""
    from assay.wiring.settings import AbstainSettings

    app = place.settings.apps.get(run.app)
    return app.abstain.target_error if app is not None else AbstainSettings().target_error


def _against(place: Workspace, run: Run, reference: str, policy: GatePolicy) -> Against:
    from assay.evaluate.report_run import Against

    baseline = judging.run_named(place, reference)
    made = judging.compare(place, baseline.run_id, run.run_id)
    asked = made.decision.policy if made.decision else policy
    return Against(made.reports[0], made.samples[0], made.comparison, made.decision, asked)


def _corrected(place: Workspace, run: Run) -> tuple[Corrected, ...]:
    """What people's labels of this run's replies make of it: one row for each labelling task that drew from the run."""
    from assay.evaluate.report_run import Corrected

    rows = []
    summaries: dict[str, MetricSummary] = {}
    for name in labelling.names(place):
        if all(unit.run_id != run.run_id or unit.other_run for unit in labelling.frame(place, name).units):
            continue
        summaries = summaries or {s.metric.name: s for s in judging.report(place, run.run_id).summaries}
        task, found = labelling.task_estimates(place, name)
        ours = next((one for one in found if one.run_id == run.run_id), found[-1])
        strata = {item.stratum.partition("=")[0] for item in task.items if item.run_id == run.run_id and item.stratum}
        judge = next((metric for metric in sorted(strata) if metric in summaries), "")
        naive = summaries[judge].interval if judge else None
        subject = f"{name}: {' or '.join(task.positive)}{f' (judged by {judge})' if judge else ''}"
        rows.append(Corrected(subject, naive, ours.interval, ours.labelled, ours.why_not))
    return tuple(rows)


def _cards(place: Workspace, run: Run) -> tuple[Judged, ...]:
    """The newest card of every judge that the run's metrics come from, with what stands against relying on it."""
    from assay.evaluate.report_run import Judged

    found = []
    for metric in run.metrics:
        name = metric.name.removeprefix(METRIC_PREFIX)
        if name == metric.name:
            continue
        cards = [msgspec.convert(entry.body, JudgeCard) for entry in place.stores.ledger.entries(CARD, name)]
        if cards:
            card = max(cards, key=lambda card: card.created_at)
            found.append(Judged(card, tuple(_against_card(card, run, metric.name, place.clock.now()))))
    return tuple(found)


def _against_card(card: JudgeCard, run: Run, metric: str, now: str) -> Iterator[str]:
    recipe = run.versions.get(f"{SCORER_PREFIX}{metric}", "")
    if recipe and recipe != card.spec.recipe:
        yield "the card is of another version of the judge than the run's verdicts"
    if card.expires_at and card.expires_at <= now:
        yield f"the card expired on {card.expires_at[:10]}"


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
        partial.write_text(text, encoding="utf-8", newline="")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
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
