"""Behavioural tests after CheckList: minimum functionality, invariance and directional expectation, pair by pair.

Source: Ribeiro, Wu, Guestrin and Singh, "Beyond Accuracy: Behavioral Testing of NLP Models with CheckList", 2020. A
case that was made from another says so in `Expected.relation`; the engine holds its reply against the reply to the
case it came from, in the same repeat.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from assay.evaluate.answer_measures import correct, declined
from assay.evaluate.classification_measures import accuracy
from assay.evaluate.extraction_measures import agreement, fields_exact
from assay.evaluate.sequence_measures import span_f1
from assay.evaluate.tool_measures import tool_exact
from assay.evaluate.wording import token_f1
from assay.records.dialogue import Output, Reply
from assay.records.evaluation import Interval, Sample, Unscored
from assay.records.golden import Case, Relation, RelationKind
from assay.stats.mean import share_interval

CAPABILITY = "capability="
"""Slices that name the capability a case tests begin so."""


def a_minimum_test(case: Case, _reply: Reply) -> str:
    return _needs(case, RelationKind.MINIMUM)


def an_invariance_test(case: Case, _reply: Reply) -> str:
    return _needs(case, RelationKind.INVARIANCE)


def a_directional_test(case: Case, _reply: Reply) -> str:
    return _needs(case, RelationKind.DIRECTIONAL)


def _needs(case: Case, kind: RelationKind) -> str:
    relation = case.expected.relation
    return "" if relation is not None and relation.kind is kind else f"no_{kind.value}_test"


def minimum_functionality(case: Case, reply: Reply) -> float | Unscored:
    """1 when the easy case is right in everything that it says is expected: class, fields, spans, tools, answer."""
    expected = case.expected
    parts: list[float | Unscored] = []
    if expected.label:
        parts.append(accuracy(case, reply))
    if expected.fields:
        parts.append(fields_exact(case, reply))
    if expected.spans:
        parts.append(span_f1(case, reply))
    if expected.tools:
        parts.append(tool_exact(case, reply))
    if not parts or expected.answers or expected.must or expected.must_not:
        parts.append(correct(case, reply))
    unscored = next((part for part in parts if isinstance(part, Unscored)), None)
    return unscored or float(all(part == 1.0 for part in parts))


def invariance(case: Case, reply: Reply, source: Reply) -> float | Unscored:
    """1 when the reply is as it was: the same class, fields, spans and tools, or the same text, up to the tolerance.

    A named quantity may move by at most `tolerance`. A text may differ by at most that share of its words (1 minus
    token F1); to decline both times is the same, to decline once is not.
    """
    relation = _relation(case)
    if relation.quantity:
        moved = _moved(relation, reply, source)
        return moved if isinstance(moved, Unscored) else float(abs(moved) <= relation.tolerance)
    return float(_change(reply, source) <= relation.tolerance)


def directional(case: Case, reply: Reply, source: Reply) -> float | Unscored:
    """1 when the named quantity moved in the stated direction by at least `tolerance`, and moved at all.

    Without a quantity the reply has to change, by more than `tolerance` where it is text.
    """
    relation = _relation(case)
    if not relation.quantity:
        return float(_change(reply, source) > relation.tolerance)
    if relation.direction not in ("up", "down"):
        return Unscored("no_direction")
    moved = _moved(relation, reply, source)
    if isinstance(moved, Unscored):
        return moved
    towards = moved if relation.direction == "up" else -moved
    return float(towards > 0.0 and towards >= relation.tolerance)


def _relation(case: Case) -> Relation:
    relation = case.expected.relation
    assert relation is not None, "the measure's needs say that there is one"
    return relation


def _moved(relation: Relation, reply: Reply, source: Reply) -> float | Unscored:
    now, before = _quantity(relation.quantity, reply), _quantity(relation.quantity, source)
    return Unscored("no_quantity") if now is None or before is None else now - before


def _quantity(name: str, reply: Reply) -> float | None:
    """The number of this name in a reply: `confidence`, `score:LABEL` or `field:NAME`; None when it has none."""
    output = reply.output or Output()
    kind, _, key = name.partition(":")
    if kind == "confidence":
        return reply.confidence
    value = output.scores.get(key) if kind == "score" else output.fields.get(key) if kind == "field" else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _change(reply: Reply, source: Reply) -> float:
    """How far two replies differ, 0 to 1."""
    if declined(reply) or declined(source):
        return float(declined(reply) != declined(source))
    now, before = reply.output or Output(), source.output or Output()
    if now.label or before.label:
        return float(now.label != before.label)
    if now.fields or before.fields:
        return 1.0 - agreement(before.fields, now.fields)
    if now.spans or before.spans or now.tools or before.tools:
        labels = [[span.label for span in output.spans] for output in (now, before)]
        return float(labels[0] != labels[1] or now.tools != before.tools)
    return 1.0 - token_f1(reply.text, source.text)


@dataclass(frozen=True, slots=True)
class FailureRate:
    """How often the tests of one type fail on one capability. `untested` counts cases without a verdict."""

    capability: str
    """Empty for all cases of the type."""
    kind: RelationKind
    rate: Interval
    failed: int
    untested: int


METRIC_OF: Mapping[RelationKind, str] = {
    RelationKind.MINIMUM: "minimum_functionality",
    RelationKind.INVARIANCE: "invariance",
    RelationKind.DIRECTIONAL: "directional",
}


def failure_rates(samples: Iterable[Sample], cases: Sequence[Case]) -> tuple[FailureRate, ...]:
    """Failure rates by test type, in all and by capability slice. Cases that come from one source, and repeats of one
    case, are not independent, and the intervals know it. A sample that failed is a failed test."""
    verdicts: defaultdict[tuple[RelationKind, str], list[tuple[float | None, str]]] = defaultdict(list)
    known = {case.case_id: case for case in cases}
    for sample in samples:
        case = known.get(sample.case_id)
        relation = case.expected.relation if case is not None else None
        if case is None or relation is None:
            continue
        score = 0.0 if sample.error else sample.scores.get(METRIC_OF[relation.kind])
        cluster = case.cluster or relation.of or case.case_id
        names = [name.removeprefix(CAPABILITY) for name in case.slices if name.startswith(CAPABILITY)]
        for name in ("", *names):
            verdicts[relation.kind, name].append((None if score is None else 1.0 - score, cluster))
    rows = (_rate(kind, name, verdicts[kind, name]) for kind, name in sorted(verdicts))
    return tuple(row for row in rows if row is not None)


def _rate(kind: RelationKind, capability: str, verdicts: list[tuple[float | None, str]]) -> FailureRate | None:
    told = [(failed, cluster) for failed, cluster in verdicts if failed is not None]
    if not told:
        return None
    interval = share_interval([failed for failed, _ in told], [cluster for _, cluster in told])
    estimate, low, high = float(interval.estimate), float(interval.low), float(interval.high)
    plain = Interval(estimate, low, high, interval.level, interval.method, interval.n)
    return FailureRate(capability, kind, plain, sum(failed == 1.0 for failed, _ in told), len(verdicts) - len(told))
