"""`samples_TASK_TIME.jsonl` of lm-evaluation-harness, written by `--log_samples`; with the results file beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.adapters.imports.files import read_jsonl
from assay.adapters.imports.inputs import question_of
from assay.adapters.imports.rows import ForeignRun, Header, Row, Wishes, build, number, text_of
from assay.records.errors import InputError

_OURS = frozenset({
    "doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics", "doc_hash", "prompt_hash",
    "target_hash", "token_counts", "schema",
})  # fmt: skip
_LOWER = frozenset({"perplexity", "word_perplexity", "byte_perplexity", "bits_per_byte", "ter", "brier_score"})
"""Registered with higher_is_better=False in lm_eval/api/metrics.py; the results file, where it is there, decides."""
_NAME = re.compile(r"samples_(?P<task>.+?)_(?P<at>\d{4}-\d{2}-\d{2}T[\d.:-]+)\.jsonl")


def read_lm_eval(data: bytes, name: str, wishes: Wishes, beside: Path | None = None) -> tuple[ForeignRun, ...]:
    """One run. The metrics of a filter other than `none` are named `metric,filter`, as the harness prints them.

    `beside` is the folder of the file: `results_TIME.json` in it names the model and each metric's direction.
    """
    stated = _NAME.fullmatch(Path(name).name)
    task = stated["task"] if stated else Path(name).stem.removeprefix("samples_")
    results = _results(beside, stated["at"]) if beside and stated else {}
    rows: dict[str, Row] = {}
    for line, entry in read_jsonl(data, name):
        if "doc_id" not in entry or "doc" not in entry:
            raise InputError(
                "import.wrong_format", "is no samples file of lm-evaluation-harness", where=f"{name}: line {line}"
            )
        _add(rows, entry, f"line {line}", name)
    known = results.get("higher_is_better", {})
    better = known.get(task, {}) if isinstance(known, Mapping) else {}
    lower = {metric for row in rows.values() for metric in row.scores if _lower(metric.split(",")[0], better)}
    header = Header(
        tool="lm-eval",
        tool_version=str(results.get("lm_eval_version", "") or ""),
        system=str(results.get("model_name", "") or ""),
        dataset=task,
        created_at=_moment(stated["at"]) if stated else "",
        lower=frozenset(lower),
        recipes={
            metric: f"lm-eval:{task}:{_version(results, task)}:{metric}"
            for row in rows.values()
            for metric in row.scores
        },
    )
    return (build(header, list(rows.values()), wishes, name),)


def _add(rows: dict[str, Row], entry: dict[str, Any], where: str, name: str) -> None:
    """Lines of one document under several filters become one row with the metrics of all."""
    case_id, filtered = str(entry["doc_id"]), str(entry.get("filter", "none") or "none")
    row = rows.get(case_id)
    if row is None:
        doc = entry["doc"]
        row = rows[case_id] = Row(
            case_id,
            question=question_of(doc),
            answers=(text_of(entry["target"]),) if entry.get("target") is not None else (),
            output=_said(entry.get("filtered_resps") or entry.get("resps")),
            metadata=doc if isinstance(doc, dict) else {},
            provenance={"doc_hash": str(entry["doc_hash"])} if entry.get("doc_hash") else {},
            where=where,
        )
    names = entry["metrics"] if isinstance(entry.get("metrics"), list) else [key for key in entry if key not in _OURS]
    for metric in map(str, names):
        key = metric if filtered == "none" else f"{metric},{filtered}"
        if key in row.scores:
            raise InputError(
                "import.duplicate_id", "a document was scored twice under one filter", where=f"{name}: {where}",
                remedy="were the files of two runs put together?",
            )  # fmt: skip
        row.scores[key] = number(entry.get(metric))


def _lower(metric: str, better: Mapping[str, Any]) -> bool:
    return better[metric] is False if metric in better else metric in _LOWER


def _said(replies: Any) -> str:
    """The generated text; requests that only compare probabilities have none."""
    while isinstance(replies, list) and replies:
        replies = replies[0]
    return replies if isinstance(replies, str) else ""


def _results(folder: Path, at: str) -> dict[str, Any]:
    path = folder / f"results_{at}.json"
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):  # it is a help, and need not be there
        return {}
    return found if isinstance(found, dict) else {}


def _version(results: Mapping[str, Any], task: str) -> str:
    versions = results.get("versions")
    return str(versions.get(task, "")) if isinstance(versions, Mapping) else ""


def _moment(at: str) -> str:
    day, _, time = at.partition("T")
    return f"{day}T{time.replace('-', ':')}"
