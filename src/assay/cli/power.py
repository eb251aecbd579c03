"""`assay power`: how many cases a question needs, and what they cost, before anything is asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import JsonOption, WorkspaceOption, open_workspace, print_json, say, table

if TYPE_CHECKING:
    from assay.wiring.powering import Plan


def power(
    baseline: Annotated[
        str, typer.Argument(help="Pilot: a run, a bundle, an app or `live`; none: state numbers.")
    ] = "",
    candidate: Annotated[str, typer.Argument(help="Pilot: the other system's run, likewise.")] = "",
    workspace: WorkspaceOption = None,
    metric: Annotated[str, typer.Option("--metric", help="Of the pilot; none: every clause of the gate.")] = "",
    name: Annotated[str, typer.Option("--slice", help="Only cases of this slice.")] = "",
    margin: Annotated[float | None, typer.Option("--margin", help="In the metric's unit; else the gate's own.")] = None,
    kind: Annotated[str, typer.Option("--kind", help="non_inferiority or superiority; else the gate's own.")] = "",
    gain: Annotated[
        float | None, typer.Option("--gain", help="Assumed true gain, good direction; 0: the systems are equal.")
    ] = None,
    alpha: Annotated[float | None, typer.Option("--alpha", help="One-sided; else the gate's own, or .05.")] = None,
    wanted: Annotated[float | None, typer.Option("--power", help="Else the gate's own, or .8.")] = None,
    discordance: Annotated[
        float | None, typer.Option("--discordance", help="Without a pilot: share of cases that will differ.")
    ] = None,
    spread: Annotated[
        float | None, typer.Option("--spread", help="Without a pilot: standard deviation of the paired difference.")
    ] = None,
    cluster_size: Annotated[float, typer.Option("--cluster-size", help="Without a pilot: cases a document.")] = 1.0,
    correlation: Annotated[float, typer.Option("--icc", help="Without a pilot: correlation inside clusters.")] = 0.0,
    cases: Annotated[int, typer.Option("--cases", min=0, help="Without a pilot: cases there are today.")] = 0,
    price: Annotated[
        float | None, typer.Option("--price", help="USD for one case in both systems; else what the pilot cost.")
    ] = None,
    case_price: Annotated[
        float, typer.Option("--case-price", min=0.0, help="USD to write and label one more case, for the best repeats.")
    ] = 0.0,
    svg: Annotated[Path | None, typer.Option("--svg", help="Write the power curve of the first question here.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Cases, repeats and money for a margin, from two pilot runs or from stated numbers.

    assay power --margin 0.03 --discordance 0.1 --price 0.02

    assay power RUN_A RUN_B --metric correct --margin 0.03
    """
    from assay.records.comparison import ClauseKind
    from assay.records.errors import InputError
    from assay.wiring import powering

    if kind and kind not in ("non_inferiority", "superiority"):
        raise InputError(
            "power.bad_kind", "there is no such kind of question", where="--kind",
            remedy="--kind non_inferiority or --kind superiority",
        )  # fmt: skip
    asked = ClauseKind(kind) if kind else None
    if baseline or candidate:
        if not (baseline and candidate) or discordance is not None or spread is not None:
            raise InputError(
                "power.bad_question", "a pilot is two runs, and then neither discordance nor spread is stated",
                where="assay power", remedy="name both runs, or none and --discordance or --spread",
            )  # fmt: skip
        plans = powering.from_runs(
            open_workspace(workspace), baseline, candidate, metric=metric, name=name, margin=margin, kind=asked,
            gain=gain, alpha=alpha, power=wanted, price=price, case_price=case_price,
        )  # fmt: skip
    else:
        if margin is None:
            raise InputError("power.bad_question", "state a margin, or two runs as a pilot", where="assay power",
                             remedy="assay power --margin 0.03 --discordance 0.1")  # fmt: skip
        question = powering.Question(
            asked or ClauseKind.NON_INFERIORITY, margin, gain or 0.0, 0.05 if alpha is None else alpha,
            0.8 if wanted is None else wanted,
        )  # fmt: skip
        plans = (
            powering.from_numbers(
                question, discordance=discordance, spread=spread, cluster_size=cluster_size, correlation=correlation,
                cases=cases, price=price,
            ),
        )  # fmt: skip
    if svg is not None:
        from assay.plot.power import figure_power

        svg.write_text(figure_power(powering.curve(plans[0])).svg, encoding="utf-8")
    if as_json:
        print_json(list(plans))
        return
    for number, plan in enumerate(plans):
        if number:
            say()
        _show(plan)
    if svg is not None:
        say(f"\npower curve: {svg}")


def _show(plan: Plan) -> None:
    from assay.wiring import powering

    question = plan.question
    say(f"{powering.asks_sentence(plan)} ({powering.truth_sentence(question)}, one-sided alpha {question.alpha:g})")
    rows = [
        (f"{step.cases:,}" + ("  today" if step.cases == plan.cases_today else ""), f"{step.power:.3f}",
         f"{step.smallest_margin:.3g}", _money(step.price_usd))
        for step in plan.steps
    ]  # fmt: skip
    headers = ("cases", "power", f"margin at {question.power:g}", "price USD")
    say(table(headers, rows, right=(1, 2, 3)))
    say(_sentence(plan))
    if plan.repeats:
        say()
        asked = [(r.repeats, f"{r.cases:,}", f"{r.answers:,}", _money(r.price_usd)) for r in plan.repeats]
        say(table(("repeats", "cases", "answers", "price USD"), asked, right=(0, 1, 2, 3)))
        if plan.best_repeats is not None:
            say(f"asking each case {plan.best_repeats} times gives the smallest error for a given budget")
    for note in plan.notes:
        say(f"note: {note}")


def _sentence(plan: Plan) -> str:
    if plan.question.distance <= 0.0:
        return "the assumed truth lies on the wrong side of the line: no number of cases would show it"
    if plan.needed is None:
        return "no number of cases up to a million would show it: widen the margin"
    price = "" if plan.price_per_case_usd is None else f", {_money(plan.needed * plan.price_per_case_usd)} USD"
    today = f"; today's {plan.cases_today:,} have {plan.power_today:.2f}" if plan.cases_today else ""
    if plan.cases_today >= plan.needed:
        today = ", which are there"
    return f"needed: {plan.needed:,} cases for a power of {plan.question.power:g}{price}{today}"


def _money(usd: float | None) -> str:
    return "unknown" if usd is None else f"{usd:,.2f}"


def register(app: typer.Typer) -> None:
    app.command("power")(power)
