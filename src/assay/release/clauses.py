"""One clause of a gate policy against paired scores: does it hold, is it refuted, or how many cases would tell."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import numpy as np

from assay.evaluate.pairing import Pairs, measure
from assay.records.comparison import Clause, ClauseKind, ClauseResult, Delta, GatePolicy, Verdict
from assay.records.evaluation import Direction
from assay.stats.effect import Effect
from assay.stats.mean import Floats
from assay.stats.multiplicity import holm, max_t
from assay.stats.power import paired_cases

_MOST = 1_000_000
"""An n above a million cases is no plan: it is said as "no number of cases"."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A clause with what the data say before the correction for many clauses. `p_worse` None: too few cases."""

    clause: Clause
    pairs: Pairs
    delta: Delta | None = None
    effect: Effect | None = None
    clears: bool = False
    p_worse: float | None = None
    waits: str = ""
    """What an open clause waits for, where it is something else than cases."""


Measurer = Callable[[Clause, Pairs], "tuple[Delta, Effect, str] | str | None"]
"""How a clause is measured where pairing the scores is not the whole truth: the delta at level 1 - 2·alpha, its effect
and what it waits for while it is open; or, as a text, what it waits for before anything can be said; or None for the
ordinary way."""


def threshold(clause: Clause, direction: Direction) -> float:
    """The raw difference (candidate minus baseline) that the clause is about: -margin when higher is better."""
    margin = 0.0 if clause.kind is ClauseKind.NO_LOSS else clause.margin
    goodness = margin if clause.kind is ClauseKind.SUPERIORITY else -margin
    return goodness if direction is Direction.HIGHER else -goodness


def sliced(whole: Pairs, names: Collection[str]) -> dict[str, Pairs]:
    """The pairs of each slice named, in one pass over the cases. What was dropped stays with the whole."""
    places: dict[str, list[int]] = {name: [] for name in names}
    labels = whole.clusters
    for index, case in enumerate(whole.cases):
        for name in case.slices:
            if name in places:
                places[name].append(index)

    def kept(part: list[int]) -> Pairs:
        return Pairs(
            whole.metric,
            tuple([whole.cases[i] for i in part]),
            tuple([whole.baseline[i] for i in part]),
            tuple([whole.candidate[i] for i in part]),
            {},
            0,
            tuple([labels[i] for i in part]),
        )

    return {name: kept(part) for name, part in places.items()}


def examine(clause: Clause, pairs: Pairs, seed: int, measurer: Measurer | None = None) -> Measured:
    """Measure a clause at level 1 - 2·alpha, whose limits are the one-sided limits at alpha.

    A `no_loss` clause is no test: it is cleared by enough cases without one loss and refuted by the first loss.
    """
    labels = pairs.clusters
    if pairs.n < 2 or labels.count(labels[0]) == pairs.n:
        return Measured(clause, pairs)
    found = measurer(clause, pairs) if measurer else None
    if isinstance(found, str):
        return Measured(clause, pairs, waits=found)
    delta, effect, waits = found or (*measure(pairs, clause.slice, 1.0 - 2.0 * clause.alpha, seed), "")
    if pairs.n < clause.min_n:
        return Measured(clause, pairs, delta, effect)
    if clause.kind is ClauseKind.NO_LOSS:
        return Measured(clause, pairs, delta, effect, clears=delta.lost == 0)
    line = threshold(clause, pairs.metric.direction)
    higher = pairs.metric.direction is Direction.HIGHER
    clears = delta.interval.low > line if higher else delta.interval.high < line
    return Measured(clause, pairs, delta, effect, clears, float(effect.p_beyond(line, below=higher)), waits)


def judge(measured: list[Measured], policy: GatePolicy, seed: int = 0) -> tuple[ClauseResult, ...]:
    """Verdicts of all clauses.

    A clause holds when its one-sided interval clears its line: all must hold to ship, so no alpha is split
    (intersection-union test, Berger 1982). It is refuted when "worse than the line" survives the policy's correction
    (Holm, or max-T with `seed`) over all clauses at the smallest alpha of the policy: a bundle that is nowhere worse is
    stopped with at most that probability.
    """
    tested = [index for index, one in enumerate(measured) if one.p_worse is not None]
    adjusted = dict(zip(tested, _corrected([measured[index] for index in tested], policy, seed), strict=True))
    strictest = min((clause.alpha for clause in policy.clauses), default=0.05)
    settled = all(one.clears for one in measured if one.clause.kind is not ClauseKind.SUPERIORITY)
    return tuple(_judged(one, adjusted.get(index), strictest, policy, settled) for index, one in enumerate(measured))


def _corrected(tested: list[Measured], policy: GatePolicy, seed: int) -> tuple[float, ...]:
    """Adjusted p-values of "worse than the line", in the order given. Raises ValueError for an unknown correction."""
    p_values = [one.p_worse for one in tested if one.p_worse is not None]
    if policy.multiplicity == "holm":
        return holm(p_values)
    if policy.multiplicity != "max_t":
        raise ValueError(f"clauses are corrected by holm or max_t, not {policy.multiplicity!r}")
    return max_t(p_values, _cluster_sums(tested), seed=seed)


