"""Everything a report of one run says, gathered once: page, terminal, Markdown and JSON show the same object."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.evaluate import figures, figures_run
from assay.evaluate.pairing import failure_code, has_failed
from assay.evaluate.report_slices import SliceFinding, slice_findings, standing_out
from assay.plot.axes import percent
from assay.plot.figure import Figure
from assay.plot.svg import digits_for
from assay.records.comparison import Comparison, Decision, GatePolicy
from assay.records.digest import plain
from assay.records.evaluation import Direction, Interval, Metric, MetricKind, MetricSummary, Report, RunStatus, Sample
from assay.records.golden import GoldenSet
from assay.records.judging import JudgeCard

RIGHT = "correct"
"""The scorer that says whether an answer is right, where a run has it."""
WORST = 50
"""Cases that a report writes out."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """A rate as the run's verdicts give it, and as people's labels correct it."""

    subject: str
    """What was labelled, such as the labelling task and the judge."""
    naive: Interval | None
    corrected: Interval | None
    labels: int
    why_not: str = ""
    """Why there is no corrected interval."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A judge's card with the reasons why a gate may not rely on it."""

    card: JudgeCard
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorstCase:
    """A case that went wrong: `loss` adds up how far each drawn metric is from its best, a failure counting whole."""

    case_id: str
    loss: float
    failed: int
    scores: dict[str, float]


@dataclass(frozen=True, slots=True)
class Against:
    """The baseline that the run is compared with."""

    report: Report
    samples: tuple[Sample, ...]
    comparison: Comparison
    decision: Decision | None = None
    policy: GatePolicy | None = None


@dataclass(frozen=True, slots=True)
class RunReport:
    """`sections` maps a heading to its figures, in the order in which they are shown."""

    report: Report
    golden: GoldenSet
    headline: str
    metrics: tuple[Metric, ...]
    """Those that are drawn and decide which cases are worst."""
    findings: tuple[SliceFinding, ...]
    sections: dict[str, tuple[Figure, ...]]
    worst: tuple[WorstCase, ...]
    imperfect: int
    """Cases that are not perfect; `worst` holds the first of them."""
    corrected: tuple[Corrected, ...] = ()
    against: Against | None = None
    notes: tuple[str, ...] = field(default_factory=tuple)

    @property
    def figures(self) -> tuple[Figure, ...]:
        return tuple(figure for found in self.sections.values() for figure in found)


def run_report(
    report: Report,
    samples: Iterable[Sample],
    golden: GoldenSet,
    *,
    named: Sequence[str] = (),
    target_error: float = 0.05,
    judged: Sequence[Judged] = (),
    corrected: Sequence[Corrected] = (),
    against: Against | None = None,
) -> RunReport:
    """Gather the report. `named` are the metrics that matter most, such as those of the gate's clauses; `target_error`
    is the share of wrong answers that the abstention threshold aims at. `golden` is the whole set the run answered."""
    kept = tuple(samples)
    run = report.run
    cases = tuple(case for case in golden.cases if not run.split or case.split == run.split)
    metrics = figures_run.primary_metrics(run, named)
    findings = slice_findings(run.metrics, kept, cases, seed=run.seed)
    losses = _losses(metrics, kept)
    sections: dict[str, tuple[Figure, ...]] = {}
    if against is not None:
        sections["Against the baseline"] = _against(against, report, kept, golden)
    sections["Slices, worst first"] = tuple(_slice_figures(metrics, kept, findings))
    sections["Confidence"] = _confidence(run.metrics, kept, cases, target_error)
    noise = (figures_run.variance_figure(m, kept, f"variance-{n}") for n, m in enumerate(metrics, 1))
    sections["Where the noise comes from"] = tuple(figure for figure in noise if figure is not None)
    if against is None:
        sections["Latency and cost"] = figures_run.distributions(run, kept, cases)
    sections["Judges"] = tuple(
        figures_run.judge_card_figure(one.card, one.problems, f"judge-card-{number}")
        for number, one in enumerate(judged, 1)
    )
    return RunReport(
        report, golden, headline(report, metrics, findings), metrics, findings,
        {name: found for name, found in sections.items() if found}, losses[:WORST], len(losses), tuple(corrected),
        against, _notes(report, kept),
    )  # fmt: skip


def _against(against: Against, report: Report, samples: Sequence[Sample], golden: GoldenSet) -> tuple[Figure, ...]:
    ours, theirs = (against.report.run, against.samples), (report.run, samples)
    made = [figures.gate_figure(against.decision)] if against.decision and against.decision.clauses else []
    made += [figures.forest_figure(against.comparison), figures.flips_figure(against.comparison)]
    if against.policy is not None:
        made += figures.power_figures(against.policy, *ours, *theirs, golden)
    cases = tuple(case for case in golden.cases if not report.run.split or case.split == report.run.split)
    return (*made, *figures.distribution_figures(*ours, *theirs, cases))


