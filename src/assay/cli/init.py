"""`assay init`: a new workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.common import say


def init(
    directory: Annotated[Path, typer.Argument(help="Folder for the workspace; made when it does not exist.")],
    name: Annotated[str, typer.Option("--name", help="Name of the workspace; else the folder's.")] = "",
) -> None:
    """Make a workspace: assay.yaml with comments, and .assay/ for the store."""
    from assay.wiring.build import create_workspace

    root = create_workspace(directory, name)
    say(f"Workspace {root}")
    say(f"  {root / 'assay.yaml'}   apps, index, models, guards, gate: read it, it is commented")
    say(f"  {root / '.assay'}/       the store; deleting the folder deletes everything")
    say("Next:")
    say(f"  assay ingest PATH… -w {directory}")
    say(f'  assay ask "…" -w {directory}')


def register(app: typer.Typer) -> None:
    app.command("init")(init)
