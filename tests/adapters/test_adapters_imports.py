"""Logs of other tools become rows with their scores, their failures and their errors told, and never a made-up zero."""

from __future__ import annotations

import contextlib
import json
import math
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import foreign_logs as logs
from assay.adapters.imports import zipped
from assay.adapters.imports.formats import read_foreign, sniff
from assay.adapters.imports.rows import FAILED, ForeignRun, Wishes, number
from assay.records.dialogue import Turn
from assay.records.errors import InputError
from assay.records.evaluation import Direction, MetricKind


def read(tmp_path: Path, name: str, data: bytes, format_name: str = "auto", **wishes: Any) -> tuple[ForeignRun, ...]:
    path = tmp_path / name
    path.write_bytes(data)
    return read_foreign(path, format_name, Wishes(**wishes))


def refused(tmp_path: Path, name: str, data: bytes, format_name: str = "auto", **wishes: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        read(tmp_path, name, data, format_name, **wishes)
    return caught.value


def lines(*entries: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)


@pytest.fixture
def zstd() -> Callable[[bytes], bytes]:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd.compress


TWO = [logs.inspect_sample("a1"), logs.inspect_sample("a2", value="I"), logs.inspect_sample("b1", value="P")]


def test_inspects_archive_and_its_json_log_read_the_same(tmp_path: Path) -> None:
    (archive,) = read(tmp_path, "a.eval", logs.inspect_eval(TWO))
    (plain,) = read(tmp_path, "a.json", logs.inspect_json(TWO))
    assert archive == plain
    assert [sample.scores["match"] for sample in archive.samples] == [1.0, 0.0, 0.5]
    assert archive.cases[0].question == "What is a1?"
    assert archive.cases[0].expected.answers == ("it is a1",)
    assert archive.samples[0].reply.text == "it is a1"
    assert {m.name: m.kind for m in archive.metrics}["match"] is MetricKind.MEAN
    assert archive.samples[0].scores["latency_ms"] == 500.0
    assert archive.samples[0].scores["tokens_in"] == 7.0


def test_members_compressed_with_zstandard_are_read(tmp_path: Path, zstd: Callable[[bytes], bytes]) -> None:
    (read_zstd,) = read(tmp_path, "z.eval", logs.inspect_eval(TWO, pack=zstd, method=logs.ZSTD))
    assert read_zstd == read(tmp_path, "d.eval", logs.inspect_eval(TWO))[0]


def test_the_key_that_inspects_own_error_is_clustered_by_clusters_the_cases(tmp_path: Path) -> None:
    (run,) = read(tmp_path, "a.eval", logs.inspect_eval(TWO))
    assert [case.cluster for case in run.cases] == ["a", "a", "b"]
    (other,) = read(tmp_path, "a.eval", logs.inspect_eval(TWO), cluster="kind", slices=("kind",))
    assert [case.cluster for case in other.cases] == ["easy"] * 3
    assert other.cases[0].slices == ("kind=easy",)


def test_epochs_are_repeats_of_one_case(tmp_path: Path) -> None:
    (run,) = read(tmp_path, "a.eval", logs.inspect_eval([logs.inspect_sample("a1", epoch) for epoch in (1, 2, 3)]))
    assert run.repeats == 3
    assert len(run.cases) == 1
    assert [sample.repeat for sample in run.samples] == [0, 1, 2]


def test_a_sample_with_an_error_failed_whatever_score_stands_beside_it(tmp_path: Path) -> None:
    broken = logs.inspect_sample("a2", error={"message": "boom", "traceback": ""}, error_retries=[{"message": "x"}])
    (run,) = read(tmp_path, "a.eval", logs.inspect_eval([logs.inspect_sample("a1"), broken]))
    assert run.samples[1].error == FAILED
    assert run.samples[1].scores == {}
    assert run.samples[1].attempts == 2


def test_nan_is_a_reason_and_never_a_number(tmp_path: Path) -> None:
    samples = [
        logs.inspect_sample("a1"),
        logs.inspect_sample("a2", value=math.nan),
        logs.inspect_sample("a3", scores={}),
    ]
    for name, data in (("a.json", logs.inspect_json(samples)), ("a.eval", logs.inspect_eval(samples))):
        (run,) = read(tmp_path, name, data)
        assert run.samples[1].unscored["match"] == "not_finite"
        assert run.samples[2].unscored["match"] == "not_in_log"
        assert "match" not in run.samples[1].scores


def test_a_scorer_with_several_values_becomes_several_metrics(tmp_path: Path) -> None:
    (run,) = read(tmp_path, "a.json", logs.inspect_json([logs.inspect_sample("a", value={"x": "C", "y": 0.25})]))
    assert run.samples[0].scores["match/x"] == 1.0
    assert run.samples[0].scores["match/y"] == 0.25


def test_a_conversation_is_history_and_a_question_and_attachments_are_put_back(tmp_path: Path) -> None:
    asked = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "attachment://h1"}, {"type": "image", "image": "…"}]},
    ]
    sample = logs.inspect_sample("a", input=asked, attachments={"h1": "A long question"})
    (run,) = read(tmp_path, "a.json", logs.inspect_json([sample]))
    assert run.cases[0].history == (Turn("system", "Be kind."),)
    assert run.cases[0].question == "A long question\n[image]"


