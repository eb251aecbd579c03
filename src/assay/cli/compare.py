"""`assay compare`: two runs, paired by case, with an interval for every difference."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.common import JsonOption, WorkspaceOption, open_workspace, print_json, say, table
from assay.cli.run_export import JsonFileOption, JunitOption, MarkdownOption, UndecidedOption


def compare(
    baseline: Annotated[str, typer.Argument(help="A: a run, a bundle (its newest complete run) or `live`.")],
    candidate: Annotated[str, typer.Argument(help="B: likewise.")],
    workspace: WorkspaceOption = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Where to write the report; else in .assay/reports.")
    ] = None,
    junit: JunitOption = None,
    markdown: MarkdownOption = None,
    json_file: JsonFileOption = None,
    undecided: UndecidedOption = "skipped",
    as_json: JsonOption = False,
) -> None:
    """Candidate minus baseline: forest plot here, one self-contained HTML report with the cases that flipped."""
    from assay.wiring import exporting, judging, reporting

    files = exporting.Files(junit, markdown, json_file, undecided)
    place = open_workspace(workspace)
    made = judging.compare(place, baseline, candidate)
    exporting.write_comparison(made, files)
    if as_json:
        print_json(made.comparison)
        return
    for line in made.forest_lines:
        say(line)
    flips = made.comparison.flips
    say(f"\n{len(flips)} cases flipped" + (", worst first:" if flips else ""))
    rows = [(f.case_id, f.metric, f"{f.baseline:.3f}", f"{f.candidate:.3f}") for f in flips[:10]]
    if rows:
        say(table(("case", "metric", "A", "B"), rows, right=(2, 3)))
    path = reporting.write_comparison(place, made, html)
    say(f"\nreport: {path}")


def register(app: typer.Typer) -> None:
    app.command("compare")(compare)
