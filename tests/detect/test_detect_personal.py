"""Personal data with a structure is found by its structure and check digits, in linear time."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.detect.checksums import IBAN_LENGTH, luhn, mod97, payment_card
from assay.detect.findings import counts, masked, separate
from assay.detect.personal import RULES, find, redacted
from assay.records.errors import ConfigError
from assay.records.findings import Finding

# Numbers that card schemes, the IBAN registry and ISO 7064 publish as examples.
CARDS = [
    "4111111111111111", "4012 8888 8888 1881", "5555-5555-5555-4444", "2223003122003222", "378282246310005",
    "3714 496353 98431", "6011111111111117", "30569309025904", "3530111333300000", "6200000000000005",
    "4222222222222",
]  # fmt: skip
IBANS = [
    "GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "FR14 2004 1010 0505 0001 3M02 606",
    "CH93 0076 2011 6238 5295 7", "NO93 8601 1117 947", "MT84MALT011000012345MTLCAST001S",
    "nl91 abna 0417 1643 00",
]  # fmt: skip


def found(text: str, rule: str) -> list[str]:
    return [text[one.start : one.end] for one in find(text, [rule])]


@pytest.mark.parametrize("number", CARDS)
def test_a_card_number_is_found_whole_however_it_is_grouped(number: str) -> None:
    assert found(f"Paid with {number}.", "card") == [number]


@pytest.mark.parametrize(
    "number",
    ["4111111111111112", "1234567812345670", "41111111111111111111111", "0000000000000000", "9999 9999 9999 9995"],
)
def test_a_number_without_an_issuer_or_a_right_check_digit_is_no_card(number: str) -> None:
    assert found(number, "card") == []


def test_a_card_beside_other_numbers_is_found_alone() -> None:
    text = "order 1234 4111 1111 1111 1111 12/29 and 5555 5555 5555 4444 999"
    assert found(text, "card") == ["4111 1111 1111 1111", "5555 5555 5555 4444"]


@given(st.integers(0, 10**14 - 1))
def test_exactly_one_check_digit_makes_a_number_right(number: int) -> None:
    assert sum(luhn(f"4{number:014}{digit}") for digit in range(10)) == 1


@given(st.integers(0, 10**14 - 1), st.integers(0, 14))
def test_a_changed_digit_is_no_card_any_more(number: int, place: int) -> None:
    body = f"4{number:014}"
    card = next(f"{body}{digit}" for digit in range(10) if luhn(f"{body}{digit}"))
    assert payment_card(card)
    changed = card[:place] + str((int(card[place]) + 1) % 10) + card[place + 1 :]
    assert not luhn(changed)


@pytest.mark.parametrize("iban", IBANS)
def test_an_iban_is_found_whole_and_nothing_after_it(iban: str) -> None:
    assert found(f"Account {iban} BANK OF X", "iban") == [iban]
    assert found(f"({iban})", "iban") == [iban]


@pytest.mark.parametrize(
    "text",
    ["GB82 WEST 1234 5698 7654 33", "DE8937040044053201300", "XX89370400440532013000", "DE893704004405320130001"],
)
def test_a_wrong_check_or_length_is_no_iban(text: str) -> None:
    assert found(text, "iban") == []


def test_lengths_of_ibans_are_those_of_the_registry() -> None:
    assert (IBAN_LENGTH["NO"], IBAN_LENGTH["DE"], IBAN_LENGTH["GB"], IBAN_LENGTH["MT"]) == (15, 22, 22, 31)
    assert len(IBAN_LENGTH) > 75
    assert mod97("GB82WEST12345698765432")


@pytest.mark.parametrize(
    "address", ["a@b.co", "first.last+tag@mail.example.org", "jörg@müller.example", "o'neil_9@sub.sub2.example.com"]
)
def test_an_email_address_is_found_whole(address: str) -> None:
    assert found(f"Write to <{address}>, please.", "email") == [address]


@pytest.mark.parametrize("text", ["a@b", "@example.com", "user@", "10@20", "git@host:path", "a@-b.example", "x@y.1"])
def test_what_only_holds_an_at_sign_is_no_address(text: str) -> None:
    assert found(text, "email") == []


@pytest.mark.parametrize(
    "number",
    ["+49 30 1234567", "+1 (415) 555-0132", "+44 20 7946 0958", "(415) 555-0132", "415-555-0132", "+41.44.668.18.00"],
)
def test_a_phone_number_is_found_whole(number: str) -> None:
    assert found(f"Call {number} today", "phone") == [number]


def test_a_number_announced_as_a_phone_is_found_without_its_announcement() -> None:
    assert found("Tel.: 030 / 1234567, Fax 0800 123456", "phone") == ["030 / 1234567", "0800 123456"]


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-15", "version 1.2.3", "192.168.100.200", "pages 100-200", "1,000,000", "12:30:45", "+5 points",
        "ISBN 978-3-16-148410-0", "order 123-456-789", "a + 1000", "telescope 12345678",
    ],
)  # fmt: skip
def test_other_numbers_are_no_phones(text: str) -> None:
    assert found(text, "phone") == []


def test_a_social_security_number_is_one_that_could_have_been_issued() -> None:
    assert found("SSN 123-45-6789 or 123 45 6789", "us_ssn") == ["123-45-6789", "123 45 6789"]
    for never in (
        "000-12-3456",
        "666-12-3456",
        "900-12-3456",
        "123-00-4567",
        "123-45-0000",
        "123-45 6789",
        "123-45-67890",
    ):
        assert found(never, "us_ssn") == []


def test_one_stretch_has_one_finding_and_the_certain_rule_wins() -> None:
    text = "Tel 4111 1111 1111 1111, a@b.example"
    assert [(one.rule_id, text[one.start : one.end]) for one in find(text)] == [
        ("card", "4111 1111 1111 1111"),
        ("email", "a@b.example"),
    ]


def test_offsets_count_code_points_also_after_signs_that_have_no_form_in_utf_8() -> None:
    text = "\ud800😀é a@b.example"
    assert [(one.rule_id, one.start, one.end) for one in find(text, ["email"])] == [("email", 4, 15)]
    assert masked(text, find(text, ["email"])) == "\ud800😀é [email]"


def test_an_unknown_rule_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(ConfigError) as error:
        find("text", ["card", "blood_type"])
    assert error.value.code == "detect.unknown_rule"
    assert "us_ssn" in error.value.remedy


pieces = st.lists(
    st.sampled_from(
        [*CARDS, *IBANS, "a@b.example", "+49 30 1234567", "123-45-6789", " ", "-", "1", "Tel ", "é", "[", "@"]
    )
    | st.text(max_size=4),
    max_size=8,
).map("".join)


@given(pieces)
def test_redaction_leaves_nothing_to_find_and_is_done_once(text: str) -> None:
    once, findings = redacted(text)
    assert find(once) == ()
    assert redacted(once) == (once, ())
    assert bool(findings) == bool(find(text))


def test_a_number_that_was_glued_to_another_is_masked_too() -> None:
    assert redacted("4111111111111111GB82 WEST 1234 5698 7654 32")[0] == "[card][iban]"


@given(pieces)
def test_findings_stand_in_order_inside_the_text_without_overlap(text: str) -> None:
    findings = find(text)
    assert all(0 <= one.start < one.end <= len(text) for one in findings)
    assert all(one.end <= other.start for one, other in pairwise(findings))


@given(pieces, st.sampled_from(sorted(RULES)))
def test_one_rule_alone_finds_at_least_what_it_finds_among_others(text: str, rule: str) -> None:
    alone = {(one.start, one.end) for one in find(text, [rule])}
    assert {(one.start, one.end) for one in find(text) if one.rule_id == rule} <= alone


def test_overlapping_findings_are_masked_as_one_stretch() -> None:
    findings = [Finding("a", 2, 6), Finding("b", 4, 8), Finding("c", 4, 5), Finding("a", 10, 11)]
    assert masked("0123456789ab", findings) == "01[a]89[a]b"
    assert separate(findings) == (Finding("a", 2, 6), Finding("a", 10, 11))
    assert counts(findings) == {"a": 2, "b": 1, "c": 1}


HOSTILE: dict[str, Callable[[int], str]] = {
    "digits": lambda n: "4" * n,
    "groups": lambda n: "4 " * (n // 2),
    "cards": lambda n: "4111111111111111 x " * (n // 19),
    "ats": lambda n: "a@" * (n // 2),
    "dots": lambda n: "a@" + "b." * (n // 2),
    "letters": lambda n: "a" * n,
    "ibans": lambda n: "DE89 " * (n // 5),
    "plus": lambda n: "+1 " * (n // 3),
    "phones": lambda n: "Tel 030 1234567, 415-555-0132; " * (n // 31),
    "surrogates": lambda n: "\ud800" * n,
}


@pytest.mark.parametrize("shape", sorted(HOSTILE))
def test_a_text_made_to_be_slow_is_read_to_its_end(shape: str) -> None:
    text = HOSTILE[shape](3_000)
    findings = find(text + " card 4111 1111 1111 1111")
    assert find(redacted(text)[0]) == ()
    assert findings[-1].end == len(text) + 25 or shape == "groups"
