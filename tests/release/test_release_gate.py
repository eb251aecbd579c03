"""The gate ships only what is shown not to be worse, stops what is, and says how many cases the rest needs."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from assay.evaluate.summary import run_digest
from assay.records.comparison import CertificateResult, Clause, ClauseKind, Decision, GatePolicy, Verdict
from assay.records.dialogue import Outcome, Reply
from assay.records.evaluation import Direction, Metric, MetricKind, Run, RunStatus, Sample
from assay.records.golden import Case, Expected, GoldenSet
from assay.release.gate import decide, decision_digest, explain

CORRECT = Metric("correct", MetricKind.BINARY, Direction.HIGHER)
GROUNDED = Metric("groundedness", MetricKind.MEAN, Direction.HIGHER)
LATENCY = Metric("latency", MetricKind.SKEWED, Direction.LOWER, "ms")
NI = ClauseKind.NON_INFERIORITY
POLICY = GatePolicy((Clause("correct", NI, 0.03), Clause("groundedness", NI, 0.03), Clause("latency", NI, 50.0)))


def golden_of(n: int) -> GoldenSet:
    return GoldenSet(
        "demo",
        tuple(
            Case(f"c{i:04d}", "?", Expected(), slices=("kind=rare",) if i < 10 else ("kind=usual",)) for i in range(n)
        ),
    )


def run_of(name: str, golden: GoldenSet) -> Run:
    return Run(
        f"run-{name}", "help", "recipe", name, golden.name, golden.version, len(golden.cases), 1, 0,
        (CORRECT, GROUNDED, LATENCY), "now", RunStatus.COMPLETE,
    )  # fmt: skip


def samples_of(
    correct: Sequence[float], grounded: Sequence[float] | None = None, latency: float = 100.0
) -> list[Sample]:
    rng = np.random.default_rng(1)
    return [
        Sample(
            f"c{i:04d}", 0, Reply(Outcome.ANSWERED),
            {"correct": float(c), "groundedness": float(grounded[i]) if grounded is not None else 0.9,
             "latency": latency + float(rng.exponential(20.0))}, {},
        )
        for i, c in enumerate(correct)
    ]  # fmt: skip


def judged(baseline: list[Sample], candidate: list[Sample], policy: GatePolicy = POLICY, **changes: Any) -> Decision:
    golden = golden_of(len(baseline))
    arguments: dict[str, Any] = {
        "app": "help",
        "candidate_bundle": "new",
        "baseline_bundle": "old",
        "candidate_run": run_of("new", golden),
        "candidate_samples": candidate,
        "baseline_run": run_of("old", golden),
        "baseline_samples": baseline,
        "golden": golden,
        "seed": 7,
        "versions": {"assay": "0.1.0"},
        "now": "2026-01-01T00:00:00.000000Z",
    } | changes
    return decide(policy, **arguments)


def flips(n: int, lost: int, won: int = 0) -> tuple[list[float], list[float]]:
    baseline = [1.0] * (n - won) + [0.0] * won
    candidate = [0.0] * lost + [1.0] * (n - lost)
    return baseline, candidate


def test_an_equal_candidate_with_enough_cases_ships() -> None:
    baseline, candidate = flips(800, 10, 10)
    decision = judged(samples_of(baseline), samples_of(candidate))
    assert decision.verdict is Verdict.SHIP
    assert decision.n_needed is None
    assert decision.reason == "all 3 clauses hold"


def test_a_six_point_regression_on_800_cases_is_stopped_and_the_clause_is_named() -> None:
    baseline, candidate = flips(800, 72, 24)
    decision = judged(samples_of(baseline), samples_of(candidate))
    assert decision.verdict is Verdict.DO_NOT_SHIP
    assert decision.reason == "worse than the policy allows: correct"
    assert [result.verdict for result in decision.clauses] == [Verdict.DO_NOT_SHIP, Verdict.SHIP, Verdict.SHIP]
    assert decision.clauses[0].p_worse is not None


def test_a_smaller_suite_is_no_easier_pass() -> None:
    """The same six-point regression on 50 cases is never shipped; it asks for a number of cases."""
    baseline, candidate = flips(50, 4, 1)
    decision = judged(samples_of(baseline), samples_of(candidate))
    assert decision.verdict is Verdict.NEED_MORE_DATA
    assert decision.clauses[0].n_needed is not None
    assert decision.clauses[0].n_needed > 300
    assert decision.n_needed is not None
    assert decision.n_needed >= decision.clauses[0].n_needed


def test_the_n_needed_is_the_planned_one_for_equal_systems() -> None:
    """Ten per cent discordance at a margin of three points: 687 cases (`evaluation.md` 4.3)."""
    baseline, candidate = flips(200, 10, 10)
    clause = judged(samples_of(baseline), samples_of(candidate)).clauses[0]
    assert clause.verdict is Verdict.NEED_MORE_DATA
    assert clause.n_needed is not None
    assert 687 <= clause.n_needed <= 700


def test_a_clause_with_too_few_cases_decides_nothing() -> None:
    """Ten cases of a slice that all turned wrong neither ship nor block when the clause asks for thirty."""
    policy = GatePolicy((Clause("correct", NI, 0.03, slice="kind=rare", min_n=30),))
    baseline, candidate = flips(200, 10)
    decision = judged(samples_of(baseline), samples_of(candidate), policy)
    assert decision.verdict is Verdict.NEED_MORE_DATA
    assert decision.clauses[0].reason == "10 paired cases, the clause asks for at least 30"
    assert decision.n_needed is not None
    assert decision.n_needed >= 600


def test_a_slice_clause_sees_its_slice_only() -> None:
    baseline, candidate = flips(400, 10)
    policy = GatePolicy((Clause("correct", NI, 0.03, slice="kind=rare", min_n=5),))
    assert judged(samples_of(baseline), samples_of(candidate), policy).verdict is Verdict.DO_NOT_SHIP
    policy = GatePolicy((Clause("correct", NI, 0.03, slice="kind=usual"),))
    assert judged(samples_of(baseline), samples_of(candidate), policy).verdict is Verdict.SHIP


def test_slower_answers_are_judged_in_milliseconds_against_their_margin() -> None:
    baseline, candidate = flips(300, 0)
    decision = judged(samples_of(baseline, latency=100.0), samples_of(candidate, latency=180.0))
    assert decision.clauses[2].verdict is Verdict.DO_NOT_SHIP
    assert (
        judged(samples_of(baseline, latency=100.0), samples_of(candidate, latency=120.0)).clauses[2].verdict
        is Verdict.SHIP
    )


def test_an_improvement_is_judged_after_non_inferiority() -> None:
    wish = Clause("groundedness", ClauseKind.SUPERIORITY, 0.0)
    policy = GatePolicy((Clause("correct", NI, 0.03), wish))
    better, same = [1.0] * 200, [0.8 + 0.05 * (i % 3) for i in range(200)]
    even, _ = flips(200, 0)
    assert judged(samples_of(even, same), samples_of(even, better), policy).verdict is Verdict.SHIP
    baseline, candidate = flips(200, 10, 10)
    decision = judged(samples_of(baseline, same), samples_of(candidate, better), policy)
    assert decision.clauses[1].reason == "an improvement counts once nothing else is worse"
    assert decision.verdict is Verdict.NEED_MORE_DATA
    assert judged(samples_of(even, better), samples_of(even, same), policy).verdict is Verdict.DO_NOT_SHIP


def test_what_must_never_happen_is_refuted_by_one_case_and_cleared_by_enough() -> None:
    policy = GatePolicy((Clause("correct", ClauseKind.NO_LOSS, 0.0, min_n=30),))
    one_lost = judged(*map(samples_of, flips(60, 1, 5)), policy)
    assert one_lost.verdict is Verdict.DO_NOT_SHIP
    assert "no case may be lost" in explain(one_lost)[1]
    assert judged(*map(samples_of, flips(60, 0, 5)), policy).verdict is Verdict.SHIP
    few = judged(*map(samples_of, flips(20, 0)), policy)
    assert (few.verdict, few.n_needed) == (Verdict.NEED_MORE_DATA, 30)


def test_the_plan_for_differences_too_rare_to_see_is_the_number_that_settles_them() -> None:
    """Without any discordant case a margin of .02 is settled by Tango's interval at 133 cases, not by thousands."""
    policy = GatePolicy((Clause("correct", NI, 0.02, min_n=10), Clause("groundedness", NI, 0.02, min_n=10)))
    few = judged(*map(samples_of, flips(50, 0)), policy)
    needed = [result.n_needed for result in few.clauses]
    assert all(n is not None and 120 <= n <= 180 for n in needed)
    enough = max(n for n in needed if n is not None)
    assert judged(*map(samples_of, flips(enough, 0)), policy).verdict is Verdict.SHIP


