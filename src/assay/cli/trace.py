"""`assay trace`: what happened for each request."""

from __future__ import annotations

from typing import Annotated

import typer

from assay.cli.common import JsonOption, WorkspaceOption, open_workspace, print_json, say, table

group = typer.Typer(help="Traces: stages, chunks considered, checks, tokens, bundle.", no_args_is_help=True)


@group.command("list")
def list_traces(
    workspace: WorkspaceOption = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000)] = 20,
    tenant: Annotated[str, typer.Option("--tenant", help="Only this tenant's.")] = "",
    as_json: JsonOption = False,
) -> None:
    """The newest traces."""
    traces = open_workspace(workspace).stores.traces.list(tenant or None, limit)
    if as_json:
        print_json(traces)
        return
    rows = [(t.trace_id[:12], t.at[:19], t.app, t.bundle_id[:12] or "head", t.tenant, t.outcome.value, t.reason,
             f"{t.duration_ms:.0f}") for t in traces]  # fmt: skip
    say(table(("trace", "at", "app", "bundle", "tenant", "outcome", "reason", "ms"), rows, right=(7,)))


@group.command("show")
def show(trace_id: str, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """One trace as a waterfall of its stages."""
    from assay.monitor.show import trace_lines

    store = open_workspace(workspace).stores.traces
    trace = store.get(trace_id)
    if as_json:
        print_json({"trace": trace, "feedback": store.feedback(trace.trace_id)})
        return
    for line in trace_lines(trace):
        say(line)
    for opinion in store.feedback(trace.trace_id):
        say(f"feedback {opinion.rating} at {opinion.at[:19]}")


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="trace")
