"""Numbers compare by what they mean, whatever their spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.text.numbers import number_keys, quantities


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,000", "1000"),
        ("1.000.000", "1,000,000"),
        ("1’000", "1000"),
        ("3 %", "3%"),
        ("3 percent", "3 Prozent"),
        ("$5 million", "5,000,000 dollars"),
        ("€ 1.5bn", "1,5 Milliarden Euro"),
        ("5 €", "EUR" and "5 EUR"),
        ("three weeks", "3 Wochen"),
        ("zwölf", "12"),
        ("0.50", "0.5"),
        ("6½", "6.5"),
        ("May 3, 2024", "2024-05-03"),
        ("3. Mai 2024", "03.05.2024"),
        ("3rd of May 2024", "3 May 2024"),
        ("10k", "10,000"),
        ("5 GB", "5gb"),
        ("2 hours", "2 h"),
    ],
)
def test_spellings_of_the_same_number(one: str, other: str) -> None:
    """Both spellings vouch for each other."""
    assert number_keys(one) == number_keys(other) != frozenset()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3 %", "3"),
        ("$5", "€5"),
        ("5 GB", "5 MB"),
        ("-5", "5"),
        ("1.5", "15"),
        ("10:30", "1030"),
        ("3 days", "3 weeks"),
    ],
)
def test_different_numbers_stay_different(one: str, other: str) -> None:
    """Unit, sign and point matter."""
    assert number_keys(one) != number_keys(other)


def test_the_language_decides_between_point_and_comma() -> None:
    """`1.000` is a thousand in German and one in English."""
    assert number_keys("1.000", "de") == {"1000"}
    assert number_keys("1.000", "en") == {"1"}
    assert number_keys("1,500", "en") == {"1500"}


def test_digits_inside_identifiers_are_no_numbers() -> None:
    """`sha256` and `v2` hold no quantity, versions and times keep their spelling."""
    assert number_keys("sha256 and v2") == frozenset()
    assert number_keys("3.11.7 at 10:30") == {"3.11.7", "10:30"}


def test_number_words_that_count_nothing_are_weak() -> None:
    """ "One of them" demands no proof."""
    assert [quantity.weak for quantity in quantities("one of two")] == [True, False]


@given(st.integers(0, 10**12))
def test_grouping_never_matters(number: int) -> None:
    """Any whole number is the same with and without separators."""
    assert number_keys(f"{number:,}", "en") == number_keys(str(number)) == {str(number)}


@given(st.text(alphabet=st.sampled_from("0123456789.,:- $€%½kmay MillionstMai"), max_size=60))
def test_any_text_can_be_read(text: str) -> None:
    """No spelling raises, and offsets point into the text."""
    for quantity in quantities(text):
        assert 0 <= quantity.start < quantity.end <= len(text)
