"""`assay report`: everything there is to say of one run, or of a run against a baseline."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from assay.cli.common import JsonOption, WorkspaceOption, open_workspace, print_json, say


def report(
    run: Annotated[str, typer.Argument(help="A run, a bundle (its newest complete run), an app or `live`.")],
    workspace: WorkspaceOption = None,
    against: Annotated[
        str, typer.Option("--against", help="A baseline, named likewise: adds differences, flips and power.")
    ] = "",
    html: Annotated[
        Path | None, typer.Option("--html", help="Where to write the page; else in .assay/reports.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", help="Also write it for a pull request, without texts of cases.")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option("--figures", help="Also write each figure as SVG and its numbers as CSV here.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Metrics, slices, failures, confidence, noise, latency and cost of a run, each with its interval, worst first."""
    from assay.wiring import reporting

    place = open_workspace(workspace)
    made = reporting.report(place, run, against)
    pictures = reporting.write_figures(made.found.figures, figures) if figures else {}
    if markdown:
        reporting.write_markdown(made, markdown, pictures)
    if as_json:
        if html:
            reporting.write_html(place, made, html)
        print_json(reporting.twin(made))
        return
    say(reporting.text(made, min(shutil.get_terminal_size((100, 24)).columns, 160)))
    say(f"report: {reporting.write_html(place, made, html)}")
    if markdown:
        say(f"for a pull request: {markdown}")
    if pictures:
        say(f"figures: {len(pictures)} in {figures}")


def register(app: typer.Typer) -> None:
    app.command("report")(report)