def broken_status(arguments: dict[str, Any], golden: GoldenSet) -> None:
    arguments["candidate_run"] = replace(run_of("new", golden), status=RunStatus.INTERRUPTED)


def missing_sample(arguments: dict[str, Any], golden: GoldenSet) -> None:
    arguments["candidate_samples"] = samples_of([1.0] * 99)


def doubled_sample(arguments: dict[str, Any], golden: GoldenSet) -> None:
    arguments["candidate_samples"] = samples_of([1.0] * 100) + samples_of([1.0])


def other_golden(arguments: dict[str, Any], golden: GoldenSet) -> None:
    arguments["golden"] = golden_of(101)


def other_bundle(arguments: dict[str, Any], golden: GoldenSet) -> None:
    arguments["candidate_bundle"] = "another"


def changed_scores(arguments: dict[str, Any], golden: GoldenSet) -> None:
    arguments["recorded_digests"] = {"run-new": run_digest(samples_of([0.0] * 100))}


def no_metric(arguments: dict[str, Any], golden: GoldenSet) -> None:
    arguments["baseline_run"] = replace(run_of("old", golden), metrics=(CORRECT, GROUNDED))


def too_many_failures(arguments: dict[str, Any], golden: GoldenSet) -> None:
    samples = samples_of([1.0] * 100)
    dead = [replace(s, reply=Reply(Outcome.FAILED), scores={}, error="chat.timeout") for s in samples[:3]]
    arguments["candidate_samples"] = dead + samples[3:]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (broken_status, "not complete"),
        (missing_sample, "99 of 100"),
        (doubled_sample, "samples of this golden set"),
        (other_golden, "another version"),
        (other_bundle, "another bundle"),
        (changed_scores, "digest differs"),
        (no_metric, "do not both measure latency"),
        (too_many_failures, "3 of 100 samples"),
    ],
)
def test_evidence_that_is_not_whole_cannot_be_judged(
    fault: Callable[[dict[str, Any], GoldenSet], None], words: str
) -> None:
    arguments: dict[str, Any] = {}
    fault(arguments, golden_of(100))
    baseline = samples_of([1.0] * 100)
    decision = judged(baseline, arguments.pop("candidate_samples", baseline), **arguments)
    assert decision.verdict is Verdict.CANNOT_JUDGE
    assert decision.verdict.exit_code == 3
    assert words in decision.reason
    assert decision.n_needed is None


