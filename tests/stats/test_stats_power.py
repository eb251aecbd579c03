"""Sample sizes and adjusted p-values give the known answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from assay.stats.multiplicity import benjamini_hochberg, holm
from assay.stats.power import (
    design_effect_of,
    exact_cases,
    paired_binary_cases,
    paired_cases,
    repeats_variance,
    smallest_effect,
    unpaired_binary_cases,
)

# Benjamini and Hochberg 1995, section 4: fifteen tests of thrombolysis.
FIFTEEN = [
    0.0001,
    0.0004,
    0.0019,
    0.0095,
    0.0201,
    0.0278,
    0.0298,
    0.0344,
    0.0459,
    0.324,
    0.4262,
    0.5719,
    0.6528,
    0.759,
    1.0,
]


@pytest.mark.parametrize(("discordance", "n"), [(0.05, 344), (0.10, 687), (0.20, 1374)])
def test_a_paired_margin_of_three_points_needs_these_many_cases(discordance: float, n: int) -> None:
    assert paired_binary_cases(discordance, 0.03, sides=1) == n
    assert unpaired_binary_cases(0.8, 0.03, sides=1) == 2199


def test_the_numbers_printed_next_to_plots_are_right() -> None:
    """A 5-point paired change at 15 % discordance needs about 470 cases, 10 points at 20 % about 160."""
    assert paired_binary_cases(0.15, 0.05) == 471
    assert paired_binary_cases(0.20, 0.10) == 157


@pytest.mark.parametrize(
    ("n", "effect"), [(50, 0.125), (100, 0.089), (200, 0.063), (500, 0.040), (1000, 0.028), (2000, 0.020)]
)
def test_smallest_effects_at_ten_per_cent_discordance(n: int, effect: float) -> None:
    assert smallest_effect(0.10**0.5, n) == pytest.approx(effect, abs=6e-4)


def test_miller_power_with_and_without_repeats() -> None:
    assert exact_cases(1 / 9, 0.03) == pytest.approx(968.997, abs=2e-3)
    assert paired_cases((1 / 9) ** 0.5, 0.03) == 969
    for repeats, expected in ((1, 3875.99), (10, 1259.70)):
        variance = repeats_variance(1 / 9, 1 / 6, 1 / 6, repeats, repeats)
        assert exact_cases(variance, 0.03) == pytest.approx(expected, abs=6e-3)
    for repeats, expected in ((1, 0.13273), (10, 0.07567)):
        variance = repeats_variance(1 / 9, 1 / 6, 1 / 6, repeats, repeats)
        assert smallest_effect(variance**0.5, 198) == pytest.approx(expected, abs=6e-6)


def test_clusters_of_fifty_with_little_correlation_treble_the_cases() -> None:
    deff = design_effect_of(50, 0.04)
    assert deff == pytest.approx(2.96)
    assert 10_000 / deff == pytest.approx(3378, abs=1)
    assert paired_cases(0.5, 0.05, deff=deff) == pytest.approx(2.96 * paired_cases(0.5, 0.05), abs=3)


def test_holm_and_benjamini_hochberg_give_the_known_adjustments() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert benjamini_hochberg([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.02, 0.04, 0.04, 0.02))
    assert sum(p <= 0.05 for p in benjamini_hochberg(FIFTEEN)) == 4
    assert sum(p <= 0.05 for p in holm(FIFTEEN)) == 3


@given(st.lists(st.floats(0.0, 1.0), max_size=30))
def test_adjustments_keep_order_only_raise_and_agree_with_scipy(p_values: list[float]) -> None:
    strict, mild = holm(p_values), benjamini_hochberg(p_values)
    assert all(p <= m + 1e-12 and m <= s + 1e-12 for p, m, s in zip(p_values, mild, strict, strict=True))
    if p_values:
        assert mild == pytest.approx(tuple(false_discovery_control(p_values)), abs=1e-12)


def test_questions_without_an_answer_are_errors() -> None:
    with pytest.raises(ValueError, match="effect"):
        paired_cases(0.5, 0.0)
    with pytest.raises(ValueError, match="p-values"):
        holm([1.2])
