"""Normalised text is comparable, and every character of it leads back to the original."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.text.normalise import comparable, is_invisible, normalise

MIXED = st.text(alphabet=st.sampled_from("abÄé e\u0301\u200b\u00ad\u202e ﬁ①\u3000\n\tﾊﾞ½ß中"), max_size=40)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  a \n\t b\u00a0c  ", "a b c"),
        ("ﬁ①Ｗ", "fi1W"),
        ("e\u0301", "é"),
        ("a\u200bb\u00adc\u202ed\ufeff", "abcd"),
        ("", ""),
        (" \u200b ", ""),
    ],
)
def test_known_forms(text: str, expected: str) -> None:
    """Width, ligatures, white space and invisible characters make no difference."""
    assert normalise(text).text == expected


@given(MIXED)
def test_offsets_lead_back_in_order(text: str) -> None:
    """Origins never step back and stay inside the original; each character comes from where they say."""
    made = normalise(text)
    assert len(made.origins) == len(made.text) + 1
    assert list(made.origins) == sorted(made.origins)
    for at, char in enumerate(made.text):
        start, end = made.original(at, at + 1)
        assert 0 <= start < end <= len(text)
        seen = "".join(c for c in text[start:end] if not is_invisible(c))
        assert char == " " or char in unicodedata.normalize("NFKC", seen)


@given(MIXED)
def test_normalising_twice_changes_nothing(text: str) -> None:
    """What is normalised is its own normal form."""
    once = normalise(text).text
    assert normalise(once).text == once


def test_a_span_maps_to_the_original_characters() -> None:
    """A quote found in the comparable text is found in the original."""
    text = "The  re\u00adsult\nis ﬁne."
    made = normalise(text)
    at = made.text.index("result is fine")
    start, end = made.original(at, at + len("result is fine"))
    assert text[start:end] == "re\u00adsult\nis ﬁne"


def test_comparable_ignores_case() -> None:
    """Case is folded, German sharp s included."""
    assert comparable("STRASSE") == comparable("Straße")
