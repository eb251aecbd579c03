"""`assay calibrate`: the abstention threshold, chosen on a golden set for a stated error."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.common import Progress, WorkspaceOption, open_workspace, say


def calibrate(
    app: Annotated[str, typer.Argument(help="An app of assay.yaml.")],
    golden: Annotated[str, typer.Option("--golden", help="NAME or NAME@VERSION.")],
    workspace: WorkspaceOption = None,
    split: Annotated[str, typer.Option("--split", help="Which split; keep it apart from the one you report.")] = "dev",
    target_error: Annotated[float | None, typer.Option("--target-error", min=0.001, max=0.999)] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the risk-coverage curve here.")] = None,
) -> None:
    """Choose the threshold below which the app says that it does not know. Bundles made later carry it."""
    from assay.wiring import judging

    place = open_workspace(workspace)
    made = judging.calibrate(place, app, golden, split, target_error, Progress("calibrating"))
    say(judging.calibration_sentence(made))
    say(
        f"threshold {made.threshold:.3f} on {made.cases} cases of {made.golden_name}@{made.golden_version[:12]}:{split}"
    )
    if html is not None:
        html.write_text(judging.calibration_html(made), encoding="utf-8")
        say(f"risk-coverage curve: {html}")


def register(app: typer.Typer) -> None:
    app.command("calibrate")(calibrate)