def test_samples_in_chunks_read_like_whole_ones(tmp_path: Path) -> None:
    sample = logs.inspect_sample("a/b")
    metadata = sample.pop("metadata")
    members = {
        "header.json": logs.inspect_header([sample]),
        "samples/a/b_epoch_1/sample.json": sample,
        "samples/a/b_epoch_1/metadata.json": metadata,
        "samples/a/b_epoch_1/events/0.json": [{"event": "x"}],
    }
    data = logs.archive({name: json.dumps(content).encode() for name, content in members.items()})
    (run,) = read(tmp_path, "a.eval", data)
    assert run == read(tmp_path, "b.eval", logs.inspect_eval([logs.inspect_sample("a/b")]))[0]


def test_a_newer_log_is_read_when_what_is_needed_is_there_and_else_named(tmp_path: Path) -> None:
    (run,) = read(tmp_path, "a.eval", logs.inspect_eval(TWO, version=3))
    assert "log version 3 is newer" in run.header.notes[0]
    moved = [{key: value for key, value in sample.items() if key != "input"} for sample in TWO]
    for name, data in (
        ("b.eval", logs.inspect_eval(moved, version=3)),
        ("b.json", logs.inspect_json(moved, version=3)),
    ):
        error = refused(tmp_path, name, data)
        assert error.code == "import.future_version"
        assert "version 3" in error.what
    assert refused(tmp_path, "c.eval", logs.inspect_eval(moved)).code == "import.wrong_format"


def test_a_cut_off_archive_says_so(tmp_path: Path) -> None:
    data = logs.inspect_eval(TWO)
    for cut in (30, len(data) // 2, len(data) - 10):
        assert refused(tmp_path, "a.eval", data[:cut]).code == "import.damaged"


@given(at=st.integers(0, 10_000), to=st.integers(0, 255))
def test_a_damaged_archive_is_refused_or_read_and_nothing_else_happens(
    tmp_path_factory: pytest.TempPathFactory, at: int, to: int
) -> None:
    data = bytearray(logs.inspect_eval(TWO))
    data[at % len(data)] = to
    with contextlib.suppress(InputError):  # any other exception is a failure
        read(tmp_path_factory.mktemp("damaged"), "a.eval", bytes(data), "inspect")


def test_what_unpacks_to_more_than_it_says_or_than_a_log_holds_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipped, "MAX_MEMBER", 200_000)
    bomb = logs.inspect_eval([logs.inspect_sample("a1", store={"kept": "0" * 300_000})])
    assert refused(tmp_path, "a.eval", bomb).code == "import.zip_bomb"
    lying = logs.archive({"header.json": b" " * 90_000}, lambda data: data[:100], method=0)
    assert refused(tmp_path, "b.eval", lying).code == "import.damaged"
    monkeypatch.setattr(zipped, "MAX_TOTAL", 1_500)
    assert refused(tmp_path, "c.eval", logs.inspect_eval(TWO)).code == "import.zip_bomb"


def test_a_member_whose_bytes_were_changed_is_damaged_and_not_read(tmp_path: Path) -> None:
    data = logs.inspect_eval(TWO, pack=lambda content: content, method=zipped.STORED)
    changed = data.replace(b'"completion": "it is a2"', b'"completion": "it is b2"', 1)
    assert changed != data
    assert refused(tmp_path, "a.eval", changed).code == "import.damaged"


