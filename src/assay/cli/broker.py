"""`assay broker`: the tools that models may ask for, what would be decided, and the calls that wait for a person."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import (
    GroupOption,
    JsonOption,
    TenantOption,
    WorkspaceOption,
    open_workspace,
    print_json,
    say,
    scope_of,
    table,
)

if TYPE_CHECKING:
    from assay.guard.broker import Asking, Sight
    from assay.records.dialogue import ToolCall
    from assay.records.tools import Decided
    from assay.wiring.build import Workspace

group = typer.Typer(
    help="Tools that models may ask for: what is declared, what is decided, what waits for a person.",
    no_args_is_help=True,
)  # fmt: skip

CallArgument = Annotated[
    str, typer.Argument(help='The call as JSON: {"name": "send_mail", "arguments": {…}}; - reads it from stdin.')
]
QuestionOption = Annotated[str, typer.Option("--question", help="What the user asked.")]
UntrustedOption = Annotated[
    list[Path] | None,
    typer.Option("--untrusted", help="A file with a text that the model had read; repeatable.", exists=True),
]
UnseenOption = Annotated[
    bool, typer.Option("--unseen/--all-seen", help="The model may have read more than is told here.")
]
AppOption = Annotated[str, typer.Option("--app", help="The app or system whose model asks.")]


@group.command("tools")
def tools(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """The tools that assay.yaml declares."""
    from assay.wiring import tools as wiring

    place = open_workspace(workspace)
    declared = wiring.tools(place)
    recipe = wiring.authorizer(place).recipe
    if as_json:
        print_json({"authorizer": recipe, "tools": list(declared.values())})
        return
    rows = [
        (one.name, one.effect.value, one.confirm.value, ", ".join(sorted(one.allow_groups)) or "everybody",
         ", ".join(sorted(one.untrusted_ok)) or "–")
        for one in declared.values()
    ]  # fmt: skip
    say(table(("tool", "effect", "a person is asked", "groups", "may be untrusted"), rows))
    say(f"{len(rows)} tools; {recipe} decides; a tool that is not declared is never called")


@group.command("explain")
def explain(
    call: CallArgument,
    workspace: WorkspaceOption = None,
    question: QuestionOption = "",
    untrusted: UntrustedOption = None,
    unseen: UnseenOption = False,
    app: AppOption = "",
    tenant: TenantOption = "",
    groups: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """What would be decided of a call, and why. Nothing is asked of anybody and nothing is kept."""
    from assay.wiring import tools as wiring

    place, made, sight, asking = _asked(workspace, call, question, untrusted, unseen, app, tenant, groups, "")
    explained = wiring.explain(place, made, sight, asking)
    place.close()
    _tell(explained.decided, explained.call, explained.recipe, as_json)


@group.command("decide")
def decide(
    call: CallArgument,
    workspace: WorkspaceOption = None,
    question: QuestionOption = "",
    untrusted: UntrustedOption = None,
    unseen: UnseenOption = True,
    app: AppOption = "",
    tenant: TenantOption = "",
    groups: GroupOption = None,
    token: Annotated[str, typer.Option("--token", help="From `assay broker approve`; worth one call.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Decide a call for a program that runs tools: exit code 0 run it, 2 a person is asked first, 1 do not."""
    from assay.wiring import tools as wiring

    place, made, sight, asking = _asked(workspace, call, question, untrusted, unseen, app, tenant, groups, token)
    decided, allowed = wiring.decide(place, made, sight, asking)
    place.close()
    _tell(decided, allowed, "", as_json)
    if code := {"allow": 0, "confirm": 2, "deny": 1}[decided.verdict]:
        raise typer.Exit(code)


def _asked(
    workspace: Path | None, call: str, question: str, untrusted: list[Path] | None, unseen: bool, app: str,
    tenant: str, groups: list[str] | None, token: str,
) -> tuple[Workspace, ToolCall, Sight, Asking]:  # fmt: skip
    from assay.guard.broker import Asking
    from assay.wiring import apps
    from assay.wiring import tools as wiring

    made = wiring.read_call(sys.stdin.read() if call == "-" else call)
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in untrusted or ()]
    place = open_workspace(workspace)
    scope = scope_of(place, tenant, groups)
    sight = wiring.sight(place, scope, question, texts, unseen=unseen)
    return place, made, sight, Asking(scope, app, request_id=apps.new_request_id(), token=token)


