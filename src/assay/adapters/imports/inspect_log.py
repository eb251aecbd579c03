"""Logs of Inspect (`.eval` and JSON): the header first, then only those parts of each sample that are needed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from assay.adapters.imports.rows import ForeignRun, Header, Row, Wishes, build, number, text_of
from assay.adapters.imports.zipped import Archive, open_archive
from assay.records.dialogue import Turn, Usage
from assay.records.errors import InputError

KNOWN_VERSION = 2
"""The newest version of the log format that was looked at (inspect_ai 0.3.285 writes it)."""
_MONOLITH = re.compile(r"samples/.+_epoch_\d+\.json", re.DOTALL)
_SHELL = re.compile(r"samples/.+_epoch_\d+/sample\.json", re.DOTALL)
_ATTACHMENT = "attachment://"
_Part = TypeVar("_Part")
_DISTURBED = ("error", "cancelled", "started")


class _Version(msgspec.Struct):
    version: int = 1


class _Scorer(msgspec.Struct):
    name: str
    options: dict[str, Any] | None = None
    metrics: Any = None


class _Dataset(msgspec.Struct):
    name: str | None = None
    samples: int | None = None
    sample_ids: list[int | str] | None = None


class _Spec(msgspec.Struct):
    task: str = ""
    created: str = ""
    model: str = ""
    dataset: _Dataset = msgspec.field(default_factory=_Dataset)
    packages: dict[str, Any] = msgspec.field(default_factory=dict)
    scorers: list[_Scorer] | None = None


class _Head(msgspec.Struct):
    eval: _Spec
    version: int = 1
    status: str = "started"
    invalidated: bool = False


class _Message(msgspec.Struct):
    content: Any = ""
    role: str = "user"


class _Choice(msgspec.Struct):
    message: _Message


class _Output(msgspec.Struct):
    completion: str = ""
    choices: list[_Choice] = msgspec.field(default_factory=list)


class _Score(msgspec.Struct):
    value: Any = None


class _ModelUsage(msgspec.Struct):
    input_tokens: int = 0
    output_tokens: int = 0
    total_cost: float | None = None


class _Sample(msgspec.Struct):
    """The parts that are needed; events, messages and state are passed over."""

    id: int | str
    epoch: int
    input: str | list[_Message]
    target: str | list[str] = ""
    choices: list[str] | None = None
    output: _Output = msgspec.field(default_factory=_Output)
    scores: dict[str, _Score] | None = None
    score: _Score | None = None
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    model_usage: dict[str, _ModelUsage] = msgspec.field(default_factory=dict)
    total_time: float | None = None
    error: Any = None
    error_retries: list[msgspec.Raw] | None = None
    invalidation: Any = None
    attachments: dict[str, str] = msgspec.field(default_factory=dict)


class _Log(msgspec.Struct):
    eval: _Spec
    version: int = 1
    status: str = "started"
    invalidated: bool = False
    samples: list[_Sample] | None = None


_version = msgspec.json.Decoder(_Version)
_head = msgspec.json.Decoder(_Head)
_sample = msgspec.json.Decoder(_Sample)
_log = msgspec.json.Decoder(_Log)


def read_inspect(data: bytes, name: str, wishes: Wishes) -> tuple[ForeignRun, ...]:
    """The one run of a log. Raises InputError `import.*`; `import.future_version` for a newer format in which the parts
    that are needed are not where they were."""
    if data[:2] == b"PK":
        return (_read_eval(open_archive(data, name), name, wishes),)
    return (_read_json(data, name, wishes),)


def _read_json(data: bytes, name: str, wishes: Wishes) -> ForeignRun:
    log = _decoded(_log, data, name, _version_of(data, name))
    head = _Head(log.eval, log.version, log.status, log.invalidated)
    rows = [_row(sample, f"sample {at}") for at, sample in enumerate(log.samples or (), 1)]
    return build(_header(head), rows, wishes, name)


def _read_eval(box: Archive, name: str, wishes: Wishes) -> ForeignRun:
    head = _read_head(box, name)
    return build(_header(head), list(_rows(box, name, head.version)), wishes, name)


def _read_head(box: Archive, name: str) -> _Head:
    """`header.json`, or in a log that was never finished the journal's start."""
    for member in ("header.json", "_journal/start.json"):
        if member in box.members:
            data = box.read(member)
            return _decoded(_head, data, f"{name}: {member}", _version_of(data, name))
    raise InputError("import.wrong_format", "is no Inspect log: it has no header", where=name)


