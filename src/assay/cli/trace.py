"""`assay trace`: what happened for each request."""

from __future__ import annotations

from pathlib import Path
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


@group.command("export")
def export(
    out: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A JSONL file; else standard output.")] = None,
    tenant: Annotated[str, typer.Option("--tenant", help="Only this tenant's.")] = "",
    workspace: WorkspaceOption = None,
) -> None:
    """All traces with the opinions on them, one JSON object a line, newest first, redacted as `privacy.redact` says."""
    import json

    from assay.records.errors import UsageError
    from assay.wiring.privacy_redacting import exported

    lines = (json.dumps(one, ensure_ascii=False) for one in exported(open_workspace(workspace), tenant))
    if out is None:
        for line in lines:
            say(line)
        return
    try:
        with out.open("w", encoding="utf-8") as file:
            count = sum(bool(file.write(f"{line}\n")) for line in lines)
    except OSError as error:
        raise UsageError("trace.unwritable", f"cannot be written ({error.strerror})", where=str(out)) from error
    say(f"{count:,} traces")


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="trace")