def test_an_archive_without_a_header_or_of_an_unknown_method_is_no_log(tmp_path: Path) -> None:
    assert refused(tmp_path, "a.eval", logs.archive({"x.txt": b"hello"})).code == "import.wrong_format"
    odd = logs.inspect_eval(TWO, pack=lambda data: data, method=97)
    assert refused(tmp_path, "b.eval", odd).code == "import.compression"


def test_a_duplicate_id_and_two_inputs_under_one_id_are_refused(tmp_path: Path) -> None:
    twice = [logs.inspect_sample("a1"), logs.inspect_sample("a1")]
    assert refused(tmp_path, "a.json", logs.inspect_json(twice)).code == "import.duplicate_id"
    mixed = [logs.inspect_sample("a1"), logs.inspect_sample("a1", 2, input="Something else?")]
    assert refused(tmp_path, "b.json", logs.inspect_json(mixed)).code == "import.case_differs"
    assert refused(tmp_path, "c.json", logs.inspect_json([])).code == "import.empty"


def test_the_wrong_format_named_is_told_with_the_right_one(tmp_path: Path) -> None:
    error = refused(tmp_path, "a.json", logs.inspect_json(TWO), "promptfoo")
    assert error.code == "import.wrong_format"
    assert "--format inspect" in error.remedy
    assert refused(tmp_path, "a.json", b'{"hello": 1}').code == "import.unknown_format"
    assert refused(tmp_path, "a.json", b"{", "langfuse").code == "import.bad_json"
    assert refused(tmp_path, "a.json", logs.inspect_json(TWO), "mlperf").code == "import.unknown_format"


def test_lm_eval_filters_become_metrics_and_the_results_file_names_model_and_direction(tmp_path: Path) -> None:
    at = "2026-05-04T03-02-01.123456"
    results = {"model_name": "maker/model-3", "higher_is_better": {"gsm": {"exact_match": True, "steps": False}}}
    (tmp_path / f"results_{at}.json").write_text(json.dumps(results))
    entries = [logs.lm_eval_line(doc, float(doc), "strict") for doc in (0, 1)]
    entries += [logs.lm_eval_line(doc, 1.0, "flexible") for doc in (0, 1)]
    entries += [logs.lm_eval_line(doc, 2.5, metric="steps") for doc in (0, 1)]
    (run,) = read(tmp_path, f"samples_gsm_{at}.jsonl", lines(*entries))
    assert run.header.system == "maker/model-3"
    assert run.header.dataset == "gsm"
    assert run.header.created_at.startswith("2026-05-04T03:02:01")
    assert {m.name: m.direction for m in run.metrics} == {
        "exact_match,strict": Direction.HIGHER, "exact_match,flexible": Direction.HIGHER, "steps": Direction.LOWER,
    }  # fmt: skip
    assert run.cases[1].question == "1 + 1?"
    assert run.cases[1].expected.answers == ("2",)
    assert run.samples[1].reply.text == "2"
    twice = lines(*entries[:1], *entries[:1])
    assert refused(tmp_path, "samples_gsm.jsonl", twice).code == "import.duplicate_id"
    assert refused(tmp_path, "x.jsonl", lines({"id": 1}), "lm-eval").code == "import.wrong_format"


def test_promptfoo_gives_one_run_per_provider_and_its_repeats_are_repeats(tmp_path: Path) -> None:
    results = [
        logs.promptfoo_result(question, question == "a", provider)
        for question in ("a", "a", "b", "b") for provider in ("one", "two")
    ]  # fmt: skip
    results[-1] |= {"error": "no connection", "failureReason": 2, "success": False, "response": {}}
    one, two = read(tmp_path, "a.json", logs.promptfoo(results), slices=("topic",))
    assert (one.header.system, two.header.system) == ("one", "two")
    assert one.cases == two.cases
    assert one.repeats == 2
    assert one.samples[0].scores == {
        "pass": 1.0, "score": 1.0, "right": 1.0, "latency_ms": 20.0, "tokens_in": 9.0, "tokens_out": 3.0,
        "cost_usd": 0.002,
    }  # fmt: skip
    assert one.samples[2].scores["pass"] == 0.0
    assert one.samples[2].error == ""
    assert two.samples[3].error == FAILED
    assert one.cases[0].slices == ("topic=geo",)
    (again, _) = read(tmp_path, "a.jsonl", lines(*results))
    assert again.cases[0].case_id == one.cases[0].case_id
    future = logs.promptfoo([{"verdict": "good"}], version=9)
    assert refused(tmp_path, "f.json", future, "promptfoo").code == "import.future_version"