def _tell(decided: Decided, call: ToolCall | None, recipe: str, as_json: bool) -> None:
    if as_json:
        print_json({"decided": decided, "call": call, "broker": recipe})
        return
    say(f"{decided.verdict}  {decided.tool or 'a tool that is not declared'}  {decided.effect}".rstrip())
    say(f"  because   {', '.join(decided.reasons) or 'nothing speaks against it'}")
    say(f"  in sight  {decided.label}{', tainted' if decided.tainted else ''}")
    for name, source in decided.sources:
        say(f"  {name}: stands in {source}" if source != "unknown" else f"  {name}: of unknown origin")
    if decided.pending:
        say(f"  waits as {decided.pending}: assay broker approve {decided.pending}")


@group.command("pending")
def pending(
    workspace: WorkspaceOption = None,
    every: Annotated[bool, typer.Option("--all", help="Also those that are settled or expired.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Calls that wait for a person, with exactly the arguments that would be used."""
    import json

    from assay.wiring import tools as wiring

    place = open_workspace(workspace)
    calls = wiring.pending_calls(place)
    found = [one for one in calls.all() if every or one.state == "open"]
    shown = [(one, calls.arguments(one) if one.state == "open" else None) for one in found]
    place.close()
    if as_json:
        print_json([{"pending": one, "arguments": arguments} for one, arguments in shown])
        return
    for one, arguments in shown:
        say(f"{one.key}  {one.state}  {one.tool} ({one.effect})  tenant {one.tenant}  until {one.expires_at[:19]}")
        say(f"    because {', '.join(one.reasons)}")
        for name, value in (arguments or {}).items():
            say(f"    {name} = {json.dumps(value)}")  # quoted and in ASCII: a person must see what is there
    say(f"{len(shown)} calls" if every else f"{len(shown)} calls wait")


@group.command("approve")
def approve(
    key: Annotated[str, typer.Argument(help="The call's id, or how it begins.")], workspace: WorkspaceOption = None
) -> None:
    """Let exactly this call be made once; prints the token that the program passes on."""
    _settle(key, "approved", workspace)


@group.command("deny")
def deny(
    key: Annotated[str, typer.Argument(help="The call's id, or how it begins.")], workspace: WorkspaceOption = None
) -> None:
    """Refuse a call."""
    _settle(key, "denied", workspace)


def _settle(key: str, decision: str, workspace: Path | None) -> None:
    from assay.wiring import tools as wiring
    from assay.wiring.auditing import operator

    place = open_workspace(workspace)
    one = wiring.pending_calls(place).one(key)
    settled, token = wiring.settle(place, one.key, decision, scope_of(place, one.tenant, ()), by=operator())
    place.close()
    say(f"{settled.key} {decision}: {settled.tool}")
    if token:
        say(f"token {token}  until {settled.expires_at[:19]}, for one call with these arguments")


@group.command("measure")
def measure(
    system: Annotated[str, typer.Argument(help="An app, a bundle's id or `live`; else the first app.")] = "",
    workspace: WorkspaceOption = None,
    trials: Annotated[int, typer.Option("--trials", min=1, max=100_000)] = 3000,
    seed: Annotated[int, typer.Option("--seed")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Attack the broker with the tools of assay.yaml: how many calls with a side effect run though untrusted text is
    in context. Kept as evidence; exit code 1 when any does, 3 when there is no tool to try."""
    from assay.records.safety import Standing
    from assay.wiring import tools as wiring

    place = open_workspace(workspace)
    told, made = wiring.measure(place, system, trials, seed)
    place.close()
    if as_json:
        print_json(told)
    else:
        rows = [(name, n, bad) for name, (n, bad) in made.by_carrier.items()]
        say(table(("untrusted text in", "trials", "side effects"), rows, right=(1, 2)))
        most = "" if told.high is None else f", at most {told.high:.3%} (95 %, one-sided)"
        say(f"{told.check}: {told.standing}, {made.events} of {made.n:,}{most}")
        say(f"calls with nothing untrusted in sight that left: {made.clean_allowed} of {made.clean}")
    if told.standing is not Standing.PASSED:
        raise typer.Exit(1 if told.standing is Standing.FAILED else 3)


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="broker")
