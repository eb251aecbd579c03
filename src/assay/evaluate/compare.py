"""Two runs side by side, paired by case: every delta with its interval, and the cases that flipped, worst first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from assay.evaluate.pairing import Pairs, applicable, measure, pair, slice_names
from assay.evaluate.runs import SCORER_PREFIX
from assay.plot.forest import ForestRow, rows_from_deltas
from assay.records.comparison import Comparison, Delta, Flip
from assay.records.errors import CannotJudge
from assay.records.evaluation import Direction, Metric, MetricKind, Run, Sample
from assay.records.golden import GoldenSet
from assay.stats.multiplicity import benjamini_hochberg

MIN_SLICE = 20
"""Slices with fewer paired cases are not shown: their intervals would be wider than any effect worth having."""

_CORRECTNESS = ("correct", "answer", "exact", "f1")


def shared_metrics(run_a: Run, run_b: Run) -> tuple[Metric, ...]:
    """The metrics that both runs measured the same way (same kind, same scorer recipe), in A's order."""
    theirs = set(run_b.metrics)

    def recipes(metric: Metric) -> set[str]:
        key = SCORER_PREFIX + metric.name
        return {run.versions[key] for run in (run_a, run_b) if key in run.versions}

    return tuple(metric for metric in run_a.metrics if metric in theirs and len(recipes(metric)) <= 1)


def check_comparable(run_a: Run, run_b: Run, golden: GoldenSet) -> None:
    """Raises CannotJudge unless both runs answered the same split of exactly this version of the golden set."""
    if (run_a.golden_version, run_a.split) != (run_b.golden_version, run_b.split):
        raise CannotJudge(
            "compare.golden_differs",
            "the runs answered different golden sets or splits, so their cases cannot be paired",
            where=f"{run_a.run_id}, {run_b.run_id}",
            remedy="evaluate both systems on one version of the golden set",
        )
    if golden.version != run_a.golden_version:
        raise CannotJudge(
            "compare.golden_mismatch",
            "the golden set at hand is not the version that the runs answered",
            where=run_a.run_id,
            remedy="load the golden set by the version that the run names",
        )


def compare(
    run_a: Run,
    samples_a: Iterable[Sample],
    run_b: Run,
    samples_b: Iterable[Sample],
    golden: GoldenSet,
    *,
    level: float = 0.95,
    slices: Sequence[str] | None = None,
    min_slice: int = MIN_SLICE,
) -> Comparison:
    """Candidate B minus baseline A.

    `slices` None takes every slice of the golden set; a slice with fewer than `min_slice` pairs of a metric is left
    out for that metric. Missing scores are handled as `evaluate/pairing.py` says. Raises CannotJudge when the runs'
    golden sets differ or share no metric.
    """
    check_comparable(run_a, run_b, golden)
    metrics = shared_metrics(run_a, run_b)
    if not metrics:
        raise CannotJudge("compare.no_metric", "the runs share no metric", where=f"{run_a.run_id}, {run_b.run_id}")
    left, right = tuple(samples_a), tuple(samples_b)
    cases = applicable(golden.cases, run_a.split)
    names = slice_names(cases) if slices is None else tuple(slices)
    deltas: list[Delta] = []
    flips: list[Flip] = []
    for metric in metrics:
        whole = pair(metric, left, right, cases)
        flips.extend(_flips(whole))
        deltas.extend(_deltas(whole, names, level, run_a.seed, min_slice))
    both = {sample.case_id for sample in left} & {sample.case_id for sample in right}
    flips.sort(key=lambda flip: (-flip.loss, _rank(flip.metric, metrics), flip.case_id))
    return Comparison(
        baseline_run=run_a.run_id,
        candidate_run=run_b.run_id,
        golden_name=golden.name,
        golden_version=run_a.golden_version,
        cases=sum(case.case_id in both for case in cases),
        deltas=tuple(deltas),
        flips=tuple(flips),
    )


def forest_rows(comparison: Comparison, alpha: float = 0.05) -> tuple[ForestRow, ...]:
    """Rows for the forest plot without a policy, metric by metric with the slices below.

    A row counts as better or worse only when its interval leaves zero and it survives Benjamini-Hochberg at `alpha`,
    over all whole metrics or over all slices: of 200 slices without any difference ten would stand out otherwise.
    """
    kept: set[tuple[str, str]] = set()
    for sliced in (False, True):
        family = [delta for delta in comparison.deltas if bool(delta.slice) is sliced and delta.p_value is not None]
        adjusted = benjamini_hochberg([p for delta in family if (p := delta.p_value) is not None])
        kept |= {(d.metric.name, d.slice) for d, q in zip(family, adjusted, strict=True) if q <= alpha}
    rows = rows_from_deltas(comparison.deltas)
    return tuple(row if (row.metric, row.slice) in kept else replace(row, state="open") for row in rows)


def narrowed(whole: Pairs, name: str) -> Pairs:
    """The pairs whose case stands in slice `name`. What was dropped is not known by slice and stays with the whole."""
    rows = [row for row in zip(whole.cases, whole.baseline, whole.candidate, strict=True) if name in row[0].slices]
    return Pairs(whole.metric, tuple(r[0] for r in rows), tuple(r[1] for r in rows), tuple(r[2] for r in rows), {}, 0)


def _deltas(whole: Pairs, names: Sequence[str], level: float, seed: int, min_slice: int) -> Iterator[Delta]:
    if len(set(whole.clusters)) < 2:
        return
    yield measure(whole, "", level, seed)[0]
    for name in names:
        part = narrowed(whole, name)
        if part.n >= max(2, min_slice) and len(set(part.clusters)) >= 2:
            yield measure(part, name, level, seed)[0]


def _flips(pairs: Pairs) -> Iterator[Flip]:
    """Every change of a binary score, and every drop of a graded score of the answer's correctness."""
    metric = pairs.metric
    graded = metric.kind is MetricKind.MEAN and any(word in metric.name.lower() for word in _CORRECTNESS)
    if metric.kind is not MetricKind.BINARY and not graded:
        return
    for case, one, other in zip(pairs.cases, pairs.baseline, pairs.candidate, strict=True):
        loss = one - other if metric.direction is Direction.HIGHER else other - one
        if loss > 0.0 or (loss < 0.0 and metric.kind is MetricKind.BINARY):
            yield Flip(case.case_id, metric.name, one, other, loss)


def _rank(name: str, metrics: Sequence[Metric]) -> tuple[bool, int]:
    """Violations (lower is better) come before equally large losses elsewhere."""
    position = next(index for index, metric in enumerate(metrics) if metric.name == name)
    return metrics[position].direction is Direction.HIGHER, position
