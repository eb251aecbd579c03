"""`assay sabotage`: take each safeguard out in turn, attack, and expect a measurement to turn red."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.common import GroupOption, JsonOption, Progress, TenantOption, open_workspace, print_json, say, scope_of
from assay.cli.common import table as as_table
from assay.cli.redteam import as_clients_see_it

if TYPE_CHECKING:
    from assay.records.dialogue import Reply
    from assay.wiring.build import Workspace
    from assay.wiring.sabotage import Removed


def sabotage(
    layer: Annotated[str, typer.Option("--layer", help="Only this safeguard; default: every one in turn.")] = "",
    trials: Annotated[
        int, typer.Option("--trials", help="Random attacks beside those that are aimed at a check of sentences.")
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", help="The same seed makes the same random attacks.")] = 0,
    app: Annotated[str, typer.Option("--app", help="An app, live, or a bundle id of the workspace.")] = "",
    list_layers: Annotated[bool, typer.Option("--list", help="Print the safeguards and what each holds.")] = False,
    as_json: JsonOption = False,
    tenant: TenantOption = "",
    group: GroupOption = None,
    workspace: Annotated[
        Path | None,
        typer.Option("--workspace", "-w", help="Give the orders to an app of this workspace; default: a scratch one."),
    ] = None,
) -> None:
    """Prove that the safeguards matter and that the red team can fail: without each of them an attack must succeed.

    Attacks go to a scratch workspace that is made for this and removed; with --workspace the orders to the model go to
    its own app and documents, and what came out is kept as evidence about it. Nothing else of it is written. Exit code
    1 when a safeguard was missed by nothing, or an attack had its effect though all of them stood.
    """
    from assay.wiring import sabotage as running

    layers = running.chosen(layer)
    if list_layers:
        say(
            as_table(("safeguard", "holds", "switches"), [(one.name, one.holds, " + ".join(one.off)) for one in layers])
        )
        return
    place = open_workspace(workspace) if workspace or app else None
    try:
        own: dict[str, Any] = {"own": place, "app": app, "scope": scope_of(place, tenant, group)} if place else {}
        removed = running.run(
            shown, layers=layers, trials=trials, seed=seed, progress=Progress("sabotage"), **own
        )  # fmt: skip
        if place is not None and not layer:
            _keep(place, app, removed, trials, seed)
    finally:
        if place is not None:
            place.close()
    bad = [one for one in removed if not one.noticed or not one.held]
    if as_json:
        print_json({"layers": [_as_json(one) for one in removed], "decoration": _names(removed), "seed": seed})
    else:
        say(_told(removed))
    if bad:
        raise typer.Exit(1)


def shown(reply: Reply, escaping: bool) -> tuple[str, str]:
    """A reply as clients and pages show it; without `escaping`, as they would if titles and sentences were markup."""
    if escaping:
        return as_clients_see_it(reply)
    from assay.records.dialogue import Finished
    from assay.serve.content import Content

    content = Content(escaped=lambda text: text)
    for sentence in reply.sentences:
        content.add(sentence)
    content.finish(Finished(reply.outcome, reply.reason))
    return content.text, "\n".join(f"<p>{one.text}</p>{citation.title}" for one in reply.sentences
                                   for citation in one.citations)  # fmt: skip


def _keep(place: Workspace, app: str, removed: tuple[Removed, ...], trials: int, seed: int) -> None:
    from assay.wiring import sabotage as running
    from assay.wiring import safety_store

    subject, _ = safety_store.subject_of(place, app or place.default_app)
    command = f"assay sabotage --app {app or place.default_app} --trials {trials} --seed {seed}"
    safety_store.record(place, [running.measurement(subject, removed, command)])


def _names(removed: tuple[Removed, ...]) -> list[str]:
    return [one.layer for one in removed if not one.noticed]


def _as_json(one: Removed) -> dict[str, Any]:
    return {
        "layer": one.layer, "holds": one.holds, "off": list(one.off), "trials": one.trials,
        "before": dict(one.before), "without": dict(one.without), "noticed": one.noticed,
    }  # fmt: skip


def _told(removed: tuple[Removed, ...]) -> str:
    rows = [
        (one.layer if first else "", goal, str(one.trials), str(one.before.get(goal, 0)), str(count),
         ("noticed" if one.noticed else "NOTHING NOTICED") if first else "")
        for one in removed
        for first, (goal, count) in _numbered(one)
    ]  # fmt: skip
    heads = ("safeguard", "what came out", "trials", "with it", "without", "")
    lines = [as_table(heads, rows, right=(2, 3, 4)), ""]
    noticed = len(removed) - len(_names(removed))
    lines.append(f"{noticed} of {len(removed)} safeguards were missed when they were gone")
    if _names(removed):
        lines.append(f"✗ decoration, as far as these attacks tell: {', '.join(_names(removed))}")
    if standing := [one.layer for one in removed if not one.held]:
        lines.append(f"✗ an attack had its effect with every safeguard in place: {', '.join(standing)}")
    return "\n".join(lines)


def _numbered(one: Removed) -> list[tuple[bool, tuple[str, int]]]:
    goals = dict.fromkeys((*one.before, *one.without))
    return [(number == 0, (goal, one.without.get(goal, 0))) for number, goal in enumerate(goals)]


def register(app: typer.Typer) -> None:
    app.command("sabotage")(sabotage)
