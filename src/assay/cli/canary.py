"""`assay canary`: tokens where nobody should repeat them from, and whether a text shows one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import JsonOption, Progress, WorkspaceOption, open_workspace, print_json, say, table

if TYPE_CHECKING:
    from assay.records.safety import Measurement
    from assay.wiring.canarying import Planted

group = typer.Typer(
    help="Canaries: planted in prompts, for tenants and beside documents; found in what leaked.", no_args_is_help=True
)

TenantsOption = Annotated[list[str] | None, typer.Option("--tenant", help="Only this tenant; repeatable.")]
DocumentsOption = Annotated[
    list[str] | None, typer.Option("--document", help="Beside the document with this id; repeatable.")
]


@group.command("list")
def listing(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """What is planted. Tokens are never shown."""
    from assay.wiring import canarying

    place = open_workspace(workspace)
    found = canarying.planted(place)
    if as_json:
        print_json(found)
        return
    say(table(("kind", "name", "tenant", "document", "state"), map(_row, found)) if found else "nothing is planted")


def _row(one: Planted) -> tuple[str, ...]:
    state = "in the prompt" if one.kind == "prompt" else "planted" if one.current else "of another key: plant it anew"
    return one.kind, one.name, one.tenant or "–", one.doc_id or "–", state


@group.command("plant")
def plant(
    tenant: TenantsOption = None,
    document: DocumentsOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Plant a decoy for every tenant of the catalog, or for those and beside those documents that are named.

    A decoy is a document that nobody may read: it shows up when isolation fails. Planting again changes nothing.
    """
    from assay.wiring import auditing, canarying, ingesting

    place = open_workspace(workspace)
    try:
        change = canarying.plant(place, tenant or (), document or ())
        if change.added:
            auditing.record(place, "canary.planted", counts={"decoys": len(change.added)})
            if ingesting.missing_vectors(place):
                ingesting.embed_in_background(place)
    finally:
        place.close()
    if as_json:
        print_json(change)
        return
    say(f"{len(change.added)} planted, {len(change.same)} stood there already")
    if change.added:
        say("bundles that are frozen from now on hold them: assay bundle APP")


@group.command("remove")
def remove(
    tenant: TenantsOption = None,
    document: DocumentsOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take decoys away, all of them or those that are named. A prompt's goes with `canaries.prompt: false`."""
    from assay.wiring import auditing, canarying

    place = open_workspace(workspace)
    try:
        change = canarying.remove(place, tenant or (), document or ())
        if change.removed:
            auditing.record(place, "canary.removed", counts={"decoys": len(change.removed)})
    finally:
        place.close()
    if as_json:
        print_json(change)
        return
    say(f"{len(change.removed)} removed")


@group.command("check")
def check(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A text: a log, a pasted page; - for standard input.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Does a text show a canary of this workspace, in any notation? Exit code 1 when it does: which, never where."""
    from assay.wiring import canary_guard

    place = open_workspace(workspace)
    found = canary_guard.check(place, _read(file))
    if as_json:
        print_json({"found": found})
    elif found:
        say(table(("kind", "name", "notation"), [(one.kind, one.name, one.notation) for one in found]))
    else:
        say("no canary of this workspace")
    place.close()
    if found:
        raise typer.Exit(1)


@group.command("prove")
def prove(
    reference: Annotated[
        str, typer.Argument(metavar="[BUNDLE|APP]", help="An app, live, or a bundle id; default: the first app.")
    ] = "",
    trials: Annotated[int, typer.Option("--trials", min=2, max=100_000, help="Random cuttings.")] = 320,
    seed: Annotated[int, typer.Option("--seed", help="The same seed makes the same cuttings.")] = 0,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a model give the prompt and a decoy away in every notation, cut texts at random, look for false hits, and
    keep the figures for the gate. Exit code 1 when one fails, 3 when one could not be run."""
    from assay.records.safety import Standing
    from assay.wiring import canary_proof

    place = open_workspace(workspace)
    try:
        made = canary_proof.prove(place, reference, trials=trials, seed=seed, progress=Progress("trials"))
    finally:
        place.close()
    if as_json:
        print_json(made)
    else:
        say(
            table(
                ("check", "n", "went wrong", "value", "limit (95 %)", "standing"), map(_measured, made), right=(1, 2, 3)
            )
        )
        for one in made:
            if one.reason:
                say(f"{one.check}: {one.reason}")
    standings = {one.standing for one in made}
    if Standing.FAILED in standings:
        raise typer.Exit(1)
    if Standing.NOT_RUN in standings:
        raise typer.Exit(3)


def _measured(one: Measurement) -> tuple[str, ...]:
    if one.value is None:
        return one.check, str(one.n), "–", "–", "–", one.standing.value
    limit = f"at least {one.low:.4f}" if one.low is not None else f"at most {one.high:.4f}"
    return one.check, f"{one.n:,}", str(one.events), f"{one.value:.4f}", limit, one.standing.value


def _read(file: str) -> str:
    """The text, whatever its bytes are. Raises InputError."""
    from assay.records.errors import InputError

    if file == "-":
        return sys.stdin.buffer.read().decode("utf-8", "replace")
    try:
        return Path(file).read_bytes().decode("utf-8", "replace")
    except OSError as error:
        raise InputError("canary.unreadable", f"cannot read it ({error.strerror})", where=file) from None


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="canary")
