"""`assay key`: credentials of the server's callers."""

from __future__ import annotations

from typing import Annotated

import typer

from assay.cli.common import GroupOption, WorkspaceOption, open_workspace, say, table

group = typer.Typer(help="API keys: hashed, scoped to a tenant and groups, revocable.", no_args_is_help=True)


@group.command("create")
def create(
    label: Annotated[str, typer.Argument(help="Who or what the key is for.")],
    workspace: WorkspaceOption = None,
    tenant: Annotated[str, typer.Option("--tenant", help="The caller's tenant.")] = "default",
    groups: GroupOption = None,
    roles: Annotated[list[str] | None, typer.Option("--role", help="ask, operate, label; repeatable.")] = None,
) -> None:
    """Make a key. It is shown once; only its hash is kept."""
    from assay.serve.keys import new_key
    from assay.wiring import auditing

    place = open_workspace(workspace)
    plaintext, key = new_key(label, tenant, tuple(groups or ()), tuple(roles or ("ask",)), place.clock)
    place.stores.keys.put(key)
    auditing.record(place, "key.create", tenant=tenant, subject={"key": key.key_id})
    say(plaintext)
    say(f"key {key.key_id} for tenant {tenant}, groups {', '.join(key.groups) or 'none'}; it is not shown again")


@group.command("list")
def list_keys(workspace: WorkspaceOption = None) -> None:
    """Every key's id, label, scope and state."""
    keys = open_workspace(workspace).stores.keys.keys()
    rows = [(k.key_id, k.label, k.tenant, ",".join(k.groups), ",".join(sorted(k.roles)), k.created_at[:19],
             k.revoked_at[:19] or "valid") for k in keys]  # fmt: skip
    say(table(("key", "label", "tenant", "groups", "roles", "made", "revoked"), rows))


@group.command("revoke")
def revoke(key_id: str, workspace: WorkspaceOption = None) -> None:
    """End a key; servers notice within a second."""
    from assay.wiring import auditing

    place = open_workspace(workspace)
    place.stores.keys.revoke(key_id, place.clock.now())
    auditing.record(place, "key.revoke", subject={"key": key_id})
    say(f"key {key_id} is revoked")


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="key")
