"""Results of promptfoo (`promptfoo eval -o FILE.json` or `.jsonl`): one run per prompt and provider."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from assay.adapters.imports.files import read_json, read_jsonl
from assay.adapters.imports.inputs import Repeats, count, positive, question_of
from assay.adapters.imports.rows import ForeignRun, Header, Row, Wishes, build, number, text_of
from assay.records.dialogue import Usage
from assay.records.errors import InputError

KNOWN_VERSIONS = (2, 3)
ERRORED = 2
"""`failureReason`: 0 none, 1 an assertion, 2 an error."""


def read_promptfoo(data: bytes, name: str, wishes: Wishes) -> tuple[ForeignRun, ...]:
    """One run per prompt and provider. An input is the same where variables, description and assertions are the same,
    so that the repeats of `--repeat`, which promptfoo numbers as tests of their own, are repeats here.

    Metrics: `pass` (all assertions hold), `score`, and every named score. An error is a failed sample.
    """
    entries, header, version = _lines(data, name) if name.endswith(".jsonl") else _whole(read_json(data, name), name)
    systems: dict[tuple[str, str], tuple[list[Row], Repeats]] = {}
    for at, entry in enumerate(entries, 1):
        if not isinstance(entry, dict) or not isinstance(entry.get("vars"), dict) or "success" not in entry:
            raise _unfit(name, version, at)
        rows, repeats = systems.setdefault(_system(entry), ([], Repeats()))
        rows.append(_row(entry, repeats, f"result {at}"))
    if not systems:
        raise InputError("import.empty", "there is no sample in it", where=name)
    many = len({provider for provider, _ in systems}) < len(systems)
    return tuple(
        build(_named(header, f"{provider} · {prompt}" if many else provider), rows, wishes, name)
        for (provider, prompt), (rows, _) in systems.items()
    )


def _lines(data: bytes, name: str) -> tuple[list[Any], Header, int]:
    return (
        [entry for _, entry in read_jsonl(data, name)],
        Header("promptfoo", dataset=Path(name).stem),
        KNOWN_VERSIONS[-1],
    )


def _named(header: Header, system: str) -> Header:
    return Header(header.tool, header.tool_version, system, header.dataset, header.created_at, header.complete)


def _whole(log: Any, name: str) -> tuple[list[Any], Header, int]:
    outer = log.get("results") if isinstance(log, dict) else None
    version = outer.get("version", 2) if isinstance(outer, dict) else 0
    version = version if isinstance(version, int) else 0
    if not isinstance(outer, dict) or not isinstance(outer.get("results"), list):
        raise _unfit(name, version, 0)
    about = log.get("metadata") if isinstance(log.get("metadata"), dict) else {}
    config = log.get("config") if isinstance(log.get("config"), dict) else {}
    newer = version > max(KNOWN_VERSIONS)
    header = Header(
        "promptfoo",
        tool_version=str(about.get("promptfooVersion", "")),
        dataset=str(config.get("description") or Path(name).stem),
        created_at=str(outer.get("timestamp", "") or about.get("evaluationCreatedAt", "")),
        notes=(f"results version {version} is newer than {max(KNOWN_VERSIONS)}; what is needed was found",)
        if newer
        else (),
    )
    return outer["results"], header, version


def _unfit(name: str, version: int, at: int) -> InputError:
    where = f"{name}: result {at}" if at else name
    if version > max(KNOWN_VERSIONS):
        return InputError(
            "import.future_version",
            f"is written in version {version} of promptfoo's results, in which what is needed is not where version "
            f"{max(KNOWN_VERSIONS)} has it", where=where, remedy="a newer Assay may read it",
        )  # fmt: skip
    return InputError("import.wrong_format", "is no results file of promptfoo", where=where)


def _system(entry: Mapping[str, Any]) -> tuple[str, str]:
    provider = _first(entry.get("provider"), "label", "id")
    return provider, _first(entry.get("prompt"), "label", "raw") or str(entry.get("promptIdx", ""))


def _first(value: Any, *keys: str) -> str:
    """The value itself, or of an object the first of these that says something."""
    if isinstance(value, Mapping):
        return next((str(value[key]) for key in keys if value.get(key)), "")
    return str(value or "")


def _row(entry: Mapping[str, Any], repeats: Repeats, where: str) -> Row:
    test = entry["testCase"] if isinstance(entry.get("testCase"), dict) else {}
    asserts = test.get("assert")
    case_id, repeat = repeats.of_content([entry["vars"], test.get("description"), asserts])
    response = entry["response"] if isinstance(entry.get("response"), dict) else {}
    tokens = response["tokenUsage"] if isinstance(response.get("tokenUsage"), dict) else {}
    stated = test["metadata"] if isinstance(test.get("metadata"), dict) else {}
    return Row(
        case_id,
        repeat,
        question=question_of(entry["vars"]),
        answers=tuple(_expected(asserts)),
        output=text_of(response.get("output")),
        failed=_failed(entry),
        scores=_scores(entry),
        metadata={**entry["vars"], **stated},
        duration_ms=positive(entry.get("latencyMs")) or 0.0,
        usage=Usage(count(tokens.get("prompt")), count(tokens.get("completion")), positive(entry.get("cost"))),
        where=where,
    )


def _failed(entry: Mapping[str, Any]) -> bool:
    if isinstance(entry.get("failureReason"), int):
        return bool(entry["failureReason"] == ERRORED)
    return bool(entry.get("error")) and not entry.get("gradingResult")


def _scores(entry: Mapping[str, Any]) -> dict[str, float | str]:
    named = entry["namedScores"] if isinstance(entry.get("namedScores"), dict) else {}
    return {
        "pass": number(entry["success"]),
        "score": number(entry.get("score")),
        **{str(key): number(value) for key, value in named.items()},
    }


def _expected(asserts: Any) -> Iterable[str]:
    """What assertions say that a right answer is."""
    for one in asserts if isinstance(asserts, list) else ():
        if isinstance(one, dict) and one.get("type") in ("equals", "contains", "icontains") and one.get("value"):
            yield text_of(one["value"])