def test_langfuse_pairs_by_dataset_item_and_averages_scores_of_one_name(tmp_path: Path) -> None:
    traces = [
        {
            "id": f"trace-{item}", "timestamp": "2026-05-04T03:02:01.000Z", "name": "chat", "latency": 1.5,
            "totalCost": 0.01, "input": {"question": f"Q{item}"}, "output": {"answer": "A"},
            "metadata": {"dataset_item_id": f"item-{item}"},
            "scores": [{"name": "helpful", "value": 1}, {"name": "helpful", "value": 0.5},
                       {"name": "tone", "value": "warm"}],
        }
        for item in range(2)
    ]  # fmt: skip
    (run,) = read(tmp_path, "t.json", json.dumps(traces).encode())
    assert [case.case_id for case in run.cases] == ["item-0", "item-1"]
    assert run.cases[0].question == "Q0"
    assert run.samples[0].scores == {"helpful": 0.75, "latency_ms": 1500.0, "cost_usd": 0.01}
    table = 'id,timestamp,input,output,latency,Helpful\nt1,2026-05-04,Q0,A,2,"[1, 0]"\nt2,2026-05-04,Q1,A,2,\n'
    (csv,) = read(tmp_path, "t.csv", table.encode())
    assert csv.samples[0].scores["Helpful"] == 0.5
    assert csv.samples[1].unscored == {"Helpful": "not_in_log"}
    assert csv.cases[0].case_id.startswith("case-")


def test_phoenix_experiments_read_the_same_as_json_and_as_csv(tmp_path: Path) -> None:
    records = [
        {
            "example_id": f"RGF0YXNl{n}", "repetition_number": n, "input": {"q": "Why?"},
            "reference_output": {"a": "So."}, "output": "So it is.",
            "error": None, "latency_ms": 12.5, "start_time": "2026-05-04T03:02:01+00:00",
            "prompt_token_count": 5, "completion_token_count": 2,
            "annotations": [{"name": "right", "label": "yes", "score": 1.0, "error": None},
                            {"name": "judge", "label": None, "score": None, "error": "timeout"}],
        }
        for n in (1, 2)
    ]  # fmt: skip
    (run,) = read(tmp_path, "e.json", json.dumps(records).encode())
    header = (
        "example_id,repetition_number,input,reference_output,output,error,latency_ms,start_time,prompt_token_count,"
    )
    header += "completion_token_count,annotation_right_label,annotation_right_score,annotation_judge_score,"
    header += "annotation_judge_error"
    cells = '"{""q"": ""Why?""}","{""a"": ""So.""}",So it is.,,12.5,2026-05-04T03:02:01+00:00,5,2,yes,1.0,,timeout'
    rows = [f"RGF0YXNl{n},{n},{cells}" for n in (1, 2)]
    (csv,) = read(tmp_path, "e.csv", "\n".join([header, *rows]).encode())
    assert csv.cases == run.cases
    assert csv.samples == run.samples
    assert run.cases[0].question == "Why?"
    assert run.samples[0].scores["right"] == 1.0
    assert [m.name for m in run.metrics] == ["right", "latency_ms", "tokens_in", "tokens_out"]


def test_phoenix_spans_with_evaluations_count_the_roots_only(tmp_path: Path) -> None:
    spans = [
        {"context.span_id": "1", "parent_id": None, "attributes.input.value": "Why?", "attributes.output.value": "So.",
         "status_code": "OK", "eval.Hallucination.score": 0.0, "eval.Hallucination.label": "factual"},
        {"context.span_id": "2", "parent_id": "1", "attributes.input.value": "inner", "status_code": "OK"},
        {"context.span_id": "3", "parent_id": None, "attributes.input.value": "Who?", "status_code": "ERROR"},
    ]  # fmt: skip
    (run,) = read(tmp_path, "s.jsonl", lines(*spans), lower=frozenset({"Hallucination"}))
    assert [sample.error for sample in run.samples] == ["", FAILED]
    assert run.samples[0].scores == {"Hallucination": 0.0}
    assert run.metrics[0].direction is Direction.LOWER


