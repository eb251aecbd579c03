"""`assay golden perturb`: behavioural tests made from the cases that are there."""

from __future__ import annotations

from typing import Annotated

import typer

from assay.cli.common import JsonOption, WorkspaceOption, open_workspace, print_json, say

KINDS_HELP = "Kinds of change, with commas: typos, contractions, casing, punctuation, irrelevant, paraphrase, names, numbers, negation."  # noqa: E501  (help text is one line)


def perturb(
    reference: Annotated[str, typer.Argument(help="NAME or NAME@VERSION; a unique prefix of the version is enough.")],
    kinds: Annotated[str, typer.Option("--kinds", help=KINDS_HELP)],
    workspace: WorkspaceOption = None,
    seed: Annotated[int, typer.Option("--seed", help="Another seed, other changes.")] = 0,
    split: Annotated[str, typer.Option("--split", help="Only cases of this split; empty: all.")] = "",
    tolerance: Annotated[
        float,
        typer.Option("--tolerance", min=0.0, max=1.0, help="How much of a text may differ and count as the same."),
    ] = 0.0,
    as_json: JsonOption = False,
) -> None:
    """Add to a golden set cases with changed questions: invariance tests, and directional ones (numbers, negation).

    The result is a new version. A person should read it: a change can turn one question into another.
    """
    from assay.wiring import perturbing

    wanted = tuple(part.strip() for part in kinds.split(",") if part.strip())
    golden, found = perturbing.perturb(open_workspace(workspace), reference, wanted, seed, split, tolerance)
    if as_json:
        print_json({"version": golden.version, "made": [case.case_id for case in found.made], "not": found.unchanged})
        return
    say(f"{golden.name}@{golden.version[:12]}  {len(golden.cases)} cases, {len(found.made)} of them new")
    for kind, count in found.unchanged.items():
        if count:
            say(f"{kind}: {count} questions cannot be changed so")


def register(group: typer.Typer) -> None:
    group.command("perturb")(perturb)
