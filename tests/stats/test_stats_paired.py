"""Paired differences give the printed values of the literature and keep their laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as reference

from assay.records.evaluation import MetricKind
from assay.stats.bootstrap import bootstrap_mean, sign_flip
from assay.stats.effect import paired_effect
from assay.stats.mean import clustered, design_effect, mean_interval, share_interval
from assay.stats.paired import bonett_price, mcnemar_exact, mcnemar_midp, newcombe_paired, tango, tango_score
from assay.stats.proportion import wilson

counts = st.tuples(*[st.integers(0, 40)] * 4).filter(lambda table: sum(table) > 1)


def test_the_consolidation_therapy_table_gives_the_published_paired_differences() -> None:
    """59, 6, 16 and 80 pairs (Cavo 2012, in Fagerland, Lydersen and Laake 2014)."""
    score = tango(6, 16, 161)
    assert (round(score.estimate, 4), round(score.low, 4), round(score.high, 4)) == (-0.0621, -0.1240, -0.0054)
    hybrid = newcombe_paired(59, 6, 16, 80)
    assert (round(hybrid.low, 4), round(hybrid.high, 4)) == (-0.1186, -0.0046)
    adjusted = bonett_price(6, 16, 161)
    assert (round(adjusted.low, 4), round(adjusted.high, 4)) == (-0.1195, -0.0032)


@pytest.mark.parametrize(
    ("won", "lost", "exact", "midp"),
    [
        (10, 25, 0.016674, 0.011331),
        (6, 16, 0.052479, 0.034690),
        (1, 8, 0.0390625, 0.021484),
        (5, 15, 0.041389, 0.026604),
    ],
)
def test_mcnemar_gives_the_known_p_values(won: int, lost: int, exact: float, midp: float) -> None:
    assert mcnemar_exact(won, lost) == pytest.approx(exact, abs=5e-7)
    assert mcnemar_midp(won, lost) == pytest.approx(midp, abs=5e-7)
    assert mcnemar_exact(won, lost) == pytest.approx(reference.binomtest(won, won + lost).pvalue)


def test_no_discordant_pair_is_no_evidence_of_a_difference_but_not_certainty_either() -> None:
    assert mcnemar_exact(0, 0) == mcnemar_midp(0, 0) == 1.0
    interval = tango(0, 0, 60)
    assert interval.low < -0.03 < 0.0 < 0.03 < interval.high


@given(counts)
def test_paired_intervals_hold_the_estimate_and_mirror_when_the_systems_swap(table: tuple[int, int, int, int]) -> None:
    both, won, lost, neither = table
    n = sum(table)
    for one, other in (
        (tango(won, lost, n), tango(lost, won, n)),
        (newcombe_paired(both, won, lost, neither), newcombe_paired(both, lost, won, neither)),
    ):
        assert -1.0 - 1e-9 <= one.low <= one.estimate + 1e-9
        assert one.estimate - 1e-9 <= one.high <= 1.0 + 1e-9
        assert one.low == pytest.approx(-other.high, abs=1e-9)


@given(counts, st.floats(-0.9, 0.9))
def test_the_score_statistic_falls_as_the_assumed_difference_rises(
    table: tuple[int, int, int, int], delta: float
) -> None:
    _, won, lost, _ = table
    n = sum(table)
    assert tango_score(won, lost, n, delta) >= tango_score(won, lost, n, delta + 0.05) - 1e-6


def test_means_agree_with_the_t_interval_of_scipy() -> None:
    values = np.random.default_rng(3).normal(0.2, 1.0, 40)
    low, high = reference.t.interval(0.9, 39, values.mean(), reference.sem(values))
    ours = mean_interval(values, level=0.9)
    assert (ours.low, ours.high) == pytest.approx((low, high))
    test = reference.ttest_1samp(values, 0.1, alternative="less")
    effect = paired_effect(MetricKind.MEAN, np.zeros(40), values)
    assert effect.p_below(0.1) == pytest.approx(test.pvalue)


def test_clustered_standard_errors_follow_the_formula_worked_by_hand() -> None:
    """Clusters (1, 3), (2) and (6): mean 3, residual sums -2, -1, 3, so variance 14 / 16 · 3 / 2."""
    data = clustered([1.0, 3.0, 2.0, 6.0], ["a", "a", "b", "c"])
    assert data.variance == pytest.approx(14 / 16 * 3 / 2)
    assert mean_interval([1.0, 3.0, 2.0, 6.0], ["a", "a", "b", "c"]).method == "cluster-robust t"


def test_copies_of_a_case_add_no_information() -> None:
    """Every case copied five times into its cluster leaves the mean's standard error where it was."""
    values = np.random.default_rng(4).normal(size=60)
    once = mean_interval(values)
    copied = mean_interval(np.repeat(values, 5), np.repeat(np.arange(60), 5))
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high))


