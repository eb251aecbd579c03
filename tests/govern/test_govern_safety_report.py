"""A safety report says of every risk what was run, shows what is waived as it is, and is never markup of others."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

from assay.govern.safety_report import certificate_of, safety_html, safety_junit, safety_markdown
from assay.govern.safety_risks import RISKS, by_risk
from assay.records.safety import Judged, Measurement, Requirement, SafetyReport, Slice, Standing, Waiver

LINE = Requirement("redteam.*", at_most=0.0)
FOUND = Measurement(
    "redteam.call_a_tool", "b1", "no tool is called", ("LLM06:2025",), 300, 3, 0.01, None, 0.026,
    slices=(Slice("language=de", 40, 0.05), Slice("language=en", 260, 0.004)),
)  # fmt: skip
FAILED = Judged(FOUND.check, Standing.FAILED, "3 of 300", FOUND, LINE, before=replace(FOUND, value=0.02))
WAIVED = replace(FAILED, waiver=Waiver("w1", FOUND.check, "Ada <b>", "told|customers", "2026-12-01"))
SILENT = Judged("canary.found", Standing.NOT_RUN, "it was never run", requirement=Requirement("canary.*", at_least=1.0))


def report(*checks: Judged) -> SafetyReport:
    waivers = tuple(one.waiver for one in checks if one.waiver)
    return SafetyReport(
        "b1", "assistant", "2026-11-23T09:00:00+00:00", "ada", (("assay", "1"),), (("bundle", "b1"),), checks,
        by_risk(checks), waivers,
    )  # fmt: skip


def test_a_report_stands_as_its_worst_check_that_nobody_waives() -> None:
    passed = replace(FAILED, standing=Standing.PASSED)
    assert report(FAILED, SILENT).standing is Standing.FAILED
    assert report(WAIVED).standing is Standing.PASSED
    assert report(WAIVED, SILENT).standing is Standing.NOT_RUN
    assert report(passed).standing is Standing.PASSED
    assert report().standing is Standing.NOT_RUN


def test_a_risk_that_nothing_was_run_for_is_not_run() -> None:
    rows = {row.risk: row for row in report(FAILED).risks}
    assert set(rows) == set(RISKS)
    assert rows["LLM03:2025"].standing is Standing.NOT_RUN
    assert rows["LLM06:2025"].standing is Standing.FAILED


def test_a_waived_failure_is_still_a_finding_of_the_certificate() -> None:
    made = certificate_of(report(WAIVED))
    assert not made.passed
    assert made.findings == (FOUND.check,)
    assert made.facts["checks"][0]["waiver"]["owner"] == "Ada <b>"


def test_junit_tells_failed_from_waived_and_from_not_run() -> None:
    def outcomes(*checks: Judged) -> dict[str | None, str]:
        root = ElementTree.fromstring(safety_junit(report(*checks)))
        return {case.get("name"): (case[0].tag if len(case) else "") for case in root.iter("testcase")}

    assert outcomes(FAILED, SILENT)[FOUND.check] == "failure"
    assert outcomes(FAILED, SILENT)["canary.found"] == "error"
    assert outcomes(WAIVED)[FOUND.check] == "skipped"
    assert outcomes(replace(FAILED, standing=Standing.PASSED))[FOUND.check] == ""
    assert outcomes()["LLM03:2025"] == "skipped"


def test_a_page_and_a_comment_hold_owner_and_reason_as_text() -> None:
    html, markdown = safety_html(report(WAIVED)), safety_markdown(report(WAIVED))
    assert "Ada &lt;b&gt;" in html
    assert "<b>" not in html
    assert "told\\|customers" in markdown
    assert "language=de: 0.05 (n 40)" in html
    assert "0.02, now better" in html


def test_what_no_line_was_drawn_for_neither_passes_nor_fails() -> None:
    told = Judged("benign.x", Standing.REPORTED, "5 of 9", replace(FOUND, check="benign.x"))
    found = report(told)
    assert found.standing is Standing.REPORTED
    assert {row.standing for row in found.risks if row.checks} == {Standing.REPORTED}
    case = next(
        one for one in ElementTree.fromstring(safety_junit(found)).iter("testcase") if one.get("name") == "benign.x"
    )
    assert case[0].tag == "skipped"