def _rows(box: Archive, name: str, version: int) -> Iterator[Row]:
    for member in box.members:
        chunked = bool(_SHELL.fullmatch(member))
        if not chunked and not _MONOLITH.fullmatch(member):
            continue
        sample = _decoded(_sample, box.read(member), f"{name}: a sample", version)
        metadata = member.removesuffix("sample.json") + "metadata.json"
        if chunked and metadata in box.members:
            sample.metadata = _plain(box.read(metadata), name)
        if chunked:
            sample.attachments = _chunked_attachments(box, member.removesuffix("sample.json"), sample, name)
        yield _row(sample, f"sample {sample.id!s}" if str(sample.id).isalnum() else "")


def _plain(data: bytes, name: str) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise InputError("import.bad_json", "is no JSON, or is cut off", where=name) from None
    return found if isinstance(found, dict) else {}


def _chunked_attachments(box: Archive, prefix: str, sample: _Sample, name: str) -> dict[str, str]:
    """Texts by position, read only when the input or the answer refers to one."""
    if _ATTACHMENT not in text_of(msgspec.to_builtins([sample.input, sample.output.completion])):
        return {}
    found: dict[str, str] = {}
    for member in box.members:
        start = member.removeprefix(f"{prefix}attachments/").removesuffix(".json")
        if member.startswith(f"{prefix}attachments/") and start.isdecimal():
            texts = _decoded(msgspec.json.Decoder(list[str]), box.read(member), f"{name}: attachments", KNOWN_VERSION)
            found.update({str(int(start) + at): text for at, text in enumerate(texts)})
    return found


def _version_of(data: bytes, name: str) -> int:
    try:
        return _version.decode(data).version
    except msgspec.ValidationError:
        raise InputError("import.wrong_format", "is no Inspect log", where=name) from None
    except msgspec.DecodeError:
        return _tolerant(_Version, data, name, 0).version


def _decoded(decoder: msgspec.json.Decoder[_Part], data: bytes, name: str, version: int) -> _Part:
    try:
        return decoder.decode(data)
    except msgspec.ValidationError:
        raise _unfit(name, version) from None
    except msgspec.DecodeError:  # Inspect writes NaN for a score that is none, which is no JSON
        return _tolerant(decoder.type, data, name, version)


def _tolerant(kind: type[_Part], data: bytes, name: str, version: int) -> _Part:
    """As Python reads JSON, with NaN; slower."""
    try:
        return msgspec.convert(json.loads(data), kind)
    except msgspec.ValidationError:
        raise _unfit(name, version) from None
    except (ValueError, RecursionError):
        raise InputError("import.bad_json", "is no JSON, or is cut off", where=name) from None


def _unfit(name: str, version: int) -> InputError:
    if version > KNOWN_VERSION:
        return InputError(
            "import.future_version",
            f"is a log of version {version}, in which the parts that are needed are not where version {KNOWN_VERSION} "
            "has them", where=name, remedy="a newer Assay may read it; or write the log with an older Inspect",
        )  # fmt: skip
    return InputError("import.wrong_format", "is no Inspect log", where=name)