@given(st.lists(st.booleans(), min_size=2, max_size=80))
def test_a_share_without_clusters_is_wilson_and_clusters_never_narrow_it_much(passed: list[bool]) -> None:
    values = [float(p) for p in passed]
    plain, exact = share_interval(values), wilson(sum(passed), len(passed))
    assert (plain.low, plain.high) == pytest.approx((exact.low, exact.high))
    pairs = share_interval(values, [index // 2 for index in range(len(values))])
    assert pairs.high - pairs.low >= (plain.high - plain.low) * 0.999


def test_with_nothing_seen_to_vary_the_design_effect_is_half_way_to_the_worst_one() -> None:
    assert design_effect(clustered([1.0] * 20, [index // 5 for index in range(20)])) == pytest.approx(3.0)


def test_the_bootstrap_of_skewed_values_agrees_with_scipys_bca() -> None:
    values = np.random.default_rng(5).exponential(size=80)
    theirs = reference.bootstrap((values,), np.mean, n_resamples=9999, method="BCa", rng=1).confidence_interval
    ours = bootstrap_mean(clustered(values), draws=9999, seed=2).interval()
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.02)


def test_the_bootstrap_p_value_and_limit_tell_one_story() -> None:
    """The p-value at the upper limit of a two-sided 90 % interval is 5 %, and the draws repeat with the seed."""
    data = clustered(np.random.default_rng(6).exponential(size=60))
    bootstrap = bootstrap_mean(data, seed=1)
    assert bootstrap.p_below(bootstrap.interval(0.9).high) == pytest.approx(0.05, abs=0.002)
    assert bootstrap.interval() == bootstrap_mean(data, seed=1).interval()


def test_the_bootstrap_over_clusters_is_wider_than_over_cases() -> None:
    rng = np.random.default_rng(7)
    labels = np.repeat(np.arange(20), 10)
    values = rng.exponential(size=20)[labels] + rng.normal(0, 0.1, 200)
    whole = bootstrap_mean(clustered(values, labels)).interval()
    naive = bootstrap_mean(clustered(values)).interval()
    assert whole.high - whole.low > 2.0 * (naive.high - naive.low)


def test_sign_flips_agree_with_scipys_permutation_test() -> None:
    values = np.random.default_rng(8).normal(0.4, 1.0, 10)
    theirs = reference.permutation_test((values,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip(clustered(values)) == pytest.approx(theirs.pvalue)
    many = np.random.default_rng(9).normal(0.2, 1.0, 100)
    assert sign_flip(clustered(many), seed=1) == pytest.approx(reference.ttest_1samp(many, 0).pvalue, abs=0.02)


@given(st.integers(0, 15), st.integers(0, 15), st.integers(40, 200), st.floats(-0.3, 0.3))
def test_p_value_and_interval_of_an_effect_agree(won: int, lost: int, n: int, threshold: float) -> None:
    """The upper limit at level 1 - 2α lies below a threshold exactly when its p-value is below α."""
    a = np.array([0.0] * won + [1.0] * lost + [1.0] * (n - won - lost))
    b = np.array([1.0] * won + [0.0] * lost + [1.0] * (n - won - lost))
    for kind in (MetricKind.BINARY, MetricKind.MEAN):
        effect = paired_effect(kind, a, b)
        high, p = effect.interval(0.9).high, effect.p_below(threshold)
        if abs(high - threshold) > 1e-6 and high > effect.estimate:
            assert (high < threshold) == (p < 0.05)


def test_identical_scores_of_a_few_cases_leave_room_for_a_difference() -> None:
    """Forty identical F1 scores do not prove a difference below 3 points; four hundred do."""
    few = paired_effect(MetricKind.MEAN, [0.5] * 40, [0.5] * 40).interval(0.9)
    many = paired_effect(MetricKind.MEAN, [0.5] * 400, [0.5] * 400).interval(0.9)
    assert few.low < -0.03 < many.low <= 0.0


def test_a_constant_cost_has_a_difference_of_exactly_nothing() -> None:
    interval = paired_effect(MetricKind.SKEWED, [0.0] * 40, [0.0] * 40).interval(0.95)
    assert (interval.low, interval.estimate, interval.high) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("values", [[], [float("nan")], [float("inf"), 1.0]])
def test_values_that_are_missing_or_not_finite_are_an_error(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        clustered(values)


def test_pairs_of_different_length_and_single_cases_are_errors() -> None:
    with pytest.raises(ValueError, match="shape"):
        paired_effect(MetricKind.MEAN, [1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="two independent"):
        paired_effect(MetricKind.MEAN, [1.0, 1.0], [1.0, 0.0], ["a", "a"])
