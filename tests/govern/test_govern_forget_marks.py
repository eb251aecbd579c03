"""What is forgotten is recognised in every form in which a store can keep it, and nothing else is."""

from __future__ import annotations

import html
import json
from dataclasses import replace
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.govern.forget_marks import Marks, new_marks, vector_marks, words
from assay.govern.forget_readings import readings, values

TEXT = (
    'The band of Zoë Ångström, a senior engineer, starts at 91,000 euros — "roughly".\n'
    "Her desk\tis by the C:\\new wall."
)
ANIMALS = ["ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen", "ibis", "jay"]
SENTENCES = st.lists(st.sampled_from(ANIMALS), min_size=5, max_size=40)


def found(marks: Marks, data: bytes) -> bool:
    return any(len(marks.found(text)) for text in readings(data))


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        json.dumps({"text": TEXT}).encode(),
        json.dumps({"text": TEXT}, ensure_ascii=False).encode(),
        html.escape(TEXT).encode(),
        quote(TEXT).encode(),
        b"\x00\xff\xfe" + TEXT.upper().encode() + b"\x00",
        TEXT.replace(" ", "  \n").encode(),
        TEXT.replace("senior", "se\u00adni\u200bor").encode(),
    ],
)
def test_a_text_is_recognised_however_a_file_spells_it(data: bytes) -> None:
    assert found(new_marks([TEXT]), data)


def test_every_five_words_in_a_row_are_enough_and_four_are_not() -> None:
    marks = new_marks(["one two three four five six"])
    assert len(marks.found("… two three four five six …")) == 1
    assert not len(marks.found("one two three four and five six"))
    assert marks.count == 2


@given(SENTENCES, SENTENCES)
def test_exactly_the_shared_runs_of_five_words_are_found(one: list[str], other: list[str]) -> None:
    def runs(text: list[str]) -> set[tuple[str, ...]]:
        return {tuple(text[i : i + 5]) for i in range(len(text) - 4)}

    marks = new_marks([" ".join(one)])
    assert len(marks.found(" ".join(other))) == len(runs(one) & runs(other))
    assert marks.without([" ".join(other)]).count == len(runs(one) - runs(other))


def test_a_short_text_is_one_shingle_and_a_common_word_alone_is_none() -> None:
    assert len(new_marks(["gone soon"]).found("It is gone soon, they say"))
    assert new_marks(["text"]).count == 0
    assert len(new_marks(["K48291"]).found("customer k48291 called"))


def test_scripts_without_spaces_are_recognised_inside_a_longer_run() -> None:
    marks = new_marks(["東京都の人口は千四百万人です"])
    assert len(marks.found("報告によると東京都の人口は千四百万人ですと書かれている"))
    assert not len(marks.found("大阪府の面積は千九百平方キロです"))


def test_a_subject_is_found_by_its_normal_form_and_stays_forbidden_where_others_name_it() -> None:
    marks = new_marks(subjects=["Jane.Doe@Example.com", "Ｚoë  Ångström"])
    assert marks.holds_subject("write to jane.doe@example.COM today")
    assert marks.holds_subject("ZOË\nÅNGSTRÖM")
    assert not marks.holds_subject("Jane wrote to Doe")
    assert marks.without(["jane.doe@example.com"]).holds("jane.doe@example.com")


def test_names_are_recognised_as_whole_values_and_hashes_also_inside_text() -> None:
    digest = "ab12" * 16
    marks = new_marks(names=["handbook/leave.md", "S", digest])
    assert marks.holds("handbook/leave.md")
    assert marks.is_name("S")
    assert not marks.holds("S"), "a single letter may mean anything; only fields that hold ids are compared with it"
    assert len(marks.found(f"blobs/{digest} was here"))
    assert not new_marks(names=["leave days"], shared=["leave days"]).holds("leave days")


def test_member_names_of_json_are_structure_and_their_values_are_content() -> None:
    marks = new_marks(["question expected answerable true answers"])
    record = '{"question":"","expected":{"answerable":true,"answers":[]}}'
    assert len(marks.found(record))
    assert marks.in_json(record) == 0
    assert marks.in_json('{"note":"question expected answerable true answers"}') == 1


def test_values_of_json_and_of_plain_text() -> None:
    assert list(values('{"a": ["b", {"c": 1}]}')) == ["a", "b", "c"]
    assert list(values("{no json")) == ["{no json"]


def test_marks_survive_their_file_and_the_file_holds_no_word() -> None:
    marks = replace(
        new_marks([TEXT], ["Zoë Ångström"], ["handbook/leave.md"]), vectors=vector_marks(np.array([[0.5, 0.25, 1.0]]))
    )
    data = marks.to_bytes()
    again = Marks.from_bytes(data)
    assert again.digest == marks.digest
    assert np.array_equal(again.found(TEXT), marks.found(TEXT))
    assert again.in_vectors(np.array([9.0, 0.5, 0.25], dtype="<f4").tobytes()) == 1
    assert not any(word.encode() in data.lower() for word in words(TEXT) if len(word) > 3)
    with pytest.raises(ValueError):
        Marks.from_bytes(b"x" * 100)


def test_two_erasures_of_one_text_have_different_digests() -> None:
    assert set(new_marks([TEXT]).found(TEXT).tolist()).isdisjoint(new_marks([TEXT]).found(TEXT).tolist())


def test_vectors_are_recognised_at_any_place_of_a_file_and_zeros_never() -> None:
    marks = replace(new_marks([TEXT]), vectors=vector_marks(np.array([[0.5, -0.25, 1.0], [0.0, 0.0, 1.0]], np.float32)))
    data = np.array([[1.0, 2.0, 3.0], [0.5, -0.25, 1.0], [0.0, 0.0, 1.0]], dtype="<f4").tobytes()
    assert marks.in_vectors(data) == 1
    assert marks.in_vectors(b"") == 0
