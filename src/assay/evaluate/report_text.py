"""The report of one run for a terminal and for a pull request: the same numbers, figures and takeaways as on the page.

The texts of cases and replies stand in neither: a log or a pull request may be read by more people than the golden set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assay.evaluate.exports.markdown import clause_tables
from assay.evaluate.report_html import headline
from assay.evaluate.report_run import RunReport, failures_by_code
from assay.evaluate.report_run_html import CORRECTED_HEADER, METRIC_HEADER, corrected_rows, metric_rows
from assay.plot.figure import Figure, markdown_table, markdown_text, text_table, wrapped
from assay.records.evaluation import Sample

WORST_LISTED = 10


def run_text(found: RunReport, samples: Sequence[Sample], width: int = 100) -> str:
    """The whole report in lines of at most `width` columns."""
    run = found.report.run
    subject = run.bundle_id[:12] or "as configured"
    lines = [*wrapped(found.headline, width), f"run {run.run_id}  {run.app} {subject}  {run.status.value}", ""]
    if found.against:
        lines += [*wrapped(_verdict(found), width), ""]
    for note in found.notes:
        lines += wrapped(note, width)
    lines += text_table(METRIC_HEADER, metric_rows((*found.report.summaries, *found.report.whole)), width)
    if found.corrected:
        lines += ["", "Corrected by people's labels", *text_table(CORRECTED_HEADER, corrected_rows(found), width)]
    for name, figures in found.sections.items():
        lines += ["", name, "═" * len(name)]
        for figure in figures:
            lines += [figure.title, figure.text(width), ""]
    lines += ["Failures: " + _failures(samples), ""]
    if found.worst:
        rows = _worst(found)
        lines += [f"Worst cases, {len(rows)} of {found.imperfect} that are not perfect"]
        lines += text_table(("case", *(m.name for m in found.metrics), "failed"), rows, width)
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"


def _verdict(found: RunReport) -> str:
    against = found.against
    if against is None:
        return ""
    return f"Against run {against.report.run.run_id}: {headline(against.comparison, against.decision)}."


def _failures(samples: Sequence[Sample]) -> str:
    counted = {code: len(ids) for code, ids in failures_by_code(samples).items()}
    return ", ".join(f"{code} in {n} cases" for code, n in counted.items()) or "none"


def _worst(found: RunReport) -> list[tuple[str, ...]]:
    rows = []
    for one in found.worst[:WORST_LISTED]:
        scores = (f"{one.scores[m.name]:.3g}" if m.name in one.scores else "–" for m in found.metrics)
        rows.append((one.case_id, *scores, str(one.failed)))
    return rows


def run_markdown(found: RunReport, samples: Sequence[Sample], links: Mapping[str, str] | None = None) -> str:
    """For a pull request. `links` maps a figure's identity to where its picture can be seen."""
    run = found.report.run
    parts = [f"## {markdown_text(found.headline)}"]
    if found.against:
        parts.append(markdown_text(_verdict(found)))
        if found.against.decision:
            parts += clause_tables(found.against.decision)
    parts += [markdown_text(note) for note in found.notes]
    parts.append(markdown_table(METRIC_HEADER, metric_rows((*found.report.summaries, *found.report.whole))))
    if found.corrected:
        parts.append("### Corrected by people's labels")
        parts.append(markdown_table(CORRECTED_HEADER, corrected_rows(found)))
    for name, figures in found.sections.items():
        parts.append(_folded(name, figures, links or {}))
    parts.append(f"Failures: {markdown_text(_failures(samples))}.")
    if found.worst:
        header = ("case", *(m.name for m in found.metrics), "failed")
        parts.append(f"Worst cases, {min(WORST_LISTED, len(found.worst))} of {found.imperfect} that are not perfect:")
        parts.append(markdown_table(header, _worst(found)))
    parts.append(f"<sub>{markdown_text(f'run {run.run_id}, golden set {run.golden_name} {run.golden_version}')}</sub>")
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def _folded(name: str, figures: Sequence[Figure], links: Mapping[str, str]) -> str:
    """A section whose takeaways are read at once and whose tables open."""
    if not figures:
        return ""
    takeaways = "\n".join(f"- {markdown_text(figure.takeaway)}" for figure in figures)
    inside = "\n".join(figure.markdown(links.get(figure.identity, "")) for figure in figures)
    heading = markdown_text(name)
    return f"### {heading}\n\n{takeaways}\n\n<details><summary>{heading}: the numbers</summary>\n\n{inside}\n</details>"
