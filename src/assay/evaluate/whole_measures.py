"""Measures of a whole run that are no mean over cases: F1 by class, Matthews, calibration error, micro span F1.

Each is a function of counts that add up over cases, so resampling cases (whole clusters of them) means adding up the
same counts with other weights: one matrix product for all resamples of all measures. Repeats of a case share its
weight. A sample that failed or named no class counts as a class that was missed: failing must not help.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assay.evaluate.classification_measures import probabilities, said_label
from assay.evaluate.extraction_measures import field_counts, said_fields
from assay.evaluate.pairing import cluster_of, has_failed
from assay.evaluate.sequence_measures import found_spans, span_counts
from assay.records.dialogue import Output, Reply
from assay.records.evaluation import Direction, Interval, Metric, MetricKind, MetricSummary, Sample
from assay.records.golden import Case
from assay.stats.bootstrap import BootstrapMean
from assay.stats.proportion import wilson_limits
from assay.stats.special import normal_ppf

Floats = NDArray[np.float64]
Key = tuple[str, str]
"""What is counted, and of which class, label or field."""
Measured = dict[str, Floats]
"""A measure's name to its value in every row of totals, shape (rows,)."""

DRAWS = 2000
BINS = 15
"""Equal bins of confidence, as Guo et al. 2017 have them."""
_AT_ONCE = 8_000_000
_LOWER = frozenset({"ECE"})


def whole_measures(
    samples: Iterable[Sample], cases: Sequence[Case], *, level: float = 0.95, seed: int = 0, draws: int = DRAWS
) -> tuple[MetricSummary, ...]:
    """Every measure that the cases allow, each with a BCa bootstrap interval over clusters of cases."""
    kept = tuple(samples)
    found: list[MetricSummary] = []
    for family in FAMILIES:
        counted = _counted(family, kept, cases)
        if counted is not None:
            found.extend(_summaries(family, counted, level, seed, draws))
    return tuple(found)


@dataclass(frozen=True)
class Family:
    """Measures that share their counts. `count` gives a sample's counts, None when it does not apply to it; `measure`
    turns totals into values: it is given one array of shape (rows, names) for every kind of count."""

    count: Callable[[Case, Reply, bool], Mapping[Key, float] | None]
    measure: Callable[[Mapping[str, Floats], Sequence[str]], Measured]


@dataclass(frozen=True)
class Counted:
    """`table` has shape (clusters, keys); `cases` is how many cases count."""

    keys: tuple[Key, ...]
    table: Floats
    cases: int


def _counted(family: Family, samples: Sequence[Sample], cases: Sequence[Case]) -> Counted | None:
    known = {case.case_id: case for case in cases}
    rows: defaultdict[str, list[Mapping[Key, float]]] = defaultdict(list)
    for sample in samples:
        case = known.get(sample.case_id)
        counts = family.count(case, sample.reply, has_failed(sample)) if case is not None else None
        if counts is not None:
            rows[sample.case_id].append(counts)
    if not rows:
        return None
    keys = tuple(sorted({key for repeats in rows.values() for counts in repeats for key in counts}))
    column = {key: at for at, key in enumerate(keys)}
    clusters = {label: at for at, label in enumerate(dict.fromkeys(cluster_of(known[one]) for one in rows))}
    table = np.zeros((len(clusters), len(keys)))
    for case_id, repeats in rows.items():
        row = clusters[cluster_of(known[case_id])]
        for counts in repeats:
            for key, value in counts.items():
                table[row, column[key]] += value / len(repeats)
    return Counted(keys, table, len(rows))


def _summaries(family: Family, counted: Counted, level: float, seed: int, draws: int) -> list[MetricSummary]:
    observed = _values(family, counted, counted.table.sum(axis=0, keepdims=True))
    clusters = len(counted.table)
    if clusters < 2:
        return [_summary(name, None, counted.cases) for name in observed]
    left_out = _values(family, counted, counted.table.sum(axis=0, keepdims=True) - counted.table)
    drawn = _values(family, counted, _resampled(counted.table, draws, seed))
    return [
        _summary(name, _interval(float(value[0]), drawn[name], left_out[name], level, clusters), counted.cases)
        for name, value in observed.items()
    ]


