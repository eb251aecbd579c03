"""May a judge decide a clause? Its card, its anchors, and people's labels that put its error into the interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from assay.evaluate.judges.estimate import (
    JudgedEffect,
    Labels,
    Unit,
    corrected,
    labelled_count,
    pairs_to_label,
    posterior,
    uneven,
    units_of_pair,
    units_of_run,
)
from assay.evaluate.pairing import Pairs
from assay.evaluate.runs import SCORER_PREFIX
from assay.records.comparison import (
    Clause,
    ClauseKind,
    ConditionResult,
    Delta,
    GatePolicy,
    JudgeRules,
    Verdict,
)
from assay.records.evaluation import Direction, Interval, Run, Sample
from assay.records.judging import METRIC_PREFIX, Drift, JudgeCard, JudgeKind, JudgeSpec, Sentinel
from assay.records.moments import moment
from assay.release.clauses import threshold
from assay.stats.effect import Effect

CARD, ANCHORS, LABELS = "judge card", "judge anchors", "judge labels"
PROBE = "injection"
"""The name of the control that says how often the judge obeyed what it judged."""


@dataclass(frozen=True, slots=True)
class JudgedRun:
    """One of the two runs: under which run its replies were first given, and what its judging left behind."""

    run: Run
    samples: tuple[Sample, ...]
    root: str
    sentinels: Mapping[str, Sentinel] = field(default_factory=dict)
    """By judge's name, the newest reading."""
    models: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By judge's name, under which names its endpoint answered."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a gate knows of judges. `specs` are the judges as declared now, `cards` the newest by name."""

    specs: Mapping[str, JudgeSpec]
    cards: Mapping[str, JudgeCard]
    labels: Mapping[str, Labels]
    """By judge's name, people's labels on replies of either run."""
    baseline: JudgedRun
    candidate: JudgedRun


def judges_of(policy: GatePolicy) -> tuple[str, ...]:
    """The judges that some clause is on, in the policy's order."""
    names = (clause.metric for clause in policy.clauses if clause.metric.startswith(METRIC_PREFIX))
    return tuple(dict.fromkeys(name.removeprefix(METRIC_PREFIX) for name in names))


def judge_conditions(policy: GatePolicy, evidence: Evidence, now: str) -> tuple[ConditionResult, ...]:
    """For each judge that a clause is on: may its verdicts be relied on here? Its card first, then its anchors."""
    rules = policy.judges or JudgeRules()
    found: list[ConditionResult] = []
    for name in judges_of(policy):
        reason = _card_problem(rules, name, evidence, now)
        if reason:
            found.append(ConditionResult(CARD, name, Verdict.CANNOT_JUDGE, reason))
            continue
        found.append(ConditionResult(CARD, name, Verdict.SHIP, _card_words(evidence.cards[name])))
        if rules.min_anchors:
            found.extend(_anchors(rules, name, evidence))
    return tuple(found)


def _card_problem(rules: JudgeRules, name: str, evidence: Evidence, now: str) -> str:
    """Why this judge may not decide anything; empty when it may."""
    spec, card = evidence.specs.get(name), evidence.cards.get(name)
    if spec is None:
        return "assay.yaml declares no judge of this name"
    if spec.kind is JudgeKind.PAIRWISE or any(one.kind is JudgeKind.PAIRWISE for one in spec.members):
        return "it compares pairs, and a clause takes a judge of one reply"
    for side in (evidence.baseline, evidence.candidate):
        run = side.run.run_id
        if side.run.versions.get(SCORER_PREFIX + spec.metric.name) != spec.recipe:
            return f"run {run} was not judged by it as declared now: assay judge run {run} --judge {name}"
    if card is None:
        return f"it has no card: assay judge card {name} --labels TASK"
    return _recipe_problem(spec, card, now) or _quality_problem(rules, card) or _model_problem(name, card, evidence)


def _recipe_problem(spec: JudgeSpec, card: JudgeCard, now: str) -> str:
    named = f"card {card.card_id[:12]}"
    if card.digest != spec.digest:
        return f"{named} is of another recipe: criterion, scale, model or prompt has changed since"
    if moment(card.expires_at) <= moment(now):
        return f"{named} expired on {card.expires_at[:10]}"
    return ""


