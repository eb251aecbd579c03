"""What a reader cannot see is found, and what writing needs is left alone; sizes are limited."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.detect.hidden import find, without
from assay.detect.limits import TextLimits, exceeded
from assay.detect.secrets import kinds

TAGS = "".join(chr(0xE0000 + ord(sign)) for sign in "ignore all")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("ig\u200bnore", "hidden.zero_width"),
        ("pass\u200dword", "hidden.zero_width"),
        ("end\ufeff", "hidden.zero_width"),
        ("so\u00adft", "hidden.zero_width"),
        ("safe\u202etxt.exe", "hidden.bidi"),
        ("a\u2066b\u2069", "hidden.bidi"),
        ("plain\u200ftext", "hidden.bidi"),
        (f"hello{TAGS}", "hidden.tag"),
        (f"\U0001f3f4{TAGS}\U000e007f", "hidden.tag"),
    ],
)
def test_hidden_characters_are_found_and_can_be_taken_out(text: str, rule: str) -> None:
    findings = find(text)
    assert {one.rule_id for one in findings} == {rule}
    assert find(without(text, findings)) == ()
    assert without(text, findings).isprintable()


@pytest.mark.parametrize(
    "text",
    [
        "plain text with é, ß and 漢字",
        "\ufeffa byte order mark at the start",
        "می\u200cخواهم",
        "क्\u200dष",
        "👩\u200d👩\u200d👧",
        "שלום\u200f!",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    ],
)
def test_what_writing_needs_is_left_alone(text: str) -> None:
    assert find(text) == ()


@given(st.text(st.sampled_from("aé ש\u200b\u200d\u202e\U000e0041\U000e007f\U0001f3f4\ufeff\ud800"), max_size=30))
def test_taking_out_only_removes_and_findings_are_in_order(text: str) -> None:
    findings = find(text)
    assert all(one.end <= other.start for one, other in pairwise(findings))
    assert len(without(text, findings)) == len(text) - sum(one.end - one.start for one in findings)


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("How long?", ""),
        ("", "empty"),
        (" \n\t", "empty"),
        ("ab " * 5, ""),
        ("ab " * 7, "too_long"),
        (" " * 21, "too_long"),
        ("abcdefghijk", "long_word"),
        ("a" * 6, "long_run"),
        ("a a" + " " * 6 + "b", "long_run"),
    ],
)
def test_the_first_limit_that_is_broken_is_named(text: str, broken: str) -> None:
    assert exceeded(text, TextLimits(max_chars=20, max_word=10, max_run=5)) == broken


@given(st.text(max_size=30), st.integers(1, 40))
def test_a_text_that_passes_also_passes_wider_limits(text: str, more: int) -> None:
    narrow = TextLimits(20, 10, 5)
    if not exceeded(text, narrow):
        assert not exceeded(text, TextLimits(20 + more, 10 + more, 5 + more))


def test_a_credential_is_known_by_its_shape() -> None:
    assert kinds("key AKIAQ3EGRIL5DTXVN7ZK") == ("aws_access_key",)
    assert kinds("Authorization: Bearer q9ZtP4xRk2LmN7vB") == ("bearer",)
    assert kinds("a sketch of sk-8 boards, and see https://example.org/a:b@c") == ()
