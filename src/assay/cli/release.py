"""`assay release`: the one pointer that says what is live."""

from __future__ import annotations

from typing import Annotated

import typer

from assay.cli.common import WorkspaceOption, open_workspace, say, table

group = typer.Typer(help="What is live: promote, rollback, status, history.", no_args_is_help=True)
AppOption = Annotated[str, typer.Option("--app", help="An app of assay.yaml; else its first.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept for ever.")]


@group.command("promote")
def promote(
    bundle: Annotated[str, typer.Argument(help="The bundle to make live.")],
    workspace: WorkspaceOption = None,
    reason: ReasonOption = "",
    override: Annotated[bool, typer.Option("--override", help="Without a passing record; needs --reason.")] = False,
) -> None:
    """Make a bundle live. Refused without a passing decision record, unless overridden with a reason that is kept."""
    from assay.wiring import releasing

    pointer = releasing.promote(open_workspace(workspace), bundle, reason, override)
    say(f"{pointer.app}: {pointer.bundle_id[:12]} is live (revision {pointer.revision})")


@group.command("rollback")
def rollback(
    workspace: WorkspaceOption = None,
    app: AppOption = "",
    to: Annotated[str, typer.Option("--to", help="A bundle that was live before; else the previous one.")] = "",
    reason: ReasonOption = "",
) -> None:
    """Make the previous bundle live again: prompt, model, index and guards together."""
    from assay.wiring import releasing

    pointer = releasing.rollback(open_workspace(workspace), app, to, reason)
    say(f"{pointer.app}: back to {pointer.bundle_id[:12]} (revision {pointer.revision})")


@group.command("status")
def status(workspace: WorkspaceOption = None) -> None:
    """What is live for each app."""
    place = open_workspace(workspace)
    rows = []
    for app in place.settings.apps:
        pointer = place.stores.releases.pointer(app)
        rows.append((app, pointer.bundle_id[:12], pointer.revision) if pointer else (app, "nothing promoted", "–"))
    say(table(("app", "live bundle", "revision"), rows, right=(2,)))


@group.command("history")
def history(workspace: WorkspaceOption = None, app: AppOption = "") -> None:
    """Every change of the pointer, newest first."""
    from assay.wiring import releasing

    place = open_workspace(workspace)
    events = place.stores.releases.history(releasing.released_app(place, app))
    rows = [(e.revision, e.at[:19], e.action + (" (override)" if e.override else ""), e.bundle_id[:12],
             e.previous_bundle_id[:12], e.decision_id[:12], e.actor, e.reason) for e in events]  # fmt: skip
    say(table(("revision", "at", "action", "bundle", "before", "decision", "actor", "reason"), rows, right=(0,)))


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="release")
