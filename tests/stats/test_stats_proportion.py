"""Intervals for shares give the printed values of the literature."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from assay.stats.proportion import (
    clopper_pearson,
    jeffreys,
    mee,
    miettinen_nurminen,
    newcombe_difference,
    upper_bound_zero_failures,
    wilson,
)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_newcombe_1998_table_1(successes: int, n: int, low: float, high: float) -> None:
    interval = wilson(successes, n)
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0.0, 0.1684), (1, 29, 0.0009, 0.1776)],
)
def test_clopper_pearson_gives_newcombe_1998_table_1(successes: int, n: int, low: float, high: float) -> None:
    interval = clopper_pearson(successes, n)
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


def test_two_independent_shares_give_the_known_differences() -> None:
    hybrid = newcombe_difference(56, 70, 48, 80)
    assert (round(hybrid.low, 4), round(hybrid.high, 4)) == (0.0524, 0.3339)
    score = miettinen_nurminen(56, 70, 48, 80)
    assert (round(score.low, 4), round(score.high, 4)) == (0.0528, 0.3382)
    without = mee(56, 70, 48, 80)
    assert (round(without.low, 4), round(without.high, 4)) == (0.0533, 0.3377)


def test_no_failure_in_thirty_still_allows_nearly_ten_per_cent() -> None:
    assert upper_bound_zero_failures(30) == pytest.approx(0.0950, abs=5e-5)


@given(st.integers(1, 400), st.data(), st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_wilson_and_exact_limits_agree_with_scipy(n: int, data: st.DataObject, level: float) -> None:
    successes = data.draw(st.integers(0, n))
    for ours, method in ((wilson(successes, n, level), "wilson"), (clopper_pearson(successes, n, level), "exact")):
        theirs = binomtest(successes, n).proportion_ci(level, method=method)
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@given(st.integers(1, 300), st.data())
def test_every_share_interval_holds_its_estimate_and_mirrors(n: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, n))
    for method in (wilson, clopper_pearson, jeffreys):
        interval, mirrored = method(successes, n), method(n - successes, n)
        assert 0.0 <= interval.low <= interval.estimate <= interval.high <= 1.0
        assert interval.low == pytest.approx(1.0 - mirrored.high, abs=1e-9)


@pytest.mark.parametrize(("n", "p", "expected"), [(50, 0.95, 0.962), (100, 0.98, 0.949), (1000, 0.99, 0.964)])
def test_wilson_covers_exactly_as_computed_by_enumeration(n: int, p: float, expected: float) -> None:
    covered = 0.0
    for x in range(n + 1):
        interval = wilson(x, n)
        covered += float(binom.pmf(x, n, p)) * (interval.low <= p <= interval.high)
    assert covered == pytest.approx(expected, abs=6e-4)


@pytest.mark.parametrize(("successes", "n"), [(-1, 10), (11, 10), (0, 0)])
def test_an_impossible_count_is_an_error(successes: int, n: int) -> None:
    for method in (wilson, clopper_pearson, jeffreys):
        with pytest.raises(ValueError, match="proportion"):
            method(successes, n)
