"""Names are found by spelling, denials by the words that deny, languages by small words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.text.language import likely_language
from assay.text.names import names
from assay.text.negation import polarity
from assay.text.tokens import stem


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The Panthers beat New York in Paris.", ["Panthers", "New York", "Paris"]),
        ("We call OpenAI's GPT-4 via api.example.com and my_var.", ["OpenAI GPT-4", "api.example.com", "my_var"]),
        ("Penguins swim. They eat.", []),
        ("It is what I said.", []),
        ("Berlin Tools opened.", ["Berlin Tools"]),
    ],
)
def test_english_names(text: str, found: list[str]) -> None:
    """Runs of capitals, acronyms and identifiers are names; a sentence's first word alone is not."""
    assert [name.text for name in names(text)] == found


def test_german_nouns_are_no_names() -> None:
    """A single capitalised word says nothing in German, two in a row do."""
    assert [name.text for name in names("Heute kam Angela Merkel mit dem Zug.", "de")] == ["Angela Merkel"]


@given(st.text(alphabet=st.sampled_from("aB1 .'_-\n"), max_size=40))
def test_names_point_into_the_text(text: str) -> None:
    """Offsets are inside the text and cover the first word of the name."""
    for name in names(text):
        assert text[name.start : name.end].startswith(name.text.split()[0])


@pytest.mark.parametrize(
    ("text", "language", "denied"),
    [
        ("It does not work.", "en", ["work"]),
        ("It isn't slow, but works.", "en", ["slow"]),
        ("Er zahlt keine Gebühr.", "de", ["gebühr"]),
        ("Er kommt nicht.", "de", ["kommt"]),
        ("All is well.", "en", []),
    ],
)
def test_what_is_denied(text: str, language: str, denied: list[str]) -> None:
    """Each denial reaches the words after it in its clause, or the one before where it stands last."""
    found = polarity(text, language)
    assert [reached[0] for reached in found.denied] == [stem(word, language) for word in denied]
    assert found.cues == len(denied)


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("When was the library founded?", "en"),
        ("Wann wurde die Bibliothek gegründet?", "de"),
        ("Quand est-ce que la bibliothèque a été fondée ?", "fr"),
        ("¿Cuándo se fundó la biblioteca?", "es"),
        ("图书馆什么时候成立的？", "zh"),
        ("XQ-7", "en"),
    ],
)
def test_the_language_of_a_question(question: str, language: str) -> None:
    """Short questions are told apart; what has no small words takes the default."""
    assert likely_language(question) == language
