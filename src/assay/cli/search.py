"""`assay search`: ranked chunks with the score of every stage."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from assay.cli.common import (
    AsOfOption,
    GroupOption,
    JsonOption,
    TenantOption,
    WorkspaceOption,
    open_workspace,
    print_json,
    say,
    scope_of,
)


def search(
    query: Annotated[str, typer.Argument(help="What to look for.")],
    workspace: WorkspaceOption = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100, help="How many chunks.")] = 10,
    mode: Annotated[Literal["hybrid", "lexical", "dense"], typer.Option("--mode", help="Which engines.")] = "hybrid",
    tenant: TenantOption = "",
    groups: GroupOption = None,
    as_of: AsOfOption = "",
    as_json: JsonOption = False,
) -> None:
    """Search the index and show ranked chunks with scores per stage."""
    from assay.records.retrieval import Query
    from assay.wiring import apps

    place = open_workspace(workspace)
    found = apps.head_retriever(place).retrieve(Query(query, scope_of(place, tenant, groups), limit, mode, as_of=as_of))
    if as_json:
        print_json(found)
        return
    if found.mode != mode and place.settings.index.embedder != "none":
        say(f"(searched {found.mode}: the vectors are not ready yet, see assay index status)")
    for place_number, ranked in enumerate(found.ranked, 1):
        chunk = ranked.chunk
        stages = "  ".join(f"{name} #{rank} {score:.3f}" for name, (rank, score) in ranked.stages.items())
        where = " › ".join(part for part in (chunk.title, *chunk.heading_path) if part)
        page = f", page {chunk.page}" if chunk.page else ""
        say(f"{place_number:>2}. {where or chunk.doc_id}")
        say(f"    {chunk.doc_id}{page} [{chunk.start}:{chunk.end}]   {stages}")
        say(f"    {_excerpt(chunk.text)}")
        if ranked.also:
            say(f"    also in: {', '.join(dict.fromkeys(twin.doc_id for twin in ranked.also))}")
    if not found.ranked:
        say("nothing found in this scope")
    say("time: " + "  ".join(f"{name} {ms:.1f} ms" for name, ms in found.stage_ms.items()))


def _excerpt(text: str, width: int = 180) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= width else flat[: width - 1] + "…"


def register(app: typer.Typer) -> None:
    app.command("search")(search)
