"""`assay extract`: typed values out of documents, by a model that can say nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.common import (
    GroupOption,
    JsonOption,
    SetOption,
    TenantOption,
    WorkspaceOption,
    open_workspace,
    print_json,
    say,
    scope_of,
)


def extract(
    question: Annotated[str, typer.Argument(help="What the values are of.")],
    schema: Annotated[Path, typer.Option("--schema", help="JSON Schema of the values: an object of plain values.")],
    workspace: WorkspaceOption = None,
    app: Annotated[str, typer.Option("--app", help="The app whose search and model are used; else the first.")] = "",
    tenant: TenantOption = "",
    groups: GroupOption = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Values that stand in the documents, each checked against its schema and the text; what is not there is left out.

    The model that reads has no tools, and nothing that it says beyond these values is kept.
    """
    import json

    from assay.wiring import planning_tools

    wanted = planning_tools.read_schema(schema)
    place = open_workspace(workspace, overrides)
    try:
        found = planning_tools.extract(place, app, wanted, question, scope_of(place, tenant, groups))
    finally:
        place.close()
    values = {name: one.value for name, one in found.values.items()}
    if as_json:
        print_json({"values": values, "missing": dict(found.missing), "label": found.label})
        return
    for name in wanted["properties"]:
        say(f"{name} = {json.dumps(values[name])}" if name in values else f"{name}: {found.missing[name]}")
    say(f"made from {found.label}")


def register(app: typer.Typer) -> None:
    app.command("extract")(extract)
