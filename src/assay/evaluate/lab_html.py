"""The retrieval lab's report: curves, the table of pipelines, and what differs from the baseline by slice."""

from __future__ import annotations

from html import escape

from assay.evaluate.compare import forest_rows
from assay.evaluate.lab import CUTOFFS, LabResult, PipelineResult
from assay.evaluate.page import page, scroll, section
from assay.plot.curves import Curve, curves_sentence, curves_svg, curves_table
from assay.plot.forest import forest_svg, forest_table, takeaway
from assay.plot.svg import element, figure_html, table_html


def lab_html(result: LabResult) -> str:
    """The whole page; opened from a file it fetches nothing."""
    names = ", ".join(pipeline.name for pipeline in result.pipelines)
    eyebrow = f"golden set {result.golden.name} · {len(result.golden.cases)} cases that name their evidence"
    sections = [
        section("Pipelines", scroll(_summaries(result))),
        section("Curves", *(_figure(result, measure) for measure in ("nDCG", "recall"))),
        *(_difference(result, number) for number in range(len(result.comparisons))),
        section("How each pipeline searches", _recipes(result)),
    ]
    return page(f"Retrieval: {names}", eyebrow, sections)


def summary_rows(result: LabResult) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and rows of the table of pipelines: each measure with its interval, and p95 of a search."""
    metrics = [summary.metric.name for summary in result.pipelines[0].report.summaries]
    rows = [(p.name, p.mode, *(_value(p, metric) for metric in metrics), f"{p.p95_ms:.1f}") for p in result.pipelines]
    return ("pipeline", "mode", *metrics, "p95 ms"), rows


def _value(pipeline: PipelineResult, metric: str) -> str:
    found = next(s.interval for s in pipeline.report.summaries if s.metric.name == metric)
    return f"{found.estimate:.3f} [{found.low:.3f}, {found.high:.3f}]" if found else "–"


def _summaries(result: LabResult) -> str:
    header, rows = summary_rows(result)
    return table_html("Every pipeline with 95 % intervals, documents as the unit", header, rows)


def _figure(result: LabResult, measure: str) -> str:
    curves = [Curve(pipeline.name, pipeline.curves[measure]) for pipeline in result.pipelines]
    name = f"{measure}@k"
    return figure_html(
        scroll(curves_svg(curves, CUTOFFS, name, identity=f"curve-{measure}")),
        curves_sentence(curves, CUTOFFS, measure),
        scroll(curves_table(curves, CUTOFFS, name)),
    )


def _difference(result: LabResult, number: int) -> str:
    candidate = [p for p in result.pipelines if p.name != result.baseline][number]
    rows = forest_rows(result.comparisons[number])
    caption = f"{candidate.name} minus {result.baseline}, paired by case, 95 % intervals"
    figure = figure_html(
        scroll(forest_svg(rows, identity=f"forest-{number}", title=caption)),
        takeaway(rows),
        scroll(forest_table(rows, caption)),
    )
    return section(f"{candidate.name} against {result.baseline}", figure)


def _recipes(result: LabResult) -> str:
    listed = "".join(
        element("dt", escape(pipeline.name)) + element("dd", element("code", escape(pipeline.recipe)))
        for pipeline in result.pipelines
    )
    return element("dl", listed) + element("p", f"Golden cases searched: version {escape(result.golden.version)}.")
