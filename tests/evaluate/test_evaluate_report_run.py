"""The report of one run says what its samples show, worst first, and survives whatever a run may be."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from assay.evaluate import figures, figures_run
from assay.evaluate.compare import compare
from assay.evaluate.pairing import pair
from assay.evaluate.report_run import Against, Corrected, Judged, RunReport, run_report, twin
from assay.evaluate.report_run_html import run_html
from assay.evaluate.report_slices import against_the_rest, slice_findings
from assay.evaluate.report_text import run_markdown, run_text
from assay.evaluate.summary import summarize
from assay.records.comparison import Clause, ClauseKind, GatePolicy
from assay.records.dialogue import AnswerSentence, Check, CheckStatus, Outcome, Output, Reply, Usage
from assay.records.digest import canonical_json
from assay.records.evaluation import Direction, Interval, Metric, MetricKind, Run, RunStatus, Sample
from assay.records.golden import Case, Expected, GoldenSet
from assay.records.judging import Agreement, Control, JudgeCard, JudgeKind, JudgeSpec
from assay.stats.power import paired_cases

CORRECT = Metric("correct", MetricKind.BINARY, Direction.HIGHER)
F1 = Metric("token_f1", MetricKind.MEAN, Direction.HIGHER)
LATENCY = Metric("latency_ms", MetricKind.SKEWED, Direction.LOWER, "ms")
COST = Metric("cost_usd", MetricKind.SKEWED, Direction.LOWER, "USD")
EVIL = '<script>alert("1")</script>|[x](http://evil.test)\x1b[31m\x00@team'


def golden_of(count: int, slices: int = 2, name: str = "kind") -> GoldenSet:
    return GoldenSet("demo", tuple(
        Case(f"c{n:03d}", f"Question {n}? {EVIL}", Expected(answers=(f"yes {EVIL}",)), slices=(f"{name}={n % slices}",),
             cluster=f"doc-{n // 3}") for n in range(count)
    ))  # fmt: skip


def run_of(golden: GoldenSet, metrics: Sequence[Metric] = (CORRECT, F1, LATENCY, COST), repeats: int = 1) -> Run:
    return Run("run-1", "help", "recipe", "b" * 8, golden.name, golden.version, len(golden.cases), repeats, 5,
               tuple(metrics), "2026-01-01T00:00:00Z", RunStatus.COMPLETE)  # fmt: skip


def sample(case: Case, right: bool, repeat: int = 0, confidence: float | None = 0.5, latency: float = 20.0) -> Sample:
    sentence = AnswerSentence(f"It is so. {EVIL}", (), Check(CheckStatus.SUPPORTED, 1.0))
    reply = Reply(
        Outcome.ANSWERED, "", (sentence,), confidence=confidence, usage=Usage(5, 5, 0.002), duration_ms=latency
    )
    scores = {"correct": float(right), "token_f1": 0.8 if right else 0.2, "latency_ms": latency, "cost_usd": 0.002}
    return Sample(case.case_id, repeat, reply, scores, {})


def worse_in_one(count: int = 120, repeats: int = 1) -> tuple[GoldenSet, Run, list[Sample]]:
    """Right in 19 of 20 cases of slice `kind=0`, in 4 of 10 of `kind=1`; sure of itself throughout."""
    golden = golden_of(count)
    draw = random.Random(3)
    made = []
    for n, case in enumerate(golden.cases):
        for repeat in range(repeats):
            right = draw.random() < (0.95 if n % 2 == 0 else 0.4)
            made.append(sample(case, right, repeat, 0.9 + 0.001 * (n % 50), 20.0 + draw.expovariate(0.02)))
    return golden, run_of(golden, repeats=repeats), made


def reported(golden: GoldenSet, run: Run, samples: list[Sample], **more: object) -> RunReport:
    clusters = {case.case_id: case.cluster for case in golden.cases if case.cluster}
    return run_report(summarize(run, samples, clusters), samples, golden, **more)  # type: ignore[arg-type]


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.names: list[str] = []
        self.ids: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names += [name for name, _ in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]


def check_page(html: str) -> Tags:
    """No script, nothing to fetch, one heading, a caption for every table, ids that stand once."""
    tags = Tags(html)
    assert not {"script", "img", "iframe", "link"} & set(tags.tags)
    assert not {"src", "href", "style", "onerror"} & set(tags.names)
    assert tags.tags.count("h1") == 1
    assert tags.tags.count("caption") == tags.tags.count("table")
    assert len(set(tags.ids)) == len(tags.ids)
    assert "nan" not in re.sub(r"<style>.*</style>", "", html).lower()
    return tags


def test_the_report_finds_the_slice_that_is_worse_and_says_so_first() -> None:
    golden, run, samples = worse_in_one()
    found = reported(golden, run, samples)
    assert "worse in kind=1" in found.headline
    assert found.figures[0].takeaway == "correct is shown to be worse in 1 of 2 slices: kind=1."
    assert {one.state for one in found.findings if one.slice == "kind=1"} == {"worse"}
    assert found.worst[0].scores["correct"] == 0.0


def test_the_report_shows_confidence_noise_latency_and_cost_when_there_are_any() -> None:
    golden, run, samples = worse_in_one(repeats=3)
    found = reported(golden, run, samples)
    assert list(found.sections) == [
        "Slices, worst first", "Confidence", "Where the noise comes from", "Latency and cost",
    ]  # fmt: skip
    reliability, risk = found.sections["Confidence"]
    assert reliability.takeaway.startswith("Too sure of itself by")
    assert "Without a threshold" in risk.takeaway
    assert "p95" in found.sections["Latency and cost"][0].takeaway
    plain = reported(
        golden, run, [replace(s, reply=replace(s.reply, confidence=None)) for s in samples if s.repeat == 0]
    )
    assert "Confidence" not in plain.sections
    assert "Where the noise comes from" not in plain.sections


def test_page_text_markdown_and_json_agree_and_keep_text_as_text() -> None:
    golden, run, samples = worse_in_one()
    found = reported(golden, run, samples)
    html = run_html(found, samples)
    check_page(html)
    text, markdown = run_text(found, samples, 80), run_markdown(found, samples, {"slices-1": "figures/slices-1.svg"})
    for figure in found.figures:
        ElementTree.fromstring(figure.svg)
        assert figure.takeaway in html
        assert figure.takeaway in " ".join(text.split(" \n")).replace("\n", " ")
    assert "\x1b" not in text
    assert "[Picture](figures/slices-1.svg)" in markdown
    for secret in ("Question 1", "It is so", "http://evil.test"):
        assert secret not in text + markdown, "texts of cases and replies stand on the page only"
    made = twin(found)
    assert made["headline"] == found.headline
    assert json.loads(canonical_json(made)) == json.loads(json.dumps(made))
    assert run_html(found, samples) == html


def test_what_failed_is_counted_by_code_and_heads_the_worst_cases() -> None:
    golden, run, samples = worse_in_one(60)
    failed = Sample("c000", 0, Reply(Outcome.FAILED, "chat.timeout"), {}, {}, error="chat.timeout")
    found = reported(golden, run, [failed, *samples[1:]])
    assert found.worst[0].case_id == "c000"
    assert "1 failed" in found.headline
    assert "chat.timeout in 1 cases" in run_text(found, [failed], 100)
    assert "chat.timeout" in run_html(found, [failed, *samples[1:]])


@pytest.mark.parametrize("case", ["nothing", "one", "failed", "same", "wrong", "unscored"])
def test_degenerate_runs_have_a_report_too(case: str) -> None:
    golden = golden_of({"nothing": 0, "one": 1}.get(case, 40), name=EVIL)
    failed = Reply(Outcome.FAILED, "x.y")
    samples = {
        "failed": [Sample(c.case_id, 0, failed, {}, {}, error="x.y") for c in golden.cases],
        "wrong": [sample(c, False) for c in golden.cases],
        "unscored": [Sample(c.case_id, 0, Reply(Outcome.ABSTAINED, "a.b"), {}, {"correct": "a"}) for c in golden.cases],
    }.get(case, [sample(c, True) for c in golden.cases])
    found = reported(golden, run_of(golden), samples)
    check_page(run_html(found, samples))
    for figure in found.figures:
        assert "shown to be worse in" not in figure.takeaway
    assert run_text(found, samples, 60)
    assert run_markdown(found, samples)
    assert found.headline
    canonical_json(twin(found))


def test_two_hundred_slices_with_nothing_behind_them_are_not_called_worse() -> None:
    draw = random.Random(1)
    cases = [
        Case(f"c{n}", "?", Expected(), slices=tuple(f"s{k}={draw.random() < 0.5}" for k in range(100)))
        for n in range(200)
    ]
    samples = [sample(case, draw.random() < 0.7) for case in cases]
    findings = slice_findings((CORRECT,), samples, cases)
    assert len(findings) == 200
    assert sum(one.state != "open" for one in findings) == 0
    assert figures_run.slices_figure(CORRECT, 0.7, findings).notes[1].startswith("The picture shows the worst 40")


def test_a_slice_is_called_different_at_most_as_often_as_promised() -> None:
    rng = np.random.default_rng(5)
    hits = 0
    labels = [str(n // 5) for n in range(150)]
    for _ in range(250):
        shared = np.repeat(rng.standard_normal(30), 5)
        values = ((0.6 * shared + 0.8 * rng.standard_normal(150)) < 0.8).astype(float)
        hits += against_the_rest(values, rng.random(150) < 0.3, labels, MetricKind.BINARY) <= 0.05
    assert hits / 250 <= 0.08


def compared() -> tuple[RunReport, list[Sample], Against]:
    golden, run, samples = worse_in_one(90)
    base = replace(run, run_id="run-0")
    theirs = [sample(case, n % 11 != 0, 0, 0.8, 30.0) for n, case in enumerate(golden.cases)]
    policy = GatePolicy((
        Clause("correct", ClauseKind.NON_INFERIORITY, 0.03), Clause("correct", ClauseKind.SUPERIORITY, 0.0),
        Clause("token_f1", ClauseKind.NO_LOSS, 0.0), Clause("absent", ClauseKind.NON_INFERIORITY, 0.1),
    ))  # fmt: skip
    made = compare(base, theirs, run, samples, golden)
    against = Against(summarize(base, theirs), tuple(theirs), made, None, policy)
    return reported(golden, run, samples, against=against), samples, against


def test_against_a_baseline_stand_forest_flips_power_and_both_distributions() -> None:
    found, samples, _ = compared()
    names = [figure.identity for figure in found.sections["Against the baseline"]]
    assert names == ["forest", "flips", "power-1", "power-2", "spread-latency_ms", "spread-cost_usd"]
    check_page(run_html(found, samples))
    assert "Against run run-0" in run_markdown(found, samples)
    assert "Latency and cost" not in found.sections, "both runs are drawn in one figure"


def test_a_power_curve_reaches_what_is_wanted_at_the_planned_number_of_cases() -> None:
    golden, _, samples = worse_in_one(90)
    theirs = [sample(case, n % 11 != 0) for n, case in enumerate(golden.cases)]
    pairs = pair(CORRECT, theirs, samples, golden.cases)
    curve = figures.power_curve(Clause("correct", ClauseKind.NON_INFERIORITY, 0.05), pairs, 0.8, 0.004)
    assert curve.needed is not None
    reached = dict(curve.lines[0].points)
    assert reached[curve.needed] == pytest.approx(0.8, abs=0.003)
    assert reached[curve.needed] >= 0.8
    assert list(reached.values()) == sorted(reached.values())
    assert curve.today in reached
    assert curve.power_today == reached[curve.today]


def test_power_is_the_inverse_of_the_planned_number_of_cases() -> None:
    class Spread:
        spread, pseudo, estimate = 0.4, 2.0, 0.0

    for distance in (0.03, 0.1):
        n = paired_cases(0.4, distance, alpha=0.05, power=0.9, sides=1, pseudo=2.0)
        assert figures.chance(Spread, distance, n, 0.05) >= 0.9 > figures.chance(Spread, distance, n - 1, 0.05)  # type: ignore[arg-type]


def test_the_price_of_more_cases_is_known_only_when_every_reply_has_one() -> None:
    _, run, samples = worse_in_one(30)
    twice = replace(run, repeats=2)
    assert figures.price_per_case(run, samples, twice, samples) == pytest.approx(0.006)
    free = replace(samples[0], reply=replace(samples[0].reply, usage=Usage()))
    assert figures.price_per_case(run, [free, *samples[1:]], run, samples) is None


def test_a_threshold_that_promises_a_low_error_is_named_when_there_is_one() -> None:
    golden = golden_of(200)
    samples = [sample(case, n >= 40, 0, n / 200) for n, case in enumerate(golden.cases)]
    made = figures_run.risk_figure("correct", samples, 0.05)
    assert made is not None
    assert re.search(
        r"at most 5\.0\u00a0% wrong among answers with 95\u00a0% confidence at threshold 0\.\d+: answers", made.takeaway
    )
    some = [s if n >= 40 else replace(s, reply=Reply(Outcome.ABSTAINED, "low")) for n, s in enumerate(samples)]
    chosen = figures_run.risk_figure("correct", some, 0.05)
    assert chosen is not None
    assert chosen.takeaway.startswith("At the threshold in use: answers 80\u00a0% of questions at 0.0\u00a0% error")
    assert figures_run.risk_figure("correct", samples[:10]) is None


def test_corrected_rates_and_judge_cards_stand_beside_what_they_correct() -> None:
    golden, run, samples = worse_in_one(60)
    found = Interval(0.9, 0.85, 0.94, 0.95, "Wilson score", 60)
    better = Interval(0.82, 0.7, 0.9, 0.95, "post-stratified Beta", 60)
    spec = JudgeSpec("grounded", JudgeKind.RUBRIC, "model")
    agreement = Agreement(80, 50, 6, 20, 4, found, found, better, Interval(0.6, -0.1, 0.8, 0.95, "kappa", 80), None)
    card = JudgeCard(
        "id", "grounded", spec.digest, spec, "task", "d", 3, agreement, {"kind=0": agreement},
        (Control("order flips", found, 40), Control("length slope", Interval(-0.1, -0.4, 0.2, 0.95, "OLS", 80), 80),
         Control("family", None, 0, "its own")),
        {"judge.prose": 2}, ("model-1",), "", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z",
    )  # fmt: skip
    made = reported(
        golden, run, samples, judged=[Judged(card, ("the card expired on 2026-02-01",))],
        corrected=[Corrected("groundedness", found, better, 80), Corrected("other", None, None, 0, "no label yet")],
    )  # fmt: skip
    shown = made.sections["Judges"][0]
    assert "may not be relied on: the card expired on 2026-02-01" in shown.takeaway
    assert [row[0] for row in shown.rows[:4]] == [
        "passes what people pass", "fails what people fail", "agrees with people", "order flips",
    ]  # fmt: skip
    html = run_html(made, samples)
    check_page(html)
    for words in ("post-stratified Beta", "0.820", "no label yet", "length slope", "judge.prose 2"):
        assert words in html
    assert "no label yet" in run_markdown(made, samples)


def test_outputs_beyond_text_are_written_out() -> None:
    golden = GoldenSet("g", (Case("c0", "spam?", Expected(label=f"spam {EVIL}", fields={"to": EVIL})),))
    output = Output(f"ham {EVIL}", {"ham": 0.9}, {"to": EVIL})
    samples = [Sample("c0", 0, Reply(Outcome.ANSWERED, output=output), {"correct": 0.0}, {})]
    html = run_html(reported(golden, run_of(golden, (CORRECT,)), samples), samples)
    check_page(html)
    assert "score of ham" in html
    assert "label spam" in html
