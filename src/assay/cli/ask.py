"""`assay ask`: an answer in which every sentence carries its citation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import (
    AsOfOption,
    GroupOption,
    JsonOption,
    SetOption,
    TenantOption,
    WorkspaceOption,
    open_workspace,
    print_json,
    say,
    scope_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.records.dialogue import Age, Citation, Conflict, Reply, Request
    from assay.wiring.workspace import Running


def ask(
    question: Annotated[str, typer.Argument(help="The question.")],
    workspace: WorkspaceOption = None,
    app: Annotated[str, typer.Option("--app", help="An app of assay.yaml; else its first.")] = "",
    bundle: Annotated[str, typer.Option("--bundle", help="Ask this bundle; `live` is the promoted one.")] = "",
    tenant: TenantOption = "",
    groups: GroupOption = None,
    as_of: AsOfOption = "",
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a question; sentences stream as they pass their check, sources follow."""
    import asyncio  # .05 CPU-s that `assay --help` need not pay

    from assay.records.dialogue import Request
    from assay.retrieve.as_of import moment_of
    from assay.wiring import apps
    from assay.wiring.freshness import age_of

    place = open_workspace(workspace, overrides)
    running = apps.start(place, app, bundle)
    moment_of(as_of)
    request = Request(apps.new_request_id(), question, scope_of(place, tenant, groups), as_of=as_of)
    try:
        reply = asyncio.run(_stream(running, request, show=not as_json))
    finally:
        place.close()
    if as_json:
        print_json({"trace_id": request.request_id, "bundle_id": running.bundle_id, "reply": reply})
    else:
        _print_calls(reply)
        _print_sources(reply, age_of(place))
        _print_outcome(reply, request.request_id)
    _raise_if_failed(reply, request.request_id)


async def _stream(running: Running, request: Request, show: bool) -> Reply:
    from assay.records.dialogue import SentenceReady, fold

    events = []
    numbers: dict[tuple[str, int, int], int] = {}
    async for event in running.system.answer(request):
        events.append(event)
        if show and isinstance(event, SentenceReady):
            marks = "".join(f"[{_number(numbers, c)}]" for c in event.sentence.citations)
            flag = " (not supported by its citation)" if event.sentence.marked else ""
            say(f"{event.sentence.text} {marks}{flag}".rstrip())
    return fold(events)


def _number(numbers: dict[tuple[str, int, int], int], citation: Citation) -> int:
    span = citation.span
    return numbers.setdefault((span.doc_id, span.start, span.end), len(numbers) + 1)


def _print_calls(reply: Reply) -> None:
    """Tool calls that the broker let out, which somebody else runs, and how many wait or were withheld."""
    import json

    for call in reply.output.tools if reply.output else ():
        say(f"call {call.name} {json.dumps(call.arguments)}")
    for stage in reply.stages:
        if stage.name == "broker":
            waiting, denied = stage.detail.get("broker.confirm", 0), stage.detail.get("broker.deny", 0)
            if waiting or denied:
                say(f"{waiting} calls wait for a person (assay broker pending), {denied} withheld")


def _print_sources(reply: Reply, age: Callable[[Citation], Age]) -> None:
    numbers: dict[tuple[str, int, int], int] = {}
    for citation in reply.citations:
        known = len(numbers)
        number = _number(numbers, citation)
        if number <= known:
            continue
        if number == 1:
            say("\nSources")
        page = f", page {citation.page}" if citation.page else ""
        say(f" [{number}] {citation.title or citation.span.doc_id}{page}{_when(citation, age)}")
        say(f"     {citation.span.doc_id} [{citation.span.start}:{citation.span.end}]")
        say(f"     “{' '.join(citation.quote.split())}”")
        if citation.also:
            say(f"     also in: {', '.join(citation.also)}")
    for conflict in reply.conflicts:
        _print_conflict(conflict, numbers, age)


def _when(citation: Citation, age: Callable[[Citation], Age]) -> str:
    known = age(citation)
    parts = [citation.modified_at[:10], str(known)]
    return "".join(f", {part}" for part in parts if part)


def _print_conflict(
    conflict: Conflict, numbers: dict[tuple[str, int, int], int], age: Callable[[Citation], Age]
) -> None:
    other = conflict.other
    fresher = {"cited": "; the cited source is fresher", "other": "; it is fresher than the cited source", "": ""}
    where = numbers.get((conflict.cited.span.doc_id, conflict.cited.span.start, conflict.cited.span.end))
    cited = f"[{where}]" if where else f"“{' '.join(conflict.cited.quote.split())}”"
    say(f"\nAnother source says otherwise ({conflict.kind.value}) than {cited}{fresher[conflict.fresher]}:")
    say(f"     {other.title or other.span.doc_id}{_when(other, age)}")
    say(f"     {other.span.doc_id} [{other.span.start}:{other.span.end}]")
    say(f"     “{' '.join(other.quote.split())}”")


def _print_outcome(reply: Reply, trace_id: str) -> None:
    confidence = "" if reply.confidence is None else f"   confidence {reply.confidence:.2f}"
    withheld = f"   withheld {len(reply.withheld)}" if reply.withheld else ""
    reason = f" ({reply.reason})" if reply.reason else ""
    say(f"\n{reply.outcome.value}{reason}{confidence}{withheld}   {reply.duration_ms:.0f} ms   trace {trace_id[:12]}")


def _raise_if_failed(reply: Reply, trace_id: str) -> None:
    """A reply carries a failure's code only; the words for it stand with the adapter that fails so."""
    from assay.adapters.openai_chat import FAILURES
    from assay.records.dialogue import Outcome
    from assay.records.errors import Unavailable

    if reply.outcome is Outcome.FAILED:
        what, remedy = FAILURES.get(reply.reason, ("the answer could not be completed", f"assay trace show {trace_id}"))
        raise Unavailable(reply.reason or "system.failed", what, remedy=remedy)


def register(app: typer.Typer) -> None:
    app.command("ask")(ask)
