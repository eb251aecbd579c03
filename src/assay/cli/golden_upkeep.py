"""`assay golden slice`, `looks`, `canary`, `items`, `coverage` and `croissant`: what keeps a golden set good."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.common import JsonOption, WorkspaceOption, open_workspace, print_json, say, table

Reference = Annotated[str, typer.Argument(help="NAME or NAME@VERSION; a unique prefix of the version is enough.")]


def slice_cases(
    reference: Reference,
    workspace: WorkspaceOption = None,
    rules: Annotated[Path | None, typer.Option("--rules", help="YAML of rules; else slices of assay.yaml.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Put cases into slices by rule, as a new version; slices that people gave stay."""
    from assay.wiring import golden_slices

    made, counts = golden_slices.slice_set(open_workspace(workspace), reference, rules)
    if as_json:
        print_json({"name": made.name, "version": made.version, "slices": counts})
        return
    say(table(("slice", "cases"), sorted(counts.items()), right=(1,)))
    say(f"{made.name}@{made.version[:12]}  {len(made.cases)} cases")


def looks(reference: Reference, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Whose results on which split have been seen, and what that leaves of gate.looks.budget."""
    from assay.wiring import golden_looks

    place = open_workspace(workspace)
    found = golden_looks.looks_of_splits(place, reference)
    rule = golden_looks.rule(place)
    if as_json:
        print_json({"budget": rule.budget, "when_spent": rule.when_spent, "splits": found})
        return
    rows = [
        (split or "(all cases)", one.number, one.system, one.run_id[:12], one.how, one.version[:12], one.at[:19])
        for split, seen in found.items()
        for one in seen
    ]
    say(table(("split", "look", "system", "run", "seen by", "version", "first seen"), rows, right=(1,)))
    for split, seen in found.items():
        spent = f"{len(seen)} looks" + (f" of {rule.budget}" if rule.budget else "; gate.looks.budget sets no limit")
        told = f", spent: the gate will {rule.when_spent}" if rule.budget and len(seen) >= rule.budget else ""
        say(f"{split or '(all cases)'}: {spent}{told}")


def register(group: typer.Typer) -> None:
    group.command("slice")(slice_cases)
    group.command("looks")(looks)