def _resampled(table: Floats, draws: int, seed: int) -> Floats:
    """Totals of `draws` resamples of the clusters, shape (draws, keys)."""
    rng = np.random.default_rng(seed)
    count = len(table)
    step = max(1, _AT_ONCE // count)
    parts = [
        rng.multinomial(count, np.full(count, 1.0 / count), size=min(step, draws - start)).astype(np.float64) @ table
        for start in range(0, draws, step)
    ]
    return np.concatenate(parts)


def _values(family: Family, counted: Counted, totals: Floats) -> Measured:
    names = sorted({name for _, name in counted.keys})
    place = {name: at for at, name in enumerate(names)}
    kinds = {kind: np.zeros((len(totals), len(names))) for kind, _ in counted.keys}
    for at, (kind, name) in enumerate(counted.keys):
        kinds[kind][:, place[name]] = totals[:, at]
    return family.measure(kinds, names)


def _summary(name: str, interval: Interval | None, cases: int) -> MetricSummary:
    direction = Direction.LOWER if name in _LOWER else Direction.HIGHER
    return MetricSummary(Metric(name, MetricKind.MEAN, direction), interval, cases)


def _interval(value: float, drawn: Floats, left_out: Floats, level: float, clusters: int) -> Interval:
    """BCa (Efron 1987). Where no resample differs, as when everything is right, Wilson's bound on as many cases as
    there are clusters stands in: a bootstrap would claim to be certain."""
    tail = (1.0 - level) / 2.0
    if float(drawn.max() - drawn.min()) < 1e-12:
        share = min(max(value, 0.0), 1.0)
        low, high = wilson_limits(share * clusters, clusters, normal_ppf(1.0 - tail))
        return Interval(value, min(value, float(low)), max(value, float(high)), level, "Wilson bound", clusters)
    below = (np.count_nonzero(drawn < value) + np.count_nonzero(drawn <= value)) / 2.0 / len(drawn)
    bias = normal_ppf(min(max(below, 1.0 / (len(drawn) + 1)), len(drawn) / (len(drawn) + 1.0)))
    pull = left_out.mean() - left_out
    scale = float((pull**2).sum()) ** 1.5
    acceleration = float((pull**3).sum()) / (6.0 * scale) if scale > 0.0 else 0.0
    found = BootstrapMean(value, np.sort(drawn), bias, acceleration, clusters).interval(level)
    return replace(found, low=min(value, found.low), high=max(value, found.high))


def _over(above: Floats, below: Floats) -> Floats:
    """`above / below`, 0 where there is nothing below (zero_division=0 of scikit-learn)."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0.0)


def _kind(totals: Mapping[str, Floats], kind: str, like: str) -> Floats:
    return totals.get(kind, np.zeros_like(totals[like]))


def _classes(case: Case, reply: Reply, failed: bool) -> Mapping[Key, float] | None:
    if not case.expected.label:
        return None
    gold, said = case.expected.label, "" if failed else said_label(case, reply)
    counts: dict[Key, float] = {("gold", gold): 1.0}
    if said:
        counts["said", said] = 1.0
    if said == gold:
        counts["right", gold] = 1.0
    return counts


def _class_measures(totals: Mapping[str, Floats], names: Sequence[str]) -> Measured:
    """Per class precision, recall and F1 of classes that are gold somewhere; macro, micro and weighted F1; balanced
    accuracy; Matthews' correlation for several classes (Gorodkin 2004)."""
    gold = totals["gold"]
    said, right = _kind(totals, "said", "gold"), _kind(totals, "right", "gold")
    precision, recall = _over(right, said), _over(right, gold)
    f1 = _over(2.0 * right, gold + said)
    seen, n = (gold + said) > 0.0, gold.sum(axis=1)
    no_class = n - said.sum(axis=1)
    covered = right.sum(axis=1) * n - (said * gold).sum(axis=1)
    spread_said = n**2 - (said**2).sum(axis=1) - no_class**2
    spread_gold = n**2 - (gold**2).sum(axis=1)
    made: Measured = {
        "macro_f1": _over(f1.sum(axis=1), seen.sum(axis=1).astype(np.float64)),
        "micro_f1": _over(2.0 * right.sum(axis=1), n + said.sum(axis=1)),
        "weighted_f1": _over((gold * f1).sum(axis=1), n),
        "balanced_accuracy": _over(recall.sum(axis=1), (gold > 0.0).sum(axis=1).astype(np.float64)),
        "matthews": _over(covered, np.sqrt(np.maximum(spread_said * spread_gold, 0.0))),
    }
    for at, name in enumerate(names):
        if gold[:, at].any():
            made |= {f"precision[{name}]": precision[:, at], f"recall[{name}]": recall[:, at], f"f1[{name}]": f1[:, at]}
    return made


def _confidences(case: Case, reply: Reply, failed: bool) -> Mapping[Key, float] | None:
    if not case.expected.label or failed or probabilities(case, reply):
        return None
    scores = (reply.output or Output()).scores
    best = max(sorted(scores), key=lambda label: scores[label])
    confidence = min(1.0, max(0.0, scores[best]))
    bin_name = f"{min(BINS - 1, int(confidence * BINS)):02}"
    right = float(best == case.expected.label)
    return {("n", bin_name): 1.0, ("right", bin_name): right, ("confidence", bin_name): confidence}


def _calibration_measures(totals: Mapping[str, Floats], _names: Sequence[str]) -> Measured:
    """Expected calibration error of the likeliest class (Guo et al. 2017): Σ |right - confidence| / n over bins."""
    gap = np.abs(totals["right"] - totals["confidence"]).sum(axis=1)
    return {"ECE": _over(gap, totals["n"].sum(axis=1))}


def _stretches(case: Case, reply: Reply, failed: bool) -> Mapping[Key, float] | None:
    gold, found = case.expected.spans, () if failed else found_spans(reply)
    if not gold and not found:
        return None
    counts: dict[Key, float] = {}
    for label in sorted({span.label for span in (*gold, *found)}):
        one = span_counts(tuple(s for s in gold if s.label == label), tuple(s for s in found if s.label == label))
        counts |= {("gold", label): one.gold, ("said", label): one.found, ("right", label): one.strict}
    counts["partial", ""] = span_counts(gold, found).partial
    return counts


def _span_measures(totals: Mapping[str, Floats], names: Sequence[str]) -> Measured:
    """Micro precision, recall and F1 over all stretches, strict and partial, and strict F1 by label."""
    gold, said, right = totals["gold"], totals["said"], totals["right"]
    n, found, strict = gold.sum(axis=1), said.sum(axis=1), right.sum(axis=1)
    partial = totals["partial"].sum(axis=1)
    made = {
        "span_precision": _over(strict, found),
        "span_recall": _over(strict, n),
        "span_micro_f1": _over(2.0 * strict, n + found),
        "span_partial_precision": _over(partial, found),
        "span_partial_recall": _over(partial, n),
        "span_partial_micro_f1": _over(2.0 * partial, n + found),
    }
    f1 = _over(2.0 * right, gold + said)
    return made | {f"span_f1[{name}]": f1[:, at] for at, name in enumerate(names) if gold[:, at].any()}


def _fields(case: Case, reply: Reply, failed: bool) -> Mapping[Key, float] | None:
    if not case.expected.fields:
        return None
    said = {} if failed else said_fields(reply)
    counts: dict[Key, float] = {}
    for name, value in case.expected.fields.items():
        right, wanted, given = field_counts({name: value}, said)
        counts |= {("right", name): right, ("gold", name): wanted, ("said", name): given}
    return counts


def _field_measures(totals: Mapping[str, Floats], names: Sequence[str]) -> Measured:
    """Micro precision, recall and F1 over all fields, and F1 by field."""
    gold, said, right = totals["gold"], totals["said"], totals["right"]
    n, given, held = gold.sum(axis=1), said.sum(axis=1), right.sum(axis=1)
    made = {
        "field_precision": _over(held, given),
        "field_recall": _over(held, n),
        "field_micro_f1": _over(2.0 * held, n + given),
    }
    f1 = _over(2.0 * right, gold + said)
    return made | {f"field_f1[{name}]": f1[:, at] for at, name in enumerate(names)}


FAMILIES = (
    Family(_classes, _class_measures),
    Family(_confidences, _calibration_measures),
    Family(_stretches, _span_measures),
    Family(_fields, _field_measures),
)


def confusion(samples: Iterable[Sample], cases: Sequence[Case]) -> dict[tuple[str, str], int]:
    """How many samples of each gold class were given which class; an empty class where none was named."""
    known = {case.case_id: case for case in cases if case.expected.label}
    counts: defaultdict[tuple[str, str], int] = defaultdict(int)
    for sample in samples:
        if (case := known.get(sample.case_id)) is not None:
            counts[case.expected.label, "" if has_failed(sample) else said_label(case, sample.reply)] += 1
    return dict(sorted(counts.items()))