def _slice_figures(
    metrics: Sequence[Metric], samples: Sequence[Sample], findings: Sequence[SliceFinding]
) -> Iterable[Figure]:
    for number, metric in enumerate(metrics, 1):
        scores = figures_run.scores_by_case(metric, samples)
        if scores and any(one.metric.name == metric.name for one in findings):
            whole = sum(scores.values()) / len(scores)
            yield figures_run.slices_figure(metric, whole, findings, f"slices-{number}")


def _confidence(metrics: Sequence[Metric], samples: Sequence[Sample], cases: Sequence[Any], target: float) -> tuple[
    Figure, ...
]:  # fmt: skip
    """By `correct` where the run has it, else by its first share that is better when higher."""
    binary = [m.name for m in metrics if m.kind is MetricKind.BINARY and m.direction is Direction.HIGHER]
    if not binary:
        return ()
    name = RIGHT if RIGHT in binary else binary[0]
    made = (
        figures_run.reliability_figure(name, samples, cases),
        figures_run.risk_figure(name, samples, target),
    )
    return tuple(figure for figure in made if figure is not None)


def _losses(metrics: Sequence[Metric], samples: Sequence[Sample]) -> tuple[WorstCase, ...]:
    """Cases that are not perfect, worst first."""
    failed = Counter(sample.case_id for sample in samples if has_failed(sample))
    scores: dict[str, dict[str, float]] = {sample.case_id: {} for sample in samples}
    for metric in metrics:
        for case_id, value in figures_run.scores_by_case(metric, samples).items():
            scores[case_id][metric.name] = value
    asked = Counter(sample.case_id for sample in samples)
    found = []
    for case_id, ours in scores.items():
        loss = failed[case_id] / asked[case_id] * len(metrics) if failed[case_id] else 0.0
        loss += sum(_loss(metric, ours[metric.name]) for metric in metrics if metric.name in ours)
        if loss > 0.0:
            found.append(WorstCase(case_id, loss, failed[case_id], ours))
    return tuple(sorted(found, key=lambda one: (-one.loss, one.case_id)))


def _loss(metric: Metric, value: float) -> float:
    """How far a score of 0 to 1 is from its best; values beyond count as the end of the scale."""
    bounded = min(1.0, max(0.0, value))
    return 1.0 - bounded if metric.direction is Direction.HIGHER else bounded


def headline(report: Report, metrics: Sequence[Metric], findings: Sequence[SliceFinding]) -> str:
    """The run in one sentence: its first metrics, what is shown to be worse, what failed."""
    known = {summary.metric.name: summary for summary in report.summaries}
    parts = [told(known[metric.name]) for metric in metrics[:2] if metric.name in known]
    worse = standing_out(findings)["worse"]
    names = list(dict.fromkeys(one.slice for one in worse if one.metric in metrics))
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        parts.append(f"worse in {', '.join(names[:3])}{more}")
    if count := sum(report.failures.values()):
        parts.append(f"{count} failed")
    if report.run.status is not RunStatus.COMPLETE:
        parts.append(f"the run is {report.run.status.value}")
    return "; ".join(parts) or "Nothing was measured"


def told(summary: MetricSummary) -> str:
    """A metric in words: shares in percent, everything else in its own unit."""
    metric, found = summary.metric, summary.interval
    if found is None:
        return f"{metric.name} without an interval ({summary.scored} scored)"
    if metric.kind is MetricKind.BINARY:
        return f"{metric.name} {percent(found.estimate, 1)} [{percent(found.low, 1)}, {percent(found.high, 1)}]"
    digits = digits_for([found.estimate])
    unit = f" {metric.unit}" if metric.unit else ""
    return f"{metric.name} {found.estimate:.{digits}f}{unit} [{found.low:.{digits}f}, {found.high:.{digits}f}]"


def _notes(report: Report, samples: Sequence[Sample]) -> tuple[str, ...]:
    notes = []
    if report.run.status is not RunStatus.COMPLETE:
        notes.append("The run is not complete: what follows may change.")
    if report.cached:
        notes.append(f"{report.cached} replies came from the cache and have no latency of their own.")
    if report.run.repeats > 1:
        notes.append("Repeats are averaged by case before any interval of a score.")
    if not samples:
        notes.append("The run has no sample.")
    return tuple(notes)


def failures_by_code(samples: Iterable[Sample]) -> Mapping[str, tuple[str, ...]]:
    """Cases that failed, by code, most frequent first."""
    found: dict[str, dict[str, None]] = {}
    for sample in samples:
        if has_failed(sample):
            found.setdefault(failure_code(sample), {})[sample.case_id] = None
    return {code: tuple(sorted(ids)) for code, ids in sorted(found.items(), key=lambda pair: (-len(pair[1]), pair[0]))}


def twin(found: RunReport) -> dict[str, Any]:
    """The report as JSON values, without pictures and without the texts of cases and replies."""
    return {
        "headline": found.headline,
        "report": plain(found.report),
        "slices": plain(found.findings),
        "figures": {name: [figure.data() for figure in made] for name, made in found.sections.items()},
        "corrected": plain(found.corrected),
        "worst": plain(found.worst),
        "imperfect": found.imperfect,
        "against": plain(found.against.comparison) if found.against else None,
        "decision": plain(found.against.decision) if found.against else None,
        "notes": list(found.notes),
    }
