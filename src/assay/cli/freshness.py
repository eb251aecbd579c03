"""`assay source list` and `assay source check`: what was read, how old it is, and which objective it misses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import JsonOption, WorkspaceOption, open_workspace, print_json, say, table

if TYPE_CHECKING:
    from assay.wiring.freshness import SourceAge


def list_sources(
    workspace: WorkspaceOption = None,
    held: Annotated[
        bool, typer.Option("--held", help="Only files with documents that quality, scan or missing text holds back.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Every file that was read: its documents, its age against ingest.freshness, and why when it gave none."""
    from assay.ingest.reading import HELD
    from assay.wiring.freshness import source_ages

    ages = [age for age in source_ages(open_workspace(workspace)) if not held or age.problem in HELD]
    print_json(ages) if as_json else _show(ages)


def check(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Exit with 1 when a source misses its objective of ingest.freshness: too old, or not compared for too long."""
    from assay.records.errors import ConfigError
    from assay.wiring.freshness import source_ages

    place = open_workspace(workspace)
    if not place.settings.ingest.freshness:
        raise ConfigError(
            "freshness.no_objective", "ingest.freshness sets no objective", where=str(place.config.path),
            remedy="add ingest: freshness: [{path: 'docs/**', max_age: 365d, max_unseen: 1d}]",
        )  # fmt: skip
    ages = list(source_ages(place))
    late = [age for age in ages if age.missed]
    if as_json:
        print_json(late)
    elif late:
        _show(late)
    if late:
        raise typer.Exit(1)
    if not as_json:
        say(f"all {len(ages):,} sources keep their objectives")


def _show(ages: Iterable[SourceAge]) -> None:
    from assay.wiring.freshness import shown

    def against(days: float | None, most: float | None) -> str:
        return shown(days) if most is None else f"{shown(days)} of {shown(most)}"

    rows = [
        (
            age.source_uri, f"{age.bytes:,}", age.documents, against(age.age_days, age.max_age_days),
            against(age.unseen_days, age.max_unseen_days), ", ".join(age.missed), age.problem,
        )
        for age in ages
    ]  # fmt: skip
    say(table(("file", "bytes", "documents", "modified", "compared", "misses", "problem"), rows, right=(1, 2)))


def register(sources: typer.Typer) -> None:
    sources.command("list")(list_sources)
    sources.command("check")(check)
