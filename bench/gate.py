"""How often the gate is wrong: A/A comparisons, a six-point regression, and the demo's planted regression.

Peers in the same run, on the same data: the two rules that most tools gate by. `threshold` blocks when the observed
value is worse by more than the margin; `significant drop` blocks only when it is, and a test without clusters or
correction says p < .05. Every decision of ours comes from `assay.release.gate.decide`, as `assay gate` makes it.

    python bench/gate.py [--simulations 1000] [--seeds 100] [--workspace DEMO_LAB]

Without --workspace the demo lab is built in a temporary folder; --simulated skips it and plants a regression in
simulated scores.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assay.records.comparison import Clause, ClauseKind, Decision, GatePolicy, Verdict
from assay.records.dialogue import Outcome, Reply
from assay.records.evaluation import Direction, Metric, MetricKind, Run, RunStatus, Sample
from assay.records.golden import Case, Expected, GoldenSet
from assay.release.gate import decide
from assay.stats.mean import clustered
from assay.stats.proportion import clopper_pearson
from assay.stats.special import normal_cdf

Floats = NDArray[np.float64]
NI = ClauseKind.NON_INFERIORITY
HIGHER, LOWER = Direction.HIGHER, Direction.LOWER
REPLY = Reply(Outcome.ANSWERED)
METRICS = (
    Metric("correct", MetricKind.BINARY, HIGHER),
    Metric("abstention_right", MetricKind.BINARY, HIGHER),
    Metric("groundedness", MetricKind.MEAN, HIGHER),
    Metric("citation_precision", MetricKind.MEAN, HIGHER),
    Metric("recall@10", MetricKind.MEAN, HIGHER),
    Metric("must_not", MetricKind.BINARY, LOWER),
    Metric("latency_ms", MetricKind.SKEWED, LOWER, "ms"),
)
POLICY = GatePolicy(
    (
        Clause("correct", NI, 0.03),
        Clause("correct", NI, 0.06, slice="kind=numeric"),
        Clause("correct", NI, 0.06, slice="language=de"),
        Clause("abstention_right", NI, 0.05),
        Clause("groundedness", NI, 0.02),
        Clause("citation_precision", NI, 0.05),
        Clause("recall@10", NI, 0.03),
        Clause("must_not", NI, 0.02),
        Clause("latency_ms", NI, 100.0),
    )
)


@dataclass(frozen=True)
class Evidence:
    """Both runs over one golden set, as the gate gets them."""

    golden: GoldenSet
    baseline_run: Run
    candidate_run: Run
    baseline: tuple[Sample, ...]
    candidate: tuple[Sample, ...]


def judged(evidence: Evidence, policy: GatePolicy, seed: int) -> Decision:
    """The decision on this evidence. The runs are relabelled to one golden version, app and pair of bundles."""
    return decide(
        policy,
        app=evidence.candidate_run.app,
        candidate_bundle=evidence.candidate_run.bundle_id,
        baseline_bundle=evidence.baseline_run.bundle_id,
        candidate_run=evidence.candidate_run,
        candidate_samples=evidence.candidate,
        baseline_run=evidence.baseline_run,
        baseline_samples=evidence.baseline,
        golden=evidence.golden,
        seed=seed,
        versions={},
        now="",
    )


def run_over(golden: GoldenSet, bundle: str) -> Run:
    return Run(
        f"run-{bundle}", "demo", "simulated", bundle, golden.name, golden.version, len(golden.cases), 1, 0, METRICS,
        "", RunStatus.COMPLETE,
    )  # fmt: skip


def golden_with(labels: NDArray[np.int64], rng: np.random.Generator) -> GoldenSet:
    """Cases in the given clusters with a kind and a language each."""
    numeric, german = rng.random(len(labels)) < 0.3, rng.random(len(labels)) < 0.25
    return GoldenSet(
        "simulated",
        tuple(
            Case(
                f"c{i:04d}", "?", Expected(), cluster=f"d{label}",
                slices=(f"kind={'numeric' if numeric[i] else 'text'}", f"language={'de' if german[i] else 'en'}"),
            )
            for i, label in enumerate(labels)
        ),
    )  # fmt: skip


def samples_from(golden: GoldenSet, scores: dict[str, Floats]) -> tuple[Sample, ...]:
    """One sample a case from arrays of per-case scores, each of shape (cases,)."""
    columns = {name: values.tolist() for name, values in scores.items()}
    return tuple(
        Sample(case.case_id, 0, REPLY, {name: column[i] for name, column in columns.items()}, {})
        for i, case in enumerate(golden.cases)
    )


def cluster_labels(cases: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """One to five questions a document."""
    sizes = rng.integers(1, 6, size=cases)
    return np.repeat(np.arange(cases), sizes)[:cases]


def same_system(labels: NDArray[np.int64], rng: np.random.Generator) -> Iterator[dict[str, Floats]]:
    """Draws of one system's scores: hard and easy documents, hard and easy cases, and noise between two askings."""
    n, documents = len(labels), labels.max() + 1
    ease = 1.4 + rng.normal(0, 1.0, documents)[labels] + rng.normal(0, 1.5, n)
    quality = np.clip(0.9 + rng.normal(0, 0.08, documents)[labels] + rng.normal(0, 0.08, n), 0, 1)
    slow = rng.lognormal(5.5, 0.4, documents)[labels]

    def chance(shift: float) -> Floats:
        return np.asarray(1.0 / (1.0 + np.exp(-(ease + shift) * 2.0)), dtype=np.float64)

    def graded(steps: int) -> Floats:
        return np.asarray(np.round(np.clip(quality + rng.normal(0, 0.05, n), 0, 1) * steps) / steps)

    def passed(shift: float) -> Floats:
        # The questions of a document also fail together: a draw shared within the document decides one case in three.
        draw = np.where(rng.random(n) < 1 / 3, rng.random(documents)[labels], rng.random(n))
        return (draw < chance(shift)).astype(float)

    while True:
        yield {
            "correct": passed(0.0),
            "abstention_right": passed(0.5),
            "groundedness": graded(4),
            "citation_precision": graded(3),
            "recall@10": passed(1.0),
            "must_not": (rng.random(n) < 0.01).astype(float),
            "latency_ms": slow * rng.lognormal(0, 0.3, n),
        }