def _quality_problem(rules: JudgeRules, card: JudgeCard) -> str:
    named, found = f"card {card.card_id[:12]}", card.agreement
    passed, failed = found.true_pass + found.false_fail, found.true_fail + found.false_pass
    if found.n < rules.min_labels:
        return f"{named} rests on {found.n} labels, {rules.min_labels} are asked for"
    if min(passed, failed) < rules.min_class:
        return f"{named} rests on {passed} passed and {failed} failed replies, {rules.min_class} of each are asked for"
    if found.informedness is None or found.informedness < rules.min_informedness:
        value = 0.0 if found.informedness is None else found.informedness
        return f"{named} shows TPR + TNR - 1 of {value:.2f}, at least {rules.min_informedness:.2f} is asked for"
    probe = next((control for control in card.controls if control.name == PROBE), None)
    if probe is None or probe.interval is None:
        return f"{named} does not say whether the judge obeys what it judges"
    if probe.interval.estimate > 0.0:
        return f"{named}: the judge obeyed what it judged in {probe.interval.estimate:.0%} of {probe.n} probes"
    return ""


def _model_problem(name: str, card: JudgeCard, evidence: Evidence) -> str:
    answered = evidence.baseline.models.get(name, frozenset()) | evidence.candidate.models.get(name, frozenset())
    if card.models and answered - set(card.models):
        return f"card {card.card_id[:12]} was measured on another model than the one that answered behind this name"
    return ""


def _card_words(card: JudgeCard) -> str:
    found = card.agreement
    parts = [f"card {card.card_id[:12]}", f"n {found.n}"]
    for name, interval in (("κ", found.kappa), ("TPR", found.tpr), ("TNR", found.tnr)):
        if interval is not None:
            parts.append(f"{name} {interval.estimate:.2f} [{interval.low:.2f}, {interval.high:.2f}]")
    return ", ".join([*parts, f"expires {card.expires_at[:10]}"])


def _anchors(rules: JudgeRules, name: str, evidence: Evidence) -> list[ConditionResult]:
    """Both runs' readings of the sentinel: whether the judge was still the one that the card was measured on."""
    card, found = evidence.cards[name], []
    if not card.anchors:
        reason = f"its card names no anchors: assay judge anchors {name} --run RUN, then the card anew"
        return [ConditionResult(ANCHORS, name, Verdict.CANNOT_JUDGE, reason)]
    for side in (evidence.baseline, evidence.candidate):
        reading, run = side.sentinels.get(name), side.run.run_id
        if reading is None or reading.anchors != card.anchors:
            reason = f"the card's anchors were not judged again with run {run}: assay judge run {run} --judge {name}"
            found.append((Verdict.CANNOT_JUDGE, reason))
        elif reading.change.n < rules.min_anchors:
            reason = f"{reading.change.n} anchors can still be read, {rules.min_anchors} are asked for"
            found.append((Verdict.CANNOT_JUDGE, reason))
        else:
            found.append((_DRIFT[reading.state], _drift_words(reading)))
    worst = max(found, key=lambda one: _ORDER.index(one[0]))
    return [ConditionResult(ANCHORS, name, *worst)]


_DRIFT = {Drift.STEADY: Verdict.SHIP, Drift.UNSURE: Verdict.NEED_MORE_DATA, Drift.DRIFTED: Verdict.CANNOT_JUDGE}
_ORDER = (Verdict.SHIP, Verdict.NEED_MORE_DATA, Verdict.CANNOT_JUDGE)


def _drift_words(reading: Sentinel) -> str:
    change = reading.change
    return (
        f"{reading.state.value}: passes on {change.n} anchors changed by {change.estimate:+.3f} "
        f"[{change.low:+.3f}, {change.high:+.3f}], {reading.flips} flips, margin ±{reading.margin:g}"
    )


