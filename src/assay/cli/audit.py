"""`assay audit`: what was done here, and proof that nobody changed the account of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.common import JsonOption, WorkspaceOption, open_workspace, print_json, say, table

group = typer.Typer(
    help="The audit log: who did what on which versions, chained and signed, without content.", no_args_is_help=True
)


@group.command("show")
def show(
    workspace: WorkspaceOption = None,
    action: Annotated[str, typer.Option("--action", help="Only actions that begin so, such as `release`.")] = "",
    tenant: Annotated[str, typer.Option("--tenant")] = "",
    who: Annotated[str, typer.Option("--who", help="Only what this user or key id did.")] = "",
    last: Annotated[int, typer.Option("--last", min=1, help="The newest so many.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """The newest events, oldest of them first."""
    from collections import deque

    from assay.wiring import auditing

    place = open_workspace(workspace)
    found = list(deque(auditing.events(place, action=action, tenant=tenant, who=who), maxlen=last))
    if as_json:
        print_json([{"seq": number, "event": event} for number, event in found])
        return
    rows = [
        (number, event.at[:19], event.action, event.outcome, event.tenant or "–", event.actor[:8] or "–",
         " ".join(f"{name}={_short(text)}" for name, text in event.subject.items()))
        for number, event in found
    ]  # fmt: skip
    say(table(("line", "at", "action", "outcome", "tenant", "actor", "about"), rows, right=(0,)))


def _short(text: str) -> str:
    """Hashes by their beginning."""
    return text[:12] if len(text) >= 32 and set(text) <= set("0123456789abcdef,") else text


@group.command("verify")
def verify(
    workspace: WorkspaceOption = None,
    key: Annotated[str, typer.Option("--key", help="The public key, from a place of your own.")] = "",
    checkpoint: Annotated[
        Path | None, typer.Option("--checkpoint", help="A file with a checkpoint that was kept elsewhere.")
    ] = None,
) -> None:
    """Is the log whole? Exit code 0 when it is, 1 when it was changed, cut off, or lines are missing."""
    from assay.wiring import auditing

    place = open_workspace(workspace)
    kept = checkpoint.read_text(encoding="utf-8").strip() if checkpoint else ""
    problems = auditing.verify(place, key, kept)
    for problem in problems:
        say(problem)
    if problems:
        raise typer.Exit(1)
    say("the audit log is whole")


@group.command("checkpoint")
def checkpoint(workspace: WorkspaceOption = None) -> None:
    """Sign where the log stands, and print it: keep the line where whoever runs this machine cannot reach it."""
    import json

    from assay.records.digest import plain
    from assay.wiring import auditing

    made = auditing.checkpoint(open_workspace(workspace))
    say(json.dumps(plain(made)))


@group.command("key")
def key(workspace: WorkspaceOption = None) -> None:
    """The public key that checkpoints are signed with."""
    from assay.wiring import auditing

    say(auditing.public_key(open_workspace(workspace)))


@group.command("verifier")
def verifier() -> None:
    """Print the stand-alone verifier: a file that needs nothing but Python."""
    from assay.govern import audit_verifier

    typer.echo(Path(audit_verifier.__file__).read_text(encoding="utf-8"), nl=False)


@group.command("prune")
def prune(workspace: WorkspaceOption = None) -> None:
    """Remove whole segments older than `audit.keep_days`; the log says so and stays verifiable."""
    from assay.wiring import auditing

    removed = auditing.prune(open_workspace(workspace))
    say(f"{removed:,} lines removed")


@group.command("unlink")
def unlink(
    tenant: Annotated[str, typer.Argument(help="The tenant whose people and texts shall not be linkable any more.")],
    workspace: WorkspaceOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it: this cannot be undone.")] = False,
) -> None:
    """Destroy the key of a tenant's names: the log stays whole, and nobody can link its lines to a person."""
    from assay.records.errors import UsageError
    from assay.wiring import auditing

    if not yes:
        raise UsageError("audit.unconfirmed", "this cannot be undone", remedy="say --yes")
    place = open_workspace(workspace)
    say("the key is destroyed" if auditing.destroy_names(place, tenant) else "there was no key")
    place.close()


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="audit")
