"""Tokens point back into the text, numbers stay whole, and stems follow the language."""

from hypothesis import given
from hypothesis import strategies as st

from assay.text.tokens import content_stems, is_stop_word, stem, tokens, words


def test_numbers_keep_their_separators_and_hyphens_divide() -> None:
    """`1,000.5` is one token and `well-known` is two."""
    assert words("A well-known 1,000.5 in 2024") == ("a", "well", "known", "1,000.5", "in", "2024")


def test_both_apostrophes_are_the_same() -> None:
    """A typographic apostrophe gives the token of the plain one."""
    assert words("don’t") == words("don't") == ("don't",)


def test_chinese_is_read_as_pairs() -> None:
    """A run of Chinese characters gives overlapping pairs, so that words of two characters match."""
    assert words("北京大学 ok") == ("北京", "京大", "大学", "ok")


def test_stems_by_language() -> None:
    """Inflected forms meet in one stem, each by its own language."""
    assert stem("running") == stem("runs")
    assert stem("häuser", "de") == stem("haus", "de")
    assert content_stems("What are the running costs?") == (stem("running"), stem("costs"))


def test_stop_words_are_per_language() -> None:
    """`die` carries a topic in English and none in German."""
    assert not is_stop_word("die", "en")
    assert is_stop_word("die", "de")


@given(st.text(max_size=100))
def test_offsets_point_at_what_was_read(text: str) -> None:
    """The characters at a token's offsets, case-folded, are the token."""
    for token in tokens(text):
        assert text[token.start : token.end].casefold().replace("’", "'") == token.text
