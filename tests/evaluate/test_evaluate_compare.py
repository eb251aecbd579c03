"""Comparisons pair by case, count what is missing, and let no system win by failing."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.evaluate.compare import compare
from assay.evaluate.pairing import pair
from assay.evaluate.summary import run_digest, summarize
from assay.records.dialogue import Outcome, Reply
from assay.records.digest import canonical_json
from assay.records.errors import CannotJudge
from assay.records.evaluation import Direction, Metric, MetricKind, Run, RunStatus, Sample
from assay.records.golden import Case, Expected, GoldenSet

CORRECT = Metric("correct", MetricKind.BINARY, Direction.HIGHER)
GROUNDED = Metric("groundedness", MetricKind.MEAN, Direction.HIGHER)
VIOLATION = Metric("must_not", MetricKind.BINARY, Direction.LOWER)
LATENCY = Metric("latency", MetricKind.SKEWED, Direction.LOWER, "ms")
METRICS = (CORRECT, GROUNDED, VIOLATION, LATENCY)


def golden_of(n: int, cluster: Callable[[int], str] = lambda i: "") -> GoldenSet:
    cases = tuple(
        Case(
            f"c{i:03d}",
            f"Question {i}?",
            Expected(),
            slices=(f"kind={'odd' if i % 2 else 'even'}",),
            cluster=cluster(i),
        )
        for i in range(n)
    )
    return GoldenSet("demo", cases)


def run_of(name: str, golden: GoldenSet, repeats: int = 1, metrics: tuple[Metric, ...] = METRICS) -> Run:
    return Run(
        name, "help", "recipe", name, golden.name, golden.version, len(golden.cases), repeats, 0, metrics, "now",
        RunStatus.COMPLETE,
    )  # fmt: skip


def said(case_id: str, repeat: int = 0, **scores: float) -> Sample:
    missing = {metric.name: "abstained" for metric in METRICS if metric.name not in scores}
    return Sample(case_id, repeat, Reply(Outcome.ANSWERED), dict(scores), missing)


def failed(case_id: str, repeat: int = 0) -> Sample:
    missing = {metric.name: "no_reply" for metric in METRICS}
    return Sample(case_id, repeat, Reply(Outcome.FAILED, "chat.timeout"), {}, missing, error="chat.timeout")


def right_at(golden: GoldenSet, right: Callable[[int], bool]) -> list[Sample]:
    return [
        said(case.case_id, correct=float(right(i)), groundedness=1.0, must_not=0.0, latency=100.0 + i)
        for i, case in enumerate(golden.cases)
    ]


def test_every_delta_pairs_by_case_and_names_the_method_of_its_kind() -> None:
    golden = golden_of(60)
    made = compare(
        run_of("a", golden), right_at(golden, lambda i: i < 50),
        run_of("b", golden), list(reversed(right_at(golden, lambda i: i < 44))), golden,
    )  # fmt: skip
    whole = {delta.metric.name: delta for delta in made.deltas if not delta.slice}
    assert whole["correct"].interval.estimate == pytest.approx(-0.1)
    assert (whole["correct"].won, whole["correct"].lost, whole["correct"].tied) == (0, 6, 54)
    assert whole["correct"].interval.method == "Tango score"
    assert whole["correct"].p_value == pytest.approx(2 * 0.5**6 - 0.5**6)
    assert whole["groundedness"].interval.method == "paired t with two pseudo-cases"
    assert {delta.slice for delta in made.deltas} == {"", "kind=even", "kind=odd"}
    assert made.cases == 60


def test_clusters_with_several_cases_widen_the_interval() -> None:
    alone, together = golden_of(60), golden_of(60, lambda i: f"doc{i // 6}")
    for golden, method in ((alone, "Tango score"), (together, "Tango score, effective n")):
        made = compare(
            run_of("a", golden), right_at(golden, lambda i: True),
            run_of("b", golden), right_at(golden, lambda i: i >= 6), golden, slices=(),
        )  # fmt: skip
        assert made.deltas[0].interval.method == method
        if golden is alone:
            width = made.deltas[0].interval.high - made.deltas[0].interval.low
    assert made.deltas[0].interval.high - made.deltas[0].interval.low > 1.5 * width


def test_a_system_does_not_win_by_failing() -> None:
    """Failing on the thirty cases it would get wrong leaves correctness, groundedness and the rest no better."""
    golden = golden_of(100)
    honest = [
        said(c.case_id, correct=float(i >= 30), groundedness=0.2 if i < 30 else 1.0, must_not=float(i < 5), latency=9.0)
        for i, c in enumerate(golden.cases)
    ]
    failing = [failed(c.case_id) if i < 30 else honest[i] for i, c in enumerate(golden.cases)]
    made = compare(run_of("a", golden), honest, run_of("b", golden), failing, golden, slices=())
    deltas = {delta.metric.name: delta for delta in made.deltas}
    assert deltas["correct"].interval.estimate == 0.0
    assert deltas["correct"].failed_as_worst == 30
    assert deltas["groundedness"].interval.estimate < 0.0
    assert deltas["must_not"].interval.estimate == 0.0
    assert deltas["must_not"].dropped == {"failed": 30}
    assert deltas["latency"].dropped == {"failed": 30}


def test_abstaining_counts_as_not_right_but_leaves_graded_scores_of_what_was_said() -> None:
    golden = golden_of(40)
    answers = right_at(golden, lambda i: True)
    quiet = [said(c.case_id, must_not=0.0, latency=5.0) if i < 10 else answers[i] for i, c in enumerate(golden.cases)]
    made = compare(run_of("a", golden), answers, run_of("b", golden), quiet, golden, slices=())
    deltas = {delta.metric.name: delta for delta in made.deltas}
    assert deltas["correct"].interval.estimate == pytest.approx(-0.25)
    assert deltas["groundedness"].dropped == {"abstained": 10}
    assert deltas["groundedness"].interval.n == 30


def test_a_case_that_neither_run_could_score_is_no_pair() -> None:
    golden = golden_of(3)
    nothing = [said(c.case_id, latency=1.0) for c in golden.cases]
    pairs = pair(CORRECT, nothing, nothing, golden.cases)
    assert (pairs.n, pairs.dropped) == (0, {})


def test_repeats_are_averaged_so_that_a_case_counts_once() -> None:
    golden = golden_of(40)
    thrice = [
        said(c.case_id, r, correct=float(r < 2), groundedness=1.0, must_not=0.0, latency=1.0)
        for c in golden.cases
        for r in range(3)
    ]
    once = right_at(golden, lambda i: True)
    made = compare(run_of("a", golden), once, run_of("b", golden, 3), thrice, golden, slices=())
    assert made.deltas[0].interval.n == 40
    assert made.deltas[0].interval.estimate == pytest.approx(-1 / 3)


def test_flips_stand_worst_first_with_violations_before_equal_losses() -> None:
    golden = golden_of(4)
    a = [said(c.case_id, correct=1.0, groundedness=1.0, must_not=0.0, latency=1.0) for c in golden.cases]
    b = [
        said("c000", correct=0.0, groundedness=0.5, must_not=0.0, latency=1.0),
        said("c001", correct=1.0, groundedness=1.0, must_not=1.0, latency=1.0),
        *a[2:],
    ]
    forth = compare(run_of("a", golden), a, run_of("b", golden), b, golden).flips
    assert [(flip.case_id, flip.metric, flip.loss) for flip in forth] == [
        ("c001", "must_not", 1),
        ("c000", "correct", 1),
    ]
    back = compare(run_of("b", golden), b, run_of("a", golden), a, golden).flips
    assert [flip.loss for flip in back] == [-1, -1]


def test_runs_on_different_golden_versions_cannot_be_compared() -> None:
    one, other = golden_of(30), golden_of(31)
    samples = right_at(one, lambda i: True)
    with pytest.raises(CannotJudge, match="golden_differs"):
        compare(run_of("a", one), samples, run_of("b", other), samples, one)
    with pytest.raises(CannotJudge, match="golden_mismatch"):
        compare(run_of("a", one), samples, run_of("b", one), samples, other)
    with pytest.raises(CannotJudge, match="no_metric"):
        compare(run_of("a", one, metrics=(CORRECT,)), samples, run_of("b", one, metrics=(LATENCY,)), samples, one)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=60))
def test_swapping_the_systems_mirrors_every_delta(outcomes: list[tuple[bool, bool]]) -> None:
    golden = golden_of(len(outcomes))
    a = right_at(golden, lambda i: outcomes[i][0])
    b = right_at(golden, lambda i: outcomes[i][1])
    forth = compare(run_of("a", golden), a, run_of("b", golden), b, golden, slices=()).deltas[0]
    back = compare(run_of("b", golden), b, run_of("a", golden), a, golden, slices=()).deltas[0]
    assert forth.interval.estimate == pytest.approx(-back.interval.estimate)
    assert forth.interval.low == pytest.approx(-back.interval.high, abs=1e-9)
    assert (forth.won, forth.lost) == (back.lost, back.won)
    canonical_json(forth)


def test_a_summary_gives_intervals_by_kind_and_counts_what_is_missing() -> None:
    golden = golden_of(50)
    samples = [
        *right_at(golden, lambda i: i < 40)[:45],
        said("c045", latency=3.0),
        *(failed(f"c{i:03d}") for i in range(46, 50)),
    ]
    report = summarize(run_of("a", golden), samples)
    by_name = {summary.metric.name: summary for summary in report.summaries}
    correct = by_name["correct"]
    assert correct.interval is not None
    assert (correct.interval.method, correct.interval.n, correct.scored) == ("Wilson score", 45, 45)
    assert correct.unscored == {"abstained": 1, "failed": 4}
    assert report.failures == {"chat.timeout": 4}
    assert by_name["latency"].interval is not None
    assert by_name["latency"].interval.method == "BCa bootstrap"
    assert by_name["groundedness"].interval is not None
    assert by_name["groundedness"].interval.low < 1.0
    canonical_json(report)


def test_a_metric_without_a_score_has_no_interval_rather_than_nan() -> None:
    golden = golden_of(2)
    report = summarize(run_of("a", golden), [failed("c000"), failed("c001")])
    assert [summary.interval for summary in report.summaries] == [None] * 4


def test_the_digest_of_a_run_follows_scores_and_not_order() -> None:
    golden = golden_of(5)
    samples = right_at(golden, lambda i: i < 3)
    assert run_digest(samples) == run_digest(reversed(samples))
    assert run_digest(samples) != run_digest(right_at(golden, lambda i: i < 4))
