"""Sentence spans cover the text, keep abbreviations whole and take rows, bullets and CJK stops as they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.text.sentences import sentence_spans


def cut(text: str, language: str = "") -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text, language)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It works. It really does!", ["It works.", "It really does!"]),
        ("Dr. Smith paid 3.5 dollars. He left.", ["Dr. Smith paid 3.5 dollars.", "He left."]),
        ("J. R. R. Tolkien wrote it. Yes.", ["J. R. R. Tolkien wrote it.", "Yes."]),
        ("Use e.g. Python 3.11 here. Fine?", ["Use e.g. Python 3.11 here.", "Fine?"]),
        ("They live in the U.S. The rest left.", ["They live in the U.S.", "The rest left."]),
        ("He said “Stop.” Then he left.", ["He said “Stop.”", "Then he left."]),
        ("It rose.[12][3] Then it fell.", ["It rose.[12][3]", "Then it fell."]),
        ("See Fig. 3 for more. Or not.", ["See Fig. 3 for more.", "Or not."]),
        ("- first item\n- second item", ["- first item", "- second item"]),
        ("1. Open it.\n2. Close it.", ["1. Open it.", "2. Close it."]),
        ("| a | b |\n| 1 | 2 |", ["| a | b |", "| 1 | 2 |"]),
        ("# Title\nBody text here.", ["# Title", "Body text here."]),
        ("Wait... what? Yes.", ["Wait... what?", "Yes."]),
        ("他来了。她走了！真的？", ["他来了。", "她走了！", "真的？"]),
        ('no. " " x', ['no. " " x']),
        ("", []),
        ("  \n ", []),
        ("Ask Yahoo! about it. Done.", ["Ask Yahoo! about it.", "Done."]),
        ("Yes. 12 people came.", ["Yes.", "12 people came."]),
        ("It was in 1990. The next year he left.", ["It was in 1990.", "The next year he left."]),
    ],
)
def test_known_sentences(text: str, expected: list[str]) -> None:
    """Known English and Chinese texts are cut where a reader would cut them."""
    assert cut(text) == expected


def test_german_ordinals_and_abbreviations_end_nothing() -> None:
    """A German ordinal, `z. B.` and `bzw.` stay inside their sentence."""
    assert cut("Am 3. Mai kam er z. B. mit Dr. Frey an. Er ging.", "de") == [
        "Am 3. Mai kam er z. B. mit Dr. Frey an.",
        "Er ging.",
    ]


def test_a_wrapped_paragraph_is_not_cut_at_its_line_breaks() -> None:
    """A line break inside a long wrapped sentence ends nothing; a blank line does."""
    text = "This sentence was wrapped by an editor at a column that the\nAuthor chose, and goes on here.\n\nNew one"
    assert cut(text) == [text[: text.index("\n\n")], "New one"]


def test_short_lines_are_units_of_their_own() -> None:
    """Short lines without punctuation, as menus and titles have them, are not glued together."""
    assert cut("Get started\nIntro to Claude\nQuickstart") == ["Get started", "Intro to Claude", "Quickstart"]


@given(st.text(alphabet=st.sampled_from('ab AB1.!?。\n|-#\t"”[]…e.g'), max_size=200))
def test_spans_are_ordered_trimmed_and_cover_everything(text: str) -> None:
    """Spans never overlap, never start or end in white space, and leave out nothing but white space."""
    at = 0
    for start, end in sentence_spans(text):
        assert not text[at:start].strip()
        piece = text[start:end]
        assert piece
        assert piece == piece.strip()
        at = end
    assert not text[at:].strip()
