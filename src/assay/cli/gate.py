"""`assay gate`: may this bundle ship?"""

from __future__ import annotations

from typing import Annotated

import typer

from assay.cli.common import JsonOption, Progress, WorkspaceOption, open_workspace, print_json, say
from assay.cli.run_export import JsonFileOption, JunitOption, MarkdownOption, UndecidedOption


def gate(
    bundle: Annotated[str, typer.Argument(help="The candidate bundle.")] = "",
    against: Annotated[str, typer.Option("--against", help="The baseline: a bundle id, or `live`.")] = "",
    workspace: WorkspaceOption = None,
    golden: Annotated[
        str, typer.Option("--golden", help="NAME or NAME@VERSION; else the newest both have runs on.")
    ] = "",
    split: Annotated[str, typer.Option("--split")] = "test",
    runs: Annotated[
        tuple[str, str] | None,
        typer.Option("--runs", metavar="BASELINE CANDIDATE", help="Judge two runs of any systems instead of bundles."),
    ] = None,
    junit: JunitOption = None,
    markdown: MarkdownOption = None,
    json_file: JsonFileOption = None,
    undecided: UndecidedOption = "skipped",
    as_json: JsonOption = False,
) -> None:
    """Judge a bundle by the gate policy. Exit code 0 ship, 1 do not ship, 2 need more data, 3 cannot judge.

    With --golden, runs that are missing are made first. --runs judges two runs as they are; such a record names no
    bundle and releases none.
    """
    from assay.records.errors import UsageError
    from assay.wiring import exporting, releasing

    if runs is not None and (bundle or against):
        raise UsageError("gate.bundle_or_runs", "name a bundle and --against, or --runs alone", where="assay gate")
    if runs is None and not (bundle and against):
        raise UsageError(
            "gate.what", "what is to be judged is not named", where="assay gate",
            remedy="assay gate BUNDLE --against live, or assay gate --runs BASELINE CANDIDATE",
        )  # fmt: skip
    files = exporting.Files(junit, markdown, json_file, undecided)
    place = open_workspace(workspace)
    if runs is not None:
        decision = releasing.gate_runs(place, *runs)
    else:
        decision = releasing.gate(place, bundle, against, golden, split, Progress("evaluating"))
    exporting.write_decision(place, decision, files)
    if as_json:
        print_json(decision)
    else:
        for line in releasing.decision_lines(decision):
            say(line)
    raise typer.Exit(decision.verdict.exit_code)


def register(app: typer.Typer) -> None:
    app.command("gate")(gate)
