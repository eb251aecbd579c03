"""Variance is split where it arises, margins make sense, many questions are corrected, and power says what it costs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from assay.records.evaluation import Direction, MetricKind
from assay.stats.effect import paired_effect
from assay.stats.margins import Shown, check_margin, conclude
from assay.stats.multiplicity import (
    benjamini_yekutieli,
    hochberg,
    holm,
    intersection_union,
    max_t,
)
from assay.stats.power import (
    cases_on_scale,
    paired_binary_cases,
    paired_cases,
    power_at,
    power_curve,
    smallest_effect,
    smallest_margin,
)
from assay.stats.variance import paired_components, repeats_worth, variance_components

FIFTEEN = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528, 0.759, 1.0,
]  # fmt: skip


def test_a_balanced_split_is_the_analysis_of_variance() -> None:
    """Two replies a case, (2, 4), (6, 8), (1, 1): within (2 + 2 + 0) / 3; means 3, 7, 1 with variance 28/3."""
    found = variance_components([[[2.0], [4.0]], [[6.0], [8.0]], [[1.0], [1.0]]])
    assert found.repeat is not None
    assert found.repeat.estimate == pytest.approx(4 / 3)
    assert found.case.estimate == pytest.approx(28 / 3 - (4 / 3) / 2)
    assert found.judge is None


def test_cases_repeats_and_judges_are_told_apart_however_unequal_their_numbers() -> None:
    rng = np.random.default_rng(1)
    readings = []
    for _ in range(600):
        case = rng.normal(0, 2)
        replies = [case + rng.normal(0, 1) for _ in range(rng.integers(1, 5))]
        readings.append([[reply + rng.normal(0, 0.5) for _ in range(rng.integers(1, 4))] for reply in replies])
    found = variance_components(readings, draws=300)
    assert found.repeat is not None
    assert found.judge is not None
    for part, truth in ((found.case, 4.0), (found.repeat, 1.0), (found.judge, 0.25)):
        assert part.low < truth < part.high
    assert found.error(100) == pytest.approx((5.25 / 100) ** 0.5, rel=0.1)
    assert found.error(100, 4, 2) < found.error(100, 4) < found.error(100)


def test_a_paired_split_feeds_millers_formula() -> None:
    rng = np.random.default_rng(2)
    case = rng.normal(0, 1, 800)
    a = case[:, None] + rng.normal(0, 0.4, (800, 3))
    b = case[:, None] + rng.normal(0.1, 0.3, 800)[:, None] + rng.normal(0, 0.5, (800, 2))
    found = paired_components(a.tolist(), b.tolist(), draws=300)
    assert found.baseline is not None
    assert found.candidate is not None
    assert found.between.low < 0.09 < found.between.high
    assert found.baseline.estimate == pytest.approx(0.16, rel=0.1)
    assert found.candidate.estimate == pytest.approx(0.25, rel=0.1)


def test_scores_that_never_change_have_no_variance_and_too_few_are_an_error() -> None:
    still = variance_components([[[1.0], [1.0]], [[1.0], [1.0]]])
    assert (still.case.estimate, still.case.high) == (0.0, 0.0)
    for bad in ([[[1.0]]], [[[1.0]], []], [[[1.0]], [[]]]):
        with pytest.raises(ValueError, match=r"two cases|at least one"):
            variance_components(bad)
    with pytest.raises(ValueError, match="same cases"):
        paired_components([[1.0]], [[1.0], [2.0]])


def test_repeats_are_worth_it_only_when_cases_are_dear() -> None:
    """sqrt(within / between · case cost / repeat cost): sqrt(1 · 9) = 3; with free cases never."""
    assert repeats_worth(1.0, 1.0, 9.0, 1.0) == 3
    assert repeats_worth(1.0, 1.0, 0.0, 1.0) == 1
    assert repeats_worth(1.0, 0.0, 9.0, 1.0) == 1
    assert repeats_worth(0.0, 1.0, 9.0, 1.0, most=20) == 20
    with pytest.raises(ValueError, match="costs more than 0"):
        repeats_worth(1.0, 1.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("won", "lost", "shown"),
    [(60, 10, Shown.SUPERIOR), (20, 20, Shown.NON_INFERIOR), (10, 90, Shown.WORSE), (40, 55, Shown.OPEN)],
)
def test_each_conclusion_has_its_data_and_the_other_direction_mirrors_it(won: int, lost: int, shown: Shown) -> None:
    base = np.array([0.0] * won + [1.0] * (800 - won))
    new = np.array([1.0] * won + [0.0] * lost + [1.0] * (800 - won - lost))
    found = conclude(paired_effect(MetricKind.BINARY, base, new), 0.03)
    assert found.shown is shown
    mirrored = conclude(paired_effect(MetricKind.BINARY, 1 - base, 1 - new), 0.03, direction=Direction.LOWER)
    assert mirrored.shown is shown
    assert found.p_not_worse == pytest.approx(mirrored.p_not_worse, abs=1e-9)
    assert (found.p_not_worse <= 0.05) is (shown in (Shown.SUPERIOR, Shown.NON_INFERIOR))


@pytest.mark.parametrize("margin", [-0.01, float("nan"), float("inf"), 1.0, 2.0])
def test_a_margin_that_makes_no_sense_is_an_error(margin: float) -> None:
    with pytest.raises(ValueError, match="margin"):
        check_margin(margin, scale=1.0)


def test_identical_systems_are_not_inferior_once_there_are_enough_cases() -> None:
    ties = np.ones(30), np.ones(300)
    few, many = (conclude(paired_effect(MetricKind.BINARY, x, x), 0.03).shown for x in ties)
    assert (few, many) == (Shown.OPEN, Shown.NON_INFERIOR)


def test_hochberg_and_yekutieli_on_fifteen_tests() -> None:
    """Benjamini and Hochberg 1995: Bonferroni, Holm and Hochberg reject three."""
    assert sum(p <= 0.05 for p in hochberg(FIFTEEN)) == 3
    assert sum(p * 15 <= 0.05 for p in FIFTEEN) == 3
    assert benjamini_yekutieli(FIFTEEN) == pytest.approx(tuple(false_discovery_control(FIFTEEN, method="by")))
    assert hochberg([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.04, 0.04, 0.02))


def test_every_one_of_several_claims_needs_no_correction() -> None:
    assert intersection_union([0.01, 0.04, 0.001]) == 0.04
    with pytest.raises(ValueError, match="at least one"):
        intersection_union([])


@settings(max_examples=25)
@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=12), st.integers(0, 3))
def test_max_t_lies_between_the_p_value_and_holm(p_values: list[float], seed: int) -> None:
    sums = np.random.default_rng(seed).normal(size=(40, len(p_values)))
    found = max_t(p_values, sums, draws=200, seed=seed)
    assert all(p <= q + 1e-12 for p, q in zip(p_values, found, strict=True))
    assert all(q <= h + 1e-12 for q, h in zip(found, holm(p_values), strict=True))


def test_ten_copies_of_one_question_cost_as_much_as_one_and_ten_strangers_as_ten() -> None:
    rng = np.random.default_rng(3)
    one = rng.normal(size=(200, 1))
    copies = max_t([0.02] * 10, np.repeat(one, 10, axis=1))
    strangers = max_t([0.02] * 10, rng.normal(size=(200, 10)))
    assert copies[0] == pytest.approx(0.02, abs=0.005)
    assert strangers[0] == pytest.approx(1 - 0.98**10, abs=0.02)
    assert max_t([], np.zeros((5, 0))) == ()
    assert max_t([0.5, 0.01], np.zeros((5, 2))) == (0.5, 0.01)
    with pytest.raises(ValueError, match="shape"):
        max_t([0.1], np.zeros((5, 2)))


def test_power_agrees_with_the_number_of_cases_and_the_smallest_effect() -> None:
    n = paired_binary_cases(0.1, 0.03, sides=1)
    assert n == 687
    assert power_at(0.1**0.5, 0.03, n) == pytest.approx(0.8, abs=1e-3)
    assert power_at(0.1**0.5, 0.03, n - 1) < 0.8
    assert smallest_margin(0.1**0.5, n) == pytest.approx(0.03, abs=1e-5)
    assert smallest_margin(0.1**0.5, 500, sides=2) == pytest.approx(smallest_effect(0.1**0.5, 500))
    sparse = paired_cases(0.05, 0.03, sides=1, pseudo=2.0)
    assert power_at(0.05, 0.03, sparse, pseudo=2.0) == pytest.approx(0.8, abs=0.01)


def test_few_large_clusters_have_less_power_than_their_spread_alone_says() -> None:
    free, grouped = power_at(0.4, 0.1, 100), power_at(0.4, 0.1, 100, cluster_size=20)
    assert grouped < free
    curve = power_curve(0.4, 0.1, (50, 100, 200))
    assert [n for n, _ in curve] == [50, 100, 200]
    assert [p for _, p in curve] == sorted(p for _, p in curve)
    assert power_at(0.4, 0.0, 100) == pytest.approx(0.05)
    assert (power_at(0.0, 0.1, 100), power_at(0.0, -0.1, 100)) == (1.0, 0.0)
    with pytest.raises(ValueError, match="two independent"):
        power_at(0.4, 0.1, 30, cluster_size=20)


def test_a_scale_of_cases_holds_today_and_what_is_needed() -> None:
    assert {200, 687} <= set(cases_on_scale(200, 687))
    assert cases_on_scale(1, None)[0] >= 2
