"""One run in numbers: every metric with the interval that fits its kind, everything unscored counted by reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from assay.evaluate.pairing import failure_code, has_failed, tally
from assay.records.digest import sha256_json
from assay.records.evaluation import Interval, Metric, MetricKind, MetricSummary, Report, Run, Sample
from assay.stats.bootstrap import bootstrap_mean
from assay.stats.effect import SPARSE
from assay.stats.mean import clustered, mean_interval, share_interval


def run_digest(samples: Iterable[Sample]) -> str:
    """SHA-256 over case, repeat, scores, reasons and error of every sample, in any order: what a decision rests on."""
    rows = sorted(
        [sample.case_id, sample.repeat, dict(sample.scores), dict(sample.unscored), sample.error] for sample in samples
    )
    return sha256_json(rows)


def summarize(
    run: Run, samples: Iterable[Sample], clusters: Mapping[str, str] | None = None, *, level: float = 0.95
) -> Report:
    """The report of one run. `clusters` maps a case id to the label of the cases it is not independent of.

    Repeats are averaged per case before any interval. A metric without a score has no interval; nothing is ever NaN.
    """
    kept = tuple(samples)
    labels = clusters or {}
    failures = Counter(failure_code(sample) for sample in kept if has_failed(sample))
    summaries = tuple(_summary(metric, kept, labels, level, run.seed) for metric in run.metrics)
    return Report(run, summaries, dict(sorted(failures.items())))


def _summary(
    metric: Metric, samples: Sequence[Sample], clusters: Mapping[str, str], level: float, seed: int
) -> MetricSummary:
    cases = tally(samples, metric.name)
    scored = {case_id: case.scores for case_id, case in cases.items() if case.scores}
    unscored: Counter[str] = Counter()
    for case in cases.values():
        unscored.update(case.unscored)
    failed = sum(case.failed for case in cases.values())
    if failed:
        unscored["failed"] += failed
    values = [sum(scores) / len(scores) for scores in scores_in_order(scored)]
    labels = [clusters.get(case_id, f"case:{case_id}") for case_id in sorted(scored)]
    interval = metric_interval(metric, values, labels, level, seed)
    return MetricSummary(metric, interval, sum(map(len, scored.values())), dict(sorted(unscored.items())))


def scores_in_order(scored: Mapping[str, list[float]]) -> list[list[float]]:
    return [scored[case_id] for case_id in sorted(scored)]


def metric_interval(
    metric: Metric, values: Sequence[float], labels: Sequence[str], level: float = 0.95, seed: int = 0
) -> Interval | None:
    """The interval of a mean of per-case `values` by the metric's kind; None when the values cannot give one.

    Binary: Wilson. Mean: Student t, but Wilson (whose variance bounds that of any score between 0 and 1) when fewer
    than 20 cases differ from the commonest value. Skewed: BCa bootstrap. All count clusters.
    """
    if not values:
        return None
    bounded = min(values) >= 0.0 and max(values) <= 1.0
    if bounded and (metric.kind is MetricKind.BINARY or (metric.kind is MetricKind.MEAN and _sparse(values))):
        return _plain(share_interval(values, labels, level))
    data = clustered(values, labels)
    if data.clusters < 2:
        return None
    if metric.kind is MetricKind.SKEWED and data.variance > 0.0:
        return _plain(bootstrap_mean(data, seed=seed).interval(level))
    return _plain(mean_interval(values, labels, level))


def _sparse(values: Sequence[float]) -> bool:
    return len(values) - Counter(values).most_common(1)[0][1] < SPARSE


def _plain(found: Interval) -> Interval:
    return Interval(float(found.estimate), float(found.low), float(found.high), found.level, found.method, found.n)
