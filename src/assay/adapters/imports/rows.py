"""What every reader makes of a file: one row per reply, and one shared way from rows to cases, samples and metrics."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.records.dialogue import AnswerSentence, Check, CheckStatus, Outcome, Reply, Turn, Usage
from assay.records.errors import InputError
from assay.records.evaluation import Direction, Metric, MetricKind, Sample
from assay.records.golden import Case, Expected

FAILED = "import.failed"
"""The code of a sample whose tool noted an error: it has no scores, whatever number stands in the log."""
MISSING = "not_in_log"
"""Why a metric of the log has no number for a sample that did not fail."""
_MEASURED = {
    "latency_ms": "ms",
    "tokens_in": "tokens",
    "tokens_out": "tokens",
    "cost_usd": "USD",
}
"""Read from what the tool noted beside the scores; skewed, lower is better, under Assay's own names."""
_UNCHECKED = Check(CheckStatus.NOT_CHECKED)
_LETTERS = {"c": 1.0, "i": 0.0, "p": 0.5, "n": 0.0, "yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
"""Inspect's value_to_float: correct, incorrect, partial, no answer, and words for yes and no."""


@dataclass(slots=True)
class Row:
    """One reply to one input, as the log has it. `scores` maps a metric to a number, or to the reason for none."""

    case_id: str
    repeat: int = 0
    question: str = ""
    history: tuple[Turn, ...] = ()
    answers: tuple[str, ...] = ()
    output: str = ""
    failed: bool = False
    scores: dict[str, float | str] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Where `--cluster` and `--slice` look."""
    provenance: dict[str, str] = field(default_factory=dict)
    """Kept with the case: what tells this input from others beside its text, such as its choices."""
    duration_ms: float = 0.0
    usage: Usage = Usage()
    attempts: int = 1
    where: str = ""
    """Where it stands in the file, for errors."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a log says of itself."""

    tool: str
    """`inspect`, `lm-eval`, …"""
    tool_version: str = ""
    system: str = ""
    """The model or application that was evaluated."""
    dataset: str = ""
    created_at: str = ""
    complete: bool = True
    """False when the tool says that it stopped early."""
    cluster: str = ""
    """The metadata key that the log's own standard errors are clustered by."""
    expected: int | None = None
    """Cases that the log says it has."""
    recipes: Mapping[str, str] = field(default_factory=dict)
    """Scorer by metric, as far as the log tells."""
    lower: frozenset[str] = frozenset()
    """Metrics of which the log says that lower is better."""
    notes: tuple[str, ...] = ()
    has_inputs: bool = True
    """False for a table of scores without the inputs."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user states about a log. Empty: what the log says, or what its numbers show."""

    cluster: str = ""
    slices: tuple[str, ...] = ()
    kinds: Mapping[str, MetricKind] = field(default_factory=dict)
    lower: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ForeignRun:
    """One system's results of one log, in Assay's terms. Samples are in the log's order, cases in order of their first
    reply; every sample has a score or a reason for each metric, or failed."""

    header: Header
    cases: tuple[Case, ...]
    samples: tuple[Sample, ...]
    metrics: tuple[Metric, ...]
    repeats: int


def number(value: Any) -> float | str:
    """A score as a finite number, or the reason why it is none.

    Letters and words as Inspect's `value_to_float` has them (C 1, P 0.5, I and N 0); text that is a number counts.
    """
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, int | float):
        try:
            found = float(value)
        except OverflowError:
            return "not_finite"
        return found if math.isfinite(found) else "not_finite"
    if value is None:
        return MISSING
    if isinstance(value, str):
        return _spoken(value.strip().lower())
    return "not_a_number"


def _spoken(word: str) -> float | str:
    if word in _LETTERS:
        return _LETTERS[word]
    if not word:
        return MISSING
    try:
        found = float(word)
    except ValueError:
        return "not_a_number"
    return found if math.isfinite(found) else "not_finite"


