"""`assay policy`: what a policy does to texts, cases and yesterday's traffic; escalations; the vault."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import JsonOption, WorkspaceOption, open_workspace, print_json, say, table

if TYPE_CHECKING:
    from assay.guard.acting import Acting
    from assay.guard.policy import Context
    from assay.wiring.build import Workspace

group = typer.Typer(
    help="Policies: tested on cases, explained, replayed; what waits for a person; pseudonyms.", no_args_is_help=True
)

PolicyOption = Annotated[
    str, typer.Option("--policy", "-p", help="A policy file; else the one that a guard of the default app names.")
]
TenantOption = Annotated[str, typer.Option("--tenant", help="As this tenant.")]
WhereOption = Annotated[str, typer.Option("--where", help="question, history, passages or answer.")]


@group.command("test")
def check(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The policy.")],
    cases: Annotated[Path, typer.Option("--cases", help="A YAML list: text, where, and expect or outcome.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a policy on its cases. Exit code 0 when all come out as they should, 1 otherwise."""
    from assay.wiring import policies

    place = open_workspace(workspace)
    results = policies.run_cases(_acting(place, file), cases)
    failed = [one for one in results if not one.passed]
    if as_json:
        print_json({"cases": results, "failed": len(failed)})
    else:
        for one in failed:
            say(f"{cases}:{one.line}: case {one.case_id}: should be {one.expected}, is {one.got}")
        say(f"{len(results) - len(failed)} of {len(results)} cases are as they should be")
    if failed:
        raise typer.Exit(1)


@group.command("explain")
def explain(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="A text, or - for standard input.")],
    policy: PolicyOption = "",
    where: WhereOption = "answer",
    tenant: TenantOption = "default",
    app_name: Annotated[str, typer.Option("--app", help="As this app; default: the first.")] = "",
    purpose: Annotated[str, typer.Option("--purpose", help="For this purpose.")] = "answer",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """What a policy finds in a text, by which of its rules, and what it does. What was found is never printed."""
    from assay.wiring import policies

    place = open_workspace(workspace)
    acting = _acting(place, policy)
    context = _context(where, tenant, app_name or place.default_app, purpose)
    content = _read(text)
    rows = policies.explain(acting, content, context)
    acted = acting.act(content, context)
    end = policies.outcome(acted, content)
    if as_json:
        print_json({"findings": rows, "outcome": end, "policy": acting.policy.digest})
        return
    if rows:
        cells = [(one.found, f"{one.start}-{one.end}", one.action, one.rules) for one in rows]
        say(table(("found", "span", "action", "by"), cells))
    say(f"{'' if rows else 'nothing to do: '}outcome {end}; policy {acting.policy.digest[:12]}")


@group.command("filter")
def filter_text(
    policy: PolicyOption = "",
    where: WhereOption = "answer",
    tenant: TenantOption = "default",
    workspace: WorkspaceOption = None,
) -> None:
    """Standard input to standard output through the policy, as it comes: what a model's stream would get.

    Exit code 1 when the policy stopped the text."""
    from assay.cli.common import complain
    from assay.guard.stream_text import TextStream
    from assay.wiring import canary_guard

    place = open_workspace(workspace)
    watch = canary_guard.watch(place, place.default_app, tenant)
    context = _context(where, tenant, place.default_app, "answer")
    stream = TextStream(_acting(place, policy), context, watch=watch)
    sys.stdin.reconfigure(encoding="utf-8", errors="replace", newline="")  # type: ignore[union-attr]
    while not stream.stopped and (piece := sys.stdin.read(256)):
        typer.echo(stream.feed(piece), nl=False)
    stopped = stream.stopped
    if not stopped:
        typer.echo(stream.close(), nl=False)
        stopped = "" if stream.stopped == "stream.closed" else stream.stopped
    if stopped:
        complain(f"the policy stopped the text [{stopped}]")
        place.close()
        raise typer.Exit(1)


