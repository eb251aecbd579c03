"""Golden sets from what teams already have: retrieval sets in BEIR's layout, and tables."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from assay.golden.problems import BadCases
from assay.golden.reading import read_beir, read_csv, read_path
from assay.records.dialogue import Turn
from assay.records.errors import InputError
from assay.records.golden import Evidence

DATA = Path(__file__).parents[3] / "shared" / "data"
QUERIES = b"""\
{"_id": "t<::>1", "text": "And then?", "history": ["First?"], "answerability": ["PARTIAL"], "answer": "So"}
{"_id": "t<::>2", "text": "What?", "answerability": ["UNDERSPECIFIED"], "answer": "Say more."}
{"_id": "q3", "text": "Plain?"}
{"_id": "train", "text": "Not judged here."}
"""
QRELS = b"query-id\tcorpus-id\tscore\nt<::>1\td1\t1\nt<::>1\td2\t2\nt<::>2\td9\t1\nq3\td3\t1\nq3\td4\t0\n"


def test_judgements_become_evidence_and_labels_become_expectations() -> None:
    first, vague, plain = read_beir(QUERIES, QRELS)
    assert first.expected.evidence == (Evidence("d1"), Evidence("d2", grade=2))
    assert first.expected.answers == ("So",)
    assert first.history == (Turn("user", "First?"),)
    assert first.slices == ("answerability=partial",)
    assert (vague.expected.answerable, vague.expected.answers, vague.expected.evidence) == (False, (), ())
    assert plain.expected.evidence == (Evidence("d3"),)
    assert [case.cluster for case in (first, vague, plain)] == ["t", "t", "d3"]


def test_trec_judgements_without_a_header_are_read() -> None:
    (case,) = read_beir(b'{"_id": "q", "text": "Why?"}', b"q\t0\td1\t3\n")
    assert case.expected.evidence == (Evidence("d1", grade=3),)


def test_problems_in_queries_and_judgements_are_told_together() -> None:
    with pytest.raises(BadCases) as raised:
        read_beir(b'{"_id": "q", "text": ""}\n{"_id": "p", "txt": "a"}', b"h\th\th\nq\td\n")
    assert [(p.line, p.path) for p in raised.value.problems] == [(2, "qrels"), (1, "$.text"), (2, "$.text")]


def test_a_table_gives_questions_answers_slices_and_provenance() -> None:
    data = '\ufeffQuestion,Source Docs,Question Type,Answer\n"How, then?",*A*,Table,"So\nit is"\n,,,\nWhy?,,,\n'
    first, second = read_csv(data.encode(), "q.csv")
    assert (first.question, first.expected.answers) == ("How, then?", ("So\nit is",))
    assert first.slices == ("question_type=Table",)
    assert first.provenance == {"format": "csv", "source docs": "*A*"}
    assert second.expected.answers == ()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"frage,antwort\na,b\n", "golden.missing"),
        (b"", "golden.missing"),
        (b"question\n", "golden.empty"),
        (b"question,answer\n,b\n", "golden.empty_question"),
        (b"question\na\na\n", "golden.duplicate_id"),
        (b"question\na,b\n", "golden.bad_csv"),
        (b'question\n"a', "golden.bad_csv"),
        (b"question\n\xff\n", "golden.not_utf8"),
    ],
)
def test_tables_that_cannot_be_used_say_why(data: bytes, code: str) -> None:
    with pytest.raises(BadCases) as raised:
        read_csv(data, "q.csv")
    assert code in {problem.code for problem in raised.value.problems}


def test_a_path_is_read_by_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "qrels").mkdir()
    (tmp_path / "queries.jsonl").write_bytes(QUERIES)
    (tmp_path / "qrels" / "dev.tsv").write_bytes(QRELS)
    (tmp_path / "a.CSV").write_text("question\nWhy?\n")
    (tmp_path / "a.jsonl").write_text('{"question": "Why?"}')
    assert len(read_path(tmp_path)) == 3
    assert read_path(tmp_path / "a.CSV")[0].question == read_path(tmp_path / "a.jsonl")[0].question
    for missing in (tmp_path / "b.jsonl", tmp_path / "qrels"):
        with pytest.raises(InputError, match=r"golden\.unreadable"):
            read_path(missing)


@pytest.mark.data
@pytest.mark.skipif(not DATA.exists(), reason="../shared/data is not here")
def test_real_sets_are_read_whole() -> None:
    mtrag = read_path(DATA / "retrieval" / "mtrag-un-pooled")
    assert Counter(case.expected.answerable for case in mtrag) == {True: 332, False: 45}
    xquad = read_path(DATA / "retrieval" / "xquad-en")
    assert (len(xquad), len({case.cluster for case in xquad})) == (1190, 240)
    assert len(read_path(DATA / "documents" / "sec-10q" / "qna_data.csv")) == 195
