"""Markdown for a pull request: the verdict first, then every clause with its interval, then what is folded away.

Names of metrics, slices and cases come from logs and documents: they are shown as they stand and are never markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from assay.evaluate.compare import forest_rows
from assay.evaluate.report_html import VERDICT_WORDS, headline
from assay.plot.figure import markdown_table, markdown_text
from assay.plot.forest import ForestRow
from assay.records.comparison import Clause, ClauseKind, Comparison, Decision, Delta, Flip, Verdict
from assay.records.evaluation import Direction, Metric, MetricKind, MetricSummary, Report

MARKER = "<!-- assay report -->"
"""The first line, by which a later run of the job finds its own comment and replaces it."""
MOST_ROWS = 100
MOST_FLIPS = 50
"""A comment on GitHub holds 65,536 characters; the JSON and HTML reports hold everything."""


def decision_markdown(decision: Decision, comparison: Comparison | None = None) -> str:
    """A gate's decision. The flips of `comparison`, where there is one, are folded."""
    mark, word, meaning = VERDICT_WORDS[decision.verdict]
    parts = [
        f"{MARKER}\n## {mark} {word}",
        f"{markdown_text(_sentence(decision.reason))}",
        f"*{markdown_text(meaning)}.*",
    ]
    if decision.n_needed is not None:
        parts.append(f"A golden set of about **{decision.n_needed:,}** cases like these would decide it.")
    parts.extend(clause_tables(decision))
    if decision.notes:
        parts.append("\n".join(f"- {markdown_text(note)}" for note in decision.notes))
    if comparison is not None:
        parts.append(_flips(comparison.flips))
    runs = f"baseline `{_plain(decision.baseline_run)}`, candidate `{_plain(decision.candidate_run)}`"
    parts.append(
        f"<sub>Decision `{_plain(decision.decision_id[:12])}` · golden set {markdown_text(decision.golden_name)} "
        f"`{_plain(decision.golden_version[:12])}` · policy `{_plain(decision.policy_digest[:12])}` · {runs}</sub>"
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def clause_tables(decision: Decision) -> Iterable[str]:
    """One row a clause; then certificates and conditions, where there are any."""
    header = ("", "clause", "asks for", "Δ (interval at 1 − 2α)", "n", "won / lost", "why")
    yield _table(header, _clauses(decision))
    yield from _beside(decision)


def comparison_markdown(comparison: Comparison, decision: Decision | None = None) -> str:
    """Two runs side by side; with a decision on them, the decision, unless it is that they cannot be judged."""
    if decision is not None and decision.verdict is not Verdict.CANNOT_JUDGE:
        return decision_markdown(decision, comparison)
    rows = [row for row in forest_rows(comparison) if not row.slice or row.state != "open"]
    words = {"clears": "better", "worse": "**worse**", "open": "no difference shown"}
    body = [[row.name, _difference_of(row), str(row.n), f"{row.won} / {row.lost}", words[row.state]] for row in rows]
    header = ("metric", "candidate minus baseline (interval)", "n", "won / lost", "after correction")
    parts = [
        f"{MARKER}\n## {markdown_text(headline(comparison))}",
        f"{comparison.cases} cases in both runs, paired. A row counts as better or worse only where it survives the "
        "correction for the number of metrics, or of slices (Benjamini-Hochberg). Slices in which nothing is shown are "
        "left out.",
        _table(header, [[*map(markdown_text, row[:4]), row[4]] for row in body], escaped=True),
        _flips(comparison.flips),
        f"<sub>Golden set {markdown_text(comparison.golden_name)} `{_plain(comparison.golden_version[:12])}` · "
        f"baseline `{_plain(comparison.baseline_run)}`, candidate `{_plain(comparison.candidate_run)}`</sub>",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def run_markdown(report: Report) -> str:
    """One run's metrics with their intervals, and what could not be scored."""
    run = report.run
    failed = ", ".join(f"{code} {count}" for code, count in sorted(report.failures.items())) or "none"
    return "\n\n".join(
        [
            f"{MARKER}\n## Run {markdown_text(run.run_id)}: {markdown_text(run.app)}",
            f"{run.cases} cases × {run.repeats} on golden set {markdown_text(run.golden_name)} "
            f"`{_plain(run.golden_version[:12])}`, {run.status.value}. Failed samples: {markdown_text(failed)}.",
            _table(("metric", "value", "95 % interval", "scored", "not scored"), map(_summary, report.summaries)),
        ]
    ) + "\n"  # fmt: skip


def _summary(summary: MetricSummary) -> list[str]:
    missing = ", ".join(f"{reason} {count}" for reason, count in sorted(summary.unscored.items()))
    name = f"{summary.metric.name} ({summary.metric.unit})" if summary.metric.unit else summary.metric.name
    if summary.interval is None:
        return [name, "–", "–", str(summary.scored), missing]
    found, digits = summary.interval, 1 if summary.metric.kind is MetricKind.SKEWED else 3
    limits = f"{found.low:.{digits}f} to {found.high:.{digits}f}"
    return [name, f"{found.estimate:.{digits}f}", limits, str(summary.scored), missing]


def _clauses(decision: Decision) -> list[list[str]]:
    rows = []
    for result in decision.clauses:
        delta, clause = result.delta, result.clause
        need = f"; n needed {result.n_needed:,}" if result.n_needed is not None else ""
        rows.append([
            VERDICT_WORDS[result.verdict][0], _clause_name(clause), _asks(clause),
            _difference(delta) if delta else "–", str(delta.interval.n) if delta else "–",
            f"{delta.won} / {delta.lost}" if delta else "–", result.reason + need,
        ])  # fmt: skip
    return rows


def _beside(decision: Decision) -> Iterable[str]:
    """Certificates and conditions, which count as clauses do."""
    rows = [[VERDICT_WORDS[one.verdict][0], f"certificate {one.kind}", one.reason] for one in decision.certificates]
    rows += [[VERDICT_WORDS[one.verdict][0], f"{one.kind} {one.subject}", one.reason] for one in decision.conditions]
    if rows:
        yield _table(("", "condition", "why"), rows)


def _clause_name(clause: Clause) -> str:
    return f"{clause.metric} · {clause.slice}" if clause.slice else clause.metric


def _asks(clause: Clause) -> str:
    match clause.kind:
        case ClauseKind.NON_INFERIORITY:
            return f"not worse by {clause.margin:g} (α {clause.alpha:g})"
        case ClauseKind.SUPERIORITY:
            return f"better by {clause.margin:g} (α {clause.alpha:g})"
        case ClauseKind.NO_LOSS:
            return "no case lost"


def _difference(delta: Delta) -> str:
    found, digits = delta.interval, _digits(delta.metric, delta.interval.estimate)
    better = "↑" if delta.metric.direction is Direction.HIGHER else "↓"
    unit = f" {delta.metric.unit}" if delta.metric.unit else ""
    return f"{found.estimate:+.{digits}f} [{found.low:+.{digits}f}, {found.high:+.{digits}f}]{unit} {better}"


def _difference_of(row: ForestRow) -> str:
    digits = 1 if row.unit and abs(row.estimate) >= 10 else 3
    unit = f" {row.unit}" if row.unit else ""
    better = "↑" if row.higher_is_better else "↓"
    return f"{row.estimate:+.{digits}f} [{row.low:+.{digits}f}, {row.high:+.{digits}f}]{unit} {better}"


def _digits(metric: Metric, value: float) -> int:
    return 1 if metric.kind is MetricKind.SKEWED and abs(value) >= 10 else 3


def _flips(flips: Sequence[Flip]) -> str:
    if not flips:
        return ""
    rows = [[flip.case_id, flip.metric, f"{flip.baseline:.3f}", f"{flip.candidate:.3f}"] for flip in flips[:MOST_FLIPS]]
    more = f"\n\n{len(flips) - MOST_FLIPS:,} more." if len(flips) > MOST_FLIPS else ""
    lost = sum(flip.loss > 0 for flip in flips)
    summary = f"{len(flips):,} changed scores, {lost:,} of them losses, worst first"
    body = markdown_table(("case", "metric", "baseline", "candidate"), rows)
    return f"<details>\n<summary>{summary}</summary>\n\n{body}{more}\n\n</details>"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], *, escaped: bool = False) -> str:
    """A table of at most MOST_ROWS rows; cells are escaped here unless they are markup already."""
    listed = list(rows)
    if not listed:
        return ""
    more = f"\n\n{len(listed) - MOST_ROWS:,} more rows stand in the JSON report." if len(listed) > MOST_ROWS else ""
    shown = listed[:MOST_ROWS]
    if not escaped:
        return markdown_table(header, shown) + more
    lines = [header, ["---"] * len(header), *shown]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + more


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _plain(identifier: str) -> str:
    """Letters, digits and dashes of an id, for code spans."""
    return "".join(c for c in identifier if c.isalnum() or c in "-_.")
