"""The quick way to one sentence's numbers says what the thorough one says."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from assay.text.negation import may_deny, polarity
from assay.text.sentences import sentence_spans
from assay.text.statements import figures, statements

_WORDS = ("the contract ends after 6 months six such as Acme AB-12 step 3 not can't kein if 4 % 5 USD v2 May "
          "2024-05-03 − $7 | ? e.g. Warehouse – nicht 中不 Q3 pays")  # fmt: skip
_SENTENCES = st.lists(st.sampled_from(_WORDS.split(" ")), max_size=14).map(" ".join)


@given(_SENTENCES)
def test_the_figures_of_a_sentence_are_those_of_its_statement(text: str) -> None:
    assume(len(sentence_spans(text, "en")) == 1)
    found = statements(text, "en")
    quick = figures(text, "en", 2)
    if len(found) == 1 and 1 <= len(found[0].quantities) <= 2 and not found[0].denials and found[0].end == len(text):
        assert quick == found[0]
    elif quick is not None:
        assert len(found) != 1 or found[0].end != len(text)


@given(_SENTENCES | st.text())
def test_a_text_that_surely_denies_nothing_has_no_denial(text: str) -> None:
    assert may_deny(text) or polarity(text, "en").cues == 0
