"""`assay certificate`: signed statements of what was checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.common import WorkspaceOption, open_workspace, print_json, say, table

group = typer.Typer(help="Certificates of access drills and of erasures: list, show, verify.", no_args_is_help=True)


@group.command("list")
def list_certificates(
    workspace: WorkspaceOption = None,
    kind: Annotated[str, typer.Option("--kind", help="access or forgetting; empty: both.")] = "",
) -> None:
    """Every certificate, newest first."""
    found = open_workspace(workspace).stores.certificates.certificates(kind)
    rows = [
        (one.certificate_id[:12], one.kind, "passed" if one.passed else "NOT PASSED", one.created_at[:19],
         one.subject[:24])
        for one in found
    ]  # fmt: skip
    say(table(("certificate", "kind", "result", "made", "subject"), rows))


@group.command("show")
def show(
    certificate_id: str,
    workspace: WorkspaceOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write it to this file instead.")] = None,
) -> None:
    """One certificate as JSON, as `verify` reads it."""
    from assay.wiring.certifying import write_certificate

    certificate = open_workspace(workspace).stores.certificates.get(certificate_id)
    if out is None:
        print_json(certificate)
    else:
        write_certificate(certificate, out)
        say(f"certificate {certificate.certificate_id[:12]} is in {out}")


@group.command("verify")
def verify(
    certificate: Annotated[str, typer.Argument(help="A file, or the id of a certificate of this workspace.")],
    workspace: WorkspaceOption = None,
    key: Annotated[str, typer.Option("--key", help="Trust this public key; default: the workspace's own.")] = "",
) -> None:
    """Check the signature: exit 0 when it holds and the certificate passed, 1 when it holds and did not pass, 3 when it
    cannot be relied on. With --key no workspace is needed for a file."""
    from assay.wiring.certifying import verified

    found = verified(certificate, workspace, key)
    say(f"certificate {found.certificate_id}")
    say(f"{found.kind}: {'passed' if found.passed else 'NOT PASSED'}, made {found.created_at}, subject {found.subject}")
    say(f"signed with {found.public_key}: the signature holds")
    for finding in found.findings:
        say(f"  {finding}")
    if not found.passed:
        raise typer.Exit(1)


@group.command("key")
def public_key(workspace: WorkspaceOption = None) -> None:
    """The workspace's public key, to give to whoever verifies."""
    from assay.wiring.certifying import signer

    say(signer(open_workspace(workspace)).public_key)


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="certificate")
