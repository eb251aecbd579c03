"""`assay eval` and `assay runs`: a system over a golden set, every sample journalled, every failure counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from assay.cli import judge as judge_command
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
    from assay.wiring.build import Workspace
    from assay.wiring.evaluating import Ran
    from assay.wiring.planning import Plan

group = typer.Typer(help="Runs: list them, show one, score one anew.", no_args_is_help=True)
MetricOption = Annotated[
    list[str] | None, typer.Option("--metric", help="Measure this, too, such as rougeL or P@5; repeatable.")
]
SHOWN = 30
"""Run-wide measures beyond so many stand in --json only: a classifier of 77 classes has 231."""


def evaluate(
    target: Annotated[
        str,
        typer.Argument(
            help="An app, a system or a bundle id; or python:module:function, replies:FILE, http://… of a system."
        ),
    ],
    golden: Annotated[str, typer.Option("--golden", help="NAME or NAME@VERSION.")],
    workspace: WorkspaceOption = None,
    split: Annotated[str, typer.Option("--split", help="Only this split; empty: all cases.")] = "test",
    repeats: Annotated[int | None, typer.Option("--repeats", min=1)] = None,
    concurrency: Annotated[
        str, typer.Option("--concurrency", help="Samples in flight, or auto: as many as the system bears.")
    ] = "",
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew instead of resuming an interrupted run.")] = False,
    metrics: MetricOption = None,
    max_cost: Annotated[
        float | None, typer.Option("--max-cost", min=1e-9, help="US dollars for the whole run; it stops in order.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", min=1, help="Tokens for the whole run, read and written.")
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Ask for every reply, also for those kept.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Say what it would take, and ask nothing.")] = False,
    judges: Annotated[
        list[str] | None, typer.Option("--judge", help="Then have the replies judged by this judge; repeatable.")
    ] = None,
    engine: BatchEngineOption = "",
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a system over a golden set. Run the same command again to resume after an interruption.

    Exit code 3 when every sample failed, or when a ceiling ended the run: then nothing can be judged yet.
    """
    from assay.wiring import evaluating, judging, planning

    asked = evaluating.Asked(
        target, golden, split, repeats, _in_flight(concurrency), fresh, False if no_cache else None, max_cost,
        max_tokens, tuple(metrics or ()),
    )  # fmt: skip
    place = open_workspace(workspace, on_engine(engine, overrides))
    if plan:
        made = planning.plan(place, asked)
        print_json(made) if as_json else _print_plan(made)
        return
    if judges:
        judge_command.check_names(place, judges)
    try:
        ran = evaluating.run(place, asked, Progress("evaluating"))
        report = judging.report(place, ran.run_id)
        if not as_json:
            _print_all(place, report)
        elif not judges:
            print_json(report)
        _conclude(report, ran)
        if judges:
            judge_command.judge_in_turn(place, ran.run_id, judges, max_cost, as_json)
    finally:
        place.close()


def _in_flight(text: str) -> int | Literal["auto"] | None:
    from assay.records.errors import UsageError

    if text == "auto":
        return "auto"
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1000:
        raise UsageError("evaluate.concurrency", "a number from 1 to 1000, or auto", where="--concurrency")
    return int(text)


def _conclude(report: Report, ran: Ran) -> None:
    """Raise what stands against taking the run as evidence."""
    from assay.records.errors import CannotJudge

    failed = sum(report.failures.values())
    if ran.left and (ran.spending.refusal or ran.spending.reached):
        priced = ran.spending.ceiling.cost_usd is not None
        spent = f"spent {_usd(ran.spending.cost_usd, priced)} and {ran.spending.tokens:,} tokens"
        if ran.spending.refusal:
            raise CannotJudge(
                ran.spending.refusal, f"a reply did not say what the ceiling needs; {spent}; {ran.left:,} samples left",
                where=f"run {ran.run_id}", remedy="state the price in assay.yaml, or run without that ceiling",
            )  # fmt: skip
        dollars, tokens = ran.spending.per_reply()
        raise CannotJudge(
            "evaluate.ceiling",
            f"the ceiling was reached: {spent}; {ran.left:,} samples left, about "
            f"{_usd(dollars * ran.left, priced)} and {tokens * ran.left:,.0f} tokens",
            where=f"run {ran.run_id}",
            remedy="the same command with a higher ceiling goes on where it stopped",
        )
    if report.run.status.value != "complete":
        raise KeyboardInterrupt
    if failed and failed >= report.run.cases * report.run.repeats:
        raise CannotJudge(
            "evaluate.all_failed", f"all {failed:,} samples failed, so nothing is known about the system",
            where=f"run {ran.run_id}", remedy=f"assay runs show {ran.run_id} --failed",
        )  # fmt: skip


