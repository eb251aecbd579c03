"""`assay config`: what holds and why."""

from __future__ import annotations

import typer

from assay.cli.common import JsonOption, SetOption, WorkspaceOption, print_json, say, table

group = typer.Typer(help="What the workspace's settings are and where each came from.", no_args_is_help=True)


@group.command("explain")
def explain(workspace: WorkspaceOption = None, overrides: SetOption = None, as_json: JsonOption = False) -> None:
    """Show every setting, its value, where it came from and what it means."""
    from assay.wiring import config

    loaded = config.load(config.find_workspace(workspace), overrides or ())
    rows = config.explain(loaded)
    if as_json:
        print_json(rows)
        return
    say(f"{loaded.path}")
    say(table(("setting", "value", "from", "meaning"), [(r.key, _shown(r.value), r.origin, r.meaning) for r in rows]))


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(str(item) for item in value) + "]"
    return '""' if value == "" else str(value)


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="config")