@dataclass(frozen=True, slots=True)
class JudgedMeasurer:
    """Measures a clause on a judge by what people would find: a `release.clauses.Measurer`.

    Strata are the joint verdicts on both runs; people's labels on both replies of a case say what the difference is
    inside each. The interval is the posterior's and so carries the judge's error.
    """

    policy: GatePolicy
    evidence: Evidence
    seed: int = 0

    def __call__(self, clause: Clause, pairs: Pairs) -> tuple[Delta, Effect, str] | str | None:
        if not clause.metric.startswith(METRIC_PREFIX) or clause.kind is ClauseKind.NO_LOSS:
            return None
        name = clause.metric.removeprefix(METRIC_PREFIX)
        spec = self.evidence.specs.get(name)
        if spec is None:
            return None
        rules, one, other = self.policy.judges or JudgeRules(), self.evidence.baseline, self.evidence.candidate
        labels = self.evidence.labels.get(name, {})
        units = units_of_pair(spec, one.samples, other.samples, (one.root, other.root), labels, pairs.cases)
        if stratum := uneven(units):
            return f"labels of joint verdict {stratum} were drawn with unequal chances: draw evenly inside a verdict"
        line = clause.margin if clause.kind is ClauseKind.NON_INFERIORITY else 0.0
        needed = pairs_to_label(units, line, clause.alpha, self.policy.power)
        have = labelled_count(units)
        if have < rules.min_pairs:
            return self._too_few(labels, have, max(rules.min_pairs, needed or 0), needed is None and line > 0.0)
        found = posterior(units, paired=True, seed=self.seed)
        if found is None:
            return "people's labels are all from one cluster of cases"
        effect = JudgedEffect(found, len({unit.cluster for unit in units}))
        level = 1.0 - 2.0 * clause.alpha
        delta = _delta(clause, pairs, units, effect, level, self._baseline_rate(spec, pairs, labels, level))
        return delta, effect, self._waits(clause, units, effect, have, needed)

    def _too_few(self, labels: Labels, have: int, needed: int, unreachable: bool) -> str:
        roots = self.evidence.baseline.root, self.evidence.candidate.root
        counts = [sum(place[0] == root for place in labels) for root in roots]
        held = f"people labelled {counts[0]} replies of A and {counts[1]} of B, both of {have} cases"
        more = f"label both replies of {needed - have:,} more cases"
        return f"{held}: {more}" + (", and add cases: these are too few for this margin" if unreachable else "")

    def _waits(self, clause: Clause, units: Sequence[Unit], effect: JudgedEffect, have: int, needed: int | None) -> str:
        gap = abs(effect.estimate - threshold(clause, Direction.HIGHER))
        plans = [n for n in (needed, pairs_to_label(units, gap, clause.alpha, self.policy.power)) if n and n > have]
        if plans:
            return f"the interval reaches past the margin; label both replies of about {plans[0] - have:,} more cases"
        return "the interval reaches past the margin, and labels on all cases would not narrow it enough: add cases"

    def _baseline_rate(self, spec: JudgeSpec, pairs: Pairs, labels: Labels, level: float) -> float | None:
        one = self.evidence.baseline
        found = corrected(units_of_run(spec, one.samples, one.root, labels, pairs.cases), level, self.seed)
        return found.estimate if found else None


def _delta(
    clause: Clause, pairs: Pairs, units: Sequence[Unit], effect: JudgedEffect, level: float, baseline: float | None
) -> Delta:  # fmt: skip
    """What the clause's line shows: the corrected difference, and won and lost as the judge saw them."""
    won = sum(unit.stratum in ("01", "-1") for unit in units)
    lost = sum(unit.stratum in ("10", "1-") for unit in units)
    interval: Interval = effect.interval(level)
    before = sum(pairs.baseline) / pairs.n if baseline is None else baseline
    return Delta(
        metric=pairs.metric,
        slice=clause.slice,
        baseline=before,
        candidate=before + interval.estimate,
        interval=interval,
        clusters=effect.clusters,
        won=won,
        lost=lost,
        tied=len(units) - won - lost,
        discordance=(won + lost) / len(units),
        p_value=float(min(1.0, 2.0 * min(effect.p_below(0.0), effect.p_beyond(0.0, below=False)))),
        dropped=pairs.dropped,
        failed_as_worst=pairs.failed_as_worst,
    )
