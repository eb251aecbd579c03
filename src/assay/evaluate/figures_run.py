"""Figures of one run: slices, reliability, risk against coverage, where noise comes from, latency and cost; judges."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from assay.evaluate.pairing import cluster_of, has_failed
from assay.evaluate.report_slices import SliceFinding
from assay.plot.distribution import Distribution, QuantileRow, Series, figure_distribution
from assay.plot.figure import Figure
from assay.plot.intervals import IntervalRow, Slices, figure_slices
from assay.plot.judge_card import JudgeCard as ShownCard
from assay.plot.judge_card import figure_judge_card
from assay.plot.reliability import Bin, Reliability, figure_reliability
from assay.plot.risk import RiskCoverage, RiskPoint, figure_risk_coverage
from assay.plot.variance import VariancePart, VarianceSplit, figure_variance
from assay.records.dialogue import Outcome
from assay.records.evaluation import Direction, Interval, Metric, MetricKind, Run, Sample
from assay.records.golden import Case
from assay.records.judging import Agreement, JudgeCard
from assay.stats.calibration import brier, ece, reliability
from assay.stats.mean import mean_interval
from assay.stats.quantile import quantile_interval
from assay.stats.risk import risk_coverage, selective_risk_threshold
from assay.stats.variance import variance_components

QUANTITIES = ("latency_ms", "cost_usd", "tokens_in", "tokens_out", "latency")
"""Metrics that are shown as distributions."""
QUANTILES = (0.5, 0.9, 0.95, 0.99)
BINS = 10
LEAST = 20
"""Below this many replies with a confidence neither a diagram nor a threshold is worth drawing."""
CONFIDENCE = 0.95
"""Of the promise about the error among answers."""


def slices_figure(
    metric: Metric, whole: float, findings: Sequence[SliceFinding], identity: str = "slices", least: int = 20
) -> Figure:
    """The slices of one metric; those with fewer than `least` cases are only named."""
    ours = [one for one in findings if one.metric.name == metric.name]
    rows = tuple(
        IntervalRow(
            one.slice, one.value, one.interval.low if one.interval else None,
            one.interval.high if one.interval else None, one.n, one.state,
        )
        for one in ours if one.n >= least
    )  # fmt: skip
    data = Slices(
        metric.name, whole, rows, metric.unit, metric.direction is Direction.HIGHER,
        tuple(one.slice for one in ours if one.n < least),
        f"Benjamini-Hochberg over all {sum(one.p_value is not None for one in findings)} slices and metrics tested",
    )  # fmt: skip
    return figure_slices(data, identity)


def series_of(metric: Metric, samples: Iterable[Sample], cases: Sequence[Case], name: str = "") -> Series:
    """All replies' values of a quantity with its quantiles; replies to one case, or to one cluster, count together.

    Values that the scorer could not give, such as the latency of a cached reply, count as not known.
    """
    labels = {case.case_id: cluster_of(case) for case in cases}
    kept = [sample for sample in samples if not has_failed(sample)]
    known = [(sample.scores[metric.name], labels.get(sample.case_id, sample.case_id)) for sample in kept
             if metric.name in sample.scores]  # fmt: skip
    if not known:
        return Series(name, (), (), len(kept))
    values, clusters = [value for value, _ in known], [label for _, label in known]
    found = [quantile_interval(values, share, clusters) for share in QUANTILES]
    rows = tuple(QuantileRow(q.share, q.estimate, q.low, q.high) for q in found)
    return Series(name, tuple(sorted(values)), rows, len(kept) - len(known))


def distributions(run: Run, samples: Iterable[Sample], cases: Sequence[Case]) -> tuple[Figure, ...]:
    """Latency, cost and tokens of one run, where some reply has them."""
    kept = tuple(samples)
    made = []
    for metric in run.metrics:
        if metric.name in QUANTITIES:
            series = series_of(metric, kept, cases)
            if series.values:
                data = Distribution(metric.name, metric.unit, (series,))
                made.append(figure_distribution(data, f"spread-{metric.name}"))
    return tuple(made)


def _confident(samples: Iterable[Sample], metric: str) -> list[tuple[str, float, bool]]:
    """Case, confidence and whether right, of the first repeat of every case that was answered with a confidence."""
    first: dict[str, Sample] = {}
    for sample in samples:
        if sample.case_id not in first or sample.repeat < first[sample.case_id].repeat:
            first[sample.case_id] = sample
    return [
        (case_id, sample.reply.confidence, sample.scores[metric] >= 1.0)
        for case_id, sample in sorted(first.items())
        if sample.reply.outcome is Outcome.ANSWERED and not has_failed(sample)
        and sample.reply.confidence is not None and sample.scores.get(metric) in (0.0, 1.0)
    ]  # fmt: skip


def reliability_figure(
    metric: str, samples: Iterable[Sample], cases: Sequence[Case], identity: str = "reliability"
) -> Figure | None:
    """Stated confidence against the share right by `metric`, which is 0 or 1. None with fewer than 20 such replies.

    Confidences outside 0 to 1 are no probabilities: then there is no diagram.
    """
    rows = _confident(samples, metric)
    if len(rows) < LEAST or any(not 0.0 <= stated <= 1.0 for _, stated, _ in rows):
        return None
    labels = {case.case_id: cluster_of(case) for case in cases}
    clusters = [labels.get(case_id, case_id) for case_id, _, _ in rows]
    stated, right = [row[1] for row in rows], [float(row[2]) for row in rows]
    bins = tuple(
        Bin(one.low, one.high, one.n, one.confidence, one.accuracy.estimate, one.accuracy.low, one.accuracy.high)
        for one in reliability(stated, right, BINS, scheme="width", clusters=clusters)
    )
    if len(set(clusters)) < 2:
        return None
    gap = mean_interval([s - r for s, r in zip(stated, right, strict=True)], clusters)
    n = len(rows)
    data = Reliability(
        metric, bins, sum(stated) / n, sum(right) / n, gap.low, gap.high, ece(stated, right, BINS),
        ece(stated, right, BINS, debiased=True), brier(stated, right, clusters=clusters).estimate, gap.level,
        ("First repeat of every answered case; Wilson intervals in ten bins of equal width, clusters counted.",),
    )  # fmt: skip
    return figure_reliability(data, identity)


def risk_figure(
    metric: str, samples: Iterable[Sample], target: float = 0.05, identity: str = "risk-coverage"
) -> Figure | None:
    """Error among answers over the share of cases answered, down to what the run answered. None with fewer than 20
    replies with a confidence, or when all confidences are equal."""
    kept = tuple(samples)
    rows = _confident(kept, metric)
    asked = len({sample.case_id for sample in kept})
    if len(rows) < LEAST or len({stated for _, stated, _ in rows}) < 2:
        return None
    stated, wrong = [row[1] for row in rows], [float(not row[2]) for row in rows]
    curve = risk_coverage(stated, wrong)
    share = len(rows) / asked
    points = tuple(
        RiskPoint(p.threshold, p.coverage * share, p.risk.estimate, p.risk.low, p.risk.high, p.risk.n)
        for p in curve.points
    )
    found = selective_risk_threshold(stated, wrong, target, delta=1.0 - CONFIDENCE)
    never = RiskPoint(math.inf, 0.0, 0.0, 0.0, 1.0, 0)
    promised = next((p for p in points if p.threshold == found.threshold), never)
    notes = (
        "The promised threshold is found by learn then test (Angelopoulos et al. 2021). It holds for questions like "
        "these, and no longer once it was chosen on cases that were looked at again and again.",
        f"Area under the curve {curve.aurc:.4f}, at best {curve.aurc_best:.4f}.",
    )
    chosen = points[-1] if len(rows) < asked else None
    promise = f"with {100 * CONFIDENCE:.0f}\u00a0% confidence"
    data = RiskCoverage(points, asked, target, chosen, promised, promise, area=curve.aurc, notes=notes)
    return figure_risk_coverage(data, identity)


def variance_figure(metric: Metric, samples: Iterable[Sample], identity: str = "variance") -> Figure | None:
    """Where the noise of one metric comes from; None unless some case was asked twice and two cases were scored."""
    by_case: dict[str, list[float]] = defaultdict(list)
    for sample in samples:
        if not has_failed(sample) and metric.name in sample.scores:
            by_case[sample.case_id].append(sample.scores[metric.name])
    if len(by_case) < 2 or max(map(len, by_case.values())) < 2:
        return None
    split = variance_components([[[score] for score in scores] for _, scores in sorted(by_case.items())])
    cases, repeats = len(by_case), round(sum(map(len, by_case.values())) / len(by_case))
    within = split.repeat.estimate if split.repeat else 0.0
    parts = (
        VariancePart("case", split.case.estimate, split.case.estimate / cases),
        VariancePart("repeat", within, within / repeats / cases),
    )
    notes = (f"Components by nested moments; of cases {_range(split.case)}, of repeats {_range(split.repeat)}.",)
    data = VarianceSplit(metric.name, parts, cases, repeats, split.error(cases, 2 * repeats) ** 2, notes)
    return figure_variance(data, identity)


def _range(found: Interval | None) -> str:
    if found is None:
        return "not told"
    return f"{found.estimate:.3g} [{found.low:.3g}, {found.high:.3g}]"


def judge_card_figure(card: JudgeCard, problems: Sequence[str] = (), identity: str = "judge-card") -> Figure:
    """A judge card as it is kept. `problems` say why a gate may not rely on it."""
    found = card.agreement
    rates = [
        *_row("passes what people pass", found.tpr, found.true_pass + found.false_fail),
        *_row("fails what people fail", found.tnr, found.true_fail + found.false_pass),
        *_row("agrees with people", found.accuracy, found.n),
    ]
    facts = [("judge", card.digest[:16]), ("labels", f"{card.labels}, {found.n} replies, {card.annotators} people")]
    for control in card.controls:
        shown = control.interval
        if shown is None:
            facts.append((control.name, control.detail or "not measured"))
        elif shown.low >= 0.0 and shown.high <= 1.0:
            rates += _row(control.name, shown, control.n, control.detail)
        else:
            words = f"{shown.estimate:.3f} [{shown.low:.3f}, {shown.high:.3f}] n {control.n} {control.detail}"
            facts.append((control.name, words.replace("-", "−")))
    agreement = [*_row("kappa", found.kappa, found.n), *_row("AC1", found.ac1, found.n)]
    facts += [(f"slice {name}", _by_slice(one)) for name, one in sorted(card.slices.items())]
    if card.unscored:
        facts.append(("without a verdict", ", ".join(f"{why} {n}" for why, n in sorted(card.unscored.items()))))
    facts += [("models", ", ".join(card.models) or "not told"), ("anchors", card.anchors[:16] or "none")]
    data = ShownCard(card.judge, tuple(rates), tuple(agreement), tuple(facts), card.expires_at[:10], tuple(problems),
                     card.notes)  # fmt: skip
    return figure_judge_card(data, identity)


def _row(name: str, found: Interval | None, n: int, note: str = "") -> list[IntervalRow]:
    return [] if found is None else [IntervalRow(name, found.estimate, found.low, found.high, n, note=note)]


def _by_slice(found: Agreement) -> str:
    rates = (("passes what people pass", found.tpr), ("fails what people fail", found.tnr))
    told = [f"{name} {one.estimate:.2f} [{one.low:.2f}, {one.high:.2f}]" for name, one in rates if one is not None]
    return f"{found.n} replies: {'; '.join(told) or 'too few'}"


def scores_by_case(metric: Metric, samples: Iterable[Sample]) -> Mapping[str, float]:
    """The mean over repeats of each case that was scored."""
    by_case: dict[str, list[float]] = defaultdict(list)
    for sample in samples:
        if not has_failed(sample) and metric.name in sample.scores:
            by_case[sample.case_id].append(sample.scores[metric.name])
    return {case_id: sum(found) / len(found) for case_id, found in by_case.items()}


def primary_metrics(run: Run, named: Sequence[str] = (), most: int = 3) -> tuple[Metric, ...]:
    """The metrics that a report draws: those named (a policy's clauses), else the first scores of the run."""
    scores = [metric for metric in run.metrics if metric.kind is not MetricKind.SKEWED]
    chosen = [metric for name in dict.fromkeys(named) for metric in scores if metric.name == name]
    return tuple((chosen or scores)[:most])