def test_a_policy_without_clauses_or_with_an_unknown_slice_ships_nothing() -> None:
    same = samples_of([1.0] * 100)
    assert judged(same, same, GatePolicy(())).verdict is Verdict.CANNOT_JUDGE
    unknown = GatePolicy((Clause("correct", NI, 0.03, slice="kind=unheard"),))
    assert judged(same, same, unknown).verdict is Verdict.CANNOT_JUDGE


def test_the_decision_is_named_by_its_content_and_repeats() -> None:
    baseline, candidate = flips(200, 5, 5)
    first = judged(samples_of(baseline), samples_of(candidate))
    again = judged(samples_of(baseline), list(reversed(samples_of(candidate))), now="2027-01-01T00:00:00.000000Z")
    assert first.decision_id == again.decision_id == decision_digest(first)
    assert judged(samples_of(baseline), samples_of(baseline)).decision_id != first.decision_id
    assert first.run_digests["run-old"] == run_digest(samples_of(baseline))


def test_the_decision_explains_itself_one_line_a_clause() -> None:
    baseline, candidate = flips(800, 72, 24)
    lines = explain(judged(samples_of(baseline), samples_of(candidate)))
    assert lines[0] == "✗ do not ship: worse than the policy allows: correct"
    assert "must stay above -0.030" in lines[1]
    assert "won 24, lost 72, tied 704" in lines[1]
    assert len(lines) == 1 + 3 + 1


def test_blocking_is_corrected_for_the_number_of_clauses() -> None:
    """Twenty slices of one metric, equal systems, margin 0: blocks at most at alpha over seeded A/A runs."""
    rng = np.random.default_rng(5)
    cases = tuple(Case(f"c{i:04d}", "?", Expected(), slices=(f"s={i % 20}",)) for i in range(400))
    golden = GoldenSet("demo", cases)
    policy = GatePolicy(tuple(Clause("correct", NI, 0.0, slice=f"s={k}", min_n=20) for k in range(20)))
    new, old = run_of("new", golden), run_of("old", golden)
    blocked = 0
    for _ in range(40):
        truth = rng.random(400)
        a, b = (samples_of((rng.random(400) < truth).astype(float)) for _ in range(2))
        decision = judged(a, b, policy, golden=golden, candidate_run=new, baseline_run=old)
        blocked += decision.verdict is Verdict.DO_NOT_SHIP
    assert blocked / 40 <= 0.05 + 3 * (0.05 * 0.95 / 40) ** 0.5


def test_a_certificate_is_a_clause_beside_the_scores() -> None:
    """Nothing ships without it, a leak stops what the scores would ship, and the record and its text say so."""
    policy = replace(POLICY, certificates=("access",))
    scores = samples_of([1.0] * 400), samples_of([1.0] * 400)
    assert judged(*scores).verdict is Verdict.SHIP
    for verdict in (Verdict.SHIP, Verdict.DO_NOT_SHIP, Verdict.CANNOT_JUDGE):
        result = CertificateResult("access", verdict, "the reason", "ab" * 32, "2026-01-01T00:00:00.000000Z")
        decision = judged(*scores, policy=policy, certificates=[result])
        assert decision.verdict is verdict
        assert decision.certificates == (result,)
        assert any("certificate access abababababab of 2026-01-01  the reason" in line for line in explain(decision))
    missing = judged(*scores, policy=policy)
    assert (missing.verdict, missing.reason) == (Verdict.CANNOT_JUDGE, "certificate access: it was not looked for")
