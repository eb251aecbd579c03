"""What a reader of traces may see: an operator's key opens its tenant's traces, not the documents behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from assay.ports.storage import Catalog
from assay.records.access import Scope
from assay.records.operations import Feedback, Trace


def asked_inside(scope: Scope, trace: Trace) -> bool:
    """True when the caller may see everything that whoever asked could be answered from."""
    return trace.tenant == scope.tenant and scope.groups.issuperset(trace.groups)


@dataclass(frozen=True, slots=True)
class ShownTrace:
    """A trace without what the reader may not see: passages that are gone or closed to them, and question and answer
    when it was asked in a wider scope. `passages_withheld` is how many passages were left out."""

    trace: Trace
    passages_withheld: int
    content_withheld: bool


def shown(catalog: Catalog, scope: Scope, traces: Sequence[Trace]) -> list[ShownTrace]:
    """Traces, all of the reader's own tenant, as the reader may see them by today's access lists."""
    ids = sorted({passage.chunk_id for trace in traces for passage in trace.passages})
    visible = catalog.visible(ids, scope) if ids else frozenset()
    return [_shown(trace, scope, visible) for trace in traces]


def _shown(trace: Trace, scope: Scope, visible: frozenset[str]) -> ShownTrace:
    passages = tuple(passage for passage in trace.passages if passage.chunk_id in visible)
    withheld = len(trace.passages) - len(passages)
    inside = asked_inside(scope, trace)
    question = trace.question if inside else ""
    answer = trace.answer if inside and not withheld else ""  # it was made from what may no longer be read
    hidden = (question, answer) != (trace.question, trace.answer)
    return ShownTrace(replace(trace, passages=passages, question=question, answer=answer), withheld, hidden)


def opinions(scope: Scope, seen: ShownTrace, given: Sequence[Feedback]) -> tuple[Feedback, ...]:
    """The feedback on a trace; comments, which may quote the answer, only for whoever could be answered so today."""
    own = tuple(opinion for opinion in given if opinion.tenant == scope.tenant)
    open_to_reader = asked_inside(scope, seen.trace) and not seen.passages_withheld
    return own if open_to_reader else tuple(replace(opinion, comment="") for opinion in own)
