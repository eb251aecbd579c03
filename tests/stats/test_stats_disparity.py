"""Groups held against each other: known answers, laws, coverage, and how often a fair system is called unfair."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.stats.contrast import AgainstAll, ShareContrast, contrast
from assay.stats.disparity import Disparity, Reading, Rules, Tolerance, disparity
from assay.stats.permutation import fisher_exact, same_means
from assay.stats.proportion import miettinen_nurminen
from assay.stats.ratio import risk_ratio


def shares(*counts: tuple[int, int]) -> tuple[np.ndarray, list[str]]:
    """Events and cases of groups a, b, c …"""
    values = np.concatenate([np.r_[np.ones(x), np.zeros(n - x)] for x, n in counts])
    return values, [name for name, (_, n) in zip("abcdefgh", counts, strict=False) for _ in range(n)]


def judged(*counts: tuple[int, int], **rules: object) -> Disparity:
    return disparity(*shares(*counts), None, Rules(**rules))  # type: ignore[arg-type]


def test_fisher_gives_the_published_values() -> None:
    """The lady tasting tea (Fisher 1935), and the table of Agresti's criminal twins."""
    assert fisher_exact(3, 4, 1, 4) == pytest.approx(34 / 70)
    assert fisher_exact(2, 17, 10, 13) == pytest.approx(0.0005367, abs=1e-7)


def test_shares_are_held_by_miettinen_nurminen_and_koopman() -> None:
    """56 of 70 against 48 of 80: the oracle's .0528 to .3382, and the same ratio as `risk_ratio`."""
    values, _ = shares((56, 70), (48, 80))
    found = contrast(values[:70], values[70:], share=True)
    difference, ratio = found.difference(0.95), found.ratio(0.95)
    assert (difference.low, difference.high) == pytest.approx((0.0528, 0.3382), abs=5e-5)
    other = risk_ratio(56, 70, 48, 80)
    assert other is not None
    assert (ratio.low, ratio.high) == pytest.approx((other.low, other.high), rel=1e-6)


def test_a_ratio_to_a_rate_of_nothing_has_no_end_and_no_value() -> None:
    found = ShareContrast(30, 500, 0, 500).ratio(0.9)
    assert found.estimate is None
    assert found.high is None
    assert found.low is not None
    assert found.low > 1.25
    assert ShareContrast(0, 500, 0, 500).ratio(0.9).high is None


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 40), st.integers(0, 60), st.floats(0.6, 0.98))
def test_a_group_against_all_is_a_group_against_the_rest_on_another_scale(x: int, y: int, level: float) -> None:
    """Limits against all cases hold exactly when those against the rest do, and stay above 0 and below 1 / weight."""
    rest = ShareContrast(x, 40, y, 60)
    of_all = AgainstAll(rest, 0.4)
    low, high = of_all.difference(level).low, of_all.difference(level).high
    assert low is not None
    assert high is not None
    assert low == pytest.approx(0.6 * (rest.difference(level).low or 0.0), abs=1e-9)
    assert low - 1e-9 <= 0.6 * (x / 40 - y / 60) <= high + 1e-9
    ratio = of_all.ratio(level)
    assert ratio.low is not None
    assert ratio.high is not None
    assert 0.0 <= ratio.low <= ratio.high <= 2.5 + 1e-9


@settings(max_examples=4, deadline=None)
@given(st.integers(5, 95), st.integers(5, 95))
def test_the_order_of_groups_and_cases_does_not_matter(x: int, y: int) -> None:
    values, groups = shares((x, 100), (y, 100))
    rules = Rules(tolerance=Tolerance(difference=0.1))
    turned, straight = (disparity(values[::way], groups[::way], None, rules) for way in (-1, 1))
    assert [row.difference for row in turned.rows] == [row.difference for row in straight.rows]


def test_fair_unfair_and_not_to_be_told() -> None:
    """The same rates are open with few cases and fair with many; a planted gap is found, and small groups wait."""
    near = {"tolerance": Tolerance(difference=0.05), "min_n": 30}
    assert judged((25, 30), (26, 30), **near).reading is Reading.OPEN
    assert judged((900, 1000), (910, 1000), **near).reading is Reading.FAIR
    planted = judged((90, 100), (60, 100), **near)
    assert planted.reading is Reading.UNFAIR
    assert planted.p_groups is not None
    assert planted.p_groups < 0.001
    short = judged((900, 1000), (905, 1000), (20, 20), **near)
    assert short.reading is Reading.OPEN
    assert short.rows[2].reading is Reading.SMALL
    assert short.n_needed is not None
    assert short.n_needed > 20


