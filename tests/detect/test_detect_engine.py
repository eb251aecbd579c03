"""One pass finds all rules: exact spans, one winner for each stretch, work in proportion to the text."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.detect.engine import Engine, Work
from assay.detect.findings import masked
from assay.detect.personal import redacted
from assay.detect.registry import chosen, engine_of
from assay.detect.rules import Rule
from assay.detect.scanner import RuleScanner
from assay.detect.scanning import scan
from assay.records.findings import Basis, Finding

EVERY = chosen(("secrets", "personal", "date"))
VALUES = [
    ("card", "4111 1111 1111 1111"), ("iban", "GB82 WEST 1234 5698 7654 32"), ("email", "ann@mail.example"),
    ("us_ssn", "123-45-6789"), ("phone", "+49 30 1234567"), ("ip", "192.168.100.200"), ("es_dni", "12345678Z"),
    ("github_token", "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"), ("url", "https://example.org/a"),
]  # fmt: skip
around = st.text(st.sampled_from("äß漢😀 \n.,;\ud800\u00a0"), max_size=12)


@given(before=around, after=around, what=st.sampled_from(VALUES))
def test_a_span_is_exact_whatever_stands_beside_it(before: str, after: str, what: tuple[str, str]) -> None:
    rule, value = what
    text = f"{before} {value} {after}"
    spans = [(one.rule_id, one.start, one.end) for one in scan(text, (rule,))]
    assert spans == [(rule, len(before) + 1, len(before) + 1 + len(value))]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("４１１１ １１１１ １１１１ １１１１", "4111 1111 1111 1111"),
        ("41\u200b11 1111\u200b 1111 11\u206011", "4111 1111 1111 1111"),
        ("٤١١١ ١١١١ ١١١١ ١١١١", "4111 1111 1111 1111"),
        ("𝟒𝟏𝟏𝟏 𝟏𝟏𝟏𝟏 𝟏𝟏𝟏𝟏 𝟏𝟏𝟏𝟏", "4111 1111 1111 1111"),
        ("4111\u00ad1111\ufe0f1111\u202a1111", "4111111111111111"),
    ],
)
def test_a_card_in_disguise_is_found_with_its_span_in_the_original(text: str, shown: str) -> None:
    """Full width, zero width, other digits, mathematical digits: what a reader or a model takes for the number."""
    full = f"ärger {text} ende"
    (found,) = scan(full, ("card",))
    assert full[found.start : found.end] == text, shown
    assert masked(full, (found,)) == "ärger [card] ende"


def test_an_address_in_full_width_is_found_and_plain_text_beside_it_only_once() -> None:
    text = "mail ａｎｎ＠ｍａｉｌ．ｅｘａｍｐｌｅ or bob@mail.example"
    assert [text[one.start : one.end] for one in scan(text, ("email",))] == [text[5:21], "bob@mail.example"]


@pytest.mark.parametrize(
    ("text", "winner"),
    [
        ("https://ann@mail.example/4111111111111111", "url"),
        ("Tel 4111 1111 1111 1111", "card"),
        ("postgres://app:s3cr-Hunter9x@db.example/x", "url_password"),
        ("-----BEGIN PRIVATE KEY-----\nann@mail.example\n-----END PRIVATE KEY-----", "private_key"),
        ("api_key = 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", "github_token"),
    ],
)
def test_of_findings_on_the_same_characters_the_enclosing_or_the_more_certain_one_wins(text: str, winner: str) -> None:
    assert next(one.rule_id for one in scan(text, EVERY)) == winner


def test_a_recognizer_adds_what_rules_cannot_find_and_the_more_certain_finding_stays() -> None:
    class Names:
        recipe, rule_ids = "names.v1", ("person",)

        def recognise(self, text: str) -> tuple[Finding, ...]:
            return (Finding("person", 0, 3, score=0.6), Finding("person", 4, 20, score=0.6))

    scanner = RuleScanner(("email",), (Names(),))
    assert [one.rule_id for one in scanner.scan("Ann ann@mail.example")] == ["person", "email"]
    assert scanner.recipe == "scan.v2(email@2)+names.v1"


def test_what_confirms_a_finding_is_told() -> None:
    proved = "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"
    text = f"card 4111 1111 1111 1111, mail ann@mail.example, account 31926819 and {proved}"
    bases = {one.rule_id: one.basis for one in scan(text, EVERY)}
    assert bases == {
        "card": Basis.CHECKED, "email": Basis.SHAPE, "bank_account": Basis.CONTEXT, "github_token": Basis.CHECKED,
    }  # fmt: skip
    (unproved,) = scan(proved[:-1] + "8", EVERY)
    assert (unproved.basis, unproved.score) == (Basis.SHAPE, 0.85)


def test_a_word_counts_only_when_no_other_label_stands_nearer() -> None:
    assert [one.rule_id for one in scan("phone 467 3395", ("phone",))] == ["phone"]
    assert scan("phone and order 467 3395", ("phone",)) == ()
    near, far = (scan(f"phone{gap} 467 3395", ("phone",))[0].score for gap in ("", " that we have of you is"))
    assert near > far


def test_numbers_in_links_are_not_taken_for_what_the_words_around_say() -> None:
    assert scan("call [us](https://a.example/contacts/2762526/x)", ("phone", "bank_account")) == ()


def test_a_window_does_not_make_a_word_of_the_end_of_another() -> None:
    """`ssn` ends a longer word at the edge of what is looked at."""
    assert scan("x" * 20 + "ssn" + "," * 69 + " 123456789", ("us_ssn",)) == ()


pieces = st.lists(
    st.sampled_from(
        [value for _, value in VALUES]
        + [
            "born 1.2.1990",
            "12 Main Street",
            "phone ",
            "-",
            " ",
            "x",
            "1",
            "call 030 / 1234567",
            "zip 12345",
            "@",
            "\u200b",
        ]
    ),
    max_size=7,
).map("".join)


@settings(max_examples=60)
@given(pieces)
def test_masking_all_personal_data_is_done_once(text: str) -> None:
    rules = ("personal",)
    once, findings = redacted(text, rules)
    assert redacted(once, rules) == (once, ())
    assert all(0 <= one.start < one.end for one in findings)


@settings(max_examples=60)
@given(pieces)
def test_findings_of_all_rules_stand_in_order_without_overlap(text: str) -> None:
    found = RuleScanner(("personal", "secrets", "date")).scan(text)
    assert all(0 <= one.start < one.end <= len(text) for one in found)
    assert all(one.end <= other.start for one, other in pairwise(found))


HOSTILE = [
    ".", ":", "[", "4", "4 ", "12-", "(1)", "@", "a@", "a:", "http://", "http://a)", "+1 ", "4111 1111 1111 ", "DE89 ",
    "account phone ssn tax id 123456789 ", "born 1/1/1980 ", "12 Aa Aa ", "Aastrasse 1 ", "-----BEGIN PRIVATE KEY-----",
    "eyJabcdefgh.eyJ", "password=token=secret=", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb ", "ABCDEF12 ", "a", "\ud800",
    "\u200b", "4\u200b", "４", "\u202e1",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE, ids=ascii)
def test_work_grows_in_proportion_to_the_text(piece: str) -> None:
    """Counted, not timed: candidates and the bytes that they read, at one length and at twice it."""
    short, long = Work(), Work()
    scan((piece * 1200)[:1200], EVERY, short)
    scan((piece * 2400)[:2400], EVERY, long)
    assert long.candidates <= 2 * short.candidates + 40
    assert long.bytes_read <= 2 * short.bytes_read + 40 * 20_000
    assert long.candidates <= 3 * 2400, "a place is looked at once, and once more where it is in disguise"


def test_a_candidate_reads_no_more_than_the_reach_of_its_rules() -> None:
    rule = Rule("x", "x", "a[b-z]*", 0.5, ("«abc»",), (), starts="a", reach=16)
    work = Work()
    (found,) = Engine([rule]).find("a" + "b" * 1000, work)
    assert (found.end, work.candidates) == (16, 1)
    assert work.bytes_read <= 2 * 16


def test_a_long_token_is_found_whole_and_a_long_word_without_one_ends() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9." + "eyJ" + "a1B2" * 300 + "." + "c" * 40
    (found,) = scan(f"x {token} y", EVERY)
    assert (found.rule_id, found.start, found.end) == ("jwt", 2, 2 + len(token))
    assert engine_of(EVERY).find("a" * 200_000) == ()
