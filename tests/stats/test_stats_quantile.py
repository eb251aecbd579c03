"""Quantiles have intervals that cover whatever the distribution, count clusters, and say when they are open."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.stats.quantile import quantile_interval


def test_the_median_of_a_hundred_lies_between_the_40th_and_the_61st_value() -> None:
    """The exact binomial ranks for n = 100 (Conover, Practical Nonparametric Statistics, 3.2)."""
    found = quantile_interval(range(1, 101), 0.5)
    assert (found.estimate, found.low, found.high, found.n) == (50.0, 40.0, 61.0, 100)


def test_a_p95_has_an_upper_limit_only_from_72_values_on() -> None:
    """.95^n falls to .025 between n = 71 and n = 72."""
    assert quantile_interval(range(71), 0.95).high is None
    assert quantile_interval(range(72), 0.95).high == 71.0
    assert quantile_interval([3.0], 0.5).low is None


@pytest.mark.parametrize(("n", "share"), [(60, 0.5), (200, 0.95)])
def test_limits_cover_at_least_their_level(n: int, share: float) -> None:
    """Exact: the chance that the true quantile lies between the two ranks, by the binomial distribution."""
    found = quantile_interval(range(1, n + 1), share)
    assert found.low is not None
    assert found.high is not None
    inside = range(int(found.low), int(found.high))
    cover = math.fsum(math.comb(n, k) * share**k * (1.0 - share) ** (n - k) for k in inside)
    assert 0.95 <= cover <= 0.98


def test_clusters_widen_the_interval_as_far_as_it_must_be() -> None:
    """20 documents with 10 replies each: the interval covers in about 95 of 100 samples, the naive one in far fewer."""
    rng = np.random.default_rng(7)
    labels = np.repeat(np.arange(20), 10).tolist()
    hits = naive = 0
    for _ in range(150):
        shared = np.repeat(rng.standard_normal(20), 10)
        values = np.exp(math.sqrt(0.4) * shared + math.sqrt(0.6) * rng.standard_normal(200))
        with_clusters, without = quantile_interval(values, 0.5, labels), quantile_interval(values, 0.5)
        hits += (with_clusters.low or 0.0) <= 1.0 <= (with_clusters.high or math.inf)
        naive += (without.low or 0.0) <= 1.0 <= (without.high or math.inf)
    assert hits / 150 >= 0.93
    assert naive / 150 <= 0.85


@settings(max_examples=60)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.floats(0.01, 0.99), st.booleans())
def test_limits_are_values_that_hold_the_estimate_between_them(
    values: list[float], share: float, grouped: bool
) -> None:
    found = quantile_interval(values, share, [n // 2 for n in range(len(values))] if grouped else None)
    assert found.estimate in values
    assert found.low is None or (found.low in values and found.low <= found.estimate)
    assert found.high is None or (found.high in values and found.high >= found.estimate)
    assert sum(value <= found.estimate for value in values) >= share * len(values) - 1e-6


@pytest.mark.parametrize(("values", "share"), [([], 0.5), ([math.nan], 0.5), ([1.0], 0.0), ([1.0], 1.0)])
def test_nonsense_is_refused(values: list[float], share: float) -> None:
    with pytest.raises(ValueError, match=r"quantile|finite"):
        quantile_interval(values, share)
