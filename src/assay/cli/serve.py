"""`assay serve`: the HTTP API and the web pages over one workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import WorkspaceOption, open_workspace, say

if TYPE_CHECKING:
    from assay.wiring.build import Workspace


def serve(
    workspace: WorkspaceOption = None,
    host: Annotated[str, typer.Option("--host", help="Address to bind; else serve.host of assay.yaml.")] = "",
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="0: any free port.")] = None,
    open_demo: Annotated[
        bool, typer.Option("--open-demo", help="On loopback, answer without a key. For demos.")
    ] = False,
) -> None:
    """Answer on /v1/chat/completions (OpenAI wire), /v1/search, /v1/feedback, /v1/traces, and serve the pages."""
    place = open_workspace(workspace)
    run(place, host, port, open_demo or place.settings.serve.demo_open)


def run(place: Workspace, host: str, port: int | None, open_demo: bool) -> None:
    """Serve until stopped; says where, and how to get a key."""
    from assay.console.app import console
    from assay.records.access import Scope
    from assay.serve.app import ServeOptions, run_server
    from assay.wiring.apps import services
    from assay.wiring.privacy_sweeping import daily

    settings = place.settings.serve
    options = ServeOptions(
        host=host or settings.host,
        port=settings.port if port is None else port,
        open_demo=open_demo,
        demo_scope=Scope(settings.demo_tenant, frozenset(settings.demo_groups)),
    )
    if not open_demo and not place.stores.keys.keys():
        say(f"no API key yet: assay key create LABEL -w {place.root}")
    try:
        with daily(place):
            run_server(services(place), options, console)
    finally:
        place.close()


def register(app: typer.Typer) -> None:
    app.command("serve")(serve)
