"""`assay privacy`: what is too old goes, what is kept about a person is shown or erased, and all of it is proved."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import JsonOption, SetOption, WorkspaceOption, open_workspace, print_json, say, table

if TYPE_CHECKING:
    from assay.wiring.build import Workspace

group = typer.Typer(
    help="Privacy: retention, what is kept about a person, erasure, and proof of it.", no_args_is_help=True
)


@group.command("sweep")
def sweep(
    workspace: WorkspaceOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would go.")] = False,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove what is older than `privacy.retention` says, overwrite it, and make the files tight.

    Decisions, releases, certificates and golden sets are evidence and stay. A running server does this once a day.
    """
    from assay.wiring import privacy_sweeping

    place = open_workspace(workspace, overrides)
    done = privacy_sweeping.sweep(place, dry_run=dry_run, told=_tell)
    _close(place)
    if as_json:
        print_json({"dry_run": dry_run, "swept": done, "exempt": dict(privacy_sweeping.EXEMPT)})
        return
    rows = [(one.kind, one.period, one.before[:19], f"{one.removed:,}", one.note) for one in done]
    say(table(("kind", "kept for", "older than", "would go" if dry_run else "removed", ""), rows, right=(3,)))
    say()
    for what, why in privacy_sweeping.EXEMPT:
        say(f"stays: {what} ({why})")


def _tell(stage: str) -> None:
    print(f"{stage} …", file=sys.stderr, flush=True)


def _close(place: Workspace) -> None:
    place.close()


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="privacy")
