"""`assay retrieval`: the lab that compares ways to search, and where failed answers lost their evidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import JsonOption, Progress, SetOption, WorkspaceOption, open_workspace, print_json, say, table

if TYPE_CHECKING:
    from assay.evaluate.lab import LabResult

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
        (p.name, d.metric.name, d.slice or "all", str(d.interval.n), signed(d.interval.estimate, 3),
         f"{signed(d.interval.low, 3)} to {signed(d.interval.high, 3)}", _state(d.interval.low, d.interval.high))
        for p, comparison in zip(others, result.comparisons, strict=True)
        for d in comparison.deltas
        if d.metric.name.startswith("nDCG")
    ]  # fmt: skip
    say(table(("pipeline", "measure", "slice", "n", "difference", "95 % interval", ""), lines, right=(3, 4)))
    say(f"report with curves: {path}")


def _state(low: float, high: float) -> str:
    return "better" if low > 0 else "worse" if high < 0 else ""


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


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="retrieval")
