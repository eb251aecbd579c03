"""What labels say of the whole population, how sure that is, and how many more would make it twice as sure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assay.golden.labelling.drawing import Frame, Unit
from assay.golden.labelling.estimate import estimates, plan_sentence, seen_by_stratum
from assay.golden.labelling.making import Question, more_items, new_task
from assay.records.evaluation import Interval
from assay.records.labels import Label, LabelTask

ASKED = Question("q", "Right?", "Look.", ("good", "bad"), ("good",), per_item=1)


def population(seed: int, n: int = 800, share: float = 0.9) -> tuple[Frame, dict[str, bool], Frame]:
    """Units whose stratum is a judge's verdict (right nine times in ten), the truth, and the same with sizes."""
    rng = np.random.default_rng(seed)
    good = rng.random(n) < share
    verdict = np.where(rng.random(n) < 0.9, good, ~good)
    risk = np.clip(np.where(good, rng.beta(2, 5, n), rng.beta(4, 3, n)), 0.2, 1.0)
    judged = tuple(Unit(f"u{k}", f"c{k}", "run", stratum=f"judge:x={int(verdict[k])}") for k in range(n))
    risky = tuple(replace(unit, stratum="all", size=float(risk[k])) for k, unit in enumerate(judged))
    return Frame(seed, judged), {f"u{k}": bool(good[k]) for k in range(n)}, Frame(seed, risky)


def made(frame: Frame, by: str, count: int, guesses: dict[str, float] | None = None) -> LabelTask:
    return new_task(
        ASKED,
        frame,
        count,
        (),
        by=by,
        guesses=guesses or {},
        left_out={},
        golden_name="g",
        golden_version="1",
        now="now",
    )


def truthful(task: LabelTask, truth: dict[str, bool]) -> list[Label]:
    return [Label("t", i.item_id, "ann", "good" if truth[i.item_id] else "bad", "") for i in task.asked]


def interval(task: LabelTask, labels: list[Label], frame: Frame) -> Interval:
    (one,) = estimates(task, labels, (), frame, {})
    assert one.interval is not None
    return one.interval


def drawn_more(task: LabelTask, labels: list[Label], frame: Frame, count: int) -> LabelTask:
    items, chances = more_items(task, frame, count, seen_by_stratum(task, labels, ()))
    known = tuple(replace(item, probability=chances[item.item_id]) for item in task.items)
    return replace(task, items=(*known, *items))


@pytest.mark.parametrize("by", ["judge:x", "risk"])
def test_label_so_many_more_halves_the_interval(by: str) -> None:
    """The plan is made after 60 labels, carried out, and the mean width over 16 populations is half within a tenth;
    two draws of which the second depends on the first still cover the true share."""
    before, after, held, total = [], [], 0, 16
    for seed in range(total):
        judged, truth, risky = population(seed)
        frame = judged if by == "judge:x" else risky
        task = made(frame, by, 60)
        labels = truthful(task, truth)
        (one,) = estimates(task, labels, (), frame, {})
        assert one.interval is not None
        assert one.plan is not None
        if not one.plan.reachable:
            continue
        assert one.plan.draw == one.plan.more
        grown = drawn_more(task, labels, frame, one.plan.more)
        assert len(grown.items) == 60 + one.plan.more
        later = interval(grown, truthful(grown, truth), frame)
        before.append(one.interval.high - one.interval.low)
        after.append(later.high - later.low)
        held += later.low <= 0.9 <= later.high
    assert len(before) >= 14
    assert np.mean(after) / np.mean(before) == pytest.approx(0.5, abs=0.1)
    assert held >= len(before) - 3


def test_the_estimate_undoes_how_items_were_drawn() -> None:
    """With the judge's failures drawn far more often than its passes, the raw share is off and the estimate is not."""
    frame, truth, _ = population(3, n=2000)
    task = made(frame, "judge:x", 300, {"judge:x=0": 0.5, "judge:x=1": 0.999})
    found = interval(task, truthful(task, truth), frame)
    real = sum(truth.values()) / len(truth)
    raw = sum(truth[item.item_id] for item in task.asked) / len(task.asked)
    assert raw < real - 0.1
    assert abs(found.estimate - real) < 0.03
    assert found.low <= real <= found.high


def test_the_sentence_says_how_many_from_where_and_what_to_type() -> None:
    frame, truth, _ = population(1)
    task = made(frame, "judge:x", 60)
    labels = truthful(task, truth)
    (one,) = estimates(task, labels, (), frame, {})
    assert one.plan is not None
    text = plan_sentence(one.plan, "q")
    assert text.startswith(f"label {one.plan.more} more to halve this interval: ")
    assert "of judge:x=0" in text
    assert f"assay label more q --n {one.plan.draw}" in text
    half = truthful(task, truth)[:30]
    (early,) = estimates(task, half, (), frame, {})
    assert early.plan is not None
    assert early.plan.draw < early.plan.more, "those that wait in the queue need not be drawn"


def test_two_draws_of_a_stratum_have_the_chances_of_one() -> None:
    frame, _, _ = population(2)
    task = drawn_more(made(frame, "judge:x", 60), [], frame, 40)
    for name, size in frame.sizes.items():
        mine = [item for item in task.asked if item.stratum == name]
        assert {item.probability for item in mine} == {len(mine) / size}


def test_disputed_items_bound_the_estimate() -> None:
    frame, truth, _ = population(4, n=200)
    task = made(frame, "uniform", 50)
    labels = truthful(task, truth)
    labels.append(Label("t", labels[0].item_id, "bob", "bad" if labels[0].value == "good" else "good", ""))
    (one,) = estimates(task, labels, (), frame, {})
    assert one.disputed == 1
    assert one.labelled == 49
    assert one.between is not None
    assert one.between[0] < one.between[1]


def test_too_few_labels_say_so_instead_of_a_number() -> None:
    frame, truth, _ = population(5, n=100)
    task = made(frame, "uniform", 20)
    (none,) = estimates(task, (), (), frame, {})
    assert none.interval is None
    assert none.why_not
    (one,) = estimates(task, truthful(task, truth)[:1], (), frame, {})
    assert one.interval is None


def test_questions_on_one_document_widen_the_interval() -> None:
    """Eight units a document, all alike inside it: the same labels say less."""
    rng = np.random.default_rng(7)
    good = np.repeat(rng.random(50) < 0.7, 8)
    frame = Frame(1, tuple(Unit(f"u{k}", f"c{k}", "run") for k in range(400)))
    truth = {f"u{k}": bool(good[k]) for k in range(400)}
    task = made(frame, "uniform", 120)
    labels = truthful(task, truth)
    alone = interval(task, labels, frame)
    (one,) = estimates(task, labels, (), frame, {f"c{k}": f"doc{k // 8}" for k in range(400)})
    assert one.interval is not None
    assert one.interval.high - one.interval.low > 1.3 * (alone.high - alone.low)
