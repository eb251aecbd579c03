"""`assay ingest`: files into the workspace; search works at once, vectors follow."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import unquote

import typer

from assay.cli.common import (
    BatchEngineOption,
    JsonOption,
    Progress,
    WorkspaceOption,
    complain,
    on_engine,
    open_workspace,
    print_json,
    say,
    table,
)

if TYPE_CHECKING:
    from assay.records.documents import IngestReport
    from assay.wiring.build import Workspace


def ingest(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Folders and files: Markdown, HTML, text, PDF, DOCX, CSV, JSONL.")
    ] = None,
    sources: Annotated[
        list[str] | None, typer.Option("--from", help="A source of assay.yaml, by its name; repeatable.")
    ] = None,
    workspace: WorkspaceOption = None,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until the vectors are done too.")] = False,
    vectors: Annotated[bool, typer.Option("--vectors/--no-vectors", help="Make vectors at all.")] = True,
    watch: Annotated[
        bool, typer.Option("--watch", help="Stay, and take up changes of files and access lists within seconds.")
    ] = False,
    engine: BatchEngineOption = "",
    every: Annotated[
        float, typer.Option("--every", min=1, help="Seconds between two looks at remote sources, with --watch.")
    ] = 300,
    as_json: JsonOption = False,
) -> None:
    """Read documents, chunk and index them. Run again to take up changes; only what changed is touched."""
    from assay.wiring import ingesting

    paths, names = paths or [], tuple(sources or ())
    if not paths and not names:
        raise typer.BadParameter("name a folder or file, or a source with --from NAME")
    place = open_workspace(workspace, on_engine(engine))
    if watch:
        _watch(place, paths, names, every, vectors=vectors, as_json=as_json)
        return
    report = ingesting.ingest(place, paths, Progress("reading"), sources=names)
    if as_json:
        print_json(report)
    else:
        _print(report)
    if report.interrupted:
        raise KeyboardInterrupt
    if not ingesting.holds_documents(place, paths, names):
        _refuse_nothing()
    missing = ingesting.missing_vectors(place) if vectors else 0
    if missing and wait:
        ingesting.embed(place, Progress("embedding"))
        say(f"vectors: {missing:,} made, all chunks covered")
    elif missing:
        ingesting.embed_in_background(place)
        say(f"vectors: {missing:,} chunks to go, in the background; how far: assay index status")


def _watch(
    place: Workspace, paths: list[Path], names: tuple[str, ...], every: float, *, vectors: bool, as_json: bool
) -> None:
    """One line of JSON, or the report in words, for each sync that changed something."""
    import json

    from assay.records.digest import plain
    from assay.wiring import ingesting
    from assay.wiring.sources import named
    from assay.wiring.watching import Told, watch

    named(place, names)

    def tell(told: Told) -> None:
        if told.problem is not None:
            complain(str(told.problem))
        if told.report is None:
            return
        say(json.dumps(plain(told.report), ensure_ascii=False)) if as_json else _print(told.report)
        if vectors and ingesting.missing_vectors(place):
            ingesting.embed_in_background(place)

    print("watching; Ctrl-C ends it", file=sys.stderr, flush=True)
    watch(place, paths, tell, names, every)


def _print(report: IngestReport) -> None:
    from assay.records.documents import ParseStatus

    counts = [f"{report.count(status):,} {status.value}" for status in ParseStatus if report.count(status)]
    chunks = sum(outcome.chunks for outcome in report.outcomes)
    say(f"files: {', '.join(counts) or 'none found'}; {chunks:,} chunks written")
    if report.stage_ms:
        stages = "  ".join(f"{stage} {ms / 1000:.2f} s" for stage, ms in report.stage_ms.items())
        say(f"time:  {stages}")
    if report.findings:
        found = ", ".join(f"{rule} {number:,}" for rule, number in report.findings.items())
        say(f"scan:  {found} (found in what was read; ingest.scan in assay.yaml)")
    if report.suspicious:
        found = ", ".join(f"{check} {number:,}" for check, number in report.suspicious.items())
        say(f"checks: {found} (documents; ingest.checks in assay.yaml)")
    if report.quarantined:
        say(f"quarantined: {report.quarantined:,} kept from search until somebody decides; assay quarantine list")
    told = [o for o in report.outcomes if o.code]
    if told:
        say("\nparse report:")
        rows = [(o.status.value, o.code, _path(o.source_uri), o.reason) for o in told[:50]]
        say(table(("status", "code", "file", "reason"), rows))
        if len(told) > 50:
            say(f"… and {len(told) - 50} more (--json shows all)")


def _refuse_nothing() -> None:
    """A mistyped path or a folder of files that cannot be read must not look like a success to a script."""
    from assay.records.errors import InputError

    raise InputError("ingest.nothing_read", "no document was read", remedy="the parse report says why, file by file")


def _path(uri: str) -> str:
    """A file's address as a path, from here when that is shorter."""
    if not uri.startswith("file://"):
        return uri
    path = unquote(uri.removeprefix("file://"))
    near = os.path.relpath(path)
    return near if len(near) < len(path) else path


def register(app: typer.Typer) -> None:
    app.command("ingest")(ingest)
