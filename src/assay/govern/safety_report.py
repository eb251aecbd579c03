"""A safety report for a person and for a machine: HTML, Markdown, JUnit, and the facts of a signed certificate."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from assay.evaluate.exports.junit import JunitTest, junit_document
from assay.evaluate.page import page, scroll, section
from assay.plot.figure import markdown_table, markdown_text
from assay.plot.svg import element, table_html
from assay.records.certificates import Certificate
from assay.records.digest import plain
from assay.records.safety import Judged, Measurement, SafetyReport, Standing

CERTIFICATE = "safety"
MARKS = {Standing.PASSED: "✓", Standing.FAILED: "✕", Standing.NOT_RUN: "–", Standing.REPORTED: "·"}
_HEADER = ("check", "standing", "n", "result", "line", "worst slice", "live release", "what should hold")
_RISKS = ("risk", "", "standing", "checks", "passed", "failed", "not run", "reported")


def certificate_of(report: SafetyReport) -> Certificate:
    """The report as a certificate to be signed: `assay certificate verify` reads it. Its findings are the checks that
    failed, whoever waives them."""
    failed = tuple(one.check for one in report.checks if one.standing is Standing.FAILED)
    facts: dict[str, Any] = {"standing": report.standing.value, **plain(report)}
    passed = report.standing is Standing.PASSED and not failed
    return Certificate(CERTIFICATE, report.subject, passed, facts, report.made_at, failed)


def safety_junit(report: SafetyReport) -> bytes:
    """One test case a check: what was not run is an `error` where a release needs it and `skipped` elsewhere; what is
    waived is `skipped` with its owner's name."""
    tests = [JunitTest(_group(one), one.check, _outcome(one), one.standing.value, _why(one)) for one in report.checks]
    silent = [row for row in report.risks if not row.checks]
    tests += [JunitTest("risk", row.risk, "skipped", "not run", f"{row.title}: nothing was run") for row in silent]
    return junit_document(f"assay safety {report.app}", tests, report.made_at)


def safety_markdown(report: SafetyReport) -> str:
    """For a pull request or a model card."""
    parts = [
        f"## {MARKS[report.standing]} Safety: {report.standing.value}",
        markdown_text(headline(report)),
        markdown_table(_RISKS, _risk_rows(report)),
        markdown_table(_HEADER, [_row(one) for one in report.checks]),
    ]
    if report.waivers:
        parts += ["### Waivers", markdown_table(WAIVER_HEADER, waiver_rows(report))]
    hashes = [[name, value] for name, value in (*report.environment, *report.hashes)]
    parts += ["### What it rests on", markdown_table(("of", "is"), hashes)]
    return "\n\n".join(parts) + "\n"


def safety_html(report: SafetyReport) -> str:
    """One page that needs no network and no script. All that was not written by Assay is escaped."""
    badge = element(
        "span", f"{MARKS[report.standing]} {report.standing.value}", class_=f"verdict {_CLASS[report.standing]}"
    )
    risks = table_html("Every risk of the catalogue, also those that nothing was run for", _RISKS, _risk_rows(report))
    rows = [_row(one) for one in report.checks]
    checks = table_html("Every check that was measured or is asked for", _HEADER, rows)
    sliced = [one.measurement for one in report.checks if one.measurement and one.measurement.slices]
    sections = [
        section("Standing", element("p", badge, " ", escape(headline(report)))),
        section("Risks", scroll(risks)),
        section("Checks", scroll(checks)),
        section("By slice", *(_slices(one) for one in sliced)) if sliced else "",
    ]
    if report.waivers:
        caption = "Who answers for what does not hold, and until when"
        sections.append(section("Waivers", scroll(table_html(caption, WAIVER_HEADER, waiver_rows(report)))))
    hashes = [[name, value] for name, value in (*report.environment, *report.hashes)]
    sections.append(section("What it rests on", scroll(table_html("Versions and digests", ("of", "is"), hashes))))
    eyebrow = f"{report.app} · {report.subject[:16]} · {report.made_at[:16].replace('T', ' ')}"
    return page("Safety report", eyebrow, sections)


WAIVER_HEADER = ("check", "owner", "reason", "expires", "about", "written by", "on")
_CLASS = {
    Standing.PASSED: "ship", Standing.FAILED: "do_not_ship", Standing.NOT_RUN: "cannot_judge",
    Standing.REPORTED: "need_more_data",
}  # fmt: skip


