"""`assay safety`: what is known of the safety of a bundle or app, what was not run, and who waives what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import JsonOption, WorkspaceOption, open_workspace, print_json, say, table

if TYPE_CHECKING:
    from assay.records.safety import SafetyReport

group = typer.Typer(help="Safety of a bundle or app: report, checks, waivers.", no_args_is_help=True)
Reference = Annotated[
    str, typer.Argument(metavar="[BUNDLE|APP]", help="A bundle's id, `live`, or an app; default: the first app.")
]


@group.command("report")
def report(
    reference: Reference = "",
    html: Annotated[Path | None, typer.Option("--html", help="Write a page that needs no network.")] = None,
    junit: Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML.")] = None,
    markdown: Annotated[Path | None, typer.Option("--markdown", help="Write Markdown.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the signed report: assay certificate verify FILE.")
    ] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Every check of a bundle or app: what was measured, on how much, against which line, and what was not run.

    The report is signed and kept as a certificate. Exit code 0 when nothing failed and everything that the policy asks
    for holds or is waived; 1 when a check failed; 2 when something that is asked for was not run.
    """
    from assay.records.safety import Standing
    from assay.wiring import safety
    from assay.wiring.certifying import write_certificate

    place = open_workspace(workspace)
    found = safety.report(place, reference)
    made = safety.certificate(place, found)
    if out is not None:
        write_certificate(made, out)
    _files(found, html, junit, markdown)
    if as_json:
        print_json(made)
    else:
        _told(found)
        say(f"certificate {made.certificate_id[:12]}: assay certificate show {made.certificate_id[:12]}")
    codes = {Standing.FAILED: 1, Standing.NOT_RUN: 2}
    if found.standing in codes:
        raise typer.Exit(codes[found.standing])


def _files(found: SafetyReport, html: Path | None, junit: Path | None, markdown: Path | None) -> None:
    from assay.govern import safety_report as shown

    if html is not None:
        _write(html, shown.safety_html(found).encode())
    if junit is not None:
        _write(junit, shown.safety_junit(found))
    if markdown is not None:
        _write(markdown, shown.safety_markdown(found).encode())


def _write(path: Path, content: bytes) -> None:
    from assay.records.errors import UsageError

    try:
        path.write_bytes(content)
    except OSError as error:
        raise UsageError(
            "safety.unwritable", f"the file cannot be written ({error.strerror})", where=str(path)
        ) from error


def _told(found: SafetyReport) -> None:
    from assay.govern.safety_report import headline, summary_rows

    say(f"{found.app} {found.subject[:24]}: {found.standing.value}; {headline(found)}")
    if found.checks:
        say(table(("check", "standing", "result"), summary_rows(found.checks)))
    silent = [row.risk for row in found.risks if not row.checks]
    if silent:
        say(f"nothing was run for: {', '.join(silent)}")


@group.command("checks")
def checks(reference: Reference = "", as_json: JsonOption = False, workspace: WorkspaceOption = None) -> None:
    """The newest measurement of every check, as it was kept."""
    from assay.govern.safety_report import result_words
    from assay.wiring.safety_store import measurements, subject_of

    place = open_workspace(workspace)
    found = measurements(place, subject_of(place, reference)[0])
    if as_json:
        print_json(found)
        return
    rows = [
        (one.check, one.standing.value, f"{one.n:,}", result_words(one) or one.reason, one.at[:16], one.command)
        for one in found
    ]
    say(table(("check", "standing", "n", "result", "measured", "command"), rows))


@group.command("waive")
def waive(
    check: Annotated[str, typer.Argument(help="The name of one check.")],
    owner: Annotated[str, typer.Option("--owner", help="Who answers for it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why it may be so; it stands in every report.")],
    expires: Annotated[str, typer.Option("--expires", help="The last day on which it holds, such as 2026-12-31.")],
    bundle: Annotated[str, typer.Option("--bundle", help="Only for this bundle or app; default: all.")] = "",
    workspace: WorkspaceOption = None,
) -> None:
    """Note that a check need not hold for a while. Reports show the check as it is, and the waiver beside it."""
    from assay.wiring import safety

    made = safety.waive(open_workspace(workspace), check, owner, reason, expires, bundle)
    say(f"waiver {made.waiver_id}: {made.check}, answered for by {made.owner} until {made.expires}")


@group.command("revoke")
def revoke(
    waiver: Annotated[str, typer.Argument(help="The id of a waiver.")], workspace: WorkspaceOption = None
) -> None:
    """End a waiver now."""
    from assay.wiring import safety

    ended = safety.revoke(open_workspace(workspace), waiver)
    say(f"waiver {ended.waiver_id} of {ended.check} holds no longer")


@group.command("waivers")
def waivers(as_json: JsonOption = False, workspace: WorkspaceOption = None) -> None:
    """Every waiver that was ever written."""
    from assay.wiring import safety

    place = open_workspace(workspace)
    found = safety.waivers(place)
    if as_json:
        print_json(found)
        return
    today = place.clock.now()[:10]
    rows = [
        (one.waiver_id, one.check, one.owner, one.expires, one.subject[:16] or "every bundle",
         "ended" if one.revoked_at else ("holds" if today <= one.expires else "expired"), one.reason)
        for one in found
    ]  # fmt: skip
    say(table(("waiver", "check", "owner", "expires", "about", "state", "reason"), rows))


def register(app: typer.Typer) -> None:
    import assay.cli.safety_run  # noqa: F401 - its command joins this group

    app.add_typer(group, name="safety")
