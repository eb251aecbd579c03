"""`assay demo`: a working lab in about a minute, in which one change is proven safe and another is stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.common import Progress, say


def demo(
    directory: Annotated[Path, typer.Argument(help="Folder for the lab.")] = Path("assay-demo"),
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve the pages at the end.")] = True,
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535)] = None,
) -> None:
    """Build the demo lab: corpus, golden set, baseline, a safe change, a planted regression, and their verdicts."""
    from assay.wiring import demo as lab

    place = lab.build(directory, say, Progress)
    if not serve:
        place.close()
        return
    from assay.cli.serve import run

    run(place, "", port, open_demo=True)


def register(app: typer.Typer) -> None:
    app.command("demo")(demo)