@group.command("replay")
def replay(
    policy: Annotated[str, typer.Argument(metavar="POLICY", help="The policy to try.")],
    traces: Annotated[int, typer.Option("--traces", min=1, max=1_000_000, help="The newest so many.")] = 1000,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """What kept traffic would have got under a policy, beside what it gets under today's.

    Only traces with content can be replayed (traces.keep_content). Exit code 3 when none could.
    """
    from assay.wiring import guarding, policies

    place = open_workspace(workspace)
    found = policies.replay(_acting(place, policy), policies.read_traces(place, traces), guarding.live_policies(place))
    if as_json:
        changed = [{"where": a, "was": b, "would_be": c, "count": n} for (a, b, c), n in sorted(found.changed.items())]
        told = {"traces": found.traces, "not_replayed": found.no_content, "same": found.same}
        print_json({**told, "changed": changed, "rules": found.rules})
    else:
        rows = [(a, b, c, n) for (a, b, c), n in sorted(found.changed.items())]
        say(table(("where", "today", "would be", "traces"), rows, right=(3,)) if rows else "no decision changes")
        say(f"\n{found.replayed} of {found.traces} traces replayed, {found.same} with no change")
        if found.no_content:
            say(f"{found.no_content} could not be replayed: their content was not kept (traces.keep_content)")
    if not found.replayed:
        raise typer.Exit(3)


@group.command("escalations")
def escalations(
    decide: Annotated[str, typer.Option("--decide", metavar="KEY", help="Note a decision about this one.")] = "",
    decision: Annotated[str, typer.Option("--decision", help="upheld or overturned.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Also what was decided.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """What a policy left for a person to decide: request, place and rules, without content."""
    from assay.records.errors import UsageError
    from assay.wiring import guarding

    place = open_workspace(workspace)
    if decide:
        if decision not in ("upheld", "overturned"):
            raise UsageError("policy.decision", "a decision is upheld or overturned", remedy="--decision upheld")
        say(f"{guarding.decide(place, decide, decision).key}: {decision}")
        place.close()
        return
    found = guarding.escalations(place, every=every)
    if as_json:
        print_json(found)
        return
    rows = [(o.key, o.at[:19], o.app, o.tenant, o.where, ", ".join(o.rules), o.decision or "open") for o in found]
    say(table(("key", "at", "app", "tenant", "where", "rules", "decision"), rows) if rows else "nothing waits")


@group.command("reveal")
def reveal(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A pseudonym, such as [email:bcdf…].")],
    tenant: Annotated[str, typer.Option("--tenant", help="Whose it is.")],
    purpose: Annotated[str, typer.Option("--purpose", help="One of the policy's reveal_purposes.")],
    policy: PolicyOption = "",
    workspace: WorkspaceOption = None,
) -> None:
    """Turn a pseudonym back, for a purpose that the policy names. Every time is kept in the audit log."""
    from assay.records.errors import AccessDenied
    from assay.wiring import auditing, guarding, policies

    place = open_workspace(workspace)
    loaded = guarding.pinned(place, policies.load(guarding.policy_path(place, policy)))
    allowed = purpose in loaded.file.reveal_purposes
    about = {"purpose": purpose, "policy": loaded.digest}
    auditing.record(place, "vault.reveal", "done" if allowed else "denied", tenant=tenant, subject=about)
    if not allowed:
        place.close()
        raise AccessDenied(
            "vault.not_allowed", "the policy lets nobody turn names back for this purpose", where=purpose,
            remedy="reveal_purposes in the policy",
        )  # fmt: skip
    say(guarding.vault(place).reveal(tenant, name))
    place.close()


@group.command("vault")
def vault(
    tenant: Annotated[str, typer.Argument(help="The tenant.")],
    shred: Annotated[bool, typer.Option("--shred", help="Destroy the key and all values for ever.")] = False,
    renew: Annotated[bool, typer.Option("--renew", help="After the key is gone: begin with a new one.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it: this cannot be undone.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Destroy a tenant's pseudonyms, or begin anew after that."""
    from assay.records.errors import UsageError
    from assay.wiring import auditing, guarding

    if shred == renew:
        raise UsageError("vault.what", "say either --shred or --renew")
    if not yes:
        raise UsageError("vault.unconfirmed", "this cannot be undone", remedy="say --yes")
    place = open_workspace(workspace)
    if shred:
        there = guarding.vault(place).destroy(tenant)
        auditing.record(place, "vault.shredded", tenant=tenant)
        say("the key and all values are destroyed" if there else "there was no key")
    else:
        guarding.vault(place).renew(tenant)
        auditing.record(place, "vault.renewed", tenant=tenant)
        say("the next pseudonym makes a new key")
    place.close()


def _acting(place: Workspace, policy: str) -> Acting:
    from assay.wiring import guarding, policies

    return guarding.acting(place, policies.load(guarding.policy_path(place, policy)))


def _context(where: str, tenant: str, app: str, purpose: str) -> Context:
    from assay.guard.policy import Context, Where
    from assay.records.errors import UsageError

    if where not in list(Where):
        raise UsageError("policy.where", "the place of a text is one of: " + ", ".join(Where), where="--where")
    return Context(Where(where), tenant, app, purpose)


def _read(text: str) -> str:
    if text != "-":
        return text
    return sys.stdin.buffer.read().decode("utf-8", "replace")


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="policy")
