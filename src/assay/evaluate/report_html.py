"""The comparison report: one HTML file that needs no network and no script, for a browser, a mail or a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from assay.evaluate import figures
from assay.evaluate.compare import forest_rows
from assay.evaluate.page import page, scroll, section
from assay.evaluate.report_cases import flipped_html
from assay.plot.forest import ForestRow
from assay.plot.svg import digits_for, element, signed, table_html
from assay.records.comparison import Clause, Comparison, Decision, GatePolicy, Verdict
from assay.records.evaluation import Metric, MetricKind, MetricSummary, Report, Sample
from assay.records.golden import GoldenSet

VERDICT_WORDS = {
    Verdict.SHIP: ("✓", "Ship", "the candidate is not worse than the policy allows on any clause"),
    Verdict.DO_NOT_SHIP: ("✕", "Do not ship", "the candidate is shown to be worse than the policy allows"),
    Verdict.NEED_MORE_DATA: ("?", "Need more data", "neither safety nor harm is shown yet"),
    Verdict.CANNOT_JUDGE: ("!", "Cannot judge", "the evidence is not whole"),
}


def comparison_html(
    comparison: Comparison,
    report_a: Report,
    report_b: Report,
    golden: GoldenSet,
    samples_a: Iterable[Sample],
    samples_b: Iterable[Sample],
    decision: Decision | None = None,
    policy: GatePolicy | None = None,
) -> str:
    """The whole page. Text of documents, users and models is escaped; nothing is fetched when it is opened.

    `policy` gives the margins for the power curves where there is no decision, which brings its own.
    """
    title = headline(comparison, decision)
    left, right = (report_a.run, tuple(samples_a)), (report_b.run, tuple(samples_b))
    asked = decision.policy if decision else policy
    power = figures.power_figures(asked, *left, *right, golden) if asked else ()
    spread = figures.distribution_figures(*left, *right, golden.cases)
    sections = [
        decision_html(decision) if decision else "",
        section("Differences", _differences(comparison)),
        section("Won and lost", figures.flips_figure(comparison).html()),
        section("How many cases would decide it", *(one.html() for one in power)) if power else "",
        section("Both runs", _summaries(report_a, report_b)),
        section("Latency and cost", *(one.html() for one in spread)) if spread else "",
        section("Failures", _failures(report_a, report_b)),
        section("Cases that changed, worst first", flipped_html(comparison, golden.cases, left[1], right[1])),
    ]
    eyebrow = f"{report_a.run.app} · golden set {comparison.golden_name} · {comparison.cases} cases in both runs"
    return page(title, eyebrow, sections, _provenance(comparison, report_a, report_b, decision))


def headline(comparison: Comparison, decision: Decision | None = None) -> str:
    """The page in one sentence: the verdict if there is one, else what is shown to be better and worse."""
    if decision is not None:
        return f"{VERDICT_WORDS[decision.verdict][1]}: {decision.reason}"
    rows = [row for row in forest_rows(comparison) if not row.slice]
    better = [_change(row) for row in rows if row.state == "clears"]
    worse = [_change(row) for row in rows if row.state == "worse"]
    if not better and not worse:
        return f"No difference is shown in any of {len(rows)} metrics"
    parts = []
    if worse:
        parts.append("worse in " + ", ".join(worse))
    if better:
        parts.append("better in " + ", ".join(better))
    return "The candidate is " + " and ".join(parts)


def _change(row: ForestRow) -> str:
    if row.unit:
        return f"{row.metric} ({signed(row.estimate, digits_for([row.estimate]))} {row.unit})"
    return f"{row.metric} ({signed(100.0 * row.estimate, 1)} points)"


def decision_html(decision: Decision) -> str:
    """The gate's verdict, its clauses with their margins, and what else it rests on."""
    mark, word, meaning = VERDICT_WORDS[decision.verdict]
    badge = element("span", f"{mark} {word}", class_=f"verdict {decision.verdict.value}")
    parts = [element("p", badge, " ", escape(meaning + "."))]
    if decision.n_needed is not None:
        words = f"A golden set of about {decision.n_needed:,} cases like these would decide it."
        parts.append(element("p", escape(words)))
    drawn = figures.gate_figure(decision)
    if drawn.rows:
        parts.append(drawn.html())
    table = [
        [_clause_name(r.clause), r.clause.kind.value.replace("_", " "), f"{r.clause.margin:g}", f"{r.clause.alpha:g}",
         str(r.delta.interval.n) if r.delta else "–", VERDICT_WORDS[r.verdict][1], r.reason]
        for r in decision.clauses
    ]  # fmt: skip
    header = ("clause", "asks for", "margin", "alpha", "n", "verdict", "why")
    parts.append(scroll(table_html("Every clause of the policy, fixed before the data were seen", header, table)))
    if decision.certificates:
        listed = [[c.kind, c.certificate_id[:12] or "none", c.created_at[:10], VERDICT_WORDS[c.verdict][1], c.reason]
                  for c in decision.certificates]  # fmt: skip
        caption = "Certificates that the policy asks for"
        parts.append(scroll(table_html(caption, ("certificate", "id", "made", "verdict", "why"), listed)))
    if decision.conditions:
        stated = [[c.kind, c.subject, VERDICT_WORDS[c.verdict][1], c.reason] for c in decision.conditions]
        caption = "Whether the evidence may be relied on"
        parts.append(scroll(table_html(caption, ("condition", "of", "verdict", "why"), stated)))
    if decision.notes:
        parts.append(element("ul", *(element("li", escape(note)) for note in decision.notes)))
    return section("Gate", *parts)


