"""Is what is expected beyond words fit to judge by: something to judge, relations that stay together, one spelling."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from assay.golden.problems import Finding
from assay.records.golden import Case, Expected


def nothing_expected(cases: Sequence[Case]) -> Iterator[Finding]:
    """Answerable cases without anything to judge a reply by.

    Where other cases of the set expect spans or tool calls, a case without any says that there should be none.
    """
    none_is_meant = any(case.expected.spans or case.expected.tools for case in cases)
    for case in cases:
        if case.expected.answerable and not none_is_meant and not _something(case.expected):
            detail = "no answer, evidence, must, label, fields, spans, tools, nuggets or relation: nothing to judge by"
            yield Finding("error", "golden.nothing_expected", case.case_id, "$", detail)


def _something(expected: Expected) -> bool:
    words = expected.answers or expected.evidence or expected.must or expected.nuggets
    task = expected.label or expected.fields or expected.spans or expected.tools or expected.relation
    return bool(words or task)


def relations(cases: Sequence[Case]) -> Iterator[Finding]:
    """Relations that cannot be judged where only one split is run, and pairs that count as independent."""
    known = {case.case_id: case for case in cases}
    for case in cases:
        relation = case.expected.relation
        if relation is None or not relation.of:
            continue
        source = known.get(relation.of)
        if source is None:
            detail = "there is no such case in the set"
            yield Finding("error", "golden.unknown_relation", case.case_id, "$.relation.of", detail)
            continue
        if source.split != case.split:
            detail = "the case that it was made from stands in another split"
            yield Finding("error", "golden.relation_across_splits", case.case_id, "$.relation.of", detail)
        if not case.cluster or case.cluster != source.cluster:
            detail = "a case and the one that it was made from are not independent: give both one cluster"
            yield Finding("warning", "golden.relation_across_clusters", case.case_id, "$.cluster", detail)


def label_variants(cases: Sequence[Case]) -> Iterator[Finding]:
    """Labels that differ from a more frequent one only by case or white space: two classes by accident."""
    used = Counter(case.expected.label for case in cases if case.expected.label)
    alike: dict[str, list[str]] = defaultdict(list)
    for label in sorted(used, key=lambda label: (-used[label], label)):
        alike["".join(label.casefold().split())].append(label)
    variants = {label for group in alike.values() for label in group[1:]}
    for case in cases:
        if case.expected.label in variants:
            detail = "differs from a more frequent label only by case or white space"
            yield Finding("warning", "golden.label_variant", case.case_id, "$.label", detail)