def with_zero_margins(policy: GatePolicy) -> GatePolicy:
    """The hardest A/A: no margin at all, so that equal systems stand exactly on every line."""
    return replace(policy, clauses=tuple(replace(clause, margin=0.0) for clause in policy.clauses))


def losses(evidence: Evidence, clause: Clause) -> Floats:
    """Per-case differences of a clause in the direction of harm, as a tool without clusters sees them."""
    chosen = [
        (one.scores[clause.metric], other.scores[clause.metric])
        for case, one, other in zip(evidence.golden.cases, evidence.baseline, evidence.candidate, strict=True)
        if (not clause.slice or clause.slice in case.slices)
        and clause.metric in one.scores
        and clause.metric in other.scores
    ]
    pairs = np.array(chosen)
    lower = next(m for m in evidence.baseline_run.metrics if m.name == clause.metric).direction is LOWER
    loss = pairs[:, 0] - pairs[:, 1]
    return np.asarray(-loss if lower else loss)


def threshold_blocks(evidence: Evidence, policy: GatePolicy) -> bool:
    """The rule of most tools: some observed value is worse by more than its margin."""
    return any(losses(evidence, clause).mean() > clause.margin for clause in policy.clauses)


def significant_drop_blocks(evidence: Evidence, policy: GatePolicy) -> bool:
    """Fail only if the drop is larger than the margin and significant: no clusters, no correction."""
    for clause in policy.clauses:
        loss = losses(evidence, clause)
        error = clustered(loss).variance ** 0.5
        significant = error > 0 and 2.0 * (1.0 - normal_cdf(abs(loss.mean()) / error)) < clause.alpha
        if loss.mean() > clause.margin and significant:
            return True
    return False


PEERS: dict[str, Callable[[Evidence, GatePolicy], bool]] = {
    "threshold": threshold_blocks,
    "significant drop": significant_drop_blocks,
}


def rate(count: int, total: int) -> str:
    found = clopper_pearson(count, total)
    return f"{found.estimate:.3f} [{found.low:.3f}, {found.high:.3f}]"


