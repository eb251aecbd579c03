"""May this bundle ship? A pure function from a policy and two runs to a decision that can be checked later."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from assay.evaluate.compare import shared_metrics
from assay.evaluate.pairing import applicable, has_failed, pair, slice_names
from assay.evaluate.summary import run_digest
from assay.records.comparison import (
    CertificateResult,
    Clause,
    ClauseKind,
    ClauseResult,
    ConditionResult,
    Decision,
    Delta,
    GatePolicy,
    Verdict,
)
from assay.records.digest import plain, sha256_json
from assay.records.evaluation import Direction, Metric, MetricKind, Run, RunStatus, Sample
from assay.records.golden import Case, GoldenSet
from assay.release.clauses import Measured, Measurer, examine, judge, sliced, threshold


def decide(
    policy: GatePolicy,
    *,
    app: str,
    candidate_bundle: str,
    baseline_bundle: str,
    candidate_run: Run,
    candidate_samples: Iterable[Sample],
    baseline_run: Run,
    baseline_samples: Iterable[Sample],
    golden: GoldenSet,
    seed: int,
    versions: Mapping[str, str],
    now: str,
    recorded_digests: Mapping[str, str] | None = None,
    certificates: Sequence[CertificateResult] = (),
    conditions: Sequence[ConditionResult] = (),
    measurer: Measurer | None = None,
) -> Decision:
    """Judge the candidate against the baseline by `policy`; same arguments, same decision.

    Verdicts: `ship` when every clause holds; `do_not_ship` when some clause is refuted; `cannot_judge` when the
    evidence is incomplete, does not match its digests or does not measure what the policy asks; else
    `need_more_data`. `recorded_digests` maps a run id to the digest of its samples noted earlier (`run_digest`).
    `certificates` are what `certified.judge_certificates` made of those that the policy asks for; `conditions` say
    whether the evidence may be relied on, and each counts as a clause does. `measurer` measures the clauses that it
    knows better than by pairing scores, such as those on a judge.
    """
    candidate, baseline = tuple(candidate_samples), tuple(baseline_samples)
    digests = {baseline_run.run_id: run_digest(baseline), candidate_run.run_id: run_digest(candidate)}
    version = golden.version
    cases = applicable(golden.cases, candidate_run.split)
    problems = [
        *_mismatches(policy, candidate_run, baseline_run, version, candidate_bundle, baseline_bundle, app),
        *_digest_problems(digests, recorded_digests or {}),
        *_certificate_problems(policy, certificates),
        *(f"{one.kind} {one.subject}: {one.reason}" for one in conditions if one.verdict is Verdict.CANNOT_JUDGE),
        *_gaps(candidate_run, candidate, cases, policy.max_failed_share),
        *_gaps(baseline_run, baseline, cases, policy.max_failed_share),
    ]
    results, unmeasured = _clause_results(
        policy, baseline_run, baseline, candidate_run, candidate, cases, seed, measurer
    )
    problems.extend(unmeasured)
    verdict = Verdict.CANNOT_JUDGE if problems else _verdict(results, certificates, conditions)
    decision = Decision(
        decision_id="",
        verdict=verdict,
        app=app,
        candidate_bundle=candidate_bundle,
        baseline_bundle=baseline_bundle,
        policy=policy,
        policy_digest=policy.digest,
        golden_name=golden.name,
        golden_version=version,
        candidate_run=candidate_run.run_id,
        baseline_run=baseline_run.run_id,
        run_digests=digests,
        clauses=results,
        seed=seed,
        versions=dict(versions),
        created_at=now,
        reason="; ".join(problems) if problems else _reason(verdict, results, certificates, conditions),
        n_needed=_cases_needed(results, len(cases)) if verdict is Verdict.NEED_MORE_DATA else None,
        notes=_notes(results),
        certificates=tuple(certificates),
        conditions=tuple(conditions),
    )
    return replace(decision, decision_id=decision_digest(decision))


def decision_digest(decision: Decision) -> str:
    """SHA-256 over everything in the record but its own id and when it was made: same evidence, same id."""
    content = plain(decision)
    for later in ("certificates", "conditions"):  # a record without any is as it was before there were any
        if not content[later]:
            del content[later]
    if decision.policy.multiplicity == "holm":
        del content["policy"]["multiplicity"]
    if not decision.policy.safety:
        del content["policy"]["safety"], content["policy"]["safety_max_age_days"]
    if not decision.policy.fairness:
        del content["policy"]["fairness"]
    return sha256_json({name: value for name, value in content.items() if name not in ("decision_id", "created_at")})


def _mismatches(
    policy: GatePolicy, candidate: Run, baseline: Run, version: str, new: str, old: str, app: str
) -> list[str]:
    """Why these two runs are not evidence about these two bundles on this golden set."""
    found = []
    if not policy.clauses:
        found.append("the policy has no clause, so nothing could stop a bundle")
    for run, bundle in ((candidate, new), (baseline, old)):
        if run.bundle_id != bundle:
            found.append(f"run {run.run_id} is of another bundle")
        if run.app != app:
            found.append(f"run {run.run_id} is of another app")
        if run.golden_version != version:
            found.append(f"run {run.run_id} answered another version of the golden set")
    if candidate.split != baseline.split:
        found.append("the runs answered different splits of the golden set")
    return found


def _certificate_problems(policy: GatePolicy, certificates: Sequence[CertificateResult]) -> list[str]:
    judged = {result.kind for result in certificates}
    missing = [f"certificate {kind}: it was not looked for" for kind in policy.certificates if kind not in judged]
    unsure = [result for result in certificates if result.verdict is Verdict.CANNOT_JUDGE]
    return missing + [f"certificate {result.kind}: {result.reason}" for result in unsure]


def _digest_problems(found: Mapping[str, str], recorded: Mapping[str, str]) -> list[str]:
    return [
        f"the samples of run {run_id} are not those that were recorded: their digest differs"
        for run_id, digest in found.items()
        if run_id in recorded and recorded[run_id] != digest
    ]


def _gaps(run: Run, samples: Sequence[Sample], cases: Sequence[Case], max_failed_share: float) -> list[str]:
    """Why a run is not whole: not complete, samples missing, doubled or foreign, or too many failures."""
    found = []
    if run.status is not RunStatus.COMPLETE:
        found.append(f"run {run.run_id} is {run.status.value}, not complete")
    known = {case.case_id for case in cases}
    repeats = _repeats(run, samples)
    expected = {(case_id, repeat) for case_id in known for repeat in repeats}
    seen = [(sample.case_id, sample.repeat) for sample in samples]
    if len(seen) != len(set(seen)) or set(seen) != expected or len(known) != run.cases:
        found.append(f"run {run.run_id} holds {len(set(seen))} of {run.cases * run.repeats} samples of this golden set")
    failed = sum(has_failed(sample) for sample in samples)
    if samples and failed / len(samples) > max_failed_share:
        found.append(
            f"{failed} of {len(samples)} samples of run {run.run_id} failed, more than {max_failed_share:.1%} allows"
        )
    return found


def _repeats(run: Run, samples: Sequence[Sample]) -> range:
    """The repeat numbers a whole run has; counted from 0 or from 1, as its journal does."""
    first = min((sample.repeat for sample in samples), default=0)
    return range(min(first, 1), min(first, 1) + run.repeats)


def _clause_results(
    policy: GatePolicy,
    baseline_run: Run,
    baseline: Sequence[Sample],
    candidate_run: Run,
    candidate: Sequence[Sample],
    cases: Sequence[Case],
    seed: int,
    measurer: Measurer | None = None,
) -> tuple[tuple[ClauseResult, ...], list[str]]:
    """Every clause's result in the policy's order, and what could not be measured at all."""
    metrics = {metric.name: metric for metric in shared_metrics(baseline_run, candidate_run)}
    names = set(slice_names(cases))
    problems = [reason for clause in policy.clauses if (reason := _unmeasurable(clause, metrics, names))]
    wholes = {
        name: pair(metrics[name], baseline, candidate, cases)
        for name in {clause.metric for clause in policy.clauses}
        if name in metrics
    }
    asked = {name: {clause.slice for clause in policy.clauses if clause.metric == name} for name in wholes}
    parts = {name: sliced(whole, asked[name] - {""}) for name, whole in wholes.items()}
    measured: list[Measured] = []
    for clause in policy.clauses:
        if not _unmeasurable(clause, metrics, names):
            part = parts[clause.metric][clause.slice] if clause.slice else wholes[clause.metric]
            measured.append(examine(clause, part, seed, measurer))
    judged = iter(judge(measured, policy, seed))
    results = []
    for clause in policy.clauses:
        reason = _unmeasurable(clause, metrics, names)
        results.append(ClauseResult(clause, Verdict.CANNOT_JUDGE, reason, None) if reason else next(judged))
    return tuple(results), problems


def _unmeasurable(clause: Clause, metrics: Mapping[str, Metric], names: set[str]) -> str:
    if clause.metric not in metrics:
        return f"the runs do not both measure {clause.metric}"
    if clause.slice and clause.slice not in names:
        return f"no case of the golden set stands in slice {clause.slice}"
    return ""


Judged = Sequence[ClauseResult | CertificateResult | ConditionResult]


def _verdict(*judged: Judged) -> Verdict:
    verdicts = {result.verdict for results in judged for result in results}
    for verdict in (Verdict.CANNOT_JUDGE, Verdict.DO_NOT_SHIP, Verdict.NEED_MORE_DATA):
        if verdict in verdicts:
            return verdict
    return Verdict.SHIP


def _reason(
    verdict: Verdict,
    results: Sequence[ClauseResult],
    certificates: Sequence[CertificateResult],
    conditions: Sequence[ConditionResult],
) -> str:
    named = [clause_name(result.clause) for result in results if result.verdict is verdict]
    if verdict is Verdict.SHIP:
        return f"all {len(results) + len(certificates) + len(conditions)} clauses hold"
    others = [f"{one.kind} {one.subject}: {one.reason}" for one in conditions if one.verdict is verdict]
    if verdict is Verdict.DO_NOT_SHIP:
        stopped = [f"certificate {one.kind}: {one.reason}" for one in certificates if one.verdict is verdict]
        worse = ["worse than the policy allows: " + ", ".join(named)] if named else []
        return "; ".join([*stopped, *others, *worse])
    return "not decided yet: " + ", ".join([*others, *named])


def clause_name(clause: Clause) -> str:
    """The metric, with its slice where there is one."""
    return f"{clause.metric} [{clause.slice}]" if clause.slice else clause.metric


def _cases_needed(results: Sequence[ClauseResult], cases: int) -> int | None:
    """Cases of the whole golden set at which every open clause would have its n; None when no number would do."""
    needed = []
    for result in results:
        if result.verdict is Verdict.NEED_MORE_DATA and result.n_needed is not None:
            share = result.delta.interval.n / cases if result.delta else 1.0
            needed.append(math.ceil(result.n_needed / share))
    return max(needed, default=None)


def _notes(results: Sequence[ClauseResult]) -> tuple[str, ...]:
    """What was left out or counted as worst, once per metric."""
    notes: dict[str, None] = {}
    for result in results:
        if result.delta is None or result.clause.slice:
            continue
        name = result.clause.metric
        if result.delta.failed_as_worst:
            notes[f"{name}: cases without a score that count as the worst value: {result.delta.failed_as_worst}"] = None
        for reason, count in result.delta.dropped.items():
            notes[f"{name}: cases left out, scored in one run only ({reason}): {count}"] = None
    return tuple(notes)


_WORDS = {
    Verdict.SHIP: ("✓", "ship"),
    Verdict.DO_NOT_SHIP: ("✗", "do not ship"),
    Verdict.NEED_MORE_DATA: ("?", "need more data"),
    Verdict.CANNOT_JUDGE: ("!", "cannot judge"),
}


def explain(decision: Decision) -> tuple[str, ...]:
    """The decision for a terminal: the verdict, then one line a clause with estimate, interval, margin and why."""
    mark, words = _WORDS[decision.verdict]
    lines = [f"{mark} {words}: {decision.reason}"]
    width = max((len(clause_name(result.clause)) for result in decision.clauses), default=0)
    lines.extend(_clause_line(result, width) for result in decision.clauses)
    lines.extend(_certificate_line(result) for result in decision.certificates)
    lines.extend(f"  {_WORDS[one.verdict][0]} {one.kind} {one.subject}  {one.reason}" for one in decision.conditions)
    if decision.n_needed is not None:
        lines.append(f"  a golden set of about {decision.n_needed:,} cases like these would decide it")
    lines.extend(f"  note: {note}" for note in decision.notes)
    lines.append(
        f"  decision {decision.decision_id[:12]}  golden {decision.golden_name}@{decision.golden_version[:12]}  "
        f"policy {decision.policy_digest[:12]}"
    )
    return tuple(lines)


def _certificate_line(result: CertificateResult) -> str:
    named = f" {result.certificate_id[:12]} of {result.created_at[:10]}" if result.certificate_id else ""
    return f"  {_WORDS[result.verdict][0]} certificate {result.kind}{named}  {result.reason}"


def _clause_line(result: ClauseResult, width: int) -> str:
    mark = _WORDS[result.verdict][0]
    name = clause_name(result.clause).ljust(width)
    if result.delta is None:
        return f"  {mark} {name}  {result.reason}"
    delta = result.delta
    line = threshold(result.clause, delta.metric.direction)
    aim = "below" if delta.metric.direction is Direction.LOWER else "above"
    must = f"must stay {aim}" if result.clause.kind is ClauseKind.NON_INFERIORITY else f"must be {aim}"
    interval = delta.interval
    if result.clause.kind is ClauseKind.NO_LOSS:
        counts = f"n {interval.n} (won {delta.won}, lost {delta.lost})"
        return f"  {mark} {name}  no case may be lost  {counts}: {result.reason}"
    need = f"; n needed {result.n_needed:,}" if result.n_needed is not None else ""
    return (
        f"  {mark} {name}  {_number(interval.estimate, delta)} [{_number(interval.low, delta)}, "
        f"{_number(interval.high, delta)}]  {must} {_number(line, delta)}  n {interval.n} "
        f"(won {delta.won}, lost {delta.lost}, tied {delta.tied}): {result.reason}{need}"
    )


def _number(value: float, delta: Delta) -> str:
    digits = 1 if delta.metric.kind is MetricKind.SKEWED and abs(value) >= 10 else 3
    return f"{value:+.{digits}f}"
