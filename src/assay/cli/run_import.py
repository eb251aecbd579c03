"""`assay runs import`: results of other tools, to be compared and gated like any run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import JsonOption, WorkspaceOption, open_workspace, print_json, say, table
from assay.records.errors import UsageError

if TYPE_CHECKING:
    from assay.records.evaluation import MetricKind
    from assay.wiring.importing import Imported


def import_runs(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The log; for HELM the run's folder.")],
    format_name: Annotated[
        str, typer.Option("--format", help="auto, inspect, lm-eval, promptfoo, langfuse, phoenix, helm or csv.")
    ] = "auto",
    name: Annotated[str, typer.Option("--name", help="What to call the run; else the file's name.")] = "",
    golden: Annotated[
        str, typer.Option("--golden", help="NAME or NAME@VERSION that was answered; made from the log when not there.")
    ] = "",
    workspace: WorkspaceOption = None,
    cluster: Annotated[
        str, typer.Option("--cluster", help="Metadata key: samples with one value of it are not independent.")
    ] = "",
    slices: Annotated[
        list[str] | None, typer.Option("--slice", help="Metadata key whose values become slices; repeatable.")
    ] = None,
    kinds: Annotated[
        list[str] | None, typer.Option("--metric", help="NAME=binary, mean or skewed, where the numbers mislead.")
    ] = None,
    lower: Annotated[
        list[str] | None, typer.Option("--lower", help="Metric of which less is better; repeatable.")
    ] = None,
    first: Annotated[bool, typer.Option("--first", help="Keep only the first reply to each case.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Read a log of another tool into a run. Its inputs and targets become a golden set, versioned by their content, so
    that logs over one dataset pair up: assay compare A B, assay gate --runs A B.

    Nothing is kept when anything in the file is wrong.
    """
    from assay.adapters.imports.rows import Wishes
    from assay.wiring import importing

    wishes = Wishes(cluster, tuple(slices or ()), dict(map(_kind, kinds or ())), frozenset(lower or ()))
    place = open_workspace(workspace)
    made = importing.import_runs(
        place, path, format_name=format_name, name=name, golden=golden, wishes=wishes, first=first
    )
    place.close()
    if as_json:
        print_json([{"run": one.run, "known": one.known, "failed": one.failed, "notes": one.notes} for one in made])
        return
    for one in made:
        _print(one)


def _kind(stated: str) -> tuple[str, MetricKind]:
    from assay.records.evaluation import MetricKind

    name, _, kind = stated.rpartition("=")
    if not name or kind not in set(MetricKind):
        raise UsageError("import.metric_kind", "must be NAME=binary, NAME=mean or NAME=skewed", where="--metric")
    return name, MetricKind(kind)


def _print(made: Imported) -> None:
    run = made.run
    state = "was imported before" if made.known else run.status.value
    say(f"run {run.run_id}  {run.app}  {run.golden_name}@{run.golden_version[:12]}  {state}")
    repeats = f" × {run.repeats} repeats" if run.repeats > 1 else ""
    clusters = len({case.cluster for case in made.golden.cases if case.cluster})
    say(f"{run.cases} cases{repeats}, {clusters or 'no'} clusters, failed samples: {made.failed}")
    rows = [(metric.name, metric.kind.value, metric.direction.value, metric.unit) for metric in run.metrics]
    say(table(("metric", "kind", "better", "unit"), rows))
    for note in made.notes:
        say(f"note: {note}")


def register(_app: typer.Typer) -> None:
    """Under the group `runs`, which `evaluate` registers."""
    from assay.cli.evaluate import group

    group.command("import")(import_runs)
