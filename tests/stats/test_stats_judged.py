"""Rates under a judge carry the judge's error, whatever the labels are like."""

import json
from pathlib import Path

import numpy as np
import pytest

from assay.stats.agreement import cohen_kappa
from assay.stats.corrected import ppi_mean, rogan_gladen
from assay.stats.judged import (
    clustered_post_stratified,
    labels_needed,
    paired_post_stratified,
    post_stratified,
)
from assay.stats.proportion import jeffreys, wilson

DEBIAS = Path(__file__).parents[3] / "shared" / "data" / "judge" / "debias"


def test_rogan_gladen_gives_the_published_example() -> None:
    """Lee et al. 2025, the repository's example, and the point of a second one."""
    found = rogan_gladen(0.4, 1000, 0.7, 0.9, 200, 200)
    assert round(found.estimate, 6) == 0.166667
    assert (round(found.low, 6), round(found.high, 6)) == (0.056351, 0.262733)
    assert round(rogan_gladen(0.8, 1000, 0.85, 0.9, 200, 200).estimate, 6) == 0.866667


def test_a_judge_that_says_next_to_nothing_is_not_corrected() -> None:
    with pytest.raises(ValueError, match=r"below \.2"):
        rogan_gladen(0.4, 1000, 0.55, 0.6, 200, 200)


def test_one_stratum_with_a_huge_pool_is_jeffreys_interval() -> None:
    found, exact = (
        post_stratified(
            {"all": 10**7},
            {"all": (27, 30)},
        ),
        jeffreys(27, 30),
    )
    assert (found.estimate, found.low, found.high) == pytest.approx((0.9, exact.low, exact.high), abs=3e-3)


def test_the_judge_is_corrected_by_the_labels_in_each_of_its_verdicts() -> None:
    """Judge says 80 % pass; of its passes nine in ten are right, of its fails one in two: .82."""
    found = post_stratified({"pass": 1600, "fail": 400}, {"pass": (90, 100), "fail": (20, 40)})
    assert found.estimate == pytest.approx(0.8 * 0.9 + 0.2 * 0.5)
    alone = wilson(110, 140)
    assert found.high - found.low < alone.high - alone.low


def test_labelling_more_of_what_the_judge_fails_changes_the_precision_not_the_estimate() -> None:
    judged = {"pass": 1900, "fail": 100}
    thin = post_stratified(judged, {"pass": (95, 96), "fail": (2, 4)})
    thick = post_stratified(judged, {"pass": (95, 96), "fail": (50, 100)})
    assert thin.estimate == pytest.approx(thick.estimate)
    assert thick.high - thick.low < thin.high - thin.low


def test_a_verdict_without_labels_is_bounded_not_guessed() -> None:
    found = post_stratified({"pass": 900, "fail": 100}, {"pass": (100, 100)})
    assert found.low < 0.905
    assert found.high > 0.995
    assert "bounded" in found.method


def test_labels_at_the_end_of_the_scale_reach_it() -> None:
    found = post_stratified({"pass": 500, "fail": 20}, {"pass": (50, 50), "fail": (5, 5)})
    assert found.high == 1.0
    assert found.low < 0.97


