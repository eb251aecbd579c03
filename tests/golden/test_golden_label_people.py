"""Labels of several people: who gets what, what they say together, how far they agree, who is set aside."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.golden.labelling.agreement import NOTHING_TWICE, ONE_PERSON, agreement
from assay.golden.labelling.queue import assignment, in_order, open_to, to_adjudicate
from assay.golden.labelling.resolve import disputes, resolved
from assay.golden.labelling.shown import choice_of, choices, shown, turned, value_of
from assay.golden.labelling.standing import standings
from assay.records.dialogue import AnswerSentence, Check, CheckStatus, Outcome, Reply
from assay.records.errors import AccessDenied, InputError, NotFound
from assay.records.evaluation import Interval, Sample
from assay.records.golden import Case, Expected
from assay.records.labels import ItemKind, Label, LabelItem, LabelTask


def task(items: int = 8, checks: int = 0, kind: ItemKind = ItemKind.REPLY, **more: object) -> LabelTask:
    asked = [LabelItem(f"i{n}", kind, f"c{n}", "r1", 0, "r2" if kind is ItemKind.PAIR else "") for n in range(items)]
    known = [LabelItem(f"k{n}", kind, f"c{n}", "r1", gold="bad") for n in range(checks)]
    labels = ("a", "b", "tie") if kind is ItemKind.PAIR else ("good", "bad")
    made = LabelTask("t", "quality", "Look.", labels, (labels[0],), (*asked, *known), kind=kind)
    return replace(made, **more)  # type: ignore[arg-type]


def say(item: str, who: str, value: str, at: str = "2026-01-01T00:00:00Z", source: str = "person") -> Label:
    return Label("t", item, who, value, at, source)


def interval(figure: Interval | str) -> Interval:
    assert isinstance(figure, Interval), figure
    return figure


def test_every_way_in_which_labels_come_to_one_value() -> None:
    labels = [
        say("i0", "ann", "good"), say("i0", "bob", "good"),
        say("i1", "ann", "good"), say("i1", "bob", "bad"),
        say("i2", "ann", "good"), say("i2", "bob", "bad"), say("i2", "cy", "bad"),
        say("i3", "ann", "bad"),
        say("i4", "ann", ""), say("i4", "bob", ""),
        say("i5", "ann", "good"), say("i5", "bob", "bad"), say("i5", "bob", "good", at="2026-01-02T00:00:00Z"),
        say("i6", "ann", "good"), say("i6", "bob", "bad"),
    ]  # fmt: skip
    decided = [say("i6", "dora", "good", source="adjudication"), say("i6", "dora", "bad", source="adjudication")]
    made = task()
    found = {one.item.item_id: (one.value, one.how) for one in resolved(made, labels, decided)}
    assert found == {
        "i0": ("good", "agreed"),
        "i2": ("bad", "majority"),
        "i3": ("bad", "single"),
        "i5": ("good", "agreed"),
        "i6": ("bad", "adjudicated"),
    }
    assert [one.item.item_id for one in disputes(made, labels, decided)] == ["i1"]
    assert [item.item_id for item in to_adjudicate(made, labels, decided, "ann")] == []
    assert [item.item_id for item in to_adjudicate(made, labels, decided, "dora")] == ["i1"]


def test_who_fails_the_attention_checks_is_set_aside_visibly_and_their_places_are_free_again() -> None:
    """Four checks answered, two right, a floor of 75 %: the labels stay in the ledger and count for nothing."""
    made = task(items=2, checks=4, per_item=2)
    careless = [say(f"k{n}", "bob", "bad" if n < 2 else "good") for n in range(4)]
    labels = [say("i0", "ann", "good"), say("i0", "bob", "bad"), *careless]
    standing = standings(made, labels)["bob"]
    assert (standing.checks, standing.checks_right, standing.aside) == (4, 2, True)
    assert standing.pass_rate == 0.5
    assert [(one.value, one.how) for one in resolved(made, labels)] == [("good", "single")]
    assert not disputes(made, labels)
    assert open_to(made, labels, "bob") == []
    assert {item.item_id for item in open_to(made, labels, "cy")} == {"i0", "i1", "k0", "k1", "k2", "k3"}
    found = agreement(made, labels, {})
    assert found.aside == ("bob",)
    assert found.alpha == ONE_PERSON
    three = standings(made, [label for label in labels if label.item_id != "k3"])["bob"]
    assert not three.aside, "three answered checks are too few to say"


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 3), st.integers(3, 7), st.integers(0, 99))
def test_people_get_the_same_number_of_items_and_meet_each_other_alike(
    items: int, per_item: int, people: int, seed: int
) -> None:
    names = tuple(f"p{n}" for n in range(people))
    made = task(items=items, checks=2, annotators=names, per_item=per_item, seed=seed)
    who = assignment(made)
    load: Counter[str] = Counter()
    for item in made.asked:
        assert len(set(who[item.item_id])) == len(who[item.item_id]) == per_item
        load.update(who[item.item_id])
    assert max(load.values()) - min(load[name] for name in names) <= 1
    assert all(set(who[check.item_id]) == set(names) for check in made.checks)


def test_pairs_of_people_meet_about_equally_often() -> None:
    made = task(items=60, annotators=("p0", "p1", "p2", "p3"), per_item=2)
    met = Counter(pair for who in assignment(made).values() for pair in combinations(sorted(who), 2))
    assert max(met.values()) - min(met.values()) <= 2
    assert len(met) == 6


def test_nobody_is_given_an_item_twice_and_none_more_often_than_wanted() -> None:
    """Three people who take turns until nothing is left: two labels an item, checks once for everybody."""
    made = task(items=30, checks=5, per_item=2)
    labels: list[Label] = []
    people = ["ann", "bob", "cy"]
    while any(queues := [open_to(made, labels, person) for person in people]):
        for person, queue in zip(people, queues, strict=True):
            current = open_to(made, labels, person) if queue else []
            if current:
                labels.append(say(current[0].item_id, person, "bad"))
    counts = Counter(label.item_id for label in labels)
    assert {counts[item.item_id] for item in made.asked} == {2}
    assert {counts[check.item_id] for check in made.checks} == {3}
    assert len({(label.item_id, label.annotator) for label in labels}) == len(labels)


def test_everybody_works_in_an_order_of_their_own_and_later_draws_come_last() -> None:
    made = task(items=30)
    late = replace(made, items=(*made.items, LabelItem("late", ItemKind.REPLY, "c99", "r1", wave=1)))
    ann, bob = ([item.item_id for item in in_order(late, who)] for who in ("ann", "bob"))
    assert ann != bob
    assert sorted(ann) == sorted(bob)
    assert ann[-1] == bob[-1] == "late"
    assert [item.item_id for item in in_order(late, "ann")] == ann


def test_a_task_that_names_its_people_refuses_others() -> None:
    made = task(annotators=("ann", "bob"))
    with pytest.raises(AccessDenied, match=r"label\.not_on_task"):
        open_to(made, [], "eve")


def test_pairs_are_turned_about_half_the_time_and_come_back_as_they_went() -> None:
    made = task(items=200, kind=ItemKind.PAIR)
    flips = [turned(made, item) for item in made.items]
    assert 70 < sum(flips) < 130
    for item, flip in zip(made.items, flips, strict=True):
        assert choices(made, item) == ("first", "second", "tie")
        assert value_of(made, item, "first") == ("b" if flip else "a")
        assert all(value_of(made, item, choice_of(made, item, value)) == value for value in ("a", "b", "tie", ""))
    with pytest.raises(InputError, match=r"label\.unknown_label"):
        value_of(made, made.items[0], "a")


def test_what_is_shown_names_no_system_and_follows_the_drawn_order() -> None:
    made = task(items=20, kind=ItemKind.PAIR)
    item = next(item for item in made.items if turned(made, item))

    def sample(text: str) -> Sample:
        sentence = AnswerSentence(text, (), Check(CheckStatus.SUPPORTED, 1.0))
        return Sample(item.case_id, 0, Reply(Outcome.ANSWERED, "", (sentence,)), {"correct": 1.0}, {})

    samples = {("r1", item.case_id, 0): sample("One."), ("r2", item.case_id, 0): sample("Two.")}
    seen = shown(made, item, Case(item.case_id, "Which?", Expected(answers=("gold",))), samples)
    assert [reply.text for reply in seen.replies] == ["Two.", "One."]
    assert "r1" not in str(seen)
    assert "gold" not in str(seen)
    with pytest.raises(NotFound, match=r"label\.gone"):
        shown(made, item, Case(item.case_id, "Which?", Expected()), {})


def test_agreement_of_two_people_is_what_the_formulas_say() -> None:
    """Ten items: five both good, three both bad, two differ. Percent .8; kappa (.8 - .5) / (1 - .5) = .6."""
    said = [("good", "good")] * 5 + [("bad", "bad")] * 3 + [("good", "bad"), ("bad", "good")]
    made = task(items=10)
    labels = [say(f"i{n}", who, value) for n, pair in enumerate(said) for who, value in zip("ab", pair, strict=True)]
    found = agreement(made, labels, {})
    assert (found.items, found.doubly) == (10, 10)
    (pair,) = found.pairs
    assert interval(pair.percent).estimate == pytest.approx(0.8)
    chance = 0.6 * 0.6 + 0.4 * 0.4
    assert interval(pair.kappa).estimate == pytest.approx((0.8 - chance) / (1 - chance))
    assert interval(pair.ac1).estimate == pytest.approx((0.8 - 2 * 0.6 * 0.4) / (1 - 2 * 0.6 * 0.4))
    good = found.labels[0]
    assert good.given == 12
    assert interval(good.specific).estimate == pytest.approx(2 * 5 / (2 * 5 + 2))
    assert interval(found.alpha).low < interval(found.alpha).estimate < 0.62


def test_without_two_people_agreement_cannot_be_said_and_says_so() -> None:
    made = task(items=4)
    alone = agreement(made, [say("i0", "ann", "good"), say("i1", "ann", "bad")], {})
    assert alone.alpha == alone.percent == ONE_PERSON
    apart = agreement(made, [say("i0", "ann", "good"), say("i1", "bob", "bad")], {})
    assert apart.alpha == NOTHING_TWICE
    assert apart.pairs == ()
    alike = agreement(made, [say(f"i{n}", who, "good") for n in range(4) for who in "ab"], {})
    assert isinstance(alike.alpha, str), "one label throughout says nothing beyond chance"
    assert interval(alike.percent).estimate == 1.0
