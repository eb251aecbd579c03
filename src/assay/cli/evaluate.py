"""`assay eval` and `assay runs`: a system over a golden set, every sample journalled, every failure counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import (
    BatchEngineOption,
    JsonOption,
    Progress,
    SetOption,
    WorkspaceOption,
    on_engine,
    open_workspace,
    print_json,
    say,
    table,
)

if TYPE_CHECKING:
    from assay.records.evaluation import MetricSummary, Report

group = typer.Typer(help="Runs: list them, show one.", no_args_is_help=True)


def evaluate(
    target: Annotated[str, typer.Argument(help="An app of assay.yaml or a bundle id.")],
    golden: Annotated[str, typer.Option("--golden", help="NAME or NAME@VERSION.")],
    workspace: WorkspaceOption = None,
    split: Annotated[str, typer.Option("--split", help="Only this split; empty: all cases.")] = "test",
    repeats: Annotated[int | None, typer.Option("--repeats", min=1)] = None,
    concurrency: Annotated[int | None, typer.Option("--concurrency", min=1)] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew instead of resuming an interrupted run.")] = False,
    engine: BatchEngineOption = "",
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run an app or bundle over a golden set. Run the same command again to resume after an interruption."""
    from assay.wiring import judging

    place = open_workspace(workspace, on_engine(engine, overrides))
    report = judging.evaluate(
        place, target, golden, split=split, repeats=repeats, concurrency=concurrency, fresh=fresh,
        progress=Progress("evaluating"),
    )  # fmt: skip
    place.close()
    print_json(report) if as_json else print_report(report)
    if report.run.status.value != "complete":
        raise KeyboardInterrupt


def print_report(report: Report) -> None:
    run = report.run
    subject = run.bundle_id[:12] or "head"
    say(f"run {run.run_id}  {run.app} {subject}  {run.golden_name}@{run.golden_version[:12]}  {run.status.value}")
    rows = [_summary_row(summary) for summary in report.summaries]
    say(table(("metric", "value", "95 % interval", "scored", "unscored"), rows, right=(1, 3)))
    failures = ", ".join(f"{code} {count}" for code, count in sorted(report.failures.items()))
    say(f"failed samples: {failures or 'none'}")


def _summary_row(summary: MetricSummary) -> tuple[str, str, str, str, str]:
    unscored = ", ".join(f"{reason} {count}" for reason, count in sorted(summary.unscored.items()))
    unit = f" {summary.metric.unit}" if summary.metric.unit else ""
    if summary.interval is None:
        return summary.metric.name, "–", "–", str(summary.scored), unscored
    i = summary.interval
    digits = 1 if summary.metric.kind.value == "skewed" else 3
    return (
        summary.metric.name,
        f"{i.estimate:.{digits}f}{unit}",
        f"{i.low:.{digits}f} to {i.high:.{digits}f}",
        str(summary.scored),
        unscored,
    )


@group.command("list")
def list_runs(workspace: WorkspaceOption = None) -> None:
    """The newest runs first."""
    rows = [(r.run_id, r.app, r.bundle_id[:12] or "head", f"{r.golden_name}@{r.golden_version[:8]}", r.cases,
             r.status.value, r.created_at[:19]) for r in open_workspace(workspace).stores.runs.runs()]  # fmt: skip
    say(table(("run", "app", "bundle", "golden set", "cases", "status", "begun"), rows, right=(4,)))


@group.command("show")
def show(
    run_id: str,
    workspace: WorkspaceOption = None,
    failed: Annotated[bool, typer.Option("--failed", help="List the samples that failed.")] = False,
    as_json: JsonOption = False,
) -> None:
    """One run's metrics with their intervals."""
    from assay.wiring import judging

    place = open_workspace(workspace)
    report = judging.report(place, run_id)
    print_json(report) if as_json else print_report(report)
    if failed:
        for sample in place.stores.runs.samples(report.run.run_id):
            if sample.error:
                say(f"{sample.case_id}  repeat {sample.repeat}  {sample.error}  attempts {sample.attempts}")


def register(app: typer.Typer) -> None:
    app.command("eval")(evaluate)
    app.add_typer(group, name="runs")
