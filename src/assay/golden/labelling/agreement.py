"""How far people agree: over all, per pair of people, per label; with intervals, and a word where it cannot be said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from assay.golden.labelling.resolve import counted
from assay.golden.labelling.shown import FIRST, choice_of
from assay.golden.labelling.standing import Standing, latest, standings
from assay.records.evaluation import Interval
from assay.records.labels import ItemKind, Label, LabelTask
from assay.stats.agreement import Measure, cohen_kappa, gwet_ac1, krippendorff_alpha, percent_agreement
from assay.stats.proportion import wilson

Figure = Interval | str
"""A figure with its interval, or why there is none."""


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """Two people on the items that both labelled."""

    first: str
    second: str
    items: int
    percent: Figure
    kappa: Figure
    ac1: Figure


@dataclass(frozen=True, slots=True)
class LabelAgreement:
    """One label against all others, over all pairs of labels: how often the other also gave it (positive agreement),
    and alpha of "this label or not"."""

    label: str
    given: int
    specific: Figure
    alpha: Figure


@dataclass(frozen=True, slots=True)
class Agreement:
    """Everything about a task's agreement. `aside` are people whose labels are not in it."""

    items: int
    doubly: int
    """Items that at least two people labelled."""
    percent: Figure
    alpha: Figure
    pairs: tuple[PairAgreement, ...]
    labels: tuple[LabelAgreement, ...]
    people: tuple[Standing, ...]
    aside: tuple[str, ...]
    first_chosen: Figure
    """Pairs only: how often the reply that was shown first was chosen over the other; .5 where the side is nothing."""


ONE_PERSON = "one person alone labelled: agreement cannot be said"
NOTHING_TWICE = "no item was labelled by two people: agreement cannot be said"


def agreement(
    task: LabelTask, labels: Sequence[Label], clusters: Mapping[str, str], *, measure: Measure = "nominal",
    level: float = 0.95, seed: int = 0,
) -> Agreement:  # fmt: skip
    """The agreement of the labels that count. `clusters` gives the cluster of each case; a case without one is its own.

    `measure` is for alpha: `ordinal` or `interval` where the labels are numbers.
    """
    given = counted(task, labels)
    items = {item.item_id: item for item in task.asked}
    cluster = {name: clusters.get(item.case_id) or f"case {item.case_id}" for name, item in items.items()}
    units = {name: {label.annotator: label.value for label in theirs} for name, theirs in given.items()}
    twice = {name: unit for name, unit in units.items() if len(unit) > 1}
    people = sorted({annotator for unit in units.values() for annotator in unit})
    missing = "" if twice else (ONE_PERSON if len(people) < 2 else NOTHING_TWICE)
    ratings = list(twice.values())

    def alpha(of: Sequence[Mapping[str, str]], kind: Measure) -> Figure:
        return missing or _said(lambda: krippendorff_alpha(of, kind, level=level, seed=seed))

    pairs = [
        pair
        for one, two in combinations(people, 2)
        if (pair := _pair(one, two, twice, cluster, len(task.labels), level))
    ]
    by_label = tuple(
        LabelAgreement(
            label,
            sum(value == label for unit in units.values() for value in unit.values()),
            missing or _specific(label, ratings, level),
            alpha([{who: str(value == label) for who, value in unit.items()} for unit in ratings], "nominal"),
        )
        for label in task.labels
    )
    standing = standings(task, labels)
    return Agreement(
        len(units), len(twice), missing or _all_alike(ratings, [cluster[name] for name in twice], level),
        alpha(ratings, measure), tuple(pairs), by_label, tuple(standing.values()),
        tuple(one.annotator for one in standing.values() if one.aside), _side(task, labels, level),
    )  # fmt: skip


def _said(figure: Callable[[], Interval]) -> Figure:
    """A figure, or in its place why there is none: every value alike, too few items."""
    try:
        return figure()
    except ValueError as error:
        return str(error)


def _pair(
    one: str, two: str, units: Mapping[str, Mapping[str, str]], cluster: Mapping[str, str], count: int, level: float
) -> PairAgreement | None:
    both = [name for name, unit in units.items() if one in unit and two in unit]
    if not both:
        return None
    a, b = [units[name][one] for name in both], [units[name][two] for name in both]
    groups = [cluster[name] for name in both]
    return PairAgreement(
        one, two, len(both),
        _said(lambda: percent_agreement(a, b, level=level, clusters=groups)),
        _said(lambda: cohen_kappa(a, b, level=level, clusters=groups)),
        _said(lambda: gwet_ac1(a, b, level=level, clusters=groups, categories=count)),
    )  # fmt: skip


def _all_alike(ratings: Sequence[Mapping[str, str]], clusters: Sequence[str], level: float) -> Figure:
    """The share of items on which all who labelled them said the same."""
    alike = [str(len(set(unit.values())) == 1) for unit in ratings]
    return _said(lambda: percent_agreement(alike, ["True"] * len(alike), level=level, clusters=clusters))


def _specific(label: str, ratings: Sequence[Mapping[str, str]], level: float) -> Figure:
    """Of the labels `label` that have a partner: how often the partner is the same (Dice 1945, Cicchetti 1990).

    One draw per item, the first two labels by name, so that Wilson's interval is of independent things.
    """
    first_two = [[unit[who] for who in sorted(unit)[:2]] for unit in ratings]
    same = sum(pair == [label, label] for pair in first_two)
    differ = sum(pair.count(label) == 1 for pair in first_two)
    if not same + differ:
        return "nobody gave this label to an item that another person labelled too"
    share = wilson(same, same + differ, level)
    return Interval(
        _dice(share.estimate), _dice(share.low), _dice(share.high), level, "specific agreement, Wilson", same + differ
    )


def _dice(jaccard: float) -> float:
    return 2.0 * jaccard / (1.0 + jaccard)


def _side(task: LabelTask, labels: Sequence[Label], level: float) -> Figure:
    if task.kind is not ItemKind.PAIR:
        return ""
    items = {item.item_id: item for item in task.asked}
    given = [
        choice_of(task, items[label.item_id], label.value)
        for label in latest(labels).values()
        if label.item_id in items and label.value in ("a", "b")
    ]
    return wilson(given.count(FIRST), len(given), level) if given else "no reply was chosen over another yet"