def test_without_a_tolerance_nothing_is_judged() -> None:
    assert judged((90, 100), (60, 100)).reading is Reading.OPEN


def test_one_group_held_against_the_best_or_a_named_one() -> None:
    """With `best` all pairs count, so the two that are alike do not hide the third."""
    found = judged((900, 1000), (890, 1000), (700, 1000), tolerance=Tolerance(ratio=1.1), reference="best")
    assert {row.name: row.reading for row in found.rows}["c"] is Reading.UNFAIR
    against = judged((900, 1000), (890, 1000), tolerance=Tolerance(ratio=1.1), reference="a")
    assert against.rows[0].reading is Reading.REFERENCE
    assert against.rows[1].reading is Reading.FAIR
    with pytest.raises(ValueError, match="no case stands"):
        judged((9, 10), (8, 10), reference="z")


def test_cases_that_hang_together_count_for_less() -> None:
    """Ten cases of one cluster that always agree are one case: what was fair with all of them alone is open."""
    values, groups = shares((180, 200), (180, 200))
    rules = Rules(tolerance=Tolerance(difference=0.1))
    clusters = [f"{group}{number // 20}" for number, group in enumerate(groups)]
    assert disparity(values, groups, None, rules).reading is Reading.FAIR
    assert disparity(values, groups, clusters, rules).reading is Reading.OPEN


def test_the_permutation_test_keeps_clusters_together() -> None:
    """Two clusters in each group can be dealt in few ways, so no difference between them can be significant."""
    values = np.r_[np.zeros(40), np.ones(40)]
    groups = ["a"] * 40 + ["b"] * 40
    assert same_means(values, groups) < 0.01
    assert same_means(values, groups, [f"c{number // 20}" for number in range(80)]) > 0.2


def test_a_tolerance_is_one_of_difference_and_ratio() -> None:
    for difference, ratio in ((None, None), (0.1, 1.2), (0.0, None), (None, 1.0), (math.nan, None)):
        with pytest.raises(ValueError, match="tolera"):
            Tolerance(difference, ratio)


def test_intervals_cover_and_fair_systems_are_not_called_unfair() -> None:
    """Nominal 90 % of a share's difference covers 86 to 95 %; on the very edge of the tolerance, a disparity is called
    unfair in at most 5 % and fair in at most 5 % of simulated suites, up to Monte-Carlo error."""
    rng = np.random.default_rng(3)
    tolerance, trials, covered, fair, unfair = Tolerance(difference=0.1), 400, 0, 0, 0
    for _ in range(trials):
        found = ShareContrast(rng.binomial(120, 0.25), 120, rng.binomial(150, 0.15), 150)
        covered += found.p_difference(0.1, True) > 0.05 and found.p_difference(0.1, False) > 0.05
        unfair += tolerance.p_beyond(found) <= 0.05
        fair += tolerance.p_within(found) <= 0.05
    assert 0.86 <= covered / trials <= 0.95
    assert unfair / trials <= 0.05
    assert fair / trials <= 0.08


def test_the_bootstrap_of_means_covers_skewed_latencies() -> None:
    """Log-normal latencies in clusters over both groups: the studentised interval covers 80 to 99 % of 40 suites."""
    rng = np.random.default_rng(4)
    hits = 0
    for trial in range(40):
        shared = np.repeat(rng.normal(0, 0.3, 30), 2)
        one, other = np.exp(shared + rng.normal(0, 0.5, 60)), np.exp(shared + rng.normal(0, 0.5, 60)) * 1.2
        labels = [f"c{number // 2}" for number in range(60)]
        truth = -0.2 * math.exp(0.5 * (0.09 + 0.25))
        found = contrast(one, other, (labels, labels), share=False, seed=trial).difference(0.9)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= truth <= found.high
    assert 0.80 <= hits / 40 <= 0.99


def test_a_mean_that_does_not_vary_is_not_called_equal() -> None:
    """Nothing varies in two small samples of latencies: no test says that they are within anything."""
    found = contrast(np.full(40, 100.0), np.full(40, 101.0), share=False)
    assert found.p_difference(5.0, False) == 1.0
    assert found.difference(0.9).low is None


def test_the_existing_interval_agrees_with_the_statistic_that_it_inverts() -> None:
    found = miettinen_nurminen(30, 100, 20, 90)
    assert ShareContrast(30, 100, 20, 90).p_difference(found.low, True) == pytest.approx(0.025, abs=1e-9)