class Progress:
    """One line that is overwritten, with the time left."""

    def __init__(self, what: str, total: int) -> None:
        self.what, self.total, self.begun = what, total, time.monotonic()

    def __call__(self, done: int) -> None:
        if done % max(1, self.total // 50) and done != self.total:
            return
        spent = time.monotonic() - self.begun
        left = spent / done * (self.total - done)
        end = "\n" if done == self.total else ""
        print(f"\r{self.what}: {done} of {self.total}, {left:3.0f} s left ", end=end, file=sys.stderr, flush=True)


def aa(simulations: int, cases: int = 300, seed: int = 1) -> dict[str, float]:
    """Rates of `do_not_ship` when candidate and baseline are the same system, with the policy as shipped and with
    zero margins, and of the peers' rules with the policy as shipped."""
    rng = np.random.default_rng(seed)
    strict = with_zero_margins(POLICY)
    verdicts: dict[str, Counter[Verdict]] = {"policy": Counter(), "zero margins": Counter()}
    peers: Counter[str] = Counter()
    golden, labels = _golden(cases, rng)
    runs = run_over(golden, "old"), run_over(golden, "new")
    progress = Progress("A/A gates", simulations)
    for index in range(simulations):
        draws = same_system(labels, rng)
        evidence = Evidence(golden, *runs, samples_from(golden, next(draws)), samples_from(golden, next(draws)))
        for name, policy in (("policy", POLICY), ("zero margins", strict)):
            verdicts[name][judged(evidence, policy, index).verdict] += 1
        for name, rule in PEERS.items():
            peers[name] += rule(evidence, POLICY)
        progress(index + 1)
    print(f"A/A, {simulations} gates of {len(POLICY.clauses)} clauses, {cases} cases in clusters; nominal alpha 0.05")
    for name, counts in verdicts.items():
        spread = ", ".join(f"{verdict.value} {count}" for verdict, count in sorted(counts.items()))
        print(f"  blocks, {name:<17}{rate(counts[Verdict.DO_NOT_SHIP], simulations)}   ({spread})")
    for name, count in peers.items():
        print(f"  blocks, {name:<17}{rate(count, simulations)}")
    return {
        "aa_block_rate": verdicts["policy"][Verdict.DO_NOT_SHIP] / simulations,
        "aa_block_rate_zero_margins": verdicts["zero margins"][Verdict.DO_NOT_SHIP] / simulations,
        "aa_block_rate_threshold_rule": peers["threshold"] / simulations,
        "aa_block_rate_significant_drop_rule": peers["significant drop"] / simulations,
    }


def _golden(cases: int, rng: np.random.Generator) -> tuple[GoldenSet, NDArray[np.int64]]:
    labels = cluster_labels(cases, rng)
    return golden_with(labels, rng), labels


def regression(simulations: int, cases: int, drop: float, seed: int = 2) -> dict[str, float]:
    """Correctness falls by `drop` at 12 % discordance, one clause with margin .03 (`evaluation.md` 4.5)."""
    rng = np.random.default_rng(seed)
    policy = GatePolicy((Clause("correct", NI, 0.03),))
    golden = golden_with(np.arange(cases), rng)
    old, new = (replace(run_over(golden, name), metrics=METRICS[:1]) for name in ("old", "new"))
    verdicts: Counter[Verdict] = Counter()
    shipped: Counter[str] = Counter()
    for index in range(simulations):
        draw, base = rng.random(cases), rng.random(cases) < 0.80
        won, lost = draw < (0.12 - drop) / 2, draw > 1 - (0.12 + drop) / 2
        one = np.where(won, 0.0, np.where(lost, 1.0, base))
        other = np.where(won, 1.0, np.where(lost, 0.0, base))
        evidence = Evidence(
            golden, old, new, samples_from(golden, {"correct": one}), samples_from(golden, {"correct": other})
        )
        verdicts[judged(evidence, policy, index).verdict] += 1
        for name, rule in PEERS.items():
            shipped[name] += not rule(evidence, policy)
    ours = " / ".join(
        f"{verdicts[v] / simulations:.3f}" for v in (Verdict.SHIP, Verdict.DO_NOT_SHIP, Verdict.NEED_MORE_DATA)
    )
    others = ", ".join(f"{name} ships {count / simulations:.3f}" for name, count in shipped.items())
    print(f"  n {cases:>4}, true change {-drop:+.2f}: ship / block / need more {ours};  {others}")
    return {"ship": verdicts[Verdict.SHIP] / simulations, "block": verdicts[Verdict.DO_NOT_SHIP] / simulations}


def resampled(evidence: Evidence, rng: np.random.Generator) -> Evidence:
    """The same evidence on a golden set of as many clusters, drawn with replacement: another sample of questions."""
    clusters: dict[str, list[Case]] = {}
    for case in evidence.golden.cases:
        clusters.setdefault(case.cluster or f"case {case.case_id}", []).append(case)
    left, right = _by_case(evidence.baseline), _by_case(evidence.candidate)
    names = sorted(clusters)
    cases: list[Case] = []
    one: list[Sample] = []
    other: list[Sample] = []
    for place, pick in enumerate(rng.integers(0, len(names), size=len(names))):
        for case in clusters[names[pick]]:
            made = replace(case, case_id=f"{place}:{case.case_id}", cluster=f"{place}:{names[pick]}")
            cases.append(made)
            one.extend(replace(sample, case_id=made.case_id) for sample in left[case.case_id])
            other.extend(replace(sample, case_id=made.case_id) for sample in right[case.case_id])
    golden = GoldenSet(evidence.golden.name, tuple(cases))
    runs = [
        replace(run, golden_version=golden.version, cases=len(cases))
        for run in (evidence.baseline_run, evidence.candidate_run)
    ]
    return Evidence(golden, runs[0], runs[1], tuple(one), tuple(other))


def _by_case(samples: Sequence[Sample]) -> dict[str, list[Sample]]:
    found: dict[str, list[Sample]] = {}
    for sample in samples:
        found.setdefault(sample.case_id, []).append(sample)
    return found


def planted(evidence: Evidence, policy: GatePolicy, seeds: int) -> dict[str, int]:
    """In how many of `seeds` resampled golden sets the planted regression gets which verdict."""
    verdicts: Counter[Verdict] = Counter()
    peers: Counter[str] = Counter()
    progress = Progress("planted regression", seeds)
    for seed in range(seeds):
        drawn = resampled(evidence, np.random.default_rng(seed))
        verdicts[judged(drawn, policy, seed).verdict] += 1
        for name, rule in PEERS.items():
            peers[name] += rule(drawn, policy)
        progress(seed + 1)
    spread = ", ".join(f"{verdict.value} {count}" for verdict, count in sorted(verdicts.items()))
    print(f"planted regression, {seeds} resampled golden sets of about {len(evidence.golden.cases)} cases: {spread}")
    print("  blocked by the rules of other tools: " + ", ".join(f"{name} {count}" for name, count in peers.items()))
    return {"planted_caught": verdicts[Verdict.DO_NOT_SHIP], "planted_shipped": verdicts[Verdict.SHIP]}


def simulated_plant(cases: int = 150, seed: int = 3) -> Evidence:
    """A system that lost its "I do not know": three unanswerable cases in four are answered, 30 % of all."""
    rng = np.random.default_rng(seed)
    golden, labels = _golden(cases, rng)
    draws = same_system(labels, rng)
    before, after = next(draws), next(draws)
    hurt = (rng.random(cases) < 0.30) & (rng.random(cases) < 0.75)
    for name in ("correct", "abstention_right"):
        after[name] = np.where(hurt, 0.0, before[name])
    runs = run_over(golden, "old"), run_over(golden, "new")
    return Evidence(golden, *runs, samples_from(golden, before), samples_from(golden, after))


def planted_from_workspace(folder: Path) -> tuple[Evidence, GatePolicy]:
    """The demo lab's baseline and planted candidate with the policy they were judged by.

    The candidate is the newest judged bundle whose note begins with "planted". Raises SystemExit when there is none.
    """
    from assay.wiring.build import open_workspace

    place = open_workspace(folder)
    stores = place.stores
    for decision in stores.decisions.decisions():
        if not stores.bundles.get(decision.candidate_bundle).note.startswith("planted"):
            continue
        a, b = stores.runs.run(decision.baseline_run), stores.runs.run(decision.candidate_run)
        golden = stores.golden.get(decision.golden_name, decision.golden_version)
        covered = replace(golden, cases=tuple(c for c in golden.cases if not b.split or c.split == b.split))
        samples = tuple(stores.runs.samples(a.run_id)), tuple(stores.runs.samples(b.run_id))
        place.close()
        return Evidence(covered, a, b, *samples), decision.policy
    place.close()
    raise SystemExit(f"no planted regression was judged in {folder}")


def silent(done: int, total: int, note: str = "") -> None:
    """No progress lines: the lab says what it does."""


def built_lab(folder: Path) -> Path:
    """A fresh demo lab."""
    from assay.wiring import demo

    demo.build(folder, lambda line: print(line, file=sys.stderr), lambda _label: silent).close()
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--workspace", type=Path, help="a demo lab that `assay demo` built")
    parser.add_argument("--simulated", action="store_true", help="plant the regression in simulated scores")
    chosen = parser.parse_args()
    numbers: dict[str, float] = dict(aa(chosen.simulations))
    print("one clause, margin .03, 12 % discordance:")
    runs = max(50, chosen.simulations // 5)
    for cases in (50, 200, 800):
        found = regression(runs, cases, 0.06)
    numbers |= {"regression_800_shipped": found["ship"], "regression_800_blocked": found["block"]}
    regression(runs, 800, 0.0)
    if chosen.simulated:
        evidence, policy = simulated_plant(), POLICY
    elif chosen.workspace:
        evidence, policy = planted_from_workspace(chosen.workspace)
    else:
        with tempfile.TemporaryDirectory() as folder:
            evidence, policy = planted_from_workspace(built_lab(Path(folder) / "lab"))
    numbers |= planted(evidence, policy, chosen.seeds)
    print(json.dumps(numbers | {"planted_seeds": chosen.seeds}))


if __name__ == "__main__":
    main()
