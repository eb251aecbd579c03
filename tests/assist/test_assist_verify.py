"""The check passes exact quotes, fails a changed number, name or denial, and finds the span a sentence came from."""

import pytest
from assist_library import OPENING, RULES, chunk
from hypothesis import given
from hypothesis import strategies as st

from assay.assist.verify import VerifyPolicy, align, check_sentence
from assay.records.dialogue import CheckStatus

SOURCES = (
    OPENING,
    RULES,
    "The Panthers gave up 308 points. Kawann Short had 11 sacks.",
    "- Open the file in Berlin Tools.\n- Close it after 5 minutes, not before.",
    "Die Frist beträgt 14 Tage. Sie gilt nicht für Verträge mit Firmen.",
)


def passed(sentence: str, *cited: str) -> bool:
    return check_sentence(sentence, cited).status is CheckStatus.SUPPORTED


@given(st.sampled_from(SOURCES), st.data())
def test_a_run_of_whole_sentences_always_passes(source: str, data: st.DataObject) -> None:
    """Whole sentences quoted from a citation pass, whatever they say."""
    from assay.text.sentences import sentence_spans

    spans = sentence_spans(source)
    first = data.draw(st.integers(0, len(spans) - 1))
    last = data.draw(st.integers(first, len(spans) - 1))
    quote = " ".join(source[spans[first][0] : spans[last][1]].split())
    check = check_sentence(quote, [source])
    assert check.status is CheckStatus.SUPPORTED
    assert check.alignment == 1.0


@given(st.text(min_size=1, max_size=80).filter(lambda text: any(c.isalnum() for c in text)))
def test_any_text_passes_against_itself(text: str) -> None:
    """A citation of exactly the sentence bears it out."""
    assert passed(text, text)


@given(
    st.sampled_from(["It holds 12,000 books.", "Loans last 3 weeks.", "Kawann Short had 11 sacks in 2015."]), st.data()
)
def test_changing_a_number_fails(sentence: str, data: st.DataObject) -> None:
    """A number that the citation does not hold fails by name."""
    from assay.text.numbers import quantities

    quantity = data.draw(st.sampled_from(quantities(sentence)))
    other = data.draw(st.integers(100_000, 999_999))
    digits = sentence[quantity.start : quantity.end]
    changed = sentence.replace(digits, str(other), 1)
    check = check_sentence(changed, [sentence])
    assert "number" in check.failures


@given(st.data())
def test_inserting_not_anywhere_fails(data: st.DataObject) -> None:
    """A denial put between any two words of a quote fails by name."""
    sentence = data.draw(st.sampled_from(["The reading room closes early on Fridays.", "Loans can be renewed twice."]))
    parts = sentence.rstrip(".").split()
    at = data.draw(st.integers(1, len(parts)))
    changed = " ".join([*parts[:at], data.draw(st.sampled_from(["not", "never"])), *parts[at:]]) + "."
    assert "negation" in check_sentence(changed, [sentence]).failures


def test_leaving_out_a_denial_fails() -> None:
    """A sentence that states what its citation denies fails, in English and in German."""
    assert "negation" in check_sentence("Fines are charged for children.", [OPENING]).failures
    german = "Die Frist gilt für Verträge mit Firmen."
    assert "negation" in check_sentence(german, [SOURCES[4]], language="de").failures


def test_a_foreign_name_fails() -> None:
    """A name that no citation holds fails by name."""
    assert "name" in check_sentence("The library was founded in 1897 by Carl Lund.", [OPENING]).failures


@pytest.mark.parametrize(
    "sentence",
    [
        "The library holds 12000 books.",
        "The founder of the library in 1897 was Ada Berg.",
        "Children are not charged fines.",
    ],
)
def test_a_close_paraphrase_passes(sentence: str) -> None:
    """Other word order and other spellings of a number pass."""
    assert passed(sentence, OPENING)


def test_unrelated_text_and_no_citation_fail() -> None:
    """Nothing cited and nothing shared are told apart."""
    assert check_sentence("Penguins swim.", []).failures == ("no_citation",)
    assert check_sentence("Penguins swim well.", [RULES]).failures == ("alignment",)


def test_a_minus_is_not_a_bullet() -> None:
    """`5 degrees` is no quote of `-5 degrees`."""
    assert "number" in check_sentence("5 degrees were measured.", ["-5 degrees were measured."]).failures


def test_policy_bounds_are_checked() -> None:
    """A share outside 0 to 1 and an unknown consequence are refused."""
    with pytest.raises(ValueError, match="share"):
        VerifyPolicy(1.5)
    with pytest.raises(ValueError, match="withhold or mark"):
        VerifyPolicy(on_failure="shout")


def test_alignment_gives_offsets_in_the_text_copy() -> None:
    """The span covers whole sentences and counts from the copy's beginning, not the chunk's."""
    passage = chunk(OPENING, start=100)
    span = align("In 1897 Ada Berg founded the library.", passage)
    assert span is not None
    assert OPENING[span.start - 100 : span.end - 100] == "The library was founded in 1897 by Ada Berg."


def test_alignment_takes_two_sentences_only_when_the_second_adds_something() -> None:
    """A sentence that joins two is aligned with both, an unrelated one with none."""
    span = align("Founded in 1897 by Ada Berg, the library holds 12,000 books.", chunk(OPENING))
    assert span is not None
    assert OPENING[span.start : span.end].endswith("12,000 books.")
    assert align("Penguins swim.", chunk(OPENING)) is None


def test_a_part_behind_a_full_stop_is_borne_out_by_itself() -> None:
    """A long true sentence does not carry what a model joined to it in lower case; an abbreviation joins nothing."""
    true = "Every employee of the house has twenty five days of paid leave each calendar year"
    joined = f"{true}. open house console, paid paste and accept charge."
    assert "alignment" in check_sentence(joined, [f"{true}."]).failures
    assert check_sentence(f"{true} approx. as stated.", [f"{true}, approx. as stated."]).failures == ()


def test_many_citations_together_do_not_hold_what_none_of_them_says() -> None:
    """A model that cites everything finds a word here and a word there; two sources that share a sentence still do."""
    scraps = ["People come.", "They take notes.", "It forbids discrimination.", "Lawyers speak."]
    said = "People note lawyers discrimination."
    assert "alignment" in check_sentence(said, scraps, VerifyPolicy(0.6)).failures
    two = ["Parents take sixteen weeks of leave.", "Sick people take ten days of leave."]
    both = "Parents take sixteen weeks of leave, sick people ten days."
    assert check_sentence(both, two).failures == ()
