"""The report of one run as one HTML file that needs no network and no script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from assay.evaluate.figures import GATE
from assay.evaluate.page import page, scroll, section
from assay.evaluate.report_cases import worst_html
from assay.evaluate.report_html import decision_html, left_out
from assay.evaluate.report_run import RunReport, failures_by_code
from assay.plot.svg import digits_for, element, table_html
from assay.records.evaluation import Interval, MetricKind, MetricSummary, Run, Sample


def run_html(found: RunReport, samples: Iterable[Sample]) -> str:
    """The whole page. Text of documents, users and models is escaped; nothing is fetched when it is opened."""
    kept = tuple(samples)
    run = found.report.run
    against = found.against
    sections = [
        decision_html(against.decision) if against and against.decision else "",
        "".join(element("p", escape(note), class_="note") for note in found.notes),
        section("Metrics", _metrics(found)),
        section("Corrected by people's labels", corrected_html(found)) if found.corrected else "",
        *(_figures(name, found) for name in found.sections),
        section("Failures", _failures(kept)),
        section("Cases, worst first", _cases(found, kept)),
    ]
    eyebrow = f"{run.app} · golden set {run.golden_name} · {run.cases} cases"
    return page(found.headline, eyebrow, sections, _provenance(found))


def _figures(name: str, found: RunReport) -> str:
    # the gate's section above has drawn its clauses already
    content = [figure.html() for figure in found.sections[name] if figure.identity != GATE]
    if found.against and name == "Against the baseline":
        content.insert(0, _pairing_note(found))
    return section(name, *content)


def _pairing_note(found: RunReport) -> str:
    against = found.against
    if against is None:
        return ""
    words = f"This run minus run {against.report.run.run_id}, paired by case; {against.comparison.cases} cases in both."
    listed = left_out(against.comparison)
    return element("p", escape(words)) + (
        element("ul", *(element("li", escape(text)) for text in listed)) if listed else ""
    )


def _metrics(found: RunReport) -> str:
    whole = found.report.whole
    rows = metric_rows((*found.report.summaries, *whole))
    return scroll(table_html("Every metric with its interval and number of samples scored", METRIC_HEADER, rows))


METRIC_HEADER = ("metric", "value", "low", "high", "level", "method", "scored", "not scored")


def metric_rows(summaries: Sequence[MetricSummary]) -> list[tuple[str, ...]]:
    """One row a metric; numbers are empty where there is no interval."""
    rows: list[tuple[str, ...]] = []
    for summary in summaries:
        metric, interval = summary.metric, summary.interval
        name = f"{metric.name} ({metric.unit})" if metric.unit else metric.name
        numbers = interval_cells(interval, skewed=metric.kind is MetricKind.SKEWED)
        missing = ", ".join(f"{reason} {count}" for reason, count in sorted(summary.unscored.items()))
        rows.append((name, *numbers, str(summary.scored), missing or "none"))
    return rows


def interval_cells(found: Interval | None, *, skewed: bool = False) -> tuple[str, str, str, str, str]:
    if found is None:
        return ("–", "–", "–", "–", "no interval")
    digits = digits_for([found.estimate]) if skewed else 3
    numbers = [f"{value:.{digits}f}".replace("-", "−") for value in (found.estimate, found.low, found.high)]
    return (numbers[0], numbers[1], numbers[2], f"{100 * found.level:.0f} %", found.method)


CORRECTED_HEADER = ("labelled", "as the run says", "low", "high", "corrected", "low", "high", "labels", "method")


def corrected_rows(found: RunReport) -> list[tuple[str, ...]]:
    """Naive and corrected intervals beside each other."""
    rows: list[tuple[str, ...]] = []
    for one in found.corrected:
        naive, better = interval_cells(one.naive), interval_cells(one.corrected)
        method = one.why_not or better[4]
        rows.append((one.subject, *naive[:3], *better[:3], str(one.labels), method))
    return rows


def corrected_html(found: RunReport) -> str:
    """The table of rates that people's labels correct."""
    words = (
        "What the run's own verdicts say, and what people's labels make of it: the corrected interval holds the error "
        "of the verdicts and that of having few labels. Rely on the corrected one."
    )
    table = table_html("Rates before and after correction", CORRECTED_HEADER, corrected_rows(found))
    return element("p", escape(words)) + scroll(table)


def _failures(samples: Sequence[Sample]) -> str:
    failed = failures_by_code(samples)
    if not failed:
        return element("p", "No sample failed.")
    rows = [(code, str(len(ids)), _some(ids)) for code, ids in failed.items()]
    return scroll(table_html("Cases with a sample that failed, by code", ("code", "cases", "which"), rows))


def _some(ids: Sequence[str], most: int = 8) -> str:
    more = f" and {len(ids) - most} more" if len(ids) > most else ""
    return ", ".join(ids[:most]) + more


def _cases(found: RunReport, samples: Sequence[Sample]) -> str:
    if not found.worst:
        return element("p", "Every case is perfect in the metrics drawn above.")
    names = ", ".join(metric.name for metric in found.metrics)
    lead = f"Cases that are not perfect in {names}: {found.imperfect} of {found.report.run.cases}."
    if found.imperfect > len(found.worst):
        lead += f" The worst {len(found.worst)} are shown."
    scores = {one.case_id: one.scores for one in found.worst}
    ids = [one.case_id for one in found.worst]
    return element("p", escape(lead)) + worst_html(found.golden.cases, samples, ids, scores)


def _provenance(found: RunReport) -> str:
    rows = [("golden set", f"{found.golden.name} @ {found.report.run.golden_version}")]
    named = [("run", found.report.run)]
    if found.against:
        named.append(("baseline", found.against.report.run))
    for name, run in named:
        rows.extend(run_facts(name, run))
    listed = "".join(element("dt", escape(key)) + element("dd", element("code", escape(text))) for key, text in rows)
    return element("footer", element("h2", "Where this comes from"), element("dl", listed))


def run_facts(name: str, run: Run) -> list[tuple[str, str]]:
    """What identifies a run, as names and texts."""
    split = f", split {run.split}" if run.split else ""
    rows = [
        (name, f"run {run.run_id}, bundle {run.bundle_id or 'none'}, {run.status.value}"),
        ("", f"{run.cases} cases × {run.repeats} repeats, seed {run.seed}{split}, begun {run.created_at}"),
    ]
    if run.versions:
        rows.append(("", ", ".join(f"{key} {value}" for key, value in sorted(run.versions.items()))))
    if run.samples_digest:
        rows.append(("", f"samples {run.samples_digest}"))
    return rows
