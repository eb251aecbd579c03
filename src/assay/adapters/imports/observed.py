"""Exports of observability tools: Langfuse traces with scores, Phoenix experiments and spans; JSON, JSONL or CSV."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from assay.adapters.imports.files import read_json, read_jsonl, read_table
from assay.adapters.imports.inputs import Repeats, answer_of, count, positive, question_of, whole
from assay.adapters.imports.rows import ForeignRun, Header, Row, Wishes, build, number
from assay.records.dialogue import Usage
from assay.records.errors import InputError

_ANNOTATION = re.compile(r"annotation_(.+)_(score|label|error)")
_EVAL = re.compile(r"eval\.(.+)\.(score|label)")
_TRACE_COLUMNS = frozenset({
    "id", "traceid", "timestamp", "name", "userid", "sessionid", "release", "version", "tags", "bookmarked",
    "public", "environment", "metadata", "input", "output", "observations", "observationcount", "latency",
    "totalcost", "inputcost", "outputcost", "usage", "usagedetails", "costdetails", "inputtokens", "outputtokens",
    "totaltokens", "level", "errorcount", "warningcount", "defaultcount", "debugcount", "htmlpath", "createdat",
    "updatedat", "projectid", "externalid", "scores", "comments", "promptname", "promptversion", "starttime",
    "endtime", "timetofirsttoken", "model", "parentobservationid", "type", "statusmessage", "datasetitemid",
    "datasetrunid", "datasetrunname", "expectedoutput", "scorecategories", "tracename", "tracetags", "toolcalls",
    "tooldefinitions", "inputusage", "outputusage", "totalusage", "modelid", "providedmodelname", "promptid",
    "completionstarttime",
})  # fmt: skip


def records(data: bytes, name: str) -> list[tuple[str, dict[str, Any]]]:
    """Objects with where each stands: of a JSON array, of `{"data": […]}`, of JSON lines, or of a CSV table, in whose
    cells JSON objects and arrays are read as such."""
    if name.lower().endswith(".csv"):
        _, rows = read_table(data, name)
        return [(f"line {line}", {key: _cell(cell) for key, cell in row.items()}) for line, row in rows]
    if name.lower().endswith(".jsonl") or _is_lines(data):
        return [(f"line {line}", entry) for line, entry in read_jsonl(data, name)]
    found = read_json(data, name)
    listed = found.get("data", [found]) if isinstance(found, dict) else found
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise InputError("import.wrong_format", "holds no list of records", where=name)
    return [(f"record {at}", entry) for at, entry in enumerate(listed, 1)]


def _is_lines(data: bytes) -> bool:
    first, _, rest = data.lstrip().partition(b"\n")
    return first.rstrip().endswith(b"}") and first.startswith(b"{") and rest.lstrip().startswith(b"{")


def _cell(cell: str) -> Any:
    if cell[:1] in ("{", "[", '"'):
        try:
            return json.loads(cell)
        except (ValueError, RecursionError):
            return cell
    return cell if cell != "" else None


def read_langfuse(data: bytes, name: str, wishes: Wishes) -> tuple[ForeignRun, ...]:
    """One run. A dataset item's id is the case's where the export has it, else the input itself is what pairs.

    Scores are a list of `{name, value}` (API, trace download) or columns of their own (table export); several values of
    one name are averaged, a score without a number in it (a category) is left out.
    """
    found, rows, repeats = records(data, name), [], Repeats()
    for where, entry in found:
        lower = {key.replace("_", "").lower(): value for key, value in entry.items()}
        if "input" not in lower or not ({"id", "traceid"} & lower.keys()):
            raise InputError(
                "import.wrong_format", "is no trace of Langfuse: it has no id or no input", where=f"{name}: {where}"
            )
        rows.append(_trace(entry, lower, repeats, where))
    runs = {str(run) for _, entry in found if (run := entry.get("datasetRunName"))}
    times = sorted(str(entry["timestamp"]) for _, entry in found if entry.get("timestamp"))
    header = Header("langfuse", system=runs.pop() if len(runs) == 1 else "", dataset=Path(name).stem,
                    created_at=times[0] if times else "")  # fmt: skip
    return (build(header, rows, wishes, name),)


def _trace(entry: Mapping[str, Any], lower: Mapping[str, Any], repeats: Repeats, where: str) -> Row:
    metadata = lower["metadata"] if isinstance(lower.get("metadata"), dict) else {}
    item = lower.get("datasetitemid") or metadata.get("dataset_item_id") or metadata.get("datasetItemId")
    case_id, repeat = (str(item), repeats.next(str(item))) if item else repeats.of_content(lower["input"])
    expected = lower.get("expectedoutput")
    seconds = positive(lower.get("latency"))
    return Row(
        case_id,
        repeat,
        question=question_of(lower["input"]),
        answers=(answer_of(expected),) if expected is not None else (),
        output=answer_of(lower.get("output")),
        failed=str(lower.get("level") or "").upper() == "ERROR" or whole(lower.get("errorcount")) > 0,
        scores=_langfuse_scores(entry),
        metadata={**metadata, **{key: value for key, value in entry.items() if isinstance(value, str)}},
        duration_ms=1000.0 * (seconds or 0.0),
        usage=Usage(
            count(lower.get("inputtokens")), count(lower.get("outputtokens")), positive(lower.get("totalcost"))
        ),
        where=where,
    )


def _langfuse_scores(entry: Mapping[str, Any]) -> dict[str, float | str]:
    values: dict[str, list[Any]] = {}
    for key, value in entry.items():
        if key == "scores":
            for score in _listed(value):
                values.setdefault(score[0], []).append(score[1])
        elif key.replace("_", "").lower() not in _TRACE_COLUMNS:
            values.setdefault(key, []).extend(value if isinstance(value, list) else [value])
    return {name: _mean(found) for name, found in values.items()}


def _listed(scores: Any) -> Iterator[tuple[str, Any]]:
    """A list of `{name, value}`, or an object of values by name."""
    if isinstance(scores, Mapping):
        yield from (
            (str(name), one)
            for name, value in scores.items()
            for one in (value if isinstance(value, list) else [value])
        )
    for score in scores if isinstance(scores, list) else ():
        if isinstance(score, dict) and isinstance(score.get("name"), str):
            yield score["name"], score.get("value", score.get("stringValue"))


def _mean(values: Iterable[Any]) -> float | str:
    """The mean of the numbers among them, or the first reason for none."""
    found = [number(value) for value in values]
    numbers = [value for value in found if isinstance(value, float)]
    if numbers:
        return sum(numbers) / len(numbers)
    return next((value for value in found if isinstance(value, str)), "not_in_log")


def read_phoenix(data: bytes, name: str, wishes: Wishes) -> tuple[ForeignRun, ...]:
    """One run, of an experiment's download or of spans with evaluations.

    A record's annotations are a list (JSON) or columns `annotation_NAME_score` (CSV); of spans, `eval.NAME.score`. A
    label counts where there is no score and it is a word for yes or no.
    """
    found, repeats = records(data, name), Repeats()
    rows = []
    for where, entry in found:
        if "example_id" in entry:
            rows.append(_experiment(entry, where))
        elif "attributes.input.value" in entry:
            if not entry.get("parent_id"):
                rows.append(_span(entry, repeats, where))
        else:
            raise InputError(
                "import.wrong_format", "is no record of a Phoenix experiment, and no span", where=f"{name}: {where}"
            )
    times = sorted(str(entry["start_time"]) for _, entry in found if entry.get("start_time"))
    header = Header("phoenix", dataset=Path(name).stem, created_at=times[0] if times else "")
    return (build(header, rows, wishes, name),)


def _experiment(entry: Mapping[str, Any], where: str) -> Row:
    stated = entry.get("input")
    return Row(
        str(entry["example_id"] or ""),
        whole(entry.get("repetition_number"), 1) - 1,
        question=question_of(stated),
        answers=(answer_of(entry["reference_output"]),) if entry.get("reference_output") is not None else (),
        output=answer_of(entry.get("output")),
        failed=bool(entry.get("error")),
        scores=_annotations(entry, _ANNOTATION),
        metadata=stated if isinstance(stated, dict) else {},
        duration_ms=positive(entry.get("latency_ms")) or 0.0,
        usage=Usage(count(entry.get("prompt_token_count")), count(entry.get("completion_token_count"))),
        where=where,
    )


def _span(entry: Mapping[str, Any], repeats: Repeats, where: str) -> Row:
    stated = entry["attributes.input.value"]
    case_id, repeat = repeats.of_content(stated)
    return Row(
        case_id,
        repeat,
        question=question_of(stated),
        output=answer_of(entry.get("attributes.output.value")),
        failed=str(entry.get("status_code") or "").upper() == "ERROR",
        scores=_annotations(entry, _EVAL),
        metadata=entry,
        usage=Usage(
            count(entry.get("attributes.llm.token_count.prompt")),
            count(entry.get("attributes.llm.token_count.completion")),
        ),
        where=where,
    )


def _annotations(entry: Mapping[str, Any], columns: re.Pattern[str]) -> dict[str, float | str]:
    stated: dict[str, dict[str, Any]] = {}
    for one in entry["annotations"] if isinstance(entry.get("annotations"), list) else ():
        if isinstance(one, dict) and isinstance(one.get("name"), str):
            stated[one["name"]] = one
    for key, value in entry.items():
        if match := columns.fullmatch(key):
            stated.setdefault(match[1], {})[match[2]] = value
    return {name: _annotated(one) for name, one in stated.items()}


def _annotated(one: Mapping[str, Any]) -> float | str:
    if one.get("error"):
        return "scorer_failed"
    return number(one["score"] if one.get("score") is not None else one.get("label"))