def _header(head: _Head) -> Header:
    spec = head.eval
    notes = [f"the log says that it ended with status {head.status}"] if head.status in _DISTURBED else []
    if head.version > KNOWN_VERSION:
        notes.append(f"log version {head.version} is newer than {KNOWN_VERSION}; the parts that are needed were found")
    if head.invalidated:
        notes.append("samples of the log were invalidated; they count as failed")
    return Header(
        tool="inspect",
        tool_version=str(spec.packages.get("inspect_ai", "")),
        system=spec.model,
        dataset=spec.dataset.name or spec.task.rsplit("/", 1)[-1],
        created_at=spec.created,
        complete=head.status == "success",
        cluster=next((key for scorer in spec.scorers or () for key in _clusters(scorer.metrics)), ""),
        expected=len(spec.dataset.sample_ids) if spec.dataset.sample_ids else spec.dataset.samples,
        recipes={scorer.name: _recipe(scorer) for scorer in spec.scorers or ()},
        notes=tuple(notes),
    )


def _recipe(scorer: _Scorer) -> str:
    options = json.dumps(scorer.options, sort_keys=True, separators=(",", ":")) if scorer.options else ""
    return f"inspect:{scorer.name}({options})"


def _clusters(metrics: Any) -> Iterator[str]:
    """The metadata key that a scorer's standard error is clustered by."""
    if isinstance(metrics, Mapping):
        options = metrics.get("options") or metrics.get("params")
        if isinstance(options, Mapping) and isinstance(options.get("cluster"), str):
            yield options["cluster"]
        metrics = list(metrics.values())
    if isinstance(metrics, list):
        for metric in metrics:
            yield from _clusters(metric)


def _row(sample: _Sample, where: str) -> Row:
    texts = sample.attachments
    question, history = _asked(sample.input, texts)
    costs = [usage.total_cost for usage in sample.model_usage.values()]
    used = sample.model_usage.values()
    return Row(
        case_id=str(sample.id),
        repeat=sample.epoch - 1,
        question=question,
        history=history,
        answers=(sample.target,) if isinstance(sample.target, str) else tuple(sample.target),
        output=_said(sample.output, texts),
        failed=sample.error is not None or sample.invalidation is not None,
        scores=_scores(sample),
        metadata=sample.metadata,
        provenance={"choices": text_of(sample.choices)} if sample.choices else {},
        duration_ms=1000.0 * (sample.total_time or 0.0),
        usage=Usage(
            sum(usage.input_tokens for usage in used) if used else None,
            sum(usage.output_tokens for usage in used) if used else None,
            sum(cost for cost in costs if cost is not None) if costs and None not in costs else None,
        ),
        attempts=1 + len(sample.error_retries or ()),
        where=where,
    )


def _scores(sample: _Sample) -> dict[str, float | str]:
    """A number per scorer, and per key of a scorer that gives several as `scorer/key`."""
    stated = sample.scores if sample.scores is not None else ({"score": sample.score} if sample.score else {})
    found: dict[str, float | str] = {}
    for name, score in stated.items():
        if isinstance(score.value, dict):
            found.update({f"{name}/{key}": number(value) for key, value in score.value.items()})
        else:
            found[name] = number(score.value)
    return found


def _asked(stated: str | list[_Message], texts: Mapping[str, str]) -> tuple[str, tuple[Turn, ...]]:
    """The last message is the question, those before it the history."""
    if isinstance(stated, str):
        return _attached(stated, texts), ()
    turns = tuple(Turn(message.role, _content(message.content, texts)) for message in stated)
    return (turns[-1].content, turns[:-1]) if turns else ("", ())


def _said(output: _Output, texts: Mapping[str, str]) -> str:
    if output.completion or not output.choices:
        return _attached(output.completion, texts)
    return _content(output.choices[0].message.content, texts)


def _content(content: Any, texts: Mapping[str, str]) -> str:
    """The text of a message; parts that are no text are named by their kind."""
    if isinstance(content, str):
        return _attached(content, texts)
    if not isinstance(content, list):
        return text_of(content)
    parts = []
    for part in content:
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            parts.append(_attached(part["text"], texts))
        elif isinstance(part, dict) and part.get("type") != "reasoning":
            parts.append(f"[{part.get('type', 'part')}]")
    return "\n".join(parts)


def _attached(text: str, texts: Mapping[str, str]) -> str:
    return texts.get(text.removeprefix(_ATTACHMENT), text) if text.startswith(_ATTACHMENT) else text
