"""Stores that redact free text before they hand it on: no writer can go past them to the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from assay.ports.storage import Ledger, TraceStore
from assay.records.ledger import Entry
from assay.records.operations import Feedback, Trace

Redact = Callable[[str, str], str]
"""From a text and its tenant (empty: not known) to what may be kept of it. Never raises for what the text says."""

FREE_TEXT = ("note", "reason", "comment", "decision")
"""Members of a ledger entry in which people write; everything else in it is ids, values and figures."""


def redacted_trace(trace: Trace, redact: Redact) -> Trace:
    """Question and answer as they may be kept; a trace holds no other text of anybody's."""
    if not trace.question and not trace.answer:
        return trace
    return replace(trace, question=redact(trace.question, trace.tenant), answer=redact(trace.answer, trace.tenant))


def redacted_entry(entry: Entry, redact: Redact) -> Entry:
    """The entry with its free text as it may be kept; the entry itself where there is none."""
    tenant = entry.body.get("tenant")
    named = tenant if isinstance(tenant, str) else ""
    told = {name: redact(text, named) for name in FREE_TEXT if isinstance(text := entry.body.get(name), str) and text}
    return replace(entry, body={**entry.body, **told}) if told else entry


@dataclass(frozen=True)
class RedactedTraces:
    """A TraceStore that redacts what it is given."""

    store: TraceStore
    redact: Redact

    def append(self, traces: Sequence[Trace]) -> None:
        self.store.append([redacted_trace(one, self.redact) for one in traces])

    def add_feedback(self, feedback: Feedback) -> None:
        comment = self.redact(feedback.comment, feedback.tenant) if feedback.comment else ""
        self.store.add_feedback(replace(feedback, comment=comment))

    def get(self, trace_id: str) -> Trace:
        return self.store.get(trace_id)

    def list(self, tenant: str | None = None, limit: int = 50, before: str = "") -> tuple[Trace, ...]:
        return self.store.list(tenant, limit, before)

    def prune(self, before: str) -> int:
        return self.store.prune(before)

    def feedback(self, trace_id: str) -> tuple[Feedback, ...]:
        return self.store.feedback(trace_id)


@dataclass(frozen=True)
class RedactedLedger:
    """A Ledger that redacts what people wrote into an entry."""

    store: Ledger
    redact: Redact

    def append(self, entries: Sequence[Entry]) -> int:
        return self.store.append([redacted_entry(one, self.redact) for one in entries])

    def get(self, kind: str, subject: str, key: str) -> Entry | None:
        return self.store.get(kind, subject, key)

    def entries(self, kind: str, subject: str = "") -> Iterator[Entry]:
        return self.store.entries(kind, subject)

    def subjects(self, kind: str) -> tuple[str, ...]:
        return self.store.subjects(kind)
