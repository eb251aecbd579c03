"""`assay runs export`, and the options by which `compare` and `gate` write reports for other tools."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from assay.cli.common import WorkspaceOption, open_workspace, say
from assay.records.errors import UsageError

JunitOption = Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML here.")]
MarkdownOption = Annotated[Path | None, typer.Option("--markdown", help="Write Markdown for a pull request here.")]
JsonFileOption = Annotated[Path | None, typer.Option("--json-file", help="Write the whole record as JSON here.")]
UndecidedOption = Annotated[
    str, typer.Option("--junit-undecided", help="What JUnit makes of a clause without enough data: skipped or failure.")
]


def export(
    run: Annotated[str, typer.Argument(help="A run, the name it was imported under, a bundle, an app or `live`.")],
    format_name: Annotated[str, typer.Option("--format", help="json, junit, markdown, inspect or mlflow.")] = "json",
    out: Annotated[Path | None, typer.Option("--out", help="The file to write; else standard output.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Write a run for another tool: inspect makes a log for Inspect's viewer, mlflow logs to the configured server."""
    from assay.wiring import exporting

    if format_name == "inspect" and out is None:
        raise UsageError("export.no_file", "a log is no text: name the file", where="--out", remedy="--out run.eval")
    place = open_workspace(workspace)
    if format_name == "mlflow":
        found, run_id, known = exporting.log_to_mlflow(place, run)
        say(f"run {found.run_id}  {'was logged before as' if known else 'logged as'} {run_id}")
        place.close()
        return
    content = exporting.export_run(place, run, format_name)
    place.close()
    if out is None:
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
        return
    exporting.write(out, content)
    say(f"{out}: {len(content):,} bytes")


def register(_app: typer.Typer) -> None:
    """Under the group `runs`, which `evaluate` registers."""
    from assay.cli.evaluate import group

    group.command("export")(export)
