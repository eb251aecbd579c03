"""Two groups give the numbers of GrowthBook's own tests; ratios, drift and splits give theirs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.stats.drift import Drift, count_shift, ks_distance, mean_shift, psi_of
from assay.stats.experiment import Group, cuped, difference, sample_ratio_p
from assay.stats.power import exact_cases, two_group_total
from assay.stats.ratio import fieller, paired_ratio, ratio_of_means, risk_ratio

A, B = Group(3407, 1396.87, 52377.9767), Group(3461, 2422.7, 134698.29)


def test_differences_give_growthbooks_numbers() -> None:
    absolute, relative = difference(A, B), difference(A, B, scale="relative")
    found = absolute.interval()
    assert (round(found.estimate, 5), round(found.low, 5), round(found.high, 5)) == (0.29, 0.04538, 0.53462)
    assert round(absolute.p_value(), 5) == 0.02016
    found = relative.interval()
    assert (round(found.estimate, 5), round(found.low, 5), round(found.high, 5)) == (0.70732, -0.03526, 1.44989)
    assert round(relative.p_value(), 5) == 0.06191


def test_shares_of_small_groups_give_growthbooks_numbers() -> None:
    found = difference(Group.of_share(14, 28), Group.of_share(16, 30), scale="relative")
    interval = found.interval()
    assert (round(interval.low, 5), round(interval.high, 5)) == (-0.47767, 0.61101)
    assert round(found.p_value(), 5) == 0.80707


def test_sequences_give_growthbooks_numbers() -> None:
    tuned = difference(Group(3000, 1396.87, 52377.9767), B, scale="relative").sequence(planned=1000)
    assert (round(tuned.estimate, 5), round(tuned.low, 5), round(tuned.high, 5)) == (0.50336, -0.55844, 1.56516)
    shares = difference(Group.of_share(1396, 3000), Group.of_share(2422, 3461), scale="relative").sequence()
    assert (round(shares.estimate, 5), round(shares.low, 5), round(shares.high, 5)) == (0.50386, 0.40098, 0.60675)


def test_a_split_that_is_off_by_four_in_a_thousand_is_found_in_a_million() -> None:
    assert sample_ratio_p([821_588, 815_482]) == pytest.approx(1.8218e-6, rel=1e-4)
    assert sample_ratio_p([700, 300], [0.7, 0.3]) == 1.0
    for counts, shares in (([5], None), ([0, 0], None), ([5, 5], [0.5, 0.6])):
        with pytest.raises(ValueError, match=r"sample ratio|sum to 1"):
            sample_ratio_p(counts, shares)


def test_a_covariate_takes_out_the_variance_it_explains_and_leaves_the_difference() -> None:
    """CUPED leaves 1 - correlation² of the variance (`evaluation.md` 4.8)."""
    rng = np.random.default_rng(6)
    before = rng.normal(10, 2, (2, 4000))
    now = 0.8 * before + rng.normal(0, 1.2, (2, 4000))
    now[1] += 0.3
    found = cuped(now[0], before[0], now[1], before[1])
    assert found.kept == pytest.approx(1 - 0.8**2, abs=0.02)
    assert found.theta == pytest.approx(0.8, abs=0.02)
    plain = difference(Group.of(now[0]), Group.of(now[1]))
    adjusted = found.difference()
    assert adjusted.error / plain.error == pytest.approx(0.6, abs=0.02)
    assert abs(adjusted.estimate - 0.3) < 3 * adjusted.error
    flat = cuped([1.0, 2.0], [5.0, 5.0], [2.0, 4.0], [5.0, 5.0])
    assert (flat.theta, flat.kept) == (0.0, 1.0)


def test_groups_that_say_nothing_are_errors_or_certain() -> None:
    with pytest.raises(ValueError, match="two units"):
        Group.of([1.0])
    with pytest.raises(ValueError, match="mean of 0"):
        difference(Group.of([0.0, 0.0]), B, scale="relative")
    same = difference(Group.of([1.0, 1.0]), Group.of([1.0, 1.0]))
    assert (same.error, same.p_value()) == (0.0, 1.0)


def test_two_group_sizes_are_those_of_spotifys_calculator() -> None:
    """tests/frequentist/test_freqsamplesizecalculator.py, to one in a thousand as there: 1,042,868, 95,459, 894,863.

    .01 over two metrics and two comparisons, one-sided; shares .5, .2, .3, of which the smaller treatment decides; the
    last with equal shares.
    """
    total = two_group_total(0.7, 0.7 * 0.00617, (0.5, 0.2), alpha=0.0025, sides=1)
    assert total / 1_042_868 == pytest.approx(1.0, abs=1e-3)
    mean = exact_cases(2.13 * (1 / 0.5 + 1 / 0.2), 0.0456, alpha=0.0025, sides=1)
    assert mean / 95_459 == pytest.approx(1.0, abs=1e-3)
    equal = two_group_total(0.7, 0.7 * 0.00617, (1 / 3, 1 / 3), alpha=0.0025, sides=1)
    assert equal / 894_863 == pytest.approx(1.0, abs=1e-3)


def test_fiellers_limits_solve_fiellers_equation() -> None:
    low, high = fieller(1.2, 2.0, 0.01, 0.02, 0.004, 1.96)
    for ratio in (low, high):
        variance = 0.01 - 2 * ratio * 0.004 + ratio**2 * 0.02
        assert (1.2 - ratio * 2.0) ** 2 == pytest.approx(1.96**2 * variance)
    with pytest.raises(ValueError, match="told from 0"):
        fieller(1.0, 0.1, 0.01, 0.02, 0.0, 1.96)


def test_a_paired_ratio_uses_that_both_come_from_the_same_cases() -> None:
    rng = np.random.default_rng(7)
    base = rng.lognormal(0, 0.8, 200)
    new = base * rng.lognormal(0.1, 0.1, 200)
    paired, apart = paired_ratio(new, base), ratio_of_means(new, base)
    assert paired.low < 1.1 < paired.high
    assert paired.high - paired.low < 0.3 * (apart.high - apart.low)
    grouped = paired_ratio(new, base, [str(i // 2) for i in range(200)])
    assert grouped.estimate == paired.estimate
    with pytest.raises(ValueError, match="mean above 0"):
        ratio_of_means([0.0, 0.0], [1.0, 2.0])


def test_koopmans_risk_ratio_is_the_score_interval() -> None:
    """7 of 34 against 1 of 34: 1.22 to 42.6 (Koopman's score, as in Price and Bonett 2008)."""
    found = risk_ratio(7, 34, 1, 34)
    assert found is not None
    assert (round(found.estimate, 2), round(found.low, 2), round(found.high, 1)) == (7.0, 1.22, 42.6)
    none = risk_ratio(0, 30, 5, 30)
    assert none is not None
    assert none.low == 0.0 < none.high < 1.0
    assert risk_ratio(3, 30, 0, 30) is None


@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_a_risk_ratio_turned_round_is_its_inverse(n1: int, n2: int, data: st.DataObject) -> None:
    x1, x2 = data.draw(st.integers(1, n1)), data.draw(st.integers(1, n2))
    one, other = risk_ratio(x1, n1, x2, n2), risk_ratio(x2, n2, x1, n1)
    assert one is not None
    assert other is not None
    assert one.low <= one.estimate <= one.high
    assert one.low * other.high == pytest.approx(1.0, rel=1e-6)


def test_drift_alarms_on_what_matters_and_not_on_what_is_merely_there() -> None:
    rng = np.random.default_rng(9)
    reference = rng.normal(0, 1, 20_000)
    assert mean_shift(reference, rng.normal(0.05, 1, 20_000), 0.2).verdict is Drift.STEADY
    moved = mean_shift(reference, rng.normal(0.5, 1, 500), 0.2)
    assert moved.verdict is Drift.MOVED
    assert moved.standardised == pytest.approx(0.5, abs=0.12)
    few = mean_shift(reference, rng.normal(0.5, 1, 30), 0.2)
    assert few.verdict is Drift.OPEN
    watched = mean_shift(reference, rng.normal(0.5, 1, 500), 0.2, measures=20)
    assert watched.interval.high - watched.interval.low > moved.interval.high - moved.interval.low
    assert watched.interval.level == pytest.approx(1 - 0.05 / 20)


def test_a_drift_test_holds_at_every_look() -> None:
    rng = np.random.default_rng(10)
    alarms = 0
    for _ in range(150):
        reference, window = rng.normal(0, 1, 200), rng.normal(0, 1, 1500)
        looks = range(100, 1501, 100)
        alarms += any(mean_shift(reference, window[:n], 0.0).verdict is Drift.MOVED for n in looks)
    assert alarms / 150 < 0.06


def test_drift_without_meaning_is_an_error() -> None:
    for reference, window, margin in (([1.0], [1.0, 2.0], 0.1), ([1.0, 2.0], [1.0, 2.0], -0.1)):
        with pytest.raises(ValueError, match=r"two independent|margin"):
            mean_shift(reference, window, margin)
    constant = mean_shift([1.0, 1.0], [1.0, 1.0], 0.1)
    assert constant.standardised is None
    assert constant.verdict is Drift.STEADY


def test_descriptions_of_a_shift_are_the_textbook_ones() -> None:
    same = count_shift({"a": 50, "b": 50}, {"a": 50, "b": 50})
    assert (same.psi, same.effect, same.p_value) == (0.0, 0.0, 1.0)
    moved = count_shift({"a": 50, "b": 50}, {"a": 80, "b": 20})
    p, q = np.array([50.5, 50.5]) / 101, np.array([80.5, 20.5]) / 101
    assert moved.psi == pytest.approx(float(((q - p) * np.log(q / p)).sum()))
    assert moved.effect == pytest.approx(0.3145, abs=1e-4)  # phi of the 2 x 2 table
    assert ks_distance([1, 2, 3, 4], [3, 4, 5, 6]) == 0.5
    assert psi_of(range(100), range(50, 150)).psi > 0.2
    for bad in ({}, {"a": 3}):
        with pytest.raises(ValueError, match="categories"):
            count_shift({"a": 5}, bad)
