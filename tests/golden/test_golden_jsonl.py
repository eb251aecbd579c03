"""Reading golden sets: every problem is named with its place, and nothing is imported when there is one."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.golden.jsonl import read_cases, write_cases
from assay.golden.problems import BadCases
from assay.records.access import Scope
from assay.records.dialogue import LabelledSpan, ToolCall, Turn
from assay.records.golden import Case, Evidence, Expected, GoldenSet, Nugget, Relation, RelationKind


def lines(*rows: object) -> bytes:
    return b"\n".join(row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)


def problems(data: bytes) -> list[tuple[int, str, str]]:
    with pytest.raises(BadCases) as raised:
        read_cases(data, "cases.jsonl")
    assert raised.value.code == "golden.invalid"
    return [(problem.line, problem.path, problem.code) for problem in raised.value.problems]


def test_every_documented_field_is_read() -> None:
    row = {
        "id": "c-1", "question": "How long?", "history": ["Hello.", "And the trial?"], "answerable": True,
        "answers": ["30 days", "a month"], "evidence": [{"doc": "d-1", "quote": "30 days", "grade": 2}, {"doc": "d-2"}],
        "must": ["30"], "must_not": ["60"], "slices": {"kind": "numeric", "language": "en"}, "tenant": "acme",
        "groups": ["hr"], "cluster": "d-1", "split": "dev", "provenance": {"author": "Kim"},
    }  # fmt: skip
    assert read_cases(lines(row), "cases.jsonl") == (
        Case(
            "c-1",
            "How long?",
            Expected(True, ("30 days", "a month"), (Evidence("d-1", "30 days", 2), Evidence("d-2")), ("30",), ("60",)),
            (Turn("user", "Hello."), Turn("user", "And the trial?")),
            Scope("acme", frozenset({"hr"})),
            ("kind=numeric", "language=en"),
            "d-1",
            "dev",
            {"author": "Kim"},
        ),
    )


def test_what_is_expected_of_other_tasks_is_read() -> None:
    rows = [
        {"id": "a", "question": "Ann flew to Rome.", "label": "travel", "fields": {"city": "Rome", "date": None},
         "spans": [{"start": 0, "end": 3, "label": "person"}, {"start": 12, "end": 16, "label": "city"}],
         "tools": [{"name": "book", "arguments": {"to": ["Rome"], "price": 1.5}}, {"name": "say"}],
         "nuggets": ["Ann flew", {"text": "to Rome", "vital": False}]},
        {"id": "b", "question": "Ann flew to Bonn.", "relation": {"kind": "invariance", "of": "a", "tolerance": 0.1}},
        {"id": "c", "question": "Ann loved it.",
         "relation": {"kind": "directional", "of": "a", "quantity": "score:travel", "direction": "down"}},
        {"id": "d", "question": "A flight.", "label": "travel", "relation": {"kind": "minimum"}},
    ]  # fmt: skip
    one, other, third, fourth = read_cases(lines(*rows), "x")
    assert one.expected == Expected(
        label="travel",
        fields={"city": "Rome", "date": None},
        spans=(LabelledSpan(0, 3, "person"), LabelledSpan(12, 16, "city")),
        tools=(ToolCall("book", {"to": ["Rome"], "price": 1.5}), ToolCall("say")),
        nuggets=(Nugget("Ann flew"), Nugget("to Rome", False)),
    )
    assert other.expected.relation == Relation(RelationKind.INVARIANCE, "a", tolerance=0.1)
    assert third.expected.relation == Relation(RelationKind.DIRECTIONAL, "a", "score:travel", "down")
    assert fourth.expected.relation == Relation(RelationKind.MINIMUM)


def test_what_is_wrong_with_other_tasks_is_named_with_its_place() -> None:
    data = lines(
        {"question": "abc", "spans": [{"start": 1, "end": 4, "label": "x"}, {"start": 2, "end": 2, "label": "x"},
                                      {"start": -1, "end": True, "label": " "}, {"end": 1, "label": "x"}]},
        {"question": "abc", "spans": [{"start": 0, "end": 1, "label": "x"}] * 2},
        {"question": "b", "label": " ", "nuggets": ["", 3, {"text": "t", "vital": 1}], "tools": [{"arguments": []}]},
        {"question": "c", "label": "yes ", "relation": {"kind": "opposite"}},
        {"question": "d", "relation": {"kind": "invariance", "direction": "up", "tolerance": -1}},
        {"question": "e", "relation": {"kind": "directional", "of": "x", "quantity": "length"}},
        {"question": "f", "relation": {"kind": "minimum", "of": "x"}},
        b'{"question": "g", "fields": {"n": 1e999}, "tools": [{"name": "t", "arguments": {"\\ud800": 1}}]}',
        {"question": "h", "relation": "minimum", "fields": [1]},
    )  # fmt: skip
    assert problems(data) == [
        (1, "$.spans[0].end", "golden.span_outside"),
        (1, "$.spans[1].end", "golden.span_outside"),
        (1, "$.spans[2].start", "golden.wrong_type"),
        (1, "$.spans[2].end", "golden.wrong_type"),
        (1, "$.spans[2].label", "golden.empty_text"),
        (1, "$.spans[3].start", "golden.missing"),
        (2, "$.spans[1].start", "golden.duplicate_span"),
        (3, "$.label", "golden.empty_text"),
        (3, "$.tools[0].name", "golden.missing"),
        (3, "$.tools[0].arguments", "golden.wrong_type"),
        (3, "$.nuggets[0]", "golden.empty_text"),
        (3, "$.nuggets[1]", "golden.wrong_type"),
        (3, "$.nuggets[2].vital", "golden.wrong_type"),
        (4, "$.label", "golden.bad_label"),
        (4, "$.relation.kind", "golden.bad_relation"),
        (5, "$.relation.tolerance", "golden.wrong_type"),
        (5, "$.relation.of", "golden.missing"),
        (5, "$.relation.direction", "golden.bad_relation"),
        (6, "$.relation.direction", "golden.bad_relation"),
        (6, "$.relation.quantity", "golden.bad_relation"),
        (7, "$.relation.kind", "golden.bad_relation"),
        (8, "$.fields", "golden.wrong_type"),
        (8, "$.tools[0].arguments", "golden.not_unicode"),
        (9, "$.fields", "golden.wrong_type"),
        (9, "$.relation", "golden.wrong_type"),
    ]


def test_a_relation_to_no_case_of_the_file_or_in_a_circle_is_refused() -> None:
    def made(name: str, of: str) -> dict[str, object]:
        return {"id": name, "question": f"q {name}", "relation": {"kind": "invariance", "of": of}}

    data = lines(made("a", "b"), made("b", "a"), made("c", "c"), made("d", "nowhere"), made("e", "a"))
    assert problems(data) == [
        (1, "$.relation.of", "golden.relation_cycle"),
        (2, "$.relation.of", "golden.relation_cycle"),
        (3, "$.relation.of", "golden.relation_cycle"),
        (4, "$.relation.of", "golden.unknown_relation"),
    ]


def test_fields_that_nest_deeper_than_can_be_written_are_refused() -> None:
    deep = b'{"question": "q", "fields": {"a": ' + b"[" * 60 + b"]" * 60 + b"}}"
    assert problems(deep) == [(1, "$.fields", "golden.wrong_type")]


def test_a_question_alone_is_a_case_and_its_id_depends_on_what_is_asked_by_whom() -> None:
    one, other = read_cases(lines({"question": "Why?"}, {"question": "Why?", "tenant": "acme"}), "x")
    assert one.expected.answerable
    assert one.case_id != other.case_id
    assert read_cases(lines({"question": "Why?"}), "y")[0].case_id == one.case_id


def test_slices_as_a_list_and_as_an_object_are_the_same() -> None:
    both = read_cases(lines({"question": "a", "slices": ["kind=x"]}, {"question": "b", "slices": {"kind": "x"}}), "x")
    assert both[0].slices == both[1].slices


def test_one_answer_may_stand_alone() -> None:
    assert read_cases(lines({"question": "a", "answer": "yes"}), "x")[0].expected.answers == ("yes",)


def test_roles_of_a_history_are_kept() -> None:
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    assert [t.role for t in read_cases(lines({"question": "a", "history": turns}), "x")[0].history] == [
        "user",
        "assistant",
    ]


def test_all_problems_of_a_file_are_named_at_once_with_line_and_path() -> None:
    data = lines(
        {"id": "a", "question": "fine"},
        {"id": "b", "question": "  "},
        b"",
        {"id": "c", "question": "q", "evidence": [{"quote": "x"}, 7, {"doc": "d", "grade": 0}]},
        b"{not json",
        {"id": "a", "question": "again"},
        {"id": "d", "question": "q", "answr": "typo", "must": "text", "answerable": "yes", "must_not": ["", 3]},
        [1],
        {"question": "q", "answer": "x", "answers": ["y"], "history": [{"role": "robot", "content": "hi"}]},
        {"id": "e", "answers": ["no question"], "slices": {"k": 1}},
    )
    assert problems(data) == [
        (2, "$.question", "golden.empty_question"),
        (4, "$.evidence[0].doc", "golden.missing"),
        (4, "$.evidence[1]", "golden.wrong_type"),
        (4, "$.evidence[2].grade", "golden.wrong_type"),
        (5, "$", "golden.bad_json"),
        (6, "$.id", "golden.duplicate_id"),
        (7, "$.answr", "golden.unknown_key"),
        (7, "$.answerable", "golden.wrong_type"),
        (7, "$.must", "golden.wrong_type"),
        (7, "$.must_not[0]", "golden.empty_text"),
        (7, "$.must_not[1]", "golden.wrong_type"),
        (8, "$", "golden.wrong_type"),
        (9, "$.answer", "golden.answer_and_answers"),
        (9, "$.history[0].role", "golden.bad_role"),
        (10, "$.question", "golden.missing"),
        (10, "$.slices.k", "golden.wrong_type"),
    ]


def test_the_error_never_repeats_what_was_written() -> None:
    secret = "hunter2 is the password"
    with pytest.raises(BadCases) as raised:
        read_cases(
            lines({"question": "", "answer": [secret, 1], secret + "!" * 9: secret, "id": secret}), "cases.jsonl"
        )
    assert secret not in str(raised.value)
    assert "cases.jsonl" in str(raised.value)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "golden.empty"),
        (b"\n \n", "golden.empty"),
        (b'{"question": "a"}\n\xff\xfe', "golden.not_utf8"),
        (b'{"question": "a", "question": "b"}', "golden.duplicate_key"),
        (b'{"question": NaN}', "golden.bad_json"),
        (b"[" * 100_000, "golden.bad_json"),
        (b'{"question": "\\ud800"}', "golden.not_unicode"),
        (b'{"question": "q", "evidence": {"doc": "d"}}', "golden.wrong_type"),
    ],
)
def test_files_that_are_no_golden_set_are_refused_by_a_stable_code(data: bytes, code: str) -> None:
    assert code in [found for _, _, found in problems(data)]


def test_a_byte_order_mark_windows_lines_and_unusual_separators_are_read() -> None:
    data = b'\xef\xbb\xbf{"question": "a"}\r\n' + '{"question": "x\u2028y"}\r\n'.encode()
    assert [case.question for case in read_cases(data, "x")] == ["a", "x\u2028y"]


texts = st.text(min_size=1, max_size=20).filter(str.strip)
names = texts.filter(lambda text: not text.startswith("!"))
"""Of tenants and groups: those that begin so are reserved."""
maybe = st.just("") | texts
labels = texts.map(str.strip)
numbers = st.floats(0, 1e6)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
json_objects = st.dictionaries(st.text(max_size=5), json_values, max_size=2)
cases = st.builds(
    Case,
    texts,
    texts,
    st.builds(
        Expected,
        st.booleans(),
        st.lists(texts, max_size=3).map(tuple),
        st.lists(st.builds(Evidence, texts, maybe, st.integers(1, 5)), max_size=3).map(tuple),
        st.lists(texts, max_size=2).map(tuple),
        st.lists(texts, max_size=2).map(tuple),
        st.just("") | labels,
        json_objects,
        st.just(()) | labels.map(lambda label: (LabelledSpan(0, 1, label),)),
        st.lists(st.builds(ToolCall, texts, json_objects), max_size=2).map(tuple),
        st.lists(st.builds(Nugget, texts, st.booleans()), max_size=2).map(tuple),
        st.none() | st.just(Relation(RelationKind.MINIMUM)),
    ),
    st.lists(st.builds(Turn, st.sampled_from(["user", "assistant", "system"]), texts), max_size=3).map(tuple),
    st.builds(Scope, names, st.frozensets(names, max_size=3)),
    st.lists(texts, max_size=3).map(tuple),
    maybe,
    texts,
    st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3),
)


@settings(max_examples=40)
@given(st.lists(cases, min_size=1, max_size=4, unique_by=lambda case: case.case_id).map(tuple))
def test_what_is_written_is_read_back_the_same(some: tuple[Case, ...]) -> None:
    again = read_cases(write_cases(some), "again")
    assert again == some
    assert GoldenSet("g", again).version == GoldenSet("g", some).version


@given(st.binary(max_size=200))
def test_no_bytes_at_all_raise_anything_but_our_error(data: bytes) -> None:
    with contextlib.suppress(BadCases):
        read_cases(data, "noise")
