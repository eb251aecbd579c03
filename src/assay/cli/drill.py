"""`assay drill`: prove by attack that what must hold does hold."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import JsonOption, Progress, WorkspaceOption, open_workspace, print_json, say, table

if TYPE_CHECKING:
    from assay.govern.drill_paths import Door
    from assay.records.operations import ApiKey
    from assay.wiring.drilling import Drilled
    from assay.wiring.workspace import Services

group = typer.Typer(help="Drills: attack the service and certify what came out.", no_args_is_help=True)


@group.callback()
def drills() -> None:
    """Keeps `access` a name of its own while it is the only drill."""


@group.command("access")
def access(
    workspace: WorkspaceOption = None,
    app: Annotated[str, typer.Option("--app", help="An app of assay.yaml; else its first.")] = "",
    out: Annotated[Path | None, typer.Option("--out", help="Write the certificate to this file too.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Plant canary documents per tenant and group, try to read them as everybody, and sign what came out.

    The canaries stand in a workspace of their own beside the real one, with its settings, engine and code; real
    documents are only searched. Exit code 0 nothing leaked, 1 something did, 3 a path could not be judged.
    """
    from assay.wiring import certifying, drilling

    place = open_workspace(workspace)
    try:
        done = drilling.access(place, app, open_door, mint, Progress("drilling"))
    finally:
        place.close()
    if out is not None:
        certifying.write_certificate(done.certificate, out)
    if as_json:
        print_json(done.certificate)
    else:
        _print(done)
    raise typer.Exit(done.outcome.exit_code)


def _print(done: Drilled) -> None:
    from assay.wiring import drilling

    facts = done.certificate.facts
    say(table(("path", "probes", "found", "leaks", "not found"), drilling.rows(done.outcome), right=(1, 2, 3, 4)))
    say(f"\n{facts['canaries']} canaries, {facts['identities']} identities, {done.outcome.probes:,} probes; "
        f"{facts['real']['documents']:,} real documents in {len(facts['snapshots'])} states of the index")  # fmt: skip
    left_out = {name: count for name, count in facts["left_out"].items() if count}
    if left_out:
        say("not mirrored: " + ", ".join(f"{count} more {name}" for name, count in left_out.items()))
    for finding, count in drilling.findings(done.outcome).items():
        say(f"✗ {finding} × {count}")
    words = {0: "✓ nothing leaked", 1: "✗ LEAK", 3: "! cannot judge: a path did not show what may be read"}
    say(f"{words[done.outcome.exit_code]}; certificate {done.certificate.certificate_id[:12]}")


@asynccontextmanager
async def open_door(services: Services) -> AsyncIterator[Door]:
    """The whole server, pages included, called without a socket."""
    from assay.console.app import console
    from assay.serve.app import create_app
    from assay.serve.inprocess import in_process
    from assay.serve.options import ServeOptions

    async with in_process(create_app(services, ServeOptions(key_ttl_s=0.0), console)) as door:
        yield door


def mint(tenant: str, groups: tuple[str, ...]) -> tuple[str, ApiKey]:
    """A key with every role, as `assay key create` makes it."""
    from assay.adapters.clocks import SystemClock
    from assay.serve.keys import ROLES, new_key

    return new_key("access drill", tenant, groups, ROLES, SystemClock())


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="drill")
