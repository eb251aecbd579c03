"""`assay gate`: may this bundle ship?"""

from __future__ import annotations

from typing import Annotated

import typer

from assay.cli.common import JsonOption, Progress, WorkspaceOption, open_workspace, print_json, say


def gate(
    bundle: Annotated[str, typer.Argument(help="The candidate bundle.")],
    against: Annotated[str, typer.Option("--against", help="The baseline: a bundle id, or `live`.")],
    workspace: WorkspaceOption = None,
    golden: Annotated[
        str, typer.Option("--golden", help="NAME or NAME@VERSION; else the newest both have runs on.")
    ] = "",
    split: Annotated[str, typer.Option("--split")] = "test",
    as_json: JsonOption = False,
) -> None:
    """Judge a bundle by the gate policy. Exit code 0 ship, 1 do not ship, 2 need more data, 3 cannot judge.

    With --golden, runs that are missing are made first.
    """
    from assay.wiring import releasing

    place = open_workspace(workspace)
    decision = releasing.gate(place, bundle, against, golden, split, Progress("evaluating"))
    if as_json:
        print_json(decision)
    else:
        for line in releasing.decision_lines(decision):
            say(line)
    raise typer.Exit(decision.verdict.exit_code)


def register(app: typer.Typer) -> None:
    app.command("gate")(gate)
