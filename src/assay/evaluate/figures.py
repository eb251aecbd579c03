"""Figures of two runs compared: forest, flips, power of each clause, and how long and dear their replies are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from assay.evaluate.compare import forest_rows, narrowed
from assay.evaluate.figures_run import QUANTITIES, series_of
from assay.evaluate.pairing import Pairs, applicable, measure, pair
from assay.plot.distribution import Distribution, figure_distribution
from assay.plot.figure import Figure
from assay.plot.flips import FlippedCase, FlipRow, Flips, figure_flips
from assay.plot.forest import figure_forest, rows_from_decision
from assay.plot.power import PowerCurve, PowerLine, figure_power
from assay.records.comparison import Clause, ClauseKind, Comparison, Decision, GatePolicy
from assay.records.evaluation import Direction, Metric, MetricKind, Run, Sample
from assay.records.golden import Case, GoldenSet
from assay.records.judging import METRIC_PREFIX
from assay.stats.effect import Effect
from assay.stats.power import paired_cases
from assay.stats.special import normal_cdf, normal_ppf

GATE = "gate-forest"
_MOST = 1_000_000
_SIZES = 13


def forest_figure(comparison: Comparison, identity: str = "forest") -> Figure:
    """Every difference without a policy, corrected for the number of metrics, and of slices."""
    return figure_forest(forest_rows(comparison), identity, "Candidate minus baseline by metric and slice")


def gate_figure(decision: Decision, identity: str = GATE) -> Figure:
    """The clauses of a gate with their margins."""
    return figure_forest(rows_from_decision(decision), identity, "Clauses of the gate: candidate minus baseline")


def flips_figure(comparison: Comparison, identity: str = "flips") -> Figure:
    """Cases won and lost by metric, for every metric of which a change of a case means something by itself."""
    states = {row.metric: row.state for row in forest_rows(comparison) if not row.slice}
    flipped = {flip.metric for flip in comparison.flips}
    rows = tuple(
        FlipRow(delta.metric.name, delta.won, delta.lost, delta.tied, states.get(delta.metric.name, "open"))
        for delta in comparison.deltas
        if not delta.slice and (delta.metric.kind is MetricKind.BINARY or delta.metric.name in flipped)
    )
    worst = tuple(FlippedCase(f.case_id, f.metric, f.baseline, f.candidate, f.loss) for f in comparison.flips)
    notes = ("Read as better or worse after Benjamini-Hochberg over all metrics.",) if rows else ()
    return figure_flips(Flips(rows, worst, notes), identity)


def distribution_figures(
    run_a: Run, samples_a: Iterable[Sample], run_b: Run, samples_b: Iterable[Sample], cases: Sequence[Case]
) -> tuple[Figure, ...]:
    """Latency, cost and tokens of both runs, where both measured them."""
    left, right = tuple(samples_a), tuple(samples_b)
    theirs = {metric.name for metric in run_b.metrics}
    made = []
    for metric in run_a.metrics:
        if metric.name not in QUANTITIES or metric.name not in theirs:
            continue
        series = (series_of(metric, left, cases, "A · baseline"), series_of(metric, right, cases, "B · candidate"))
        if any(one.values for one in series):
            made.append(figure_distribution(Distribution(metric.name, metric.unit, series), f"spread-{metric.name}"))
    return tuple(made)


def power_figures(
    policy: GatePolicy,
    run_a: Run,
    samples_a: Iterable[Sample],
    run_b: Run,
    samples_b: Iterable[Sample],
    golden: GoldenSet,
) -> tuple[Figure, ...]:
    """One power curve for each clause with a test whose metric both runs have, from the spread that they show.

    A clause on a judge has none: what decides there is how many replies people have labelled, which the gate says.
    """
    left, right = tuple(samples_a), tuple(samples_b)
    cases = applicable(golden.cases, run_a.split)
    metrics = {metric.name: metric for metric in run_a.metrics if metric in run_b.metrics}
    price = price_per_case(run_a, left, run_b, right)
    made = []
    for number, clause in enumerate(policy.clauses, start=1):
        untested = clause.kind is ClauseKind.NO_LOSS or clause.metric.startswith(METRIC_PREFIX)
        if untested or clause.metric not in metrics:
            continue
        pairs = pair(metrics[clause.metric], left, right, cases)
        pairs = narrowed(pairs, clause.slice) if clause.slice else pairs
        made.append(figure_power(power_curve(clause, pairs, policy.power, price, run_a.seed), f"power-{number}"))
    return tuple(made)


def price_per_case(run_a: Run, samples_a: Sequence[Sample], run_b: Run, samples_b: Sequence[Sample]) -> float | None:
    """US dollars that one more case costs in both runs with their repeats; None where a reply's price is not known."""
    total = 0.0
    for run, samples in ((run_a, samples_a), (run_b, samples_b)):
        known = [cost for sample in samples if (cost := sample.reply.usage.cost_usd) is not None]
        if not known or len(known) < len(samples):
            return None
        total += sum(known) / len(known) * run.repeats
    return total


