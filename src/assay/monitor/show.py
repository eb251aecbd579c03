"""A trace as lines of text: a waterfall of its stages, the chunks considered, the checks."""

from __future__ import annotations

from collections.abc import Iterator

from assay.records.dialogue import StageDone
from assay.records.operations import Trace

BAR = 32
"""Columns of the waterfall."""


def trace_lines(trace: Trace) -> list[str]:
    """Plain text without colour; what users and documents wrote cannot steer the terminal."""
    return [
        *_head(trace),
        "",
        *_waterfall(trace),
        *_passages(trace),
        *_checks(trace),
        *_content(trace),
    ]


def _head(trace: Trace) -> Iterator[str]:
    outcome = trace.outcome.value + (f" ({trace.reason})" if trace.reason else "")
    groups = f" groups {', '.join(trace.groups)}" if trace.groups else ""
    yield f"trace {trace.trace_id}  {trace.at}"
    yield f"{trace.app}  bundle {trace.bundle_id[:12] or 'head'}  snapshot {trace.snapshot_id[:12] or '–'}"
    yield f"tenant {_plain(trace.tenant)}{_plain(groups)}"
    if trace.label is not None:
        yield f"made from {_plain(str(trace.label))}"
    yield f"{outcome}  {trace.duration_ms:.1f} ms  {_usage(trace)}  confidence {_number(trace.confidence)}"


def _usage(trace: Trace) -> str:
    tokens = f"tokens {_count(trace.usage.tokens_in)} in, {_count(trace.usage.tokens_out)} out"
    cost = trace.usage.cost_usd
    return tokens if cost is None else f"{tokens}, ${cost:.6f}"


def _waterfall(trace: Trace) -> Iterator[str]:
    if not trace.stages:
        yield "no stage was reached"
        return
    whole = max(trace.duration_ms, *(stage.started_ms + stage.duration_ms for stage in trace.stages))
    width = max(len(stage.name) for stage in trace.stages)
    for stage in sorted(trace.stages, key=lambda stage: stage.started_ms):
        yield f"{stage.name:<{width}} │{_bar(stage, whole)}│ {stage.duration_ms:8.2f} ms  {_detail(stage)}".rstrip()


def _bar(stage: StageDone, whole_ms: float) -> str:
    """Where in the whole time a stage stood, at least one column wide."""
    scale = BAR / whole_ms if whole_ms > 0 else 0.0
    start = min(int(stage.started_ms * scale), BAR - 1)
    length = max(1, min(round(stage.duration_ms * scale), BAR - start))
    return (" " * start + "█" * length).ljust(BAR)


def _detail(stage: StageDone) -> str:
    return " ".join(f"{name}={_plain(_value(value))}" for name, value in stage.detail.items())


def _value(value: str | int | float) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _passages(trace: Trace) -> Iterator[str]:
    if not trace.passages:
        return
    yield ""
    yield f"{len(trace.passages)} chunks considered"
    for passage in trace.passages:
        ranks = "  ".join(f"{name} #{rank} {score:.3f}" for name, (rank, score) in passage.stages.items())
        place = f"{_plain(passage.span.doc_id)}[{passage.span.start}:{passage.span.end}]"
        yield f"{passage.number:>3}  {passage.score:.4f}  {place}  {_plain(ranks)}".rstrip()


def _checks(trace: Trace) -> Iterator[str]:
    if not trace.checks:
        return
    yield ""
    yield f"{len(trace.checks)} sentences checked"
    for check in trace.checks:
        failures = f"  failed {', '.join(check.failures)}" if check.failures else ""
        yield f"     {check.status.value:<12} alignment {check.alignment:.2f}{failures}"


def _content(trace: Trace) -> Iterator[str]:
    if trace.question or trace.answer:
        yield ""
        yield f"question  {_plain(trace.question)}"
        yield f"answer    {_plain(trace.answer)}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _count(value: int | None) -> str:
    return "–" if value is None else str(value)


def _plain(text: str) -> str:
    """One line of text without characters that a terminal obeys."""
    return "".join(sign if sign.isprintable() else "�" for sign in " ".join(text.split()))
