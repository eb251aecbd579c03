"""Reports for other tools: Markdown that no text can break out of, JUnit of the usual shape, numbers for a tracker."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from markdown_it import MarkdownIt

from assay.evaluate.compare import compare
from assay.evaluate.exports.figures import tracked
from assay.evaluate.exports.junit import comparison_junit, decision_junit, run_junit
from assay.evaluate.exports.markdown import MARKER, MOST_FLIPS, comparison_markdown, decision_markdown, run_markdown
from assay.evaluate.summary import summarize
from assay.records.comparison import Clause, ClauseKind, ConditionResult, Decision, GatePolicy, Verdict
from assay.records.dialogue import Outcome, Reply
from assay.records.evaluation import Direction, Metric, MetricKind, Run, RunStatus, Sample
from assay.records.golden import Case, Expected, GoldenSet
from assay.release.gate import decide

XSD = etree.XMLSchema(
    etree.fromstring("""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:complexType name="told"><xs:simpleContent><xs:extension base="xs:string">
    <xs:attribute name="type" type="xs:string"/><xs:attribute name="message" type="xs:string"/>
  </xs:extension></xs:simpleContent></xs:complexType>
  <xs:element name="testsuites"><xs:complexType><xs:sequence>
    <xs:element name="testsuite" minOccurs="0" maxOccurs="unbounded"><xs:complexType><xs:sequence>
      <xs:element name="testcase" minOccurs="0" maxOccurs="unbounded"><xs:complexType><xs:choice minOccurs="0">
        <xs:element name="skipped" type="told"/><xs:element name="error" type="told"/>
        <xs:element name="failure" type="told"/></xs:choice>
        <xs:attribute name="name" type="xs:string" use="required"/>
        <xs:attribute name="classname" type="xs:string" use="required"/>
        <xs:attribute name="time" type="xs:decimal"/></xs:complexType></xs:element></xs:sequence>
      <xs:attribute name="name" type="xs:string" use="required"/>
      <xs:attribute name="tests" type="xs:nonNegativeInteger" use="required"/>
      <xs:attribute name="failures" type="xs:nonNegativeInteger" use="required"/>
      <xs:attribute name="errors" type="xs:nonNegativeInteger" use="required"/>
      <xs:attribute name="skipped" type="xs:nonNegativeInteger"/>
      <xs:attribute name="time" type="xs:decimal"/><xs:attribute name="timestamp" type="xs:dateTime"/>
    </xs:complexType></xs:element></xs:sequence>
    <xs:attribute name="name" type="xs:string"/><xs:attribute name="tests" type="xs:nonNegativeInteger"/>
    <xs:attribute name="failures" type="xs:nonNegativeInteger"/>
    <xs:attribute name="errors" type="xs:nonNegativeInteger"/><xs:attribute name="time" type="xs:decimal"/>
  </xs:complexType></xs:element></xs:schema>""")
)
RENDER = MarkdownIt("gfm-like", {"html": True, "linkify": False})
NASTY = (
    "<script>alert(1)</script>",
    "x | y\n## Ship",
    "[a](http://evil.example)",
    "@everyone #1 ![i](u)",
    "`</details>`",
)


def made(metric: str, case_id: str = "q", n: int = 120, flipped: int = 40) -> tuple[GoldenSet, Run, Run, Any, Any]:
    golden = GoldenSet("set", tuple(Case(f"{case_id}{k}", "?", Expected()) for k in range(n)))
    metrics = (Metric(metric, MetricKind.BINARY, Direction.HIGHER),)
    at = "2026-05-04T03:02:01Z"
    run = Run("aaaa", "app", "s", "", "set", golden.version, n, 1, 0, metrics, at, RunStatus.COMPLETE,
              "test")  # fmt: skip
    reply = Reply(Outcome.ANSWERED, duration_ms=1500.0)
    a = [Sample(case.case_id, 0, reply, {metric: 1.0}, {}) for case in golden.cases]
    b = [replace(sample, scores={metric: float(k >= flipped)}) for k, sample in enumerate(a)]
    return golden, run, replace(run, run_id="bbbb"), a, b


def decision(metric: str = "right", flipped: int = 40, **changes: Any) -> Decision:
    golden, run_a, run_b, a, b = made(metric, flipped=flipped)
    policy = GatePolicy((Clause(metric, ClauseKind.NON_INFERIORITY, 0.05),))
    return decide(
        policy, app="app", candidate_bundle="", baseline_bundle="", candidate_run=run_b, candidate_samples=b,
        baseline_run=run_a, baseline_samples=a, golden=golden, seed=0, versions={},
        now="2026-05-04T03:02:01Z", **changes,
    )  # fmt: skip


def valid(data: bytes) -> Any:
    root = etree.fromstring(data)
    XSD.assertValid(root)
    return root


def test_the_verdict_stands_first_and_the_flips_are_folded() -> None:
    golden, run_a, run_b, a, b = made("right", flipped=60)
    text = decision_markdown(decision(flipped=60), compare(run_a, a, run_b, b, golden))
    assert text.startswith(f"{MARKER}\n## ✕ Do not ship\n")
    assert "| ✕ | right | not worse by 0.05 (α 0.05) | -0.500 [" in text
    assert "<summary>60 changed scores, 60 of them losses, worst first</summary>" in text
    assert text.count("\n| q") == MOST_FLIPS
    assert "10 more." in text


@pytest.mark.parametrize("nasty", NASTY)
def test_no_name_of_a_metric_or_case_becomes_markup(nasty: str) -> None:
    golden, run_a, run_b, a, b = made(nasty, nasty)
    comparison = compare(run_a, a, run_b, b, golden)
    plain_golden, plain_a, plain_b, plain_one, plain_two = made("right", "q")
    plain = compare(plain_a, plain_one, plain_b, plain_two, plain_golden)
    for text, harmless in (
        (decision_markdown(decision(nasty), comparison), decision_markdown(decision("right"), plain)),
        (comparison_markdown(comparison), comparison_markdown(plain)),
        (run_markdown(summarize(run_a, a)), run_markdown(summarize(plain_a, plain_one))),
    ):
        assert tags(text) == tags(harmless)


def tags(text: str) -> list[str]:
    """Every tag of the page that a host would show."""
    return [one.tag for one in etree.HTML(RENDER.render(text)).iter() if isinstance(one.tag, str)]


def test_a_clause_is_a_test_case_and_undecided_is_skipped_or_fails_as_asked() -> None:
    (case,) = valid(decision_junit(decision())).iter("testcase")
    assert (case.get("name"), case[0].tag, case[0].get("type")) == ("right", "failure", "do_not_ship")
    few = decision(flipped=4)
    assert few.verdict is Verdict.NEED_MORE_DATA
    assert next(valid(decision_junit(few)).iter("testcase"))[0].tag == "skipped"
    assert next(valid(decision_junit(few, undecided="failure")).iter("testcase"))[0].tag == "failure"
    assert len(next(valid(decision_junit(decision(flipped=0))).iter("testcase"))) == 0


def test_what_cannot_be_judged_is_an_error_in_junit() -> None:
    condition = ConditionResult("judge card", "mine", Verdict.CANNOT_JUDGE, "there is none")
    root = valid(decision_junit(decision(conditions=(condition,))))
    assert root[0].get("errors") == "1"
    golden, run_a, run_b, a, b = made("right")
    half = decide(
        GatePolicy((Clause("right", ClauseKind.NON_INFERIORITY, 0.05),)), app="app", candidate_bundle="",
        baseline_bundle="", candidate_run=run_b, candidate_samples=b[:50], baseline_run=run_a, baseline_samples=a,
        golden=golden, seed=0, versions={}, now="2026-05-04T03:02:01Z",
    )  # fmt: skip
    assert [case.get("classname") for case in valid(decision_junit(half)).iter("testcase")][-1] == "evidence"


def test_without_a_policy_only_what_is_shown_to_be_worse_fails() -> None:
    golden, run_a, run_b, a, b = made("right")
    assert valid(comparison_junit(compare(run_a, a, run_b, b, golden)))[0].get("failures") == "1"
    assert valid(comparison_junit(compare(run_b, b, run_a, a, golden)))[0].get("failures") == "0"


def test_a_run_in_junit_tells_failures_from_errors_and_from_what_was_not_scored() -> None:
    _, run, _, a, _ = made("right", n=4)
    samples = [
        a[0], replace(a[1], scores={"right": 0.0}), replace(a[2], scores={}, unscored={"right": "no_gold_answer"}),
        replace(a[3], scores={}, error="chat.timeout", reply=Reply(Outcome.FAILED, "chat.timeout")),
    ]  # fmt: skip
    suite = valid(run_junit(run, samples))[0]
    assert [suite.get(key) for key in ("tests", "failures", "errors", "skipped")] == ["4", "1", "1", "1"]


@given(st.text(max_size=40))
def test_any_text_makes_valid_xml(text: str) -> None:
    _, run, _, a, _ = made("right", n=1)
    valid(run_junit(run, [replace(a[0], case_id=text, scores={}, unscored={"right": text})]))


def test_a_tracker_gets_finite_numbers_under_names_it_can_hold() -> None:
    _, run, _, a, _ = made("recall@5", n=30)
    run = replace(run, metrics=(*run.metrics, Metric("recall_at_5", MetricKind.MEAN, Direction.HIGHER)))
    samples = [replace(one, scores={"recall@5": 1.0, "recall_at_5": 0.5}) for one in a]
    record = tracked(summarize(run, samples), "note")
    assert record.metrics["recall_at_5"] == 1.0
    assert record.metrics["recall_at_5_2"] == 0.5
    assert record.metrics["recall_at_5/low"] < 1.0
    assert record.tags["assay.run_id"] == "aaaa"
