"""What reaches a store of traces or of facts has no personal data in its free text, whoever writes it."""

from __future__ import annotations

from dataclasses import replace

from test_monitor_traces import Scripted, a_trace, kept, traced

from assay.adapters.memory import MemoryTraces
from assay.adapters.memory_ledger import MemoryLedger
from assay.monitor.redacted import RedactedLedger, RedactedTraces
from assay.records.dialogue import Request
from assay.records.ledger import Entry
from assay.records.operations import Feedback, Trace


def redact(text: str, tenant: str = "") -> str:
    return text.replace("Ann", f"<{tenant or 'someone'}>")


def test_question_answer_and_comment_are_redacted_under_their_tenant_and_the_rest_is_as_it_was() -> None:
    inner = MemoryTraces()
    store = RedactedTraces(inner, redact)
    store.append([replace(a_trace(1), question="Who is Ann?", answer="Ann is here."), a_trace(2)])
    store.add_feedback(Feedback("f", "t-1", "acme", "down", "Ann is not!", "2026"))
    assert (inner.get("t-1").question, inner.get("t-1").answer) == ("Who is <acme>?", "<acme> is here.")
    assert store.get("t-2") == inner.get("t-2") == a_trace(2)
    assert [one.comment for one in store.feedback("t-1")] == ["<acme> is not!"]
    assert len(store.list("acme")) == 2
    assert store.prune("9") == 2


def test_only_the_free_text_of_a_fact_is_redacted() -> None:
    inner = MemoryLedger()
    store = RedactedLedger(inner, redact)
    store.append([Entry("label", "t", "1", {"value": "Ann", "note": "ask Ann", "seen": ["Ann"], "tenant": "acme"})])
    store.append([Entry("golden.review", "s", "1", {"reason": "as Ann said", "decision": "reject"})])
    first = store.get("label", "t", "1")
    assert first is not None
    assert first.body == {"value": "Ann", "note": "ask <acme>", "seen": ["Ann"], "tenant": "acme"}
    assert [one.body["reason"] for one in store.entries("golden.review")] == ["as <someone> said"]
    assert store.subjects("label") == ("t",)


async def test_a_trace_is_prepared_behind_the_answer_and_only_where_content_is_kept() -> None:
    def prepared(trace: Trace) -> Trace:
        seen.append(trace.question)
        return replace(trace, question="taken out")

    seen: list[str] = []
    store = MemoryTraces()
    for keep in (True, False):
        wrapped, writer = traced(Scripted(), store, keep)
        wrapped._prepare = prepared if keep else None
        async for _ in wrapped.answer(Request(f"r-{keep}", "Who is Ann?")):
            pass
        writer.close()
    assert (store.get("r-True").question, store.get("r-False").question) == ("taken out", "")
    assert seen == ["Who is Ann?"]
    assert (await kept(Scripted(), keep_content=True)).question
