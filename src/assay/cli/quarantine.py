"""`assay quarantine`: documents that a check at ingestion keeps from search, and what is decided about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import JsonOption, WorkspaceOption, open_workspace, print_json, say, table

if TYPE_CHECKING:
    from assay.wiring.quarantine import Quarantined

group = typer.Typer(help="Documents kept from search because they look planted.", no_args_is_help=True)

DocumentArgument = Annotated[str, typer.Argument(metavar="DOCUMENT", help="The document's id.")]
OwnerOption = Annotated[str, typer.Option("--owner", help="Who decides.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept with the decision, without document text.")]


@group.command("list")
def list_all(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Every document in quarantine: which checks hold it, and whether somebody rejected it for good."""
    from assay.wiring import quarantine

    found = quarantine.quarantined(open_workspace(workspace))
    if as_json:
        print_json(found)
        return
    if not found:
        say("nothing is in quarantine")
        return
    rows = [(one.document, ", ".join(one.checks), _standing(one)) for one in found]
    say(table(("document", "held by", "standing"), rows))


@group.command("show")
def show(
    document: DocumentArgument,
    workspace: WorkspaceOption = None,
    text: Annotated[
        bool, typer.Option("--text", help="Show what stands at the findings: untrusted text, for your eyes.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """What the checks found in one document: check, place, number, spans. Its text only with --text."""
    from assay.wiring import quarantine

    place = open_workspace(workspace)
    found = quarantine.one(place, document)
    excerpts = quarantine.excerpts(place, found) if text else ()
    if as_json:
        print_json({"quarantined": found, "excerpts": excerpts} if text else found)
        return
    say(f"{found.document}\nsource {found.source}\nstanding {_standing(found)}\n")
    rows = [
        (one.check.value, one.where, f"{one.count:,}", _spans(one.spans), ", ".join(one.others) or "-")
        for one in found.findings
    ]
    say(table(("check", "where", "count", "spans", "documents"), rows, right=(2,)))
    for one in excerpts:
        at = f" {one.start}-{one.end}" if one.start >= 0 else ""
        say(f"\n{one.where}{at}\n  {_printable(one.text)}")


@group.command("release")
def release(
    document: DocumentArgument, owner: OwnerOption = "", reason: ReasonOption = "", workspace: WorkspaceOption = None
) -> None:
    """Let a document be found. Holds for the version that is there; a changed one is checked again."""
    _decide(document, "release", owner, reason, workspace)


@group.command("reject")
def reject(
    document: DocumentArgument, owner: OwnerOption = "", reason: ReasonOption = "", workspace: WorkspaceOption = None
) -> None:
    """Keep a document out for good, also one that was released before. `assay forget` removes it altogether."""
    _decide(document, "reject", owner, reason, workspace)


def _decide(document: str, decision: str, owner: str, reason: str, workspace: WorkspaceOption) -> None:
    from assay.wiring import quarantine

    came = quarantine.decide(open_workspace(workspace), document, decision, owner, reason)
    say(f"{document}: {came}")


def _standing(found: Quarantined) -> str:
    if found.rejected is None:
        return "waits for a decision"
    return f"rejected by {found.rejected.owner} on {found.rejected.at[:10]}: {found.rejected.reason}"


def _spans(spans: tuple[tuple[int, int], ...]) -> str:
    return " ".join(f"{start}-{end}" for start, end in spans) or "-"


def _printable(text: str) -> str:
    """Hidden and control characters as their numbers, so that the terminal shows what is there."""
    return "".join(sign if sign.isprintable() else f"<U+{ord(sign):04X}>" for sign in text)


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="quarantine")