def waiver_rows(report: SafetyReport) -> list[list[str]]:
    """A row for each waiver that holds."""
    return [
        [one.check, one.owner, one.reason, one.expires, one.subject[:16] or "every bundle", one.by, one.at[:10]]
        for one in report.waivers
    ]


def headline(report: SafetyReport) -> str:
    """How many checks stand how, and how many risks nothing speaks to, in one line."""
    counted = {standing: sum(one.standing is standing for one in report.checks) for standing in Standing}
    waived = sum(one.waiver is not None for one in report.checks)
    silent = sum(not row.checks for row in report.risks)
    return (
        f"{counted[Standing.PASSED]} checks passed, {counted[Standing.FAILED]} failed, {counted[Standing.NOT_RUN]} "
        f"were not run, {waived} of those are waived; {counted[Standing.REPORTED]} are reported without a line; "
        f"nothing speaks to {silent} of {len(report.risks)} risks"
    )


def _risk_rows(report: SafetyReport) -> list[list[str]]:
    rows = []
    for row in report.risks:
        counts = [sum(one.standing is standing for one in row.checks) for standing in Standing]
        words = f"{MARKS[row.standing]} {row.standing.value}"
        rows.append([row.risk, row.title, words, str(len(row.checks)), *(str(count) for count in counts)])
    return rows


def _row(one: Judged) -> list[str]:
    found = one.measurement
    standing = f"{MARKS[one.standing]} {one.standing.value}" + (" (waived)" if one.waiver else "")
    if found is None:
        return [one.check, standing, "0", one.reason, _line(one), "", "", ""]
    worst = found.worst_slice
    told = f"{worst.name}: {worst.value:.4g} (n {worst.n:,})" if worst else ""
    return [
        one.check,
        standing,
        f"{found.n:,}",
        result_words(found) or one.reason,
        _line(one),
        told,
        _before(one),
        found.control,
    ]


def result_words(found: Measurement) -> str:
    """The value with its limits; empty where nothing was run."""
    if found.value is None:
        return ""
    counted = f"{found.events:,} of {found.n:,} = " if found.counts else ""
    return f"{counted}{found.value:.4g}{_limits(found.low, found.high)}"


def _limits(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f" [{low:.4g}, {high:.4g}]"
    if low is None and high is None:
        return ""
    return f" (at least {low:.4g})" if low is not None else f" (at most {high:.4g})"


def _line(one: Judged) -> str:
    if one.requirement is None:
        threshold = one.measurement.threshold if one.measurement else None
        higher = one.measurement is not None and one.measurement.higher_is_better
        return "" if threshold is None else f"{'≥' if higher else '≤'} {threshold:g}, not asked for"
    line = one.requirement
    limit = "limit " if line.by_limit else ""
    return f"{limit}≤ {line.at_most:g}" if line.at_most is not None else f"{limit}≥ {line.at_least:g}"


def _before(one: Judged) -> str:
    if one.before is None or one.before.value is None:
        return ""
    now = one.measurement.value if one.measurement else None
    if now is None:
        return f"{one.before.value:.4g}"
    better = (now > one.before.value) == (one.measurement is not None and one.measurement.higher_is_better)
    word = "same" if now == one.before.value else ("better" if better else "worse")
    return f"{one.before.value:.4g}, now {word}"


def _slices(found: Measurement) -> str:
    rows = [
        [one.name, f"{one.n:,}", *(_number(value) for value in (one.value, one.low, one.high))] for one in found.slices
    ]
    table = scroll(table_html(found.control or found.check, ("slice", "n", "value", "low", "high"), rows))
    return element("details", element("summary", escape(found.check)), table)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _group(one: Judged) -> str:
    return f"safety.{one.check.split('.')[0]}"


def _outcome(one: Judged) -> str:
    if one.standing is Standing.PASSED:
        return ""
    if one.waiver is not None:
        return "skipped"
    if one.standing is Standing.FAILED:
        return "failure"
    return "error" if one.requirement else "skipped"


def _why(one: Judged) -> str:
    if one.waiver is None:
        return one.reason
    return f"{one.reason}; waived by {one.waiver.owner} until {one.waiver.expires}: {one.waiver.reason}"


def summary_rows(checks: Sequence[Judged]) -> list[tuple[str, ...]]:
    """Check, standing and what was found, for a terminal."""
    return [(one.check, f"{one.standing.value}{' (waived)' if one.waiver else ''}", _why(one)) for one in checks]
