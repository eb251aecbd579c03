"""`assay privacy`: what is too old goes, what is kept about a person is shown or erased, and all of it is proved."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import JsonOption, SetOption, WorkspaceOption, open_workspace, print_json, say, table

if TYPE_CHECKING:
    from assay.wiring.build import Workspace
    from assay.wiring.privacy_subject import Erased

SubjectArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[SUBJECT]...", help="A name, an address, a number, or a key's id.")
]
SubjectFileOption = Annotated[
    Path | None, typer.Option("--subject-file", help="Subjects, one a line, so that no shell history keeps them.")
]

group = typer.Typer(
    help="Privacy: retention, what is kept about a person, erasure, and proof of it.", no_args_is_help=True
)


@group.command("sweep")
def sweep(
    workspace: WorkspaceOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would go.")] = False,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove what is older than `privacy.retention` says, overwrite it, and make the files tight.

    Decisions, releases, certificates and golden sets are evidence and stay. A running server does this once a day.
    """
    from assay.wiring import privacy_sweeping

    place = open_workspace(workspace, overrides)
    done = privacy_sweeping.sweep(place, dry_run=dry_run, told=_tell)
    _close(place)
    if as_json:
        print_json({"dry_run": dry_run, "swept": done, "exempt": dict(privacy_sweeping.EXEMPT)})
        return
    rows = [(one.kind, one.period, one.before[:19], f"{one.removed:,}", one.note) for one in done]
    say(table(("kind", "kept for", "older than", "would go" if dry_run else "removed", ""), rows, right=(3,)))
    say()
    for what, why in privacy_sweeping.EXEMPT:
        say(f"stays: {what} ({why})")


@group.command("export")
def export(
    subject: SubjectArgument = None,
    subject_file: SubjectFileOption = None,
    tenant: Annotated[str, typer.Option("--tenant", help="Only what belongs to this tenant.")] = "",
    out: Annotated[
        Path | None, typer.Option("--out", help="Write a zip of JSON files here; else JSON is printed.")
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Everything that is kept about a person: keys, traces, comments, labels, cases, documents, vault, audit events.

    Found by what they are called, by their API keys, and by the pseudonym of those in the audit log. It may hold other
    people's data too, where a record is about both: read it before you hand it out.
    """
    from assay.cli.forget import subjects
    from assay.wiring import auditing, privacy_subject

    place = open_workspace(workspace)
    found = privacy_subject.find(place, (*(subject or ()), *subjects(subject_file)), tenant, _tell)
    auditing.record(place, "privacy.exported", tenant=tenant, counts=dict(found.counts))
    _close(place)
    if out is None:
        print_json({"counts": found.counts, "found": found})
        return
    privacy_subject.write(found, out)
    say(", ".join(f"{kind} {count:,}" for kind, count in found.counts.items()) or "nothing is kept about this subject")


@group.command("erase")
def erase(
    subject: SubjectArgument = None,
    subject_file: SubjectFileOption = None,
    tenant: Annotated[str, typer.Option("--tenant", help="Instead of a person: all that belongs to this tenant.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this the plan is shown.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Write the certificate to this file too.")] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erase a person or a tenant everywhere, look once more, and certify it. Exit code 1: something is left.

    As `assay forget --subject`, and beyond it: traces asked under the person's keys, the keys, sealed values of
    pseudonyms, and the keys of their names in the audit log, whose chain stays whole.
    """
    from assay.cli.forget import confirm, subjects
    from assay.records.errors import UsageError
    from assay.wiring import forgetting, privacy_subject

    named = (*(subject or ()), *subjects(subject_file))
    if bool(named) == bool(tenant):
        raise UsageError("privacy.who", "say one thing: a subject, or --tenant", remedy="assay privacy erase SUBJECT")
    place = open_workspace(workspace)
    asked = privacy_subject.asked_for(place, named) if named else privacy_subject.asked_for_tenant(place, tenant)
    confirm(forgetting.plan(place, asked), yes, as_json)
    done = privacy_subject.erase(place, asked, _tell)
    _finish(place, done, out, as_json)


@group.command("prove")
def prove(
    reference: Annotated[
        str, typer.Argument(metavar="[BUNDLE]", help="A bundle, `live` or an app; else the default app.")
    ] = "",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask with an example of every rule in a workspace beside this one, look at every byte that was kept, erase a
    person there, and record both measurements. Exit code 1: something was found, 2: nothing could be measured."""
    from assay.records.safety import Standing
    from assay.wiring import privacy_proving, safety_store

    place = open_workspace(workspace)
    subject, app = safety_store.subject_of(place, reference)
    made = safety_store.record(place, privacy_proving.prove(place, app, subject, _tell))
    _close(place)
    if as_json:
        print_json(made)
    else:
        rows = [(one.check, str(one.standing), f"{one.events or 0:,} of {one.n:,}", one.control) for one in made]
        say(table(("check", "verdict", "found", "what should hold"), rows))
    standings = {one.standing for one in made}
    if standings != {Standing.PASSED}:
        raise typer.Exit(1 if Standing.FAILED in standings else 2)


def _finish(place: Workspace, done: Erased, out: Path | None, as_json: bool) -> None:
    from assay.cli.forget import print_done
    from assay.wiring.certifying import write_certificate

    if out is not None:
        write_certificate(done.certificate, out)
    _close(place)
    if as_json:
        made = done.certificate
        print_json({"erasure": done.erasure, "certificate": made, "id": made.certificate_id, "left": done.left})
    else:
        print_done(done.erasure, done.certificate)
        say("a second look finds: " + (", ".join(f"{kind} {n:,}" for kind, n in done.left.items()) or "nothing"))
    if not done.passed:
        raise typer.Exit(1)


def _tell(stage: str) -> None:
    print(f"{stage} …", file=sys.stderr, flush=True)


def _close(place: Workspace) -> None:
    place.close()


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="privacy")
