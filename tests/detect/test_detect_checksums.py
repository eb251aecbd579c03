"""Check digits catch what they were made to catch, and agree with published numbers."""

from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.detect.checksums import luhn, mod11_10, payment_card, routing_number, vehicle, verhoeff
from assay.detect.coins import base58check, bech32, bitcoin_like, extended_key
from assay.detect.dates import written
from assay.detect.entropy import a_password, base62_crc, basic_credentials, bits_per_sign, random_looking, web_token
from assay.detect.national_europe import de_tax_id, pl_pesel, se_personal
from assay.detect.national_world import br_cpf, cn_resident, kr_resident, nz_ird, sg_nric

digits = st.text("0123456789", min_size=5, max_size=14)


@pytest.mark.parametrize("holds", [luhn, mod11_10, verhoeff])
@given(body=digits)
def test_exactly_one_check_digit_is_right(holds, body) -> None:  # type: ignore[no-untyped-def]
    assert sum(holds(f"{body}{digit}") for digit in range(10)) == 1


@given(body=digits, place=st.integers(0, 13), other=st.integers(1, 9))
def test_verhoeff_catches_every_wrong_digit_and_every_swap_of_neighbours(body: str, place: int, other: int) -> None:
    number = next(f"{body}{digit}" for digit in range(10) if verhoeff(f"{body}{digit}"))
    at = place % len(number)
    wrong = number[:at] + str((int(number[at]) + other) % 10) + number[at + 1 :]
    assert not verhoeff(wrong)
    at = place % (len(number) - 1)
    swapped = number[:at] + number[at + 1] + number[at] + number[at + 2 :]
    assert verhoeff(swapped) == (swapped == number)


def test_published_numbers_hold() -> None:
    """From Verhoeff's own text, the standards' and the offices' pages."""
    assert verhoeff("2363")
    assert mod11_10("07945")
    assert luhn("79927398713")
    assert routing_number("011000015")
    assert vehicle("1M8GDM9AXKP042788")
    assert de_tax_id("86095742719")
    assert not de_tax_id("11111111111")
    assert pl_pesel("44051401359")
    assert se_personal("8112189876")
    assert se_personal("198112189876")
    assert se_personal("7010632391"), "a coordination number: sixty is added to the day"
    assert br_cpf("39053344705")
    assert cn_resident("11010519491231002X")
    assert kr_resident("2003013999999"), "given out without a check digit since October 2020"
    assert [nz_ird(number) for number in ("49091850", "35901981", "49098576", "136410132", "136410133", "9125568")] == [
        True, True, True, True, False, False,
    ]  # fmt: skip
    assert [sg_nric(number) for number in ("S1234567D", "T1234567J", "F1234567N", "G1234567X")] == [True] * 4


@pytest.mark.parametrize(
    "number", ["630427373398", "180016070420458", "213176828496175", "2623322164608847", "4131034282458809939"]
)
def test_ranges_of_issuers_old_and_new_are_cards(number: str) -> None:
    assert payment_card(number)


def test_coins_are_told_by_their_checksum() -> None:
    assert base58check("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa")[0] == 0
    assert base58check("0") == b""
    assert base58check("1") == b""
    assert not bitcoin_like("5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ")
    assert not extended_key("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa")
    assert bech32("A12UEL5L")
    assert bech32("A1LQFN3A"), "BIP 350"
    assert not bech32("A12uEL5L"), "of two cases"
    assert not bech32("1qqqqqq")


def test_a_date_is_one_of_the_calendar() -> None:
    assert all(written(text) for text in ("1980-01-31", "31.1.80", "1/31/1980", "12 March 1980", "May 5, 1971"))
    assert not any(written(text) for text in ("1980-02-30", "32.1.80", "13/13/1980", "45 March 1980", "12"))


def test_tokens_prove_themselves() -> None:
    assert base62_crc("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")
    assert not base62_crc("ghp_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18")
    assert web_token("eyJhbGciOiJIUzI1NiJ9.x.y")
    assert not any(web_token(text) for text in ("e.x.y", "W10.x.y", "eyJhIjoxfQ.x.y", "ééé.x.y"))
    assert basic_credentials("YWxhZGRpbjpvcGVuc2VzYW1l")
    assert not any(basic_credentials(text) for text in ("understanding", "YWxhZGRpbg==", "AAAA"))
    assert crc32(b"123456789") == 0xCBF43926


@given(st.text(max_size=40))
def test_judging_a_value_never_fails(text: str) -> None:
    assert 0 <= bits_per_sign(text) <= 6
    assert random_looking(text) in (True, False)
    assert a_password(text) in (True, False)
