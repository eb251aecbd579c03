"""`assay corpus`: what all documents of a workspace hold, in numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import JsonOption, Progress, WorkspaceOption, open_workspace, print_json, say, table

if TYPE_CHECKING:
    from assay.govern.corpus_report import CorpusReport

group = typer.Typer(help="The documents of a workspace as a whole.", no_args_is_help=True)


@group.command("scan")
def scan(
    workspace: WorkspaceOption = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the report to this file too.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown instead of text.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Count personal data, secrets, hidden text, instructions, copies and contradictions in every document.

    Told are rules, sources, documents and numbers, never what was found, and what is new and gone since the last scan.
    Texts that have not changed are not read again. Exit code 0, whatever is found.
    """
    from assay.govern import corpus_report
    from assay.wiring import corpus_scan

    if markdown and as_json:
        raise typer.BadParameter("--markdown and --json are two forms; ask for one")
    report = corpus_scan.scan(open_workspace(workspace), Progress("scanning"))
    if html is not None:
        _write(html, report)
    if as_json:
        print_json(report)
    elif markdown:
        say(corpus_report.markdown(report).rstrip())
    else:
        say("\n".join(f"{name:<26}{value}" for name, value in corpus_report.summary_rows(report)))
        if report.rules:
            say("\n" + table(corpus_report.RULE_HEADER, corpus_report.rule_rows(report), right=(2, 3)))
        if report.top:
            rows = [(name, f"{count:,}") for name, count in report.top]
            say("\n" + table(("document", "findings"), rows, right=(1,)))


def _write(path: Path, report: CorpusReport) -> None:
    from assay.govern.corpus_html import corpus_html
    from assay.records.errors import InputError

    try:
        path.write_text(corpus_html(report), encoding="utf-8")
    except OSError as error:
        raise InputError("corpus.unwritable", str(error.strerror), where=str(path)) from None


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="corpus")