def test_helm_joins_inputs_and_scores_and_leaves_bookkeeping_out(tmp_path: Path) -> None:
    folder = logs.helm_run(tmp_path / "books:model=m", {"id1": 1.0, "id2": 0.0, "id3": 1.0}, failed="id3")
    for path in (folder, folder / "scenario_state.json"):
        (run,) = read_foreign(path, "auto", Wishes())
        assert run.header.system == "maker/model-2"
        assert run.header.dataset == "books"
        assert run.samples[0].scores == {"exact_match": 1.0, "latency_ms": 250.0, "tokens_in": 40.0, "tokens_out": 2.0}
        assert run.cases[0].expected.answers == ("Ann",)
        assert run.samples[2].error == FAILED
    (folder / "per_instance_stats.json").unlink()
    with pytest.raises(InputError, match=r"import\.unreadable"):
        read_foreign(folder, "auto", Wishes())


def test_a_table_needs_an_id_and_its_numbers_are_metrics(tmp_path: Path) -> None:
    table = "case_id,question,answer,accuracy,quality,comment,error\nq1,Why?,So,1,0.5,fine,\nq2,Who?,Ann,0,NaN,,\n"
    table += "q3,When?,,,,,timeout\n"
    (run,) = read(tmp_path, "t.csv", table.encode())
    assert [(m.name, m.kind) for m in run.metrics] == [("accuracy", MetricKind.BINARY), ("quality", MetricKind.MEAN)]
    assert run.samples[1].scores == {"accuracy": 0.0}
    assert run.samples[1].unscored == {"quality": "not_finite"}
    assert run.samples[2].error == FAILED
    assert refused(tmp_path, "t.csv", b"name,score\na,1\n").code == "import.no_id_column"
    assert refused(tmp_path, "t.csv", b"id,score\na,1\na,0\n").code == "import.duplicate_id"
    assert refused(tmp_path, "t.csv", b"id,score\na,1\nb,high\nc,0\n").code == "import.mixed_column"
    assert refused(tmp_path, "t.csv", b"id,x,x\na,1,2\n").code == "import.bad_csv"
    assert refused(tmp_path, "t.csv", b"id,x\na,1,2\n").code == "import.bad_csv"
    assert refused(tmp_path, "t.csv", b"id,x\n\xff,1\n").code == "import.not_utf8"


def test_what_the_user_states_about_metrics_stands_and_must_name_one_that_is_there(tmp_path: Path) -> None:
    table = b"id,toxicity,doc\na,0,x\nb,1,x\n"
    (run,) = read(
        tmp_path, "t.csv", table, kinds={"toxicity": MetricKind.MEAN}, lower=frozenset({"toxicity"}), cluster="doc"
    )
    assert (run.metrics[0].kind, run.metrics[0].direction) == (MetricKind.MEAN, Direction.LOWER)
    assert run.cases[0].cluster == "x"
    assert refused(tmp_path, "t.csv", table, lower=frozenset({"toxic"})).code == "import.unknown_metric"
    assert refused(tmp_path, "t.csv", table, cluster="page").code == "import.unknown_key"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("C", 1.0), ("I", 0.0), ("P", 0.5), ("N", 0.0), ("yes", 1.0), ("False", 0.0), (True, 1.0), ("0.25", 0.25),
     (3, 3.0), (math.nan, "not_finite"), ("inf", "not_finite"), (None, "not_in_log"), ([1], "not_a_number"),
     ("good", "not_a_number"), (10**400, "not_finite")],
)  # fmt: skip
def test_letters_words_and_numbers_are_read_as_inspect_reads_them(value: Any, expected: float | str) -> None:
    assert number(value) == expected


@given(st.one_of(st.floats(), st.integers(), st.text(), st.none(), st.booleans(), st.lists(st.floats())))
def test_a_score_is_a_finite_number_or_a_reason(value: Any) -> None:
    found = number(value)
    assert (isinstance(found, float) and math.isfinite(found)) or (isinstance(found, str) and found)


@given(st.binary(max_size=300))
def test_looking_at_any_bytes_names_a_format_or_none(data: bytes) -> None:
    assert isinstance(sniff(data, "x.json"), str)


def test_half_a_surrogate_pair_does_not_stop_an_import(tmp_path: Path) -> None:
    data = logs.inspect_json([logs.inspect_sample("a", input="half \ud800 pair")])
    (run,) = read(tmp_path, "a.json", data)
    assert run.cases[0].question == "half ? pair"


def test_zipfile_itself_lists_what_the_fixture_makes(zstd: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "z.eval"
    path.write_bytes(logs.inspect_eval(TWO, pack=zstd, method=logs.ZSTD))
    assert {info.compress_type for info in zipfile.ZipFile(path).infolist()} == {93}