def _clause_name(clause: Clause) -> str:
    return f"{clause.metric} · {clause.slice}" if clause.slice else clause.metric


def _differences(comparison: Comparison) -> str:
    level = comparison.deltas[0].interval.level if comparison.deltas else 0.95
    note = (
        f"Candidate minus baseline, paired by case, {level:.0%} intervals. Cases that share a source document or a "
        "conversation count as one cluster. A metric or slice is marked only if it survives the correction for "
        "the number of metrics, or of slices (Benjamini-Hochberg)."
    ).replace("%", " %")
    methods = ", ".join(sorted({delta.interval.method for delta in comparison.deltas}))
    listed = left_out(comparison)
    return "".join(
        [
            element("p", escape(note)),
            figures.forest_figure(comparison).html(),
            element("ul", *(element("li", escape(text)) for text in listed)) if listed else "",
            element("p", f"Methods: {escape(methods)}.", class_="muted") if methods else "",
        ]
    )


def left_out(comparison: Comparison) -> list[str]:
    """Cases that stand in one run only, and those that count as the worst value, in words."""
    return [
        f"{delta.metric.name}: cases left out, scored in one run only ({reason}): {count}"
        for delta in comparison.deltas
        for reason, count in delta.dropped.items()
    ] + [
        f"{delta.metric.name}: cases without an answer in one run, counted as the worst value: {delta.failed_as_worst}"
        for delta in comparison.deltas
        if delta.failed_as_worst
    ]


def _summaries(report_a: Report, report_b: Report) -> str:
    theirs = {summary.metric.name: summary for summary in report_b.summaries}
    names = [summary.metric for summary in report_a.summaries]
    names += [s.metric for s in report_b.summaries if s.metric.name not in {m.name for m in names}]
    ours = {summary.metric.name: summary for summary in report_a.summaries}
    rows = [[_metric_name(m), _value(ours.get(m.name)), _value(theirs.get(m.name))] for m in names]
    missing = [[_metric_name(m), _missing(ours.get(m.name)), _missing(theirs.get(m.name))] for m in names]
    header = ("metric", "A · baseline", "B · candidate")
    return scroll(table_html("Value with its 95 % interval and number of samples scored", header, rows)) + element(
        "details",
        element("summary", "What could not be scored, and why"),
        scroll(table_html("Samples without a score by reason", header, missing)),
    )


def _metric_name(metric: Metric) -> str:
    return f"{metric.name} ({metric.unit})" if metric.unit else metric.name


def _value(summary: MetricSummary | None) -> str:
    if summary is None:
        return "not measured"
    if summary.interval is None:
        return f"no score (n {summary.scored})"
    found = summary.interval
    digits = digits_for([found.estimate]) if summary.metric.kind is MetricKind.SKEWED else 3
    return f"{found.estimate:.{digits}f} [{found.low:.{digits}f}, {found.high:.{digits}f}] (n {summary.scored})"


def _missing(summary: MetricSummary | None) -> str:
    return _counted(summary.unscored) if summary is not None else "not measured"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in sorted(counts.items())) or "none"


def _failures(report_a: Report, report_b: Report) -> str:
    codes = sorted({*report_a.failures, *report_b.failures})
    if not codes:
        return element("p", "No sample failed in either run.")
    rows = [[code, str(report_a.failures.get(code, 0)), str(report_b.failures.get(code, 0))] for code in codes]
    return table_html("Samples that failed, by code", ("code", "A · baseline", "B · candidate"), rows)


def _provenance(comparison: Comparison, a: Report, b: Report, decision: Decision | None) -> str:
    rows = [("golden set", f"{comparison.golden_name} @ {comparison.golden_version}")]
    for name, report in (("A · baseline", a), ("B · candidate", b)):
        run = report.run
        split = f", split {run.split}" if run.split else ""
        rows.append((name, f"run {run.run_id}, bundle {run.bundle_id or 'none'}, {run.status.value}"))
        rows.append(("", f"{run.cases} cases × {run.repeats} repeats, seed {run.seed}{split}, begun {run.created_at}"))
        if run.versions:
            rows.append(("", ", ".join(f"{key} {value}" for key, value in sorted(run.versions.items()))))
    if decision is not None:
        rows.append(("decision", decision.decision_id))
        rows.append(("policy", decision.policy_digest))
        rows.extend(("run digest", f"{run_id}: {digest}") for run_id, digest in sorted(decision.run_digests.items()))
        rows.append(("seed", f"{decision.seed}, judged {decision.created_at}"))
    listed = "".join(element("dt", escape(key)) + element("dd", element("code", escape(text))) for key, text in rows)
    return element("footer", element("h2", "Where this comes from"), element("dl", listed))