def _cluster_sums(tested: list[Measured]) -> Floats:
    """What each cluster adds to each clause's mean difference, centred and as harm: shape (clusters, clauses)."""
    rows: dict[str, int] = {}
    columns = []
    for one in tested:
        places = [rows.setdefault(label, len(rows)) for label in one.pairs.clusters]
        difference = np.asarray(one.pairs.candidate) - np.asarray(one.pairs.baseline)
        harm = -1.0 if one.pairs.metric.direction is Direction.HIGHER else 1.0
        columns.append((places, harm * (difference - difference.mean())))
    sums = np.zeros((len(rows), len(tested)))
    for column, (places, values) in enumerate(columns):
        sums[:, column] = np.bincount(places, weights=values, minlength=len(rows))
    return sums


def _judged(one: Measured, adjusted: float | None, alpha: float, policy: GatePolicy, settled: bool) -> ClauseResult:
    clause, delta, power = one.clause, one.delta, policy.power
    if clause.kind is ClauseKind.NO_LOSS:
        return _without_loss(one)
    if delta is None and one.waits:
        return ClauseResult(clause, Verdict.NEED_MORE_DATA, one.waits, None)
    if delta is None or one.effect is None or adjusted is None:
        plan = planned(one, power)
        n_needed = max(clause.min_n, plan) if plan is not None else clause.min_n
        reason = f"{one.pairs.n} paired cases, the clause asks for at least {clause.min_n}"
        return ClauseResult(clause, Verdict.NEED_MORE_DATA, reason, delta, n_needed=n_needed)
    made = ClauseResult(clause, Verdict.SHIP, _holds(clause), delta, p_worse=one.p_worse)
    if one.clears and (settled or clause.kind is ClauseKind.NON_INFERIORITY):
        return made
    if one.clears:
        return replace(made, verdict=Verdict.NEED_MORE_DATA, reason="an improvement counts once nothing else is worse")
    if adjusted <= alpha:
        named = "max-T" if policy.multiplicity == "max_t" else "Holm"
        reason = f"{_refuted(clause)} ({named}-adjusted p {adjusted:.2g})"
        return replace(made, verdict=Verdict.DO_NOT_SHIP, reason=reason)
    if one.waits:
        return replace(made, verdict=Verdict.NEED_MORE_DATA, reason=one.waits)
    n_open = planned(one, power)
    reason = "the interval reaches past the margin" if n_open else "no number of cases can show this: widen the margin"
    return replace(made, verdict=Verdict.NEED_MORE_DATA, reason=reason, n_needed=n_open)


def _without_loss(one: Measured) -> ClauseResult:
    clause, delta = one.clause, one.delta
    if delta is not None and delta.lost:
        cases = "case" if delta.lost == 1 else "cases"
        return ClauseResult(clause, Verdict.DO_NOT_SHIP, f"{delta.lost} {cases} lost where none may be", delta)
    if one.clears:
        return ClauseResult(clause, Verdict.SHIP, "no case was lost", delta)
    reason = f"{one.pairs.n} paired cases, the clause asks for at least {clause.min_n}"
    return ClauseResult(clause, Verdict.NEED_MORE_DATA, reason, delta, n_needed=clause.min_n)


def _holds(clause: Clause) -> str:
    if clause.kind is ClauseKind.SUPERIORITY:
        return "better than the margin asks"
    return "not worse than the margin allows"


def _refuted(clause: Clause) -> str:
    if clause.kind is ClauseKind.SUPERIORITY:
        return "shown not to improve by the margin"
    return "shown to be worse than the margin allows"


def planned(one: Measured, power: float) -> int | None:
    """Paired cases at which this clause would be decided with `power`; None when no number would.

    First under the plan's assumption: for non-inferiority that both systems are equal, for superiority that the
    observed gain is true. When that many cases are there already, under the observed difference, which decides either
    way.
    """
    if one.effect is None or one.delta is None:
        return None
    clause, effect = one.clause, one.effect
    gain = effect.estimate if one.pairs.metric.direction is Direction.HIGHER else -effect.estimate
    line = clause.margin if clause.kind is ClauseKind.SUPERIORITY else -clause.margin
    assumed = 0.0 if clause.kind is ClauseKind.NON_INFERIORITY else gain
    for distance in (assumed - line, gain - line):
        n = _cases(effect, distance, clause.alpha, power)
        if n is not None and n > one.pairs.n:
            return n
    return None


def _cases(effect: Effect, distance: float, alpha: float, power: float) -> int | None:
    if math.isclose(distance, 0.0, abs_tol=1e-12) or effect.spread == effect.pseudo == 0.0:
        return None
    n = paired_cases(effect.spread, distance, alpha=alpha, power=power, sides=1, pseudo=effect.pseudo)
    return n if n <= _MOST else None
