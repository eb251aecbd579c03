"""Agreement beyond chance gives the published numbers, has honest limits, and says so when it is not defined."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.stats.agreement import Measure, cohen_kappa, gwet_ac1, krippendorff_alpha, percent_agreement

# Krippendorff 2011, "Computing Krippendorff's alpha-reliability": four observers, twelve units, some not observed.
ROWS = {
    "A": [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    "B": [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    "C": [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    "D": [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
}
UNITS = [{coder: row[i] for coder, row in ROWS.items() if row[i] is not None} for i in range(12)]


@pytest.mark.parametrize(
    ("measure", "expected"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)]
)
def test_alpha_gives_krippendorffs_own_example(measure: Measure, expected: float) -> None:
    found = krippendorff_alpha(UNITS, measure, draws=300)
    assert round(found.estimate, 3) == expected
    assert found.low < found.estimate < found.high
    assert found.n == 11  # the twelfth unit has one value and cannot be paired


def test_kappa_gives_the_textbook_example_and_ac1_its_own_definition() -> None:
    """Fifty items: 20 both yes, 15 both no, 5 and 10 split. Kappa .4; AC1 (.7 - .495) / (1 - .495)."""
    a, b = "Y" * 25 + "N" * 25, "Y" * 20 + "N" * 5 + "Y" * 10 + "N" * 15
    assert cohen_kappa(a, b).estimate == pytest.approx(0.4)
    assert gwet_ac1(a, b).estimate == pytest.approx((0.7 - 0.495) / 0.505)
    assert percent_agreement(a, b).estimate == pytest.approx(0.7)


def test_kappas_error_is_that_of_fleiss_cohen_and_everitt() -> None:
    """Fleiss, Levin and Paik, table 18.3 of a diagnosis in three classes: kappa .676, standard error .088."""
    table = np.array([[0.75, 0.01, 0.04], [0.05, 0.04, 0.01], [0.00, 0.00, 0.10]])
    counts = np.round(table * 100).astype(int)
    a = [i for i in range(3) for j in range(3) for _ in range(counts[i, j])]
    b = [j for i in range(3) for j in range(3) for _ in range(counts[i, j])]
    found = cohen_kappa(a, b)
    assert round(found.estimate, 3) == 0.676
    half = (np.arctanh(found.high) - np.arctanh(found.low)) / 2 / 1.98422  # t with 99 degrees of freedom
    assert half * (1 - found.estimate**2) == pytest.approx(0.088, abs=1e-3)


def test_kappa_collapses_where_one_label_rules_and_ac1_does_not() -> None:
    a, b = ["ok"] * 96 + ["bad"] * 4, ["ok"] * 94 + ["bad"] * 2 + ["ok"] * 4
    assert cohen_kappa(a, b).estimate < 0.0
    assert gwet_ac1(a, b).estimate > 0.9


def test_clusters_widen_the_interval_of_agreement() -> None:
    a = [i % 2 for i in range(80)]
    b = [x if (i // 10) % 4 else 1 - x for i, x in enumerate(a)]
    alone, grouped = cohen_kappa(a, b), cohen_kappa(a, b, clusters=[f"d{i // 10}" for i in range(80)])
    assert grouped.estimate == alone.estimate
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)


def test_perfect_agreement_on_few_items_is_not_certainty() -> None:
    for which in (cohen_kappa, gwet_ac1):
        few, many = which("aabbab", "aabbab"), which("aabbab" * 20, "aabbab" * 20)
        assert few.estimate == few.high == 1.0
        assert few.low < 0.6 < 0.9 < many.low
    units = [{"a": "x", "b": "x"}, {"a": "y", "b": "y"}] * 5
    assert 0.0 < krippendorff_alpha(units, draws=50).low < 0.6


@pytest.mark.parametrize("which", [cohen_kappa, gwet_ac1])
def test_agreement_that_is_not_defined_is_an_error_with_a_reason(which: object) -> None:
    assert callable(which)
    with pytest.raises(ValueError, match="same label"):
        which("aaaa", "aaaa")
    with pytest.raises(ValueError, match="same items"):
        which("aab", "ab")
    with pytest.raises(ValueError, match="no item"):
        which([], [])
    with pytest.raises(ValueError, match="two independent"):
        which("ab", "ab", clusters=["one", "one"])


def test_one_label_is_defined_for_ac1_when_the_choice_is_known() -> None:
    assert gwet_ac1("aaaaaaaa", "aaaaaaaa", categories=2).estimate == 1.0


@pytest.mark.parametrize(
    ("units", "measure", "reason"),
    [
        ([{"a": "x"}, {"b": "x"}], "nominal", "two units"),
        ([{"a": "x", "b": "x"}, {"a": "x", "b": "x"}], "nominal", "every value is the same"),
        ([{"a": "good", "b": "bad"}] * 3, "interval", "needs numbers"),
        ([{"a": -1.0, "b": 2.0}] * 3, "ratio", "ratio scale"),
        ([{"a": 1.0, "b": 2.0}] * 3, "angle", "a measure is"),
    ],
)
def test_alpha_that_is_not_defined_is_an_error_with_a_reason(
    units: list[dict[str, float]], measure: Measure, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        krippendorff_alpha(units, measure)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=4, max_size=40))
def test_renaming_labels_and_swapping_coders_changes_nothing(pairs: list[tuple[str, str]]) -> None:
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    if len({*a, *b}) < 2:
        return
    renamed = {"a": "z", "b": "y", "c": "x"}
    for which in (cohen_kappa, gwet_ac1):
        first, swapped = which(a, b), which(b, a)
        again = which([renamed[x] for x in a], [renamed[x] for x in b])
        assert (first.estimate, first.low) == pytest.approx((swapped.estimate, swapped.low))
        assert (first.estimate, first.high) == pytest.approx((again.estimate, again.high))
        assert -1.0 <= first.low <= first.estimate <= first.high <= 1.0


def test_ordinal_alpha_does_not_care_about_the_distance_of_numbers() -> None:
    stretched = [{coder: float(value) ** 3 for coder, value in unit.items()} for unit in UNITS]
    for measure, same in (("ordinal", True), ("interval", False)):
        one, other = (krippendorff_alpha(units, measure, draws=20).estimate for units in (UNITS, stretched))  # type: ignore[arg-type]
        assert (one == pytest.approx(other)) is same
