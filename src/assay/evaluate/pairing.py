"""Two runs' scores of one metric, paired by case, so that no system gains by failing.

What happens to a case that one run could score and the other could not:
- The sample *failed* (an error, no reply): it counts as 0 for every higher-is-better score, because a crash is not a
  good answer. It is left out for latency, tokens, cost and violations, where a failure would look like a gain.
- The system *abstained* or a guard refused: 0 likewise, because an answer that was not given is not right. Only scores
  that judge nothing but what was said (groundedness, citation precision) leave it out and count it: declining must
  not look like making things up; `correct` and `abstention_right` carry the cost of declining.
- Any other reason (no retrieval, unknown price, a judge that failed) leaves the case out and counts it.
- A case that neither run could score (it does not apply) is no pair.
Repeats are averaged per case before pairing: a case counts once however often it was asked.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from assay.records.comparison import Delta
from assay.records.dialogue import Outcome
from assay.records.evaluation import Direction, Interval, Metric, MetricKind, Sample
from assay.records.golden import Case
from assay.stats.effect import Effect, paired_effect
from assay.stats.paired import mcnemar_midp

FAILED = "failed"
_SILENT = frozenset({"abstained", "refused", "no_reply"})
_OF_WHAT_WAS_SAID = frozenset({"groundedness", "citation_precision"})


@dataclass(slots=True)
class CaseTally:
    """One case's samples for one metric."""

    scores: list[float] = field(default_factory=list)
    failed: int = 0
    unscored: Counter[str] = field(default_factory=Counter)


def has_failed(sample: Sample) -> bool:
    """True when there is no reply to judge."""
    return bool(sample.error) or sample.reply.outcome is Outcome.FAILED


def failure_code(sample: Sample) -> str:
    return sample.error or sample.reply.reason or FAILED


def tally(samples: Iterable[Sample], metric: str) -> dict[str, CaseTally]:
    """Collect scores, failures and reasons per case."""
    cases: defaultdict[str, CaseTally] = defaultdict(CaseTally)
    for sample in samples:
        case = cases[sample.case_id]
        if has_failed(sample):
            case.failed += 1
        elif metric in sample.scores:
            case.scores.append(sample.scores[metric])
        else:
            case.unscored[sample.unscored.get(metric, "not_scored")] += 1
    return dict(cases)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Paired values of one metric: all tuples have one entry per case, in the golden set's order."""

    metric: Metric
    cases: tuple[Case, ...]
    baseline: tuple[float, ...]
    candidate: tuple[float, ...]
    dropped: dict[str, int]
    failed_as_worst: int
    labels: tuple[str, ...] = ()
    """The clusters, where they are known already: a thousand slices of one run need not ask each case again."""

    @property
    def n(self) -> int:
        return len(self.cases)

    @property
    def clusters(self) -> tuple[str, ...]:
        return self.labels or tuple(cluster_of(case) for case in self.cases)


def cluster_of(case: Case) -> str:
    """The label of the cases this one is not independent of; an own label when it stands alone."""
    return f"cluster:{case.cluster}" if case.cluster else f"case:{case.case_id}"


def pair(
    metric: Metric, baseline: Iterable[Sample], candidate: Iterable[Sample], cases: Sequence[Case], name: str = ""
) -> Pairs:
    """Pair both runs' values of `metric` over `cases`, or over those in slice `name`."""
    a, b = tally(baseline, metric.name), tally(candidate, metric.name)
    kept: list[tuple[Case, float, float]] = []
    dropped: Counter[str] = Counter()
    absent = CaseTally()
    worst = 0
    for case in cases:
        if name and name not in case.slices:
            continue
        left, right = a.get(case.case_id, absent), b.get(case.case_id, absent)
        if not left.scores and not right.scores:
            continue
        one, other = _value(left, metric), _value(right, metric)
        if one is None or other is None:
            dropped[_why(left if one is None else right)] += 1
            continue
        worst += not left.scores or not right.scores
        kept.append((case, one, other))
    return Pairs(
        metric,
        tuple(case for case, _, _ in kept),
        tuple(one for _, one, _ in kept),
        tuple(other for _, _, other in kept),
        dict(sorted(dropped.items())),
        worst,
    )


def _value(case: CaseTally, metric: Metric) -> float | None:
    """The case's mean over repeats with the worst value where it is owed; None when nothing can be said."""
    zeros = 0
    if metric.direction is Direction.HIGHER and metric.kind is not MetricKind.SKEWED:
        silent = 0
        if case.unscored and metric.name not in _OF_WHAT_WAS_SAID:
            silent = sum(case.unscored[reason] for reason in _SILENT)
        zeros = case.failed + silent
    count = len(case.scores) + zeros
    return sum(case.scores) / count if count else None


def _why(case: CaseTally) -> str:
    if case.unscored:
        return case.unscored.most_common(1)[0][0]
    return FAILED if case.failed else "not_run"


def measure(pairs: Pairs, name: str, level: float, seed: int = 0) -> tuple[Delta, Effect]:
    """The difference on these pairs with its interval. Raises ValueError with fewer than two clusters."""
    metric = pairs.metric
    labels = pairs.clusters
    effect = paired_effect(metric.kind, pairs.baseline, pairs.candidate, labels, seed=seed)
    differences = [other - one for one, other in zip(pairs.baseline, pairs.candidate, strict=True)]
    gains = [d if metric.direction is Direction.HIGHER else -d for d in differences]
    won, lost = sum([g > 0 for g in gains]), sum([g < 0 for g in gains])
    mean = sum(differences) / pairs.n
    if metric.kind is MetricKind.BINARY:
        discordance = (won + lost) / pairs.n
    else:
        discordance = (sum([(d - mean) ** 2 for d in differences]) / (pairs.n - 1)) ** 0.5
    interval = _plain(effect.interval(level))
    delta = Delta(
        metric=metric,
        slice=name,
        baseline=sum(pairs.baseline) / pairs.n,
        candidate=sum(pairs.candidate) / pairs.n,
        interval=interval,
        clusters=len(set(labels)),
        won=won,
        lost=lost,
        tied=pairs.n - won - lost,
        discordance=discordance,
        p_value=_two_sided(effect, won, lost, exact=interval.method == "Tango score"),
        dropped=pairs.dropped,
        failed_as_worst=pairs.failed_as_worst,
    )
    return delta, effect


def _plain(interval: Interval) -> Interval:
    """The interval with Python floats, which canonical JSON needs."""
    low, estimate, high = float(interval.low), float(interval.estimate), float(interval.high)
    return Interval(estimate, low, high, interval.level, interval.method, interval.n)


def _two_sided(effect: Effect, won: int, lost: int, *, exact: bool) -> float:
    if exact:
        return mcnemar_midp(won, lost)
    below = effect.p_below(0.0)
    return float(min(1.0, 2.0 * min(below, 1.0 - below)))


def applicable(cases: Sequence[Case], split: str) -> tuple[Case, ...]:
    """The cases a run of `split` covers; an empty split means all."""
    return tuple(case for case in cases if not split or case.split == split)


def slice_names(cases: Sequence[Case]) -> tuple[str, ...]:
    """Every slice that stands on some case, sorted."""
    return tuple(sorted({name for case in cases for name in case.slices}))


def clusters_of(cases: Sequence[Case]) -> Mapping[str, str]:
    """Cluster label by case id, as `summarize` takes it."""
    return {case.case_id: cluster_of(case) for case in cases}