def power_curve(
    clause: Clause, pairs: Pairs, wanted: float = 0.8, price: float | None = None, seed: int = 0
) -> PowerCurve:
    """The chance that a clause holds, over the number of cases, with the spread of the pairs at hand.

    Non-inferiority is planned for two systems that are equal, and for a candidate that loses half of the margin;
    superiority for the gain that is observed. Fewer than two pairs or clusters give no curve.
    """
    asks = _asks(clause, pairs.metric)
    if pairs.n < 2 or len(set(pairs.clusters)) < 2:
        return PowerCurve(asks, (), pairs.n, 0.0, None, wanted, price)
    _, effect = measure(pairs, clause.slice, 1.0 - 2.0 * clause.alpha, seed)
    assumed = [(truth, distance) for truth, distance in _assumed(clause, pairs.metric, effect) if distance > 0.0]
    if not assumed or effect.spread == effect.pseudo == 0.0:
        return PowerCurve(asks, (), pairs.n, 0.0, None, wanted, price)
    needed = paired_cases(effect.spread, assumed[0][1], alpha=clause.alpha, power=wanted, sides=1, pseudo=effect.pseudo)
    sizes = _sizes(pairs.n, needed if needed <= _MOST else None)
    lines = tuple(
        PowerLine(truth, tuple((n, chance(effect, distance, n, clause.alpha)) for n in sizes))
        for truth, distance in assumed
    )
    now = chance(effect, assumed[0][1], pairs.n, clause.alpha)
    notes = ("Planned with the spread that these two runs show; another candidate may differ from the baseline more.",)
    return PowerCurve(asks, lines, pairs.n, now, needed if needed <= _MOST else None, wanted, price, notes)


def _asks(clause: Clause, metric: Metric) -> str:
    name = f"{clause.metric} · {clause.slice}" if clause.slice else clause.metric
    unit = f" {metric.unit}" if metric.unit else ""
    if clause.kind is ClauseKind.SUPERIORITY:
        return f"{name}: better by more than {clause.margin:g}{unit}"
    return f"{name}: not worse by more than {clause.margin:g}{unit}"


def _assumed(clause: Clause, metric: Metric, effect: Effect) -> list[tuple[str, float]]:
    """What may be true, and how far that is from the clause's line, in the metric's unit."""
    if clause.kind is ClauseKind.NON_INFERIORITY:
        return [("no true difference", clause.margin), ("a true loss of half the margin", clause.margin / 2.0)]
    gain = effect.estimate if metric.direction is Direction.HIGHER else -effect.estimate
    twice = [("a true gain of twice the margin", clause.margin)] if clause.margin > 0.0 else []
    return [("the gain that is observed", gain - clause.margin), *twice]


def chance(effect: Effect, distance: float, n: int, alpha: float) -> float:
    """The power of a one-sided test at `alpha` with `n` cases when the truth lies `distance` beyond the line: the
    inverse of `stats.power.paired_cases`."""
    error = math.sqrt(effect.spread**2 * n + effect.pseudo) / n
    return normal_cdf(distance / error - normal_ppf(1.0 - alpha))


def _sizes(today: int, needed: int | None) -> list[int]:
    """Numbers of cases in equal ratios, around today's and what is needed."""
    low = max(5.0, min(today, needed or today) / 4.0)
    high = max(today * 3.0, (needed or 0) * 2.0, low * 4.0)
    steps = {round(low * (high / low) ** (at / (_SIZES - 1))) for at in range(_SIZES)}
    return sorted(steps | {today} | ({needed} if needed else set()))
