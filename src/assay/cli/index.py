"""`assay index` and `assay source`: how far the index is, its snapshots, and what it was built from."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from assay.cli import freshness
from assay.cli.common import (
    BatchEngineOption,
    JsonOption,
    Progress,
    WorkspaceOption,
    on_engine,
    open_workspace,
    print_json,
    say,
    table,
)

EngineName = Literal["embedded", "lancedb", "qdrant", "postgres", "opensearch"]

group = typer.Typer(help="The index: how far it is, its vectors and snapshots.", no_args_is_help=True)
sources = typer.Typer(help="What was ingested: list it, remove it.", no_args_is_help=True)


@group.command("status")
def status(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Documents, chunks, vectors and snapshots."""
    from assay.wiring import ingesting

    found = ingesting.status(open_workspace(workspace))
    if as_json:
        print_json(found)
        return
    share = f" ({100 * found.vectors / found.chunks:.0f} %)" if found.chunks else ""
    say(f"documents {found.documents:,}   chunks {found.chunks:,}   vectors {found.vectors:,}{share}")
    say(f"engine    {found.engine}   embedder  {found.embedder or 'none: lexical only'}")
    if found.unindexed:
        say(f"un-indexed {found.unindexed:,}: rows that the engine searches one by one")
    if found.snapshots:
        rows = [(s.snapshot_id[:12], f"{s.documents:,}", f"{s.chunks:,}", f"{s.vectors:,}", s.created_at[:19])
                for s in found.snapshots]  # fmt: skip
        say(table(("snapshot", "documents", "chunks", "vectors", "made"), rows, right=(1, 2, 3)))


@group.command("embed")
def embed(
    workspace: WorkspaceOption = None,
    patient: Annotated[bool, typer.Option("--patient", help="Go on until nothing is missing, politely.")] = False,
    engine: BatchEngineOption = "",
) -> None:
    """Make the vectors that are missing; stop with Ctrl-C and go on later."""
    from assay.wiring import ingesting

    place = open_workspace(workspace, on_engine(engine))
    made = ingesting.embed(place, Progress("embedding"))
    while patient and ingesting.missing_vectors(place):
        made += ingesting.embed(place, Progress("embedding"))
    say(f"vectors: {made:,} made")


@group.command("freeze")
def freeze(workspace: WorkspaceOption = None) -> None:
    """Make an immutable snapshot of the index as it is now."""
    from assay.wiring import ingesting

    made = ingesting.freeze(open_workspace(workspace))
    say(f"snapshot {made.snapshot_id}  documents {made.documents:,}  chunks {made.chunks:,}  vectors {made.vectors:,}")


@group.command("rebuild")
def rebuild(workspace: WorkspaceOption = None) -> None:
    """Make the embedded index anew from the catalog: after an update that divides words differently, or when its
    folder was damaged. Snapshots of the old one go; nothing is read or embedded again."""
    from assay.wiring import ingesting
    from assay.wiring.rebuilding import rebuild as build

    place = open_workspace(workspace)
    made = build(place)
    say(f"index: {made:,} documents")
    place = open_workspace(workspace)
    if ingesting.missing_vectors(place):
        say(f"vectors: {ingesting.embed(place, Progress('embedding')):,} made, most of them from the cache")


@group.command("migrate")
def migrate(
    to: Annotated[EngineName, typer.Option("--to", help="The engine to move to.")],
    workspace: WorkspaceOption = None,
    golden: Annotated[str, typer.Option("--golden", help="Ask this golden set; else titles of documents.")] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a move that was interrupted.")] = False,
    answers: Annotated[bool, typer.Option(help="Also compare the app's answers.")] = True,
    write: Annotated[
        bool, typer.Option("--write", help="Name the new engine in assay.yaml if it is no worse.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Build another engine from the catalog and compare its answers with today's; exit code 1 if they got worse.

    assay.yaml stays as it is: the line to change is printed. Nothing is embedded twice; the old index stays.
    """
    from assay.cli.migrating import report
    from assay.wiring import migrating

    place = open_workspace(workspace)
    shown: dict[str, Progress] = {}

    def progress(done: int, total: int, what: str) -> None:
        shown.setdefault(what, Progress(what))(done, total)

    made = migrating.migrate(place, to, golden=golden, resume=resume, answers=answers, progress=progress)
    place.close()
    print_json(made) if as_json else report(made)
    if made.worse:
        raise typer.Exit(1)
    if write:
        from assay.wiring.engine_line import write_engine

        write_engine(place.config.path, to)
        say(f"assay.yaml now names {to}")
    elif not as_json:
        say(f"to use it, change one line of assay.yaml:   index: engine: {to}   (or run this again with --write)")


@sources.command("remove")
def remove(
    source: Annotated[str, typer.Argument(help="A file or folder as `assay source list` names it.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Take a file, or everything under a folder, out of the workspace: chunks, vectors, search and pinned snapshots."""
    from assay.wiring import ingesting

    gone = ingesting.remove_source(open_workspace(workspace), source)
    say(f"removed {len(gone):,} documents; they are no longer found or cited, pinned snapshots included")


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="index")
    freshness.register(sources)
    app.add_typer(sources, name="source")
