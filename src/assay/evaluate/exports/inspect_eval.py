"""A run as a log of Inspect (`.eval`), so that its viewer, its log tools and its data frames work on it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from assay.evaluate.pairing import failure_code, has_failed
from assay.records.digest import sha256_json
from assay.records.evaluation import MetricSummary, Report, Run, RunStatus, Sample
from assay.records.golden import Case, GoldenSet

VERSION = 2
"""The version of Inspect's log format that is written: inspect_ai 0.3.285 reads it."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can hold: the same run makes the same bytes."""


def inspect_log(report: Report, samples: Iterable[Sample], golden: GoldenSet) -> bytes:
    """The archive's bytes. Members are deflated, which Inspect reads as it does its own.

    A metric that a sample was not scored by is left out of it, with the reason in its metadata; a sample that failed
    carries an error and no scores.
    """
    run, kept = report.run, tuple(samples)
    cases = {case.case_id: case for case in golden.cases}
    header = _header(report, kept, golden)
    made = [(sample, _sample(run, sample, cases[sample.case_id])) for sample in kept if sample.case_id in cases]
    box = io.BytesIO()
    with zipfile.ZipFile(box, "w") as archive:
        start = {"version": VERSION, "eval": header["eval"], "plan": header["plan"]}
        _write(archive, "_journal/start.json", start)
        for sample, content in made:
            _write(archive, f"samples/{_entry(sample)}_epoch_{sample.repeat + 1}.json", content)
        _write(archive, "summaries.json", [_summary(content) for _, content in made])
        _write(archive, "header.json", header)
    return box.getvalue()


def _entry(sample: Sample) -> str:
    """The case's id as the name of a member. Inspect looks samples up by this name, so an id stays as it is; one that
    would lead out of a folder where somebody unpacks the archive is replaced by its hash, here and in the sample."""
    name = sample.case_id
    unsafe = name.startswith("/") or "\\" in name or "\x00" in name or ".." in name.split("/")
    return f"case-{sha256_json(name)[:16]}" if unsafe else name


def _write(archive: zipfile.ZipFile, name: str, content: Any) -> None:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, json.dumps(content, ensure_ascii=False, allow_nan=False))


def _header(report: Report, samples: Sequence[Sample], golden: GoldenSet) -> dict[str, Any]:
    run = report.run
    ids = list(dict.fromkeys(_entry(sample) for sample in samples))
    clustered = any(case.cluster for case in golden.cases)
    model = run.versions.get("import.system") or f"assay/{run.bundle_id[:12] or run.app}"
    at = _moment(run.created_at)
    return {
        "version": VERSION,
        "status": "success" if run.status is RunStatus.COMPLETE else "cancelled",
        "eval": {
            "eval_id": run.run_id, "run_id": run.run_id, "created": at, "task": run.app, "task_id": run.run_id,
            "task_version": 0, "task_attribs": {}, "task_args": {},
            "dataset": {
                "name": run.golden_name, "location": f"{run.golden_name}@{run.golden_version}",
                "samples": len(ids), "sample_ids": ids, "shuffled": False,
            },
            "model": model, "model_args": {}, "config": {"epochs": run.repeats},
            "packages": {"assay": run.versions.get("assay", "")},
            "scorers": [_scorer(summary, clustered) for summary in report.summaries],
            "metadata": {"system": run.system, "split": run.split, "samples_digest": run.samples_digest},
        },
        "plan": {"name": "plan", "steps": [], "config": {}},
        "results": {
            "total_samples": run.cases * run.repeats,
            "completed_samples": sum(not has_failed(sample) for sample in samples),
            "scores": [_result(summary) for summary in report.summaries if summary.interval is not None],
        },
        "stats": {"started_at": at, "completed_at": at, "model_usage": {}},
    }  # fmt: skip


def _scorer(summary: MetricSummary, clustered: bool) -> dict[str, Any]:
    options = {"cluster": "cluster"} if clustered else {}
    metrics = [{"name": "inspect_ai/mean", "options": {}}, {"name": "inspect_ai/stderr", "options": options}]
    return {"name": summary.metric.name, "options": {}, "metrics": metrics, "metadata": {}}


def _result(summary: MetricSummary) -> dict[str, Any]:
    assert summary.interval is not None
    found = summary.interval
    values = {"mean": found.estimate, "low": found.low, "high": found.high}
    params = {"level": found.level, "method": found.method}
    return {
        "name": summary.metric.name, "scorer": summary.metric.name, "scored_samples": summary.scored,
        "unscored_samples": sum(summary.unscored.values()), "params": {},
        "metrics": {key: {"name": key, "value": value, "params": params} for key, value in values.items()},
    }  # fmt: skip


def _sample(run: Run, sample: Sample, case: Case) -> dict[str, Any]:
    text = sample.reply.text
    usage = _usage(sample)
    answer = {"role": "assistant", "content": text, "source": "generate"}
    asked = [*({"role": turn.role, "content": turn.content} for turn in case.history), _user(case.question)]
    content: dict[str, Any] = {
        "id": _entry(sample),
        "epoch": sample.repeat + 1,
        "input": asked if case.history else case.question,
        "target": list(case.expected.answers) or "",
        "messages": [*asked, answer],
        "output": {"model": run.app, "choices": [{"message": answer, "stop_reason": "stop"}], "completion": text},
        "scores": {name: {"value": value, "answer": text} for name, value in sample.scores.items()},
        "metadata": _metadata(sample, case),
        "store": {}, "events": [], "attachments": {},
        "model_usage": {run.app: usage} if usage else {},
        "total_time": sample.reply.duration_ms / 1000.0,
        "uuid": sha256_json([run.run_id, sample.case_id, sample.repeat])[:22],
    }  # fmt: skip
    if has_failed(sample):
        code = failure_code(sample)
        content |= {
            "scores": {}, "output": {"model": run.app, "choices": [], "completion": ""}, "messages": asked,
            "error": {"message": code, "traceback": "", "traceback_ansi": ""},
        }  # fmt: skip
    return content


def _user(question: str) -> dict[str, str]:
    return {"role": "user", "content": question, "source": "input"}


def _usage(sample: Sample) -> dict[str, float | int]:
    stated = sample.reply.usage
    if stated.tokens_in is None and stated.tokens_out is None and stated.cost_usd is None:
        return {}
    tokens_in, tokens_out = stated.tokens_in or 0, stated.tokens_out or 0
    usage: dict[str, float | int] = {
        "input_tokens": tokens_in, "output_tokens": tokens_out, "total_tokens": tokens_in + tokens_out,
    }  # fmt: skip
    return usage if stated.cost_usd is None else usage | {"total_cost": stated.cost_usd}


def _metadata(sample: Sample, case: Case) -> dict[str, Any]:
    found: dict[str, Any] = dict(_slices(case.slices))
    if case.cluster:
        found["cluster"] = case.cluster
    if sample.unscored:
        found["unscored"] = dict(sample.unscored)
    return found


def _slices(slices: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in slices:
        key, _, value = name.partition("=")
        yield key, value or "true"


def _summary(content: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("id", "epoch", "input", "target", "scores", "metadata", "model_usage", "total_time", "uuid")
    return {
        **{key: content[key] for key in kept},
        **({"error": content["error"]["message"]} if "error" in content else {}),
        "completed": True, "message_count": len(content["messages"]),
    }  # fmt: skip


def _moment(at: str) -> str:
    """To the second with a numeric zone, as Inspect writes it."""
    return f"{at[:19]}+00:00" if len(at) >= 19 else "1970-01-01T00:00:00+00:00"