@pytest.mark.parametrize(
    ("judged", "labelled", "reason"),
    [
        ({"pass": 10}, {"pass": (3, 11)}, "labelled items and 10 judged"),
        ({"pass": 10}, {"fail": (0, 1)}, "judged"),
        ({"pass": 10}, {}, "no item carries"),
        ({"pass": 0}, {}, "some item"),
        ({"pass": 10}, {"pass": (5, 4)}, "0 <= right"),
    ],
)
def test_labels_that_do_not_fit_the_judged_items_are_an_error(
    judged: dict[str, int], labelled: dict[str, tuple[int, int]], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        post_stratified(judged, labelled)


def test_a_paired_difference_agrees_with_its_labels_and_its_p_values_with_its_interval() -> None:
    judged = {"11": 700, "10": 60, "01": 50, "00": 190}
    found = paired_post_stratified(judged, {"11": (0, 28, 0), "10": (9, 1, 0), "01": (0, 2, 8), "00": (0, 15, 0)})
    assert found.estimate == pytest.approx(-0.06 * 0.9 + 0.05 * 0.8)
    interval = found.interval(0.9)
    assert found.p_above(interval.low) == pytest.approx(0.05, abs=1e-3)
    assert found.p_below(interval.high) == pytest.approx(0.05, abs=1e-3)
    swapped = paired_post_stratified(judged, {"11": (0, 28, 0), "10": (0, 1, 9), "01": (8, 2, 0), "00": (0, 15, 0)})
    assert swapped.interval(0.9).low == pytest.approx(-interval.high, abs=4e-3)


def test_a_joint_verdict_without_labels_may_hold_any_difference() -> None:
    found = paired_post_stratified({"11": 900, "10": 100}, {"11": (0, 200, 0)}).interval()
    assert found.low < -0.09
    assert found.high > 0.09


def test_documents_of_one_item_give_the_unclustered_posterior_and_larger_ones_a_wider_one() -> None:
    rng = np.random.default_rng(2)
    truth = rng.random(600) < np.repeat(rng.beta(2, 1, 60), 10)
    words = np.where(truth, rng.random(600) < 0.9, rng.random(600) < 0.3)
    verdicts = ["pass" if word else "fail" for word in words]
    labels = [float(t) if i < 200 else None for i, t in enumerate(truth)]
    counts = {name: verdicts.count(name) for name in ("pass", "fail")}
    seen = {
        name: (int(sum(truth[i] for i in range(200) if verdicts[i] == name)), verdicts[:200].count(name))
        for name in counts
    }
    plain = post_stratified(counts, seen)
    alone = clustered_post_stratified(verdicts, labels, [str(i) for i in range(600)], draws=8000).interval()
    grouped = clustered_post_stratified(verdicts, labels, [str(i // 10) for i in range(600)], draws=8000).interval()
    assert (alone.estimate, alone.low, alone.high) == pytest.approx((plain.estimate, plain.low, plain.high), abs=6e-3)
    assert grouped.high - grouped.low > 1.15 * (alone.high - alone.low)
    with pytest.raises(ValueError, match="two documents"):
        clustered_post_stratified(verdicts, labels, ["one"] * 600)


def test_prediction_powered_means_need_enough_labels_and_then_gain_from_the_judge() -> None:
    rng = np.random.default_rng(5)
    human = rng.normal(0.6, 0.2, 3000)
    judge = human + rng.normal(0.1, 0.1, 3000)
    found = ppi_mean(judge, judge[:300], human[:300])
    assert abs(found.estimate - human.mean()) < 0.02
    assert found.high - found.low < 0.7 * 2 * 1.97 * 0.2 / 300**0.5
    with pytest.raises(ValueError, match="post_stratified"):
        ppi_mean(judge, judge[:100], human[:100])
    with pytest.raises(ValueError, match="post_stratified"):
        ppi_mean(judge, judge[:250], [1.0] * 240 + [0.0] * 10)
    with pytest.raises(ValueError, match="among those of all"):
        ppi_mean(judge[300:], judge[:300], human[:300])


def test_labels_go_where_they_say_most_and_bring_the_width_that_was_asked_for() -> None:
    judged, labelled = {"pass": 1900, "fail": 100}, {"pass": (95, 95), "fail": (3, 5)}
    plan = labels_needed(judged, labelled)
    assert plan.reachable
    assert plan.width_then <= plan.width_now / 2
    assert plan.more == sum(plan.allocation.values())
    grown = {
        name: (round((right + 0.5) / (n + 1) * (n + plan.allocation.get(name, 0))), n + plan.allocation.get(name, 0))
        for name, (right, n) in labelled.items()
    }
    after = post_stratified(judged, grown)
    assert after.high - after.low == pytest.approx(plan.width_then, rel=0.25)
    assert plan.allocation["fail"] / 100 > plan.allocation["pass"] / 1900


def test_a_width_below_what_all_labels_give_is_said_to_be_out_of_reach() -> None:
    plan = labels_needed({"pass": 50, "fail": 10}, {"pass": (9, 10), "fail": (1, 5)}, width=0.01)
    assert not plan.reachable
    assert plan.more == 45
    assert labels_needed({"pass": 50}, {"pass": (10, 10)}, width=0.9).more == 0
    with pytest.raises(ValueError, match="width"):
        labels_needed({"pass": 50}, {"pass": (10, 10)}, width=0.0)


def debias(name: str) -> tuple[list[bool], list[bool]]:
    """Human and judge: did the first model named in the file win?"""
    path = DEBIAS / name
    if not path.exists():
        pytest.skip("needs ../shared/data/judge/debias")
    first = name.split("_vs_")[0]
    rows = json.loads(path.read_text())
    human, judge = [], []
    for row in rows:
        winner = {"model_a": row["model_a"], "model_b": row["model_b"]}.get(row["human_winner"])
        pick = {"A": row["model_a"], "B": row["model_b"]}.get(row["judge_pick"])
        if winner is None or pick is None:
            continue
        human.append(winner == first)
        judge.append(pick == first)
    return human, judge


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "n", "people", "judged", "kappa"),
    [
        ("claude-opus-4-20250514_vs_gemini-2.5-pro_gpt-4o-mini.json", 276, 0.236, 0.159, 0.014),
        ("claude-opus-4-20250514_vs_qwen3-235b-a22b-no-thinking_gpt-5.2.json", 275, 0.400, 0.705, 0.005),
    ],
)
def test_real_judges_are_as_far_off_as_is_published(
    name: str, n: int, people: float, judged: float, kappa: float
) -> None:
    human, judge = debias(name)
    assert len(human) == n
    assert (round(sum(human) / n, 3), round(sum(judge) / n, 3)) == (people, judged)
    assert round(cohen_kappa(human, judge).estimate, 3) == kappa


@pytest.mark.data
def test_sensitivity_and_specificity_of_a_real_judge_are_as_published() -> None:
    human, judge = debias("claude-opus-4-20250514_vs_gemini-2.5-pro_gpt-4o-mini.json")
    wins = [pick for truth, pick in zip(human, judge, strict=True) if truth]
    losses = [pick for truth, pick in zip(human, judge, strict=True) if not truth]
    assert (round(sum(wins) / len(wins), 3), round(1 - sum(losses) / len(losses), 3)) == (0.169, 0.844)


@pytest.mark.data
def test_thirty_labels_of_a_real_and_wrong_judge_still_cover_what_people_say() -> None:
    """The judge says .705, people .400: over 300 draws of 30 labels the interval holds .400 as it should."""
    human, judge = debias("claude-opus-4-20250514_vs_qwen3-235b-a22b-no-thinking_gpt-5.2.json")
    truth, rng = sum(human) / len(human), np.random.default_rng(8)
    counts = {"win": sum(judge), "loss": len(judge) - sum(judge)}
    covered = 0
    for _ in range(300):
        picked = rng.permutation(len(human))[:30]
        seen = {
            name: (sum(human[i] for i in picked if judge[i] is v), sum(judge[i] is v for i in picked))
            for name, v in (("win", True), ("loss", False))
        }
        found = post_stratified(counts, seen)
        covered += found.low <= truth <= found.high
    assert covered / 300 > 0.92


@pytest.mark.data
def test_a_real_judge_that_says_nothing_is_refused_by_rogan_and_gladen() -> None:
    """The published correction of this judge by 28 labels is 0 to 1; there is nothing to correct with."""
    with pytest.raises(ValueError, match=r"below \.2"):
        rogan_gladen(0.159, 276, 0.844, 0.169, 211, 65)


def test_a_rare_verdict_that_chance_missed_adds_its_error_and_a_common_one_its_whole_share() -> None:
    """Three per cent of the verdicts and 30 labels: missed in four samples of ten. Thirty per cent: nobody looked."""
    rare = post_stratified({"pass": 970, "fail": 30}, {"pass": (28, 30)})
    common = post_stratified({"pass": 700, "fail": 300}, {"pass": (28, 30)})
    assert "bounded" not in rare.method
    assert "bounded" in common.method
    inside = post_stratified({"pass": 700}, {"pass": (28, 30)})
    assert common.low == pytest.approx(0.7 * inside.low, abs=0.01)
    assert common.high >= 0.7 * inside.high + 0.3 - 0.01
