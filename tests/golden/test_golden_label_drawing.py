"""Items are drawn with the chances that are written down, and more of them without spoiling those chances."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.golden.labelling.drawing import Frame, Seen, Unit, allot, chances, draw, probabilities
from assay.stats.weighted import weighted_share, width_after


def frame(seed: int, sizes: list[float], strata: list[str] | None = None) -> Frame:
    units = [Unit(f"u{n}", f"c{n}", stratum=strata[n] if strata else "all", size=size) for n, size in enumerate(sizes)]
    return Frame(seed, tuple(units))


def test_units_are_drawn_as_often_as_their_chance_says() -> None:
    """Over 1,500 seeds, for unequal sizes of which one is certain, within four standard errors and .015."""
    sizes = [1.0, 0.2, 0.2, 0.4, 0.6, 0.8, 0.2, 0.3, 0.5, 0.2]
    stated = chances(frame(0, sizes).units, 4)
    assert sum(stated.values()) == pytest.approx(4.0)
    seen: Counter[str] = Counter()
    for seed in range(1500):
        seen.update(unit.unit_id for unit in draw(frame(seed, sizes), {"all": 4}))
    for name, chance in stated.items():
        error = 4.0 * np.sqrt(chance * (1.0 - chance) / 1500)
        assert seen[name] / 1500 == pytest.approx(chance, abs=error + 0.015), name


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0.05, 1.0), min_size=2, max_size=30), st.integers(0, 5), st.integers(1, 10), st.integers(1, 10)
)
def test_drawing_in_two_steps_is_drawing_once(sizes: list[float], seed: int, first: int, second: int) -> None:
    """With one size, and the chances always belong to the whole number drawn and sum to it."""
    equal = frame(seed, [1.0] * len(sizes))
    one = draw(equal, {"all": first})
    drawn = frozenset(unit.unit_id for unit in one)
    two = draw(equal, {"all": second}, drawn)
    at_once = draw(equal, {"all": len(one) + len(two)})
    assert drawn | {unit.unit_id for unit in two} == {unit.unit_id for unit in at_once}
    unequal = frame(seed, sizes)
    some = draw(unequal, {"all": first})
    more = draw(unequal, {"all": second}, frozenset(unit.unit_id for unit in some))
    assert not {unit.unit_id for unit in some} & {unit.unit_id for unit in more}
    both = frozenset(unit.unit_id for unit in (*some, *more))
    chance = probabilities(unequal, both)
    assert set(chance) == both
    assert all(0.0 < value <= 1.0 for value in chance.values())
    assert sum(chances(unequal.units, len(both)).values()) == pytest.approx(len(both))


def test_further_labels_go_where_they_narrow_the_estimate_most() -> None:
    """A stratum in which labels agree gets few, one in which they differ many; none is left with nothing."""
    sizes = {"sure": 500, "unsure": 500, "tiny": 3}
    seen = {"sure": Seen(20, 20), "unsure": Seen(10, 20)}
    given_ = allot(60, sizes, {"sure": 20, "unsure": 20}, seen)
    assert given_["tiny"] == 3
    assert given_["unsure"] > 3 * given_["sure"]
    assert sum(given_.values()) == 60
    assert sum(allot(5000, sizes, {}, {}).values()) == 1003


def test_neyman_against_its_formula() -> None:
    """From nothing, with guessed shares, the allotment is proportional to size times spread (Neyman 1934)."""
    given_ = allot(200, {"a": 800, "b": 200}, {}, {}, guesses={"a": 0.9, "b": 0.5})
    share = 0.8 * 0.3 / (0.8 * 0.3 + 0.2 * 0.5)
    assert given_["a"] == pytest.approx(200 * share, abs=3)


def test_equal_chances_give_the_plain_share_and_wilson_like_limits() -> None:
    found = weighted_share([1] * 80 + [0] * 20, [0.25] * 100)
    assert found.estimate == pytest.approx(0.8)
    assert (found.low, found.high) == pytest.approx((0.711, 0.867), abs=0.006)


def test_hajek_by_hand() -> None:
    """Values 1, 1, 0 with chances .5, 1, .25: (2 + 1) / (2 + 1 + 4)."""
    assert weighted_share([1, 1, 0], [0.5, 1.0, 0.25]).estimate == pytest.approx(3 / 7)


@pytest.mark.parametrize(("share", "count"), [(0.7, 100), (0.9, 60), (0.97, 100)])
def test_intervals_of_risk_weighted_draws_cover(share: float, count: int) -> None:
    """At a nominal 95 %, 93 to 99.5 % of 140 draws in which failures are riskier hold the true share."""
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(140):
        right = rng.random(600) < share
        risk = np.clip(np.where(right, rng.beta(2, 5, 600), rng.beta(4, 3, 600)), 0.2, 1.0)
        chance = np.array(list(chances(frame(0, list(risk)).units, count).values()))
        rank = np.where(chance >= 1.0, -1.0, rng.random(600) / risk)
        drawn = np.argsort(rank)[:count]
        found = weighted_share(right[drawn].astype(float), chance[drawn])
        held += found.low <= share <= found.high
    assert 0.93 <= held / 140 <= 0.995


@pytest.mark.parametrize(
    ("values", "probabilities_"), [([1], [0.5]), ([1, 2], [0.5, 0.5]), ([1, 0], [0.0, 0.5]), ([1, 0], [0.5, 1.5])]
)
def test_a_weighted_share_refuses_what_makes_no_sense(values: list[int], probabilities_: list[float]) -> None:
    with pytest.raises(ValueError, match=r"share|chance"):
        weighted_share(values, probabilities_)
    with pytest.raises(ValueError, match="at least those of today"):
        width_after([1, 0, 1], [0.5, 0.5, 0.5], [0.4, 0.5, 0.5])