def text_of(value: Any) -> str:
    """Any JSON value as text: itself, or compact JSON with sorted keys, so that equal inputs read equal."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(", ", ": "))


def build(header: Header, rows: Sequence[Row], wishes: Wishes, name: str) -> ForeignRun:
    """Cases, samples and metrics from rows. Raises InputError `import.*` for what could not be paired by case later:
    no rows, an id and repeat twice, one id for two inputs, a metadata key that is nowhere."""
    if not rows:
        raise InputError("import.empty", "there is no sample in it", where=name)
    key = wishes.cluster or header.cluster
    _check_keys(rows, wishes, name)
    cases: dict[str, Case] = {}
    seen: set[tuple[str, int]] = set()
    for row in rows:
        if not row.case_id:
            raise InputError("import.no_id", "a sample has no id", where=_at(name, row))
        if (row.case_id, row.repeat) in seen:
            raise InputError(
                "import.duplicate_id", "two samples have one id and repeat", where=_at(name, row),
                remedy="a log holds each case once per repeat; were two logs put together?",
            )  # fmt: skip
        seen.add((row.case_id, row.repeat))
        made = _case(row, key, wishes.slices)
        if cases.setdefault(row.case_id, made) != made:
            raise InputError(
                "import.case_differs", "one id stands for two different inputs", where=_at(name, row),
                remedy="were logs of two versions of a dataset put together?",
            )  # fmt: skip
    for row in rows:
        _measure(row)
    names = dict.fromkeys(metric for row in rows for metric in row.scores)
    metrics = tuple(_metric(metric, rows, header, wishes) for metric in names if _has_number(metric, rows))
    _check_named(metrics, wishes, name)
    kept = [metric.name for metric in metrics]
    samples = tuple(_sample(row, kept) for row in rows)
    return ForeignRun(header, tuple(cases.values()), samples, metrics, len({row.repeat for row in rows}))


def _at(name: str, row: Row) -> str:
    return f"{name}: {row.where}" if row.where else name


def _check_keys(rows: Sequence[Row], wishes: Wishes, name: str) -> None:
    for key in filter(None, (wishes.cluster, *wishes.slices)):
        if not any(key in row.metadata for row in rows):
            known = sorted({k for row in rows[:200] for k in row.metadata if k.isidentifier()})[:20]
            raise InputError(
                "import.unknown_key", f"no sample has metadata of this name (there are: {', '.join(known) or 'none'})",
                where=f"{name}: {key}",
            )  # fmt: skip


def _check_named(metrics: Sequence[Metric], wishes: Wishes, name: str) -> None:
    known = {metric.name for metric in metrics}
    for stated in sorted({*wishes.kinds, *wishes.lower} - known):
        raise InputError(
            "import.unknown_metric", f"the log has no such metric (there are: {', '.join(sorted(known)) or 'none'})",
            where=f"{name}: {stated}",
        )  # fmt: skip


def _case(row: Row, cluster: str, slices: Sequence[str]) -> Case:
    return Case(
        case_id=clean(row.case_id),
        question=clean(row.question),
        expected=Expected(answers=tuple(clean(answer) for answer in row.answers)),
        history=tuple(Turn(turn.role, clean(turn.content)) for turn in row.history),
        slices=tuple(f"{key}={_label(row.metadata[key])}" for key in slices if _label(row.metadata.get(key))),
        cluster=_label(row.metadata.get(cluster)) if cluster else "",
        provenance={key: clean(value) for key, value in row.provenance.items()},
    )


def _label(value: Any) -> str:
    return clean(text_of(value)) if value is not None and not isinstance(value, dict | list) else ""


def clean(text: str) -> str:
    """Text that can be written as UTF-8: half a surrogate pair becomes a question mark."""
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode()


def _measure(row: Row) -> None:
    """Put what was noted beside the scores among them, where a scorer of that name does not stand already."""
    noted: dict[str, float | None] = {
        "latency_ms": row.duration_ms or None,
        "tokens_in": row.usage.tokens_in,
        "tokens_out": row.usage.tokens_out,
        "cost_usd": row.usage.cost_usd,
    }
    for name, value in noted.items():
        if value is not None and math.isfinite(value):
            row.scores.setdefault(name, float(value))


def _has_number(metric: str, rows: Iterable[Row]) -> bool:
    return any(isinstance(row.scores.get(metric), float) for row in rows)


def _metric(name: str, rows: Iterable[Row], header: Header, wishes: Wishes) -> Metric:
    direction = Direction.LOWER if name in wishes.lower or name in header.lower else Direction.HIGHER
    if name in _MEASURED:
        return Metric(name, wishes.kinds.get(name, MetricKind.SKEWED), Direction.LOWER, _MEASURED[name])
    kind = wishes.kinds.get(name)
    if kind is None:
        values = {value for row in rows if not row.failed and isinstance(value := row.scores.get(name), float)}
        kind = MetricKind.BINARY if values <= {0.0, 1.0} else MetricKind.MEAN
    return Metric(name, kind, direction)


def _sample(row: Row, metrics: Sequence[str]) -> Sample:
    if row.failed:
        reply = Reply(Outcome.FAILED, FAILED, usage=row.usage, duration_ms=row.duration_ms)
        return Sample(
            clean(row.case_id), row.repeat, reply, {}, dict.fromkeys(metrics, "no_reply"), row.attempts, FAILED
        )
    scores: dict[str, float] = {}
    unscored: dict[str, str] = {}
    for name in metrics:
        value = row.scores.get(name, MISSING)
        if isinstance(value, str):
            unscored[name] = value
        else:
            scores[name] = value
    said = (AnswerSentence(clean(row.output), (), _UNCHECKED),) if row.output else ()
    reply = Reply(Outcome.ANSWERED, sentences=said, usage=row.usage, duration_ms=row.duration_ms)
    return Sample(clean(row.case_id), row.repeat, reply, scores, unscored, row.attempts)