def _usd(amount: float, priced: bool) -> str:
    """Without a ceiling on cost nobody made sure that every price was known."""
    return f"{amount:.4g} USD" if priced else "an uncounted cost"


def _print_plan(plan: Plan) -> None:
    say(
        f"{plan.system} on {plan.golden}: {plan.cases:,} cases × {plan.repeats} = {plan.cases * plan.repeats:,} samples"
    )
    say(f"calls      {plan.calls:,}  (done {plan.done:,}, kept replies {plan.cached:,})")
    say(f"tokens     {_about(plan.tokens_in)} in, {_about(plan.tokens_out)} out")
    say(f"cost       {'unknown' if plan.cost_usd is None else f'about {plan.cost_usd:.4g} USD'}")
    say(f"basis      {plan.basis}")
    for one in plan.detectable:
        known = "assumed" if one.assumed else "as in the last two runs"
        spread = f"(mean squared difference of a case {one.discordance:.3f}, {known})"
        say(f"can show   {one.metric}: a difference of {one.effect:.3f}  {spread}")


def _about(count: int | None) -> str:
    return "unknown" if count is None else f"about {count:,}"


def _print_all(place: Workspace, report: Report) -> None:
    print_report(report)
    _print_behaviour(place, report)
    judge_command.print_notes(place, report.run)


def print_report(report: Report) -> None:
    run = report.run
    subject = run.bundle_id[:12] or "head"
    say(f"run {run.run_id}  {run.app} {subject}  {run.golden_name}@{run.golden_version[:12]}  {run.status.value}")
    shown = [one for one in report.summaries if one.scored or set(one.unscored) & {"failed", "not_scored"}]
    rows = [_summary_row(summary) for summary in shown]
    say(table(("metric", "value", "95 % interval", "scored", "unscored"), rows, right=(1, 3)))
    idle = [f"{one.metric.name} ({', '.join(sorted(one.unscored))})" for one in report.summaries if one not in shown]
    if idle:
        say(f"nothing to score: {', '.join(idle)}")
    if report.whole:
        rows = [_summary_row(summary) for summary in report.whole[:SHOWN]]
        say()
        say(table(("over the run", "value", "95 % interval", "cases", ""), rows, right=(1, 3)))
        if len(report.whole) > SHOWN:
            say(f"{len(report.whole) - SHOWN} more with --json")
    if report.cached:
        say(f"kept replies used: {report.cached:,} (they count for no latency; --no-cache asks anew)")
    failures = ", ".join(f"{code} {count}" for code, count in sorted(report.failures.items()))
    say(f"failed samples: {failures or 'none'}")


def _print_behaviour(place: Workspace, report: Report) -> None:
    """Failure rates of CheckList's tests, where the golden set has any."""
    from assay.wiring import judging

    rows = [
        (one.kind.value, one.capability or "all", f"{one.rate.estimate:.3f}",
         f"{one.rate.low:.3f} to {one.rate.high:.3f}", one.failed, one.untested)
        for one in judging.behaviour(place, report.run)
    ]  # fmt: skip
    if rows:
        say()
        headers = ("behavioural test", "capability", "failure rate", "95 % interval", "failed", "no verdict")
        say(table(headers, rows, right=(2, 4, 5)))


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
    confusion: Annotated[bool, typer.Option("--confusion", help="Which class was taken for which.")] = False,
    as_json: JsonOption = False,
) -> None:
    """One run's metrics with their intervals."""
    from assay.wiring import judging

    place = open_workspace(workspace)
    report = judging.report(place, run_id)
    print_json(report) if as_json else _print_all(place, report)
    if confusion:
        rows = [(gold, said or "(none)", count) for (gold, said), count in judging.confusion(place, report.run).items()]
        say(table(("class", "taken for", "samples"), rows, right=(2,)))
    if failed:
        for sample in place.stores.runs.samples(report.run.run_id):
            if sample.error:
                say(f"{sample.case_id}  repeat {sample.repeat}  {sample.error}  attempts {sample.attempts}")


@group.command("rescore")
def rescore(
    run_id: str, workspace: WorkspaceOption = None, metrics: MetricOption = None, as_json: JsonOption = False
) -> None:
    """Score the replies of a complete run anew, without asking the system; a new run holds the scores."""
    from assay.wiring import evaluating, judging

    place = open_workspace(workspace)
    made = evaluating.rescore(place, run_id, tuple(metrics or ()))
    report = judging.report(place, made.run_id)
    print_json(report) if as_json else _print_all(place, report)
    place.close()


def register(app: typer.Typer) -> None:
    app.command("eval")(evaluate)
    app.add_typer(group, name="runs")
