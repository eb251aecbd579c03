"""`assay retrieval`: the lab that compares ways to search, and where failed answers lost their evidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import JsonOption, Progress, SetOption, WorkspaceOption, open_workspace, print_json, say, table

if TYPE_CHECKING:
    from assay.evaluate.lab import LabResult
    from assay.wiring.losses import Losses

group = typer.Typer(help="Compare ways to search; tell where evidence was lost.", no_args_is_help=True)


@group.command("eval")
def evaluate(
    golden: Annotated[str, typer.Option("--golden", help="NAME or NAME@VERSION.")],
    workspace: WorkspaceOption = None,
    app: Annotated[str, typer.Option("--app", help="Whose settings to use; default: the first app.")] = "",
    pipeline: Annotated[
        list[str] | None,
        typer.Option("--pipeline", help="lexical, dense, fused, reranked, rewritten, without_history; repeatable."),
    ] = None,
    baseline: Annotated[str, typer.Option("--baseline", help="Compare the others with this one.")] = "",
    split: Annotated[str, typer.Option("--split", help="Only this split; empty: all cases.")] = "",
    k: Annotated[int, typer.Option("--k", min=1, max=50, help="Cut-off of nDCG, recall and MRR.")] = 10,
    out: Annotated[Path | None, typer.Option("--out", help="Where the HTML report goes.")] = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search every case with every pipeline; print nDCG@k, recall@k and MRR@k with paired differences by slice."""
    from assay.wiring import lab

    place = open_workspace(workspace, overrides)
    result = lab.evaluate_retrieval(
        place, golden, app=app, names=pipeline or (), baseline=baseline, split=split, k=k,
        progress=Progress("searching"),
    )  # fmt: skip
    path = lab.write_lab_report(place, result, out)
    place.close()
    print_json(_as_json(result)) if as_json else _print(result, path)


def _print(result: LabResult, path: Path) -> None:
    from assay.evaluate.compare import forest_rows
    from assay.evaluate.lab_html import summary_rows
    from assay.plot.svg import signed

    header, rows = summary_rows(result)
    cases = f"{len(result.golden.cases)} cases that name their evidence"
    say(f"golden set {result.golden.name}, {cases}; documents are the unit, 95 % intervals")
    say(table(header, rows, right=(len(header) - 1,)))
    say()
    say(f"differences to {result.baseline}, paired by case (slices with at least 20 cases):")
    others = [pipeline for pipeline in result.pipelines if pipeline.name != result.baseline]
    lines = [
        (p.name, row.metric, row.slice or "all", str(row.n), signed(row.estimate, 3),
         f"{signed(row.low, 3)} to {signed(row.high, 3)}", _WORDS.get(row.state, ""))
        for p, comparison in zip(others, result.comparisons, strict=True)
        for row in forest_rows(comparison)
        if row.metric.startswith("nDCG")
    ]  # fmt: skip
    say(table(("pipeline", "measure", "slice", "n", "difference", "95 % interval", ""), lines, right=(3, 4)))
    say(f"report with curves: {path}")


_WORDS = {"clears": "better", "worse": "worse"}
"""Only what survives the correction for the number of slices (Benjamini-Hochberg) is marked."""


def _as_json(result: LabResult) -> dict[str, object]:
    from assay.evaluate.lab import CUTOFFS

    return {
        "golden": f"{result.golden.name}@{result.golden.version}",
        "cases": len(result.golden.cases),
        "baseline": result.baseline,
        "cutoffs": CUTOFFS,
        "pipelines": [
            {"name": p.name, "recipe": p.recipe, "mode": p.mode, "p95_ms": p.p95_ms, "curves": dict(p.curves),
             "summaries": p.report.summaries}
            for p in result.pipelines
        ],
        "deltas": {
            p.name: comparison.deltas
            for p, comparison in zip(
                [p for p in result.pipelines if p.name != result.baseline], result.comparisons, strict=True
            )
        },
    }  # fmt: skip


@group.command("losses")
def losses(
    run: Annotated[str, typer.Argument(help="A run's id, a bundle, live, or an app: its newest complete run.")],
    workspace: WorkspaceOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="Where the HTML report goes.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Where each failed case lost its evidence, shown by replaying it with the evidence put back stage by stage."""
    from assay.wiring import losses as wiring

    place = open_workspace(workspace)
    found = wiring.attribute(place, run, Progress("replaying"))
    path = wiring.write_losses_report(place, found, out)
    place.close()
    if as_json:
        print_json({"run": found.run.run_id, "judged": found.judged, "failed": found.attributions})
        return
    _print_losses(found, path)


def _print_losses(found: Losses, path: Path) -> None:
    from assay.evaluate.attribution import loss_table
    from assay.evaluate.attribution_html import NAMES

    say(f"run {found.run.run_id}: {len(found.attributions)} of {found.judged} judged cases failed")
    rows = [(NAMES[r.loss], r.cases, r.proved, r.repaired_later, r.never) for r in loss_table(found.attributions)]
    header = ("evidence was", "cases", "right when put back there", "only later", "never right")
    say(table(header, rows, right=(1, 2, 3, 4)))
    say(f"report: {path}")


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="retrieval")
