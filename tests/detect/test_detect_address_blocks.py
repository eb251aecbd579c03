"""An address grows from its street or unit over the lines of a letter, and over nothing else."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.detect.address_blocks import RULE, with_blocks
from assay.detect.registry import chosen
from assay.detect.scanning import scan


def blocks(text: str) -> list[str]:
    found = with_blocks(text, scan(text, chosen(("address",))))
    return [text[one.start : one.end] for one in found if one.rule_id == RULE]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Meet me at 363 52 Huntly Street\n Suite 132\n Barmolloch\n United Kingdom 12345. Please call.",
         "363 52 Huntly Street\n Suite 132\n Barmolloch\n United Kingdom 12345"),
        ("Ada Byron\n28 Puruntie 82 Apt. 595\nLAPPEENRANTA\nMobile: 0400", "28 Puruntie 82 Apt. 595\nLAPPEENRANTA"),
        ("return to 35108 ul. Zamkowa 33 Apt. 406 in case of loss", "35108 ul. Zamkowa 33 Apt. 406"),
        ("My address is 17 Harju 54, Tallinn", "17 Harju 54, Tallinn"),
        ("at the corner of Kuusiku 7 and Alexander Flat? I am in", "Kuusiku 7 and Alexander Flat"),
    ],
)  # fmt: skip
def test_the_whole_block_is_found(text: str, found: str) -> None:
    assert found in blocks(text)


@pytest.mark.parametrize(
    "text",
    [
        "Unit 5 of the course is about roads.",
        "See suite 12 of the tests, and room 3 of the plan.",
        "The team moved to a new tool in 2024.",
        "She returned to work after 3 weeks. He lives on coffee.",
        "Send it to Ada, and mail it to everybody.",
    ],
)
def test_prose_holds_no_block(text: str) -> None:
    assert blocks(text) == []


def test_the_next_sentence_does_not_belong_to_an_address() -> None:
    (found,) = blocks("She lives at 221B Baker Street. The house is old.")
    assert found.rstrip(".") == "221B Baker Street"


@given(st.text(alphabet="Ab1 \n,.>:?'é5", max_size=300).map(lambda text: text.replace("A5", "lives at 12 Old Street")))
def test_blocks_stay_in_the_text_and_apart(text: str) -> None:
    found = sorted((one.start, one.end) for one in with_blocks(text, scan(text, chosen(("address",)))))
    assert all(0 <= start < end <= len(text) for start, end in found)
    assert all(left[1] <= right[0] for left, right in pairwise(found))
