"""`assay bundle` and `assay bundles`: an app frozen under one content hash."""

from __future__ import annotations

from typing import Annotated

import typer

from assay.cli.common import JsonOption, SetOption, WorkspaceOption, open_workspace, print_json, say, table

group = typer.Typer(help="Bundles: list, show, diff.", no_args_is_help=True)


def bundle(
    app: Annotated[str, typer.Argument(help="An app of assay.yaml.")],
    workspace: WorkspaceOption = None,
    note: Annotated[str, typer.Option("--note", help="Kept beside the bundle, outside its hash.")] = "",
    overrides: SetOption = None,
) -> None:
    """Freeze prompt, model recipe, index snapshot, guards and thresholds; print the bundle's id."""
    from assay.wiring import releasing

    made = releasing.freeze(open_workspace(workspace, overrides), app, note)
    say(made.bundle_id)
    say(f"{app}: " + ", ".join(sorted(made.components)) + f"; snapshot {made.snapshot_id[:12]}")


@group.command("list")
def list_bundles(workspace: WorkspaceOption = None) -> None:
    """The newest bundles first."""
    rows = [(b.bundle_id[:12], b.app, b.snapshot_id[:12], b.created_at[:19], b.note)
            for b in open_workspace(workspace).stores.bundles.bundles()]  # fmt: skip
    say(table(("bundle", "app", "snapshot", "made", "note"), rows))


@group.command("show")
def show(bundle_id: str, workspace: WorkspaceOption = None) -> None:
    """Everything a bundle holds, as JSON."""
    found = open_workspace(workspace).stores.bundles.get(bundle_id)
    print_json({"bundle_id": found.bundle_id, "bundle": found})


@group.command("diff")
def diff(a: str, b: str, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """What differs between two bundles, setting by setting."""
    from assay.release.bundle import diff as differences

    bundles = open_workspace(workspace).stores.bundles
    changes = differences(bundles.get(a), bundles.get(b))
    if as_json:
        print_json(changes)
        return
    if not changes:
        say("the two bundles hold the same")
        return
    say(table(("setting", "A", "B"), [(change.path, change.before, change.after) for change in changes]))


def register(app: typer.Typer) -> None:
    app.command("bundle")(bundle)
    app.add_typer(group, name="bundles")
