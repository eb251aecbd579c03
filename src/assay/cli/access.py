"""`assay access`: who may read what, why, and applying changed rules at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import (
    GroupOption,
    JsonOption,
    Progress,
    TenantOption,
    WorkspaceOption,
    open_workspace,
    print_json,
    say,
    scope_of,
    table,
)

if TYPE_CHECKING:
    from assay.records.access import AccessList

group = typer.Typer(
    help="Access lists: apply changed rules, show which rule decided, who may read.", no_args_is_help=True
)
DocumentArgument = Annotated[str, typer.Argument(help="A document's id, as `assay access list` shows it.")]


@group.command("list")
def list_access(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Every distinct access list with the number of documents under it."""
    from collections import Counter

    counts = Counter(document.access for document in open_workspace(workspace).stores.catalog.documents())
    ordered = sorted(counts.items(), key=lambda item: (item[0].tenant, item[0].groups))
    if as_json:
        print_json([{"tenant": a.tenant, "groups": a.groups, "documents": n} for a, n in ordered])
        return
    say(table(("tenant", "groups", "documents"), [(a.tenant, _groups(a), f"{n:,}") for a, n in ordered], right=(2,)))


@group.command("apply")
def apply(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Give every document the access list that today's rules say, without reading the files again.

    What is closed is closed at once, for servers that run and for released bundles; what is opened is found as soon as
    the index has it, and by a released bundle with the next one. Exit code 3 when the plug-in failed on a document:
    such documents are closed to everybody.
    """
    from assay.wiring import access

    done = access.apply(open_workspace(workspace), Progress("resolving"))
    found = done.applied
    if as_json:
        print_json(
            {"documents": found.documents, "changed": len(found.changed), "narrowed": found.narrowed,
             "closed_by_failure": len(found.failed), "published": done.published}
        )  # fmt: skip
    else:
        opened = len(found.changed) - found.narrowed
        say(f"{found.documents:,} documents: {len(found.changed):,} changed ({found.narrowed:,} closed to somebody, "
            f"{opened:,} only opened)")  # fmt: skip
        if not done.published:
            say("another process writes the index: what was opened is found once it publishes; what was closed is shut")
        for doc_id, how in list(found.failed.items())[:20]:
            say(f"closed: the access plug-in failed ({how}) on {doc_id}")
        if len(found.failed) > 20:
            say(f"… and {len(found.failed) - 20:,} more")
    if found.failed:
        raise typer.Exit(3)


@group.command("show")
def show(doc_id: DocumentArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Who may read a document, and which rule decided."""
    from assay.wiring import access

    found = access.explain(open_workspace(workspace), doc_id)
    if as_json:
        print_json(
            {"doc_id": found.document.doc_id, "in_force": found.in_force, "rules_say": found.ruling.access,
             "rule": found.ruling.rule, "detail": found.ruling.detail, "searchable": found.searchable}
        )  # fmt: skip
        return
    say(f"{found.document.doc_id}: {_words(found.in_force)}")
    said = f"{RULES[found.ruling.rule]} {found.ruling.detail}".rstrip()
    if found.stale:
        say(f"the rules say otherwise today: {_words(found.ruling.access)} (by {said})")
        say("→ assay access apply")
    else:
        say(f"decided by {said}")
    if not found.searchable:
        say("the index does not hold this list yet; the catalog, which every read asks, does")


RULES = {
    "plugin": "the plug-in",
    "plugin_failed": "closed, because the plug-in failed:",
    "stated": "what the document states",
    "row": "the row of access.csv for",
    "folder": "the folder rule",
    "default": "access.default",
}


@group.command("who")
def who(
    doc_id: DocumentArgument,
    workspace: WorkspaceOption = None,
    tenant: TenantOption = "",
    groups: GroupOption = None,
) -> None:
    """May a caller of this tenant and these groups read the document? Exit code 0 yes, 1 no."""
    from assay.wiring import access

    place = open_workspace(workspace)
    found = access.explain(place, doc_id)
    scope = scope_of(place, tenant, groups)
    allowed = scope.allows(found.in_force)
    say(f"{'allowed' if allowed else 'not allowed'}: {access.why(scope, found.in_force)}")
    raise typer.Exit(0 if allowed else 1)


def _groups(access: AccessList) -> str:
    return ", ".join(access.groups) or "everybody"


def _words(access: AccessList) -> str:
    from assay.records.access import CLOSED, EVERY_TENANT

    if access == CLOSED:
        return "nobody"
    tenant = "every tenant" if access.tenant == EVERY_TENANT else f"tenant {access.tenant}"
    return f"{tenant}, {'groups ' + ', '.join(access.groups) if access.groups else 'everybody'}"


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="access")
