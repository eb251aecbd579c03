"""Where a run is worse: every slice against the cases outside it, worst first, with the number of questions counted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from assay.evaluate.compare import MIN_SLICE
from assay.evaluate.pairing import cluster_of, tally
from assay.evaluate.summary import metric_interval
from assay.records.evaluation import Direction, Interval, Metric, MetricKind, Sample
from assay.records.golden import Case
from assay.stats.effect import SPARSE
from assay.stats.mean import Floats, clustered, design_effect
from assay.stats.multiplicity import benjamini_hochberg
from assay.stats.special import normal_cdf, t_cdf

ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class SliceFinding:
    """One metric on the cases of one slice, against all others. `state` is `better`, `worse` or `open`, after
    Benjamini-Hochberg over all slices and metrics of the report; `p_value` is before it. Below 20 cases on either side
    there is no test and `p_value` is None."""

    metric: Metric
    slice: str
    interval: Interval | None
    value: float
    rest: float | None
    n: int
    p_value: float | None
    state: str = "open"


def slice_findings(
    metrics: Sequence[Metric], samples: Iterable[Sample], cases: Sequence[Case], *, level: float = 0.95, seed: int = 0
) -> tuple[SliceFinding, ...]:
    """Every slice of every metric that is a score, worst first within its metric.

    Repeats are averaged by case. A slice that holds all scored cases is no slice and is left out.
    """
    kept = tuple(samples)
    found = [
        finding
        for metric in metrics
        if metric.kind is not MetricKind.SKEWED
        for finding in _of_metric(metric, kept, cases, level, seed)
    ]
    tested = [at for at, one in enumerate(found) if one.p_value is not None]
    adjusted = benjamini_hochberg([p for at in tested if (p := found[at].p_value) is not None])
    for at, q in zip(tested, adjusted, strict=True):
        found[at] = replace(found[at], state=_state(found[at]) if q <= ALPHA else "open")
    order = {metric.name: at for at, metric in enumerate(metrics)}
    return tuple(sorted(found, key=lambda one: (order[one.metric.name], _badness(one), one.slice)))


def _of_metric(
    metric: Metric, samples: Sequence[Sample], cases: Sequence[Case], level: float, seed: int
) -> list[SliceFinding]:
    scores = {case_id: sum(t.scores) / len(t.scores) for case_id, t in tally(samples, metric.name).items() if t.scores}
    scored = [case for case in cases if case.case_id in scores]
    members: dict[str, list[int]] = {}
    for at, case in enumerate(scored):
        for name in set(case.slices):
            members.setdefault(name, []).append(at)
    values = np.array([scores[case.case_id] for case in scored])
    labels = [cluster_of(case) for case in scored]
    found = []
    for name, inside in sorted(members.items()):
        if len(inside) == len(scored):
            continue
        picked = np.zeros(len(scored), dtype=bool)
        picked[inside] = True
        theirs = values[picked]
        interval = metric_interval(metric, theirs.tolist(), [labels[at] for at in inside], level, seed)
        enough = min(len(inside), len(scored) - len(inside)) >= MIN_SLICE
        p = against_the_rest(values, picked, labels, metric.kind) if enough else None
        found.append(
            SliceFinding(metric, name, interval, float(theirs.mean()), float(values[~picked].mean()), len(inside), p)
        )
    return found


def against_the_rest(values: Floats, inside: np.ndarray[tuple[int], np.dtype[np.bool_]], labels: Sequence[str],
                     kind: MetricKind) -> float:  # fmt: skip
    """Two-sided p-value for "the mean inside equals the mean outside"; clusters may reach over the border.

    A cluster-robust t of the contrast with C - 1 degrees of freedom; for shares, and for scores of 0 to 1 of which
    fewer than 20 differ from the commonest, not below the pooled score test on effective sizes, because the t test
    takes values without spread for certainty.
    """
    ours, theirs = values[inside], values[~inside]
    gap = float(ours.mean() - theirs.mean())
    pull = np.where(inside, (values - ours.mean()) / len(ours), -(values - theirs.mean()) / len(theirs))
    data = clustered(pull, labels)
    error = math.sqrt(data.clusters / max(1, data.clusters - 1) * float(data.sums @ data.sums))
    df = max(1, data.clusters - 1)
    p = _tails(gap, error, df)
    _, counts = np.unique(values, return_counts=True)
    sparse = len(values) - int(counts.max()) < SPARSE and values.min() >= 0.0 and values.max() <= 1.0
    if kind is not MetricKind.BINARY and not sparse:
        return p
    shares = [clustered(part, [label for label, take in zip(labels, mask, strict=True) if take])
              for part, mask in ((ours, inside), (theirs, ~inside))]  # fmt: skip
    size = sum(design_effect(share) / share.n for share in shares)
    pooled = float(values.mean())
    score = _tails(gap, math.sqrt(pooled * (1.0 - pooled) * size), df if data.real else 0)
    return max(p, score)


def _tails(gap: float, error: float, df: int) -> float:
    if error <= 0.0:
        return 1.0 if abs(gap) < 1e-12 else 0.0
    ratio = -abs(gap) / error
    return min(1.0, 2.0 * (t_cdf(ratio, df) if df else normal_cdf(ratio)))


def _state(one: SliceFinding) -> str:
    if one.rest is None or one.value == one.rest:
        return "open"
    above = one.value > one.rest
    return "better" if above is (one.metric.direction is Direction.HIGHER) else "worse"


def _badness(one: SliceFinding) -> tuple[int, float]:
    rank = {"worse": 0, "open": 1, "better": 2}[one.state]
    return rank, one.value if one.metric.direction is Direction.HIGHER else -one.value


def standing_out(findings: Sequence[SliceFinding]) -> Mapping[str, tuple[SliceFinding, ...]]:
    """The findings that survive the correction, by state."""
    return {state: tuple(one for one in findings if one.state == state) for state in ("worse", "better")}
