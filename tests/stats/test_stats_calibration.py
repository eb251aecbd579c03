"""Confidences are judged by what happened, and thresholds keep the risk they promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from assay.stats.bounded import betting_interval
from assay.stats.calibration import brier, ece, reliability
from assay.stats.rare import (
    chance_to_show,
    events_allowed,
    k_of_n,
    pass_at_k,
    pass_hat_k,
    rate_at_most,
    tries_needed,
)
from assay.stats.risk import (
    binomial_cdf,
    conformal_risk_threshold,
    risk_coverage,
    selective_risk_threshold,
)


def test_brier_and_calibration_error_by_hand() -> None:
    """Two items at .9, one right; two at .3, none right: Brier (.01 + .81 + .09 + .09) / 4, error (.4 + .3) / 2."""
    stated, right = [0.9, 0.9, 0.3, 0.3], [1, 0, 0, 0]
    assert brier(stated, right).estimate == pytest.approx(0.25)
    assert ece(stated, right) == pytest.approx(0.35)
    assert ece(stated, right, 2, scheme="mass") == pytest.approx(0.35)


def test_a_calibrated_system_shows_an_error_that_chance_alone_makes_and_debiasing_takes_off() -> None:
    rng = np.random.default_rng(1)
    raw, adjusted = [], []
    for _ in range(60):
        stated = rng.random(200)
        right = (rng.random(200) < stated).astype(float)
        raw.append(ece(stated, right, scheme="mass"))
        adjusted.append(ece(stated, right, scheme="mass", debiased=True))
    assert np.mean(raw) > 0.06
    assert np.mean(adjusted) < 0.75 * np.mean(raw)


def test_reliability_bins_hold_every_item_once_with_bands_that_hold_the_truth() -> None:
    rng = np.random.default_rng(2)
    stated = rng.random(2000)
    right = (rng.random(2000) < stated).astype(float)
    for scheme in ("width", "mass"):
        bins = reliability(stated, right, 10, scheme=scheme)  # type: ignore[arg-type]
        assert sum(one.n for one in bins) == 2000
        inside = [one.accuracy.low <= one.confidence <= one.accuracy.high for one in bins]
        assert sum(inside) >= 8
    (constant,) = reliability([0.7] * 20, [1] * 10 + [0] * 10)
    assert (constant.low, constant.high, constant.n) == (0.7, 0.7, 20)


@pytest.mark.parametrize(
    ("stated", "right"), [([], []), ([0.5], [1, 0]), ([1.2], [1]), ([float("nan")], [1]), ([0.5], [0.5])]
)
def test_confidences_that_are_none_are_an_error(stated: list[float], right: list[float]) -> None:
    with pytest.raises(ValueError, match=r"confidences|outcomes"):
        ece(stated, right)


def test_the_risk_coverage_curve_by_hand() -> None:
    """Confidences 4 to 1 with the last two wrong: risk 0, 0, 1/3, 1/2; turned round, the wrong ones come first."""
    curve = risk_coverage([4, 3, 2, 1], [0, 0, 1, 1])
    assert [point.risk.estimate for point in curve.points] == pytest.approx([0, 0, 1 / 3, 1 / 2])
    assert [point.coverage for point in curve.points] == [0.25, 0.5, 0.75, 1.0]
    assert curve.aurc == curve.aurc_best == pytest.approx((1 / 3 + 1 / 2) / 4)
    assert risk_coverage([1, 2, 3, 4], [0, 0, 1, 1]).aurc == pytest.approx((1 + 1 + 2 / 3 + 1 / 2) / 4)


def test_equal_confidences_are_one_decision_and_order_does_not_matter() -> None:
    one, other = risk_coverage([1, 1, 1, 1], [0, 0, 1, 1]), risk_coverage([1, 1, 1, 1], [1, 0, 1, 0])
    assert one == other
    assert len(one.points) == 1
    assert one.aurc == pytest.approx(0.5)


def test_conformal_risk_control_keeps_its_expected_loss() -> None:
    """Mean loss on new items over many calibration sets is at most alpha (Angelopoulos et al. 2024, theorem 1)."""
    rng = np.random.default_rng(3)
    losses = []
    for _ in range(400):
        stated = rng.random(101)
        wrong = (rng.random(101) > stated).astype(float)
        found = conformal_risk_threshold(stated[:100], wrong[:100], 0.1)
        assert found.threshold is not None
        losses.append(wrong[100] * (stated[100] >= found.threshold))
    assert 0.05 < np.mean(losses) <= 0.1 + 2 * (0.09 / 400) ** 0.5


def test_conformal_risk_control_by_hand_and_with_too_few_items() -> None:
    """Nine items, one wrong at the lowest confidence: (0 + 1) / 10 at .2, (1 + 1) / 10 with it."""
    stated = [i / 10 for i in range(1, 10)]
    found = conformal_risk_threshold(stated, [1] + [0] * 8, 0.1)
    assert (found.threshold, found.coverage) == (0.2, 8 / 9)
    assert conformal_risk_threshold(stated, [0] * 9, 0.05).threshold is None
    with pytest.raises(ValueError, match="alpha"):
        conformal_risk_threshold(stated, [0] * 9, 1.0)


def test_a_selective_threshold_keeps_the_risk_among_answers() -> None:
    rng = np.random.default_rng(4)
    broken = kept = 0
    for _ in range(80):
        stated = rng.random(600)
        wrong = (rng.random(600) > 0.5 + 0.5 * stated).astype(float)
        found = selective_risk_threshold(stated, wrong, 0.2, delta=0.1)
        if found.threshold is not None:
            kept += 1
            broken += (1 - found.threshold) / 4 > 0.2  # the true share wrong above a threshold t is (1 - t) / 4
    assert kept > 60
    assert broken / 80 <= 0.15
    assert selective_risk_threshold([0.5] * 10, [0] * 10, 0.1).threshold is None


@settings(max_examples=40)
@given(st.integers(1, 300), st.floats(0.01, 0.99), st.data())
def test_the_binomial_tail_agrees_with_scipy(n: int, p: float, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    assert binomial_cdf(k, n, p) == pytest.approx(float(binom.cdf(k, n, p)), abs=1e-11)
    assert rate_at_most(k, n) == pytest.approx(binomtest(k, n, alternative="less").proportion_ci(0.95).high, abs=1e-9)


def test_what_must_not_happen_takes_this_many_tries_to_show() -> None:
    """Zero failures: 29 tries for 10 %, 59 for 5 %, 299 for 1 % (Hanley and Lippman-Hand 1983); one allowed: 473."""
    assert [tries_needed(limit) for limit in (0.1, 0.05, 0.01)] == [29, 59, 299]
    assert tries_needed(0.01, allowed=1) == 473
    assert (events_allowed(299, 0.01), events_allowed(298, 0.01), events_allowed(473, 0.01)) == (0, None, 1)
    assert chance_to_show(299, 0.01, 0.001) == pytest.approx(0.999**299)
    assert rate_at_most(0, 30) == pytest.approx(0.0950, abs=5e-5)
    for limit in (0.0, 1.0, -0.1):
        with pytest.raises(ValueError, match="limit"):
            tries_needed(limit)
    with pytest.raises(ValueError, match="one try"):
        rate_at_most(0, 0)


def test_some_or_all_of_k_answers() -> None:
    assert k_of_n(0.9, 3, 3) == pytest.approx(0.729)
    assert k_of_n(0.9, 0, 3) == 1.0
    assert (pass_at_k(3, 10, 2), pass_hat_k(3, 10, 2)) == pytest.approx((1 - 21 / 45, 3 / 45))
    with pytest.raises(ValueError, match="k <= n"):
        pass_at_k(3, 2, 1)


def test_betting_never_claims_more_than_it_saw() -> None:
    ones = betting_interval([1.0] * 30)
    assert ones.high == 1.0
    assert 0.6 < ones.low < 0.9
    scaled = betting_interval([3.0, 4.0, 5.0] * 30, low=1.0, high=5.0)
    assert 1.0 <= scaled.low < 4.0 < scaled.high <= 5.0
    assert betting_interval([0.4]).low <= 0.4 <= betting_interval([0.4]).high
    for bad in ([], [1.5], [float("nan")]):
        with pytest.raises(ValueError, match="values"):
            betting_interval(bad)


def test_betting_covers_a_rare_failure_that_t_does_not() -> None:
    rng = np.random.default_rng(5)
    inside = 0
    for seed in range(80):
        found = betting_interval((rng.random(60) < 0.97).astype(float), seed=seed)
        inside += found.low <= 0.97 <= found.high
    assert inside / 80 > 0.95
