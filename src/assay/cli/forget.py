"""`assay forget`: documents, sources and people out of a workspace for good, with a certificate."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import JsonOption, WorkspaceOption, open_workspace, print_json, say, table

if TYPE_CHECKING:
    from assay.govern.forget import Erasure
    from assay.records.certificates import Certificate
    from assay.wiring.build import Workspace
    from assay.wiring.forgetting import Asked, Plan

_SHOWN = 20


def forget(
    document: Annotated[list[str] | None, typer.Option("--document", help="A document's id; repeatable.")] = None,
    source: Annotated[
        list[str] | None, typer.Option("--source", help="A file, folder or address that was ingested; repeatable.")
    ] = None,
    subject: Annotated[
        list[str] | None,
        typer.Option("--subject", help="A person, e-mail or number; every document that names it. Repeatable."),
    ] = None,
    subject_file: Annotated[
        Path | None, typer.Option("--subject-file", help="Subjects, one a line, so that no shell history keeps them.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this the plan is shown.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what was interrupted.")] = False,
    show: Annotated[bool, typer.Option("--list", help="Every erasure so far.")] = False,
    allow: Annotated[
        list[str] | None, typer.Option("--allow", help="Let this forgotten document be ingested again; repeatable.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the certificate to this file too.")] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove every trace of documents or people, look for what is left, and certify it. Exit code 1: something is."""
    from assay.wiring import forgetting

    asked = forgetting.Asked(tuple(document or ()), tuple(source or ()), (*(subject or ()), *subjects(subject_file)))
    place = open_workspace(workspace)
    _check_one_thing(asked, resume, show, bool(allow))
    if show:
        _print_erasures(forgetting.erasures(place), as_json)
    elif allow:
        forgetting.allow(place, allow)
        say("the next ingest takes it up again, if its source still holds it")
    elif resume:
        done = forgetting.resume(place, _tell)
        if not done:
            say("nothing was left unfinished")
        _finish(place, done, out, as_json)
    else:
        confirm(forgetting.plan(place, asked), yes, as_json)
        _finish(place, (forgetting.forget(place, asked, _tell),), out, as_json)


def _check_one_thing(asked: Asked, *others: bool) -> None:
    from assay.records.errors import InputError

    if bool(asked.kinds) + sum(others) != 1:
        raise InputError(
            "forget.what",
            "say one thing: what to forget, or --resume, --list or --allow",
            remedy="assay forget --document ID | --source PATH | --subject TEXT",
        )


def subjects(path: Path | None) -> tuple[str, ...]:
    from assay.records.errors import InputError

    if path is None:
        return ()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise InputError("forget.subject_file", "the file cannot be read as UTF-8", where=str(path)) from None
    found = tuple(line.strip() for line in lines if line.strip())
    if not found:
        raise InputError("forget.subject_file", "the file names nobody", where=str(path))
    return found


def confirm(plan: Plan, yes: bool, as_json: bool) -> None:
    from assay.records.errors import InputError

    if not (yes and as_json):
        _print_plan(plan, as_json)
    if yes:
        return
    if sys.stdin.isatty() and not as_json and typer.confirm("Forget this? It cannot be undone"):
        return
    raise InputError("forget.not_confirmed", "nothing was removed", remedy="the same command with --yes does it")


def _print_plan(plan: Plan, as_json: bool) -> None:
    if as_json:
        print_json({"plan": plan.summary()})
        return
    say(f"to forget: {len(plan.doc_ids):,} documents, {len(plan.held.chunk_ids):,} chunks of all their versions, "
        f"{len(plan.held.texts):,} text copies")  # fmt: skip
    for doc_id in plan.doc_ids[:_SHOWN]:
        say(f"  {doc_id}")
    if len(plan.doc_ids) > _SHOWN:
        say(f"  … and {len(plan.doc_ids) - _SHOWN:,} more")
    names = {"golden": "versions of golden sets", "runs": "samples of runs", "traces": "traces and opinions",
             "records": "decisions, releases and keys", "vault": "values of pseudonyms",
             "names": "keys of names in the audit log"}  # fmt: skip
    told = [f"{count:,} {names.get(kind, kind)}" for kind, count in plan.touched.items() if count]
    say(f"text taken out of: {', '.join(told) or 'no other record'}")
    if plan.golden:
        say(f"golden sets that get a new version and need attention: {', '.join(plan.golden)}")
    if plan.snapshots:
        say(f"snapshots replaced: {', '.join(name[:12] for name in plan.snapshots)}")
    if plan.copies:
        say(f"deleted: {plan.copies} copies of the database from before a migration")
    _warn_live(plan.live)
    files = sorted({uri for uri in (*plan.held.source_uris, *plan.source_uris) if uri.startswith("file:")})
    if files:
        say(f"not touched: {len(files):,} source files outside the workspace still hold it; no sync takes it up again")


def _warn_live(apps: tuple[str, ...]) -> None:
    for app in apps:
        say(f"live: {app} stands on a replaced snapshot; it goes on answering without the documents. "
            f"Make its successor the record: assay bundle {app}, assay gate, assay release promote")  # fmt: skip


def _tell(stage: str) -> None:
    print(f"{stage} …", file=sys.stderr, flush=True)


def _finish(place: Workspace, done: tuple[tuple[Erasure, Certificate], ...], out: Path | None, as_json: bool) -> None:
    from assay.wiring.certifying import write_certificate

    for erasure, certificate in done:
        if out is not None:
            write_certificate(certificate, out)
        if as_json:
            print_json({"erasure": erasure, "certificate": certificate, "id": certificate.certificate_id})
        else:
            print_done(erasure, certificate)
    place.close()
    if not all(certificate.passed for _, certificate in done):
        raise typer.Exit(1)


def print_done(erasure: Erasure, certificate: Certificate) -> None:
    removed = [f"{name} {count:,}" for name, count in erasure.counts.items() if count]
    say(f"removed: {', '.join(removed) or 'nothing was left to remove'}")
    probed = certificate.facts["probed"]
    marks = certificate.facts["marks"]
    say(f"probed:  {marks['shingles'] - marks['also_elsewhere']:,} shingles "
        f"({marks['also_elsewhere']:,} more stand in documents that stay) in "
        + ", ".join(f"{count:,} {name}" for name, count in probed.items()))  # fmt: skip
    for stated, version in erasure.golden.items():
        name, _, old = stated.partition("@")
        say(f"golden:  {name}@{old[:12]} is now {version[:12]}; its cases in slice forgotten=evidence need attention")
    for finding in certificate.findings:
        say(f"remains: {finding}")
    verdict = "nothing remains" if certificate.passed else "something remains; assay forget --resume tries again"
    say(f"certificate {certificate.certificate_id[:12]}: {verdict}")


def _print_erasures(found: tuple[Erasure, ...], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    rows = [(e.erasure_id, e.state, ", ".join(e.asked), e.created_at[:19], e.certificate_id[:12]) for e in found]
    say(table(("erasure", "state", "asked for", "begun", "certificate"), rows))


def register(app: typer.Typer) -> None:
    app.command("forget")(forget)
