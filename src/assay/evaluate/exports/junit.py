"""JUnit XML, as Jenkins, GitHub and GitLab read it: every clause of a gate, or every case of a run, is a test case.

The shape is that of the Jenkins xUnit schema (junit-10.xsd): `testsuites` > `testsuite` > `testcase` with at most one
of `skipped`, `error` and `failure`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from assay.evaluate.compare import forest_rows
from assay.evaluate.pairing import failure_code, has_failed
from assay.records.comparison import ClauseResult, Comparison, Decision, Verdict
from assay.records.evaluation import Direction, MetricKind, Run, Sample

_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MOST = 2_000
"""Characters of one message."""


@dataclass(frozen=True, slots=True)
class JunitTest:
    """One row of a suite. `outcome` is empty for one that passed, else `failure`, `error` or `skipped`."""

    group: str
    name: str
    outcome: str = ""
    kind: str = ""
    message: str = ""
    seconds: float = 0.0


def decision_junit(decision: Decision, *, undecided: str = "skipped") -> bytes:
    """One test case a clause, certificate and condition. A clause without enough data is `skipped`, or `failure` where
    `undecided` says so; what cannot be judged is an `error`."""
    outcomes = {
        Verdict.SHIP: "", Verdict.DO_NOT_SHIP: "failure", Verdict.NEED_MORE_DATA: undecided,
        Verdict.CANNOT_JUDGE: "error",
    }  # fmt: skip
    judged: list[tuple[str, str, Verdict, str]] = []
    for result in decision.clauses:
        name = f"{result.clause.metric} [{result.clause.slice}]" if result.clause.slice else result.clause.metric
        judged.append((f"clause.{result.clause.kind.value}", name, result.verdict, _measured(result)))
    judged += [("certificate", one.kind, one.verdict, one.reason) for one in decision.certificates]
    judged += [(one.kind, one.subject, one.verdict, one.reason) for one in decision.conditions]
    if decision.verdict is Verdict.CANNOT_JUDGE and all(row[2] is not Verdict.CANNOT_JUDGE for row in judged):
        judged.append(("evidence", "the runs can be judged", decision.verdict, decision.reason))
    tests = [JunitTest(group, name, outcomes[verdict], verdict.value, why) for group, name, verdict, why in judged]
    return junit_document(f"assay gate {decision.app}", tests, decision.created_at)


def _measured(result: ClauseResult) -> str:
    delta, reason = result.delta, result.reason
    if delta is None:
        return reason
    found = delta.interval
    return (
        f"{reason}; candidate minus baseline {found.estimate:+.4g} [{found.low:+.4g}, {found.high:+.4g}], "
        f"n {found.n}, won {delta.won}, lost {delta.lost}"
    )


def comparison_junit(comparison: Comparison, decision: Decision | None = None, *, undecided: str = "skipped") -> bytes:
    """With a decision on the two runs, the decision. Without one, or where it is that they cannot be judged, each
    metric and slice is a test case that fails where it is shown to be worse, corrected for their number."""
    if decision is not None and decision.verdict is not Verdict.CANNOT_JUDGE:
        return decision_junit(decision, undecided=undecided)
    tests = [
        JunitTest("difference", row.name, "failure" if row.state == "worse" else "", row.state,
              f"candidate minus baseline {row.estimate:+.4g} [{row.low:+.4g}, {row.high:+.4g}], n {row.n}")
        for row in forest_rows(comparison)
    ]  # fmt: skip
    return junit_document(f"assay compare {comparison.golden_name}", tests, "")


def run_junit(run: Run, samples: Iterable[Sample]) -> bytes:
    """One test case a sample: `error` when the system failed, `failure` when a yes-or-no metric says no (of one that
    should stay 0: yes), `skipped` when nothing was scored."""
    tests = [_of_sample(run, sample) for sample in samples]
    return junit_document(f"assay run {run.run_id}", tests, run.created_at)


def _of_sample(run: Run, sample: Sample) -> JunitTest:
    name = sample.case_id if run.repeats == 1 else f"{sample.case_id} repeat {sample.repeat}"
    seconds = sample.reply.duration_ms / 1000.0
    if has_failed(sample):
        return JunitTest(run.app, name, "error", failure_code(sample), "the system gave no reply", seconds)
    bad = {metric.name: 1.0 if metric.direction is Direction.LOWER else 0.0
           for metric in run.metrics if metric.kind is MetricKind.BINARY}  # fmt: skip
    wrong = [metric for metric, value in bad.items() if sample.scores.get(metric) == value]
    if wrong:
        return JunitTest(run.app, name, "failure", wrong[0], f"not passed: {', '.join(wrong)}", seconds)
    if not sample.scores:
        reasons = ", ".join(sorted(set(sample.unscored.values())))
        return JunitTest(run.app, name, "skipped", "unscored", f"nothing was scored: {reasons}", seconds)
    return JunitTest(run.app, name, seconds=seconds)


def junit_document(name: str, tests: Sequence[JunitTest], at: str) -> bytes:
    """One suite of tests; `at` is ISO 8601 or empty."""
    counts = Counter(test.outcome for test in tests)
    totals = {
        "name": _text(name), "tests": str(len(tests)), "failures": str(counts["failure"]),
        "errors": str(counts["error"]), "time": f"{sum(test.seconds for test in tests):.3f}",
    }  # fmt: skip
    root = ElementTree.Element("testsuites", totals)
    suite = ElementTree.SubElement(root, "testsuite", totals | {"skipped": str(counts["skipped"])})
    if at:
        suite.set("timestamp", at[:19])
    for test in tests:
        stated = {"classname": _text(test.group), "name": _text(test.name), "time": f"{test.seconds:.3f}"}
        case = ElementTree.SubElement(suite, "testcase", stated)
        if test.outcome == "skipped":
            ElementTree.SubElement(case, "skipped", {"message": _text(test.message)})
        elif test.outcome:
            told = ElementTree.SubElement(
                case, test.outcome, {"type": _text(test.kind), "message": _text(test.message)}
            )
            told.text = _text(test.message)
    ElementTree.indent(root)
    body: str = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'.encode()


def _text(text: str) -> str:
    """What XML 1.0 can hold; everything else becomes U+FFFD."""
    return _NO_XML.sub("\ufffd", text)[:_MOST]
