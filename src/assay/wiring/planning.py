"""What an evaluation would take, told before anything is asked: calls, tokens, dollars, and what it could show."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from assay.records.errors import CannotJudge
from assay.records.evaluation import Run, Sample
from assay.records.golden import Case
from assay.wiring.build import Workspace
from assay.wiring.evaluating import Asked, Prepared, prepare

CHARACTERS = 4.0
"""In a token of English prose; other languages and code have fewer."""
ASSUMED = 0.10
"""The share of cases that differ between two versions, where no two runs of this system say better."""
ENOUGH = 10
"""Samples of an earlier run with known usage that make it a basis."""


@dataclass(frozen=True)
class Detectable:
    """The smallest difference that the cases can show for a clause of the gate, with its power and alpha.

    `discordance` is the share of cases that differ; `assumed` unless two runs of the system were compared.
    """

    metric: str
    effect: float
    cases: int
    discordance: float
    assumed: bool


@dataclass(frozen=True)
class Plan:
    """An evaluation's price. None: not known. `basis` says what tokens and dollars rest on."""

    system: str
    golden: str
    cases: int
    repeats: int
    done: int
    """Samples that an interrupted run has."""
    cached: int
    """Samples whose reply is kept."""
    calls: int
    tokens_in: int | None
    tokens_out: int | None
    cost_usd: float | None
    basis: str
    detectable: tuple[Detectable, ...]


def plan(place: Workspace, asked: Asked) -> Plan:
    """Asks the system nothing and writes nothing."""
    ready = prepare(place, asked)
    run, cases = ready.run, ready.cases.cases
    done = _done(place, run)
    left = [(case, repeat) for repeat in range(run.repeats) for case in cases if (case.case_id, repeat) not in done]
    cached = sum(ready.cache.get(case, repeat) is not None for case, repeat in left) if ready.cache else 0
    calls = len(left) - cached
    tokens_in, tokens_out, cost, basis = _price(place, ready, [case for case, _ in left], calls)
    return Plan(
        ready.subject.name, f"{ready.golden.name}@{ready.golden.version[:12]}", len(cases), run.repeats, len(done),
        cached, calls, tokens_in, tokens_out, cost, basis, tuple(_detectable(place, ready)),
    )  # fmt: skip


def _done(place: Workspace, run: Run) -> frozenset[tuple[str, int]]:
    if all(known.run_id != run.run_id for known in place.stores.runs.runs()):
        return frozenset()
    return place.stores.runs.done(run.run_id)


def _price(
    place: Workspace, ready: Prepared, left: list[Case], calls: int
) -> tuple[int | None, int | None, float | None, str]:
    """Tokens in, tokens out, dollars, and the basis: an earlier run of the same system, else lengths."""
    if ready.subject.free:
        return 0, 0, 0.0, "no model is paid"
    for run in place.stores.runs.runs():
        if run.app != ready.subject.name:
            continue
        known = [
            s for s in place.stores.runs.samples(run.run_id) if not s.error and s.reply.usage.tokens_in is not None
        ]
        if len(known) >= ENOUGH:
            n_in, n_out = _mean(known, "tokens_in"), _mean(known, "tokens_out")
            cost = _mean(known, "cost_usd")
            same = "the same" if run.system == ready.run.system else "another"
            basis = f"means of {len(known)} samples of run {run.run_id}, {same} version of it"
            return _times(n_in, calls), _times(n_out, calls), None if cost is None else cost * calls, basis
    share = calls / max(1, len(left))
    characters = sum(len(case.question) + sum(len(turn.content) for turn in case.history) for case in left)
    tokens = math.ceil(characters * share / CHARACTERS)
    basis = (
        "lengths of questions and history alone, without prompt, passages and answers; a run of a few cases says more"
    )
    return tokens, None, None, basis


def _mean(samples: list[Sample], what: str) -> float | None:
    values = [value for sample in samples if (value := getattr(sample.reply.usage, what)) is not None]
    return sum(values) / len(values) if values else None


def _times(mean: float | None, calls: int) -> int | None:
    return None if mean is None else math.ceil(mean * calls)


def _detectable(place: Workspace, ready: Prepared) -> Iterable[Detectable]:
    """By clause of the gate on all cases: one-sided, at the clause's alpha and the policy's power. Clusters are not
    counted in: with them the effect is larger."""
    from assay.stats.power import smallest_effect

    names = {scorer.metric.name for scorer in ready.scorers}
    observed = _observed(place, ready.run)
    for clause in place.settings.gate.clauses:
        if clause.slice or clause.metric not in names or clause.kind == "no_loss":
            continue
        share = observed.get(clause.metric)
        spread = math.sqrt(ASSUMED if share is None else share)
        n = len(ready.cases.cases)
        effect = smallest_effect(spread, n, alpha=clause.alpha, power=place.settings.gate.power, sides=1)
        yield Detectable(clause.metric, effect, n, spread**2, share is None)


def _observed(place: Workspace, planned: Run) -> dict[str, float]:
    """Mean squared difference by metric between the two newest complete runs of this name on these cases."""
    from assay.wiring.judging import compare, complete_runs

    bundle = planned.bundle_id
    same = [
        run
        for run in (complete_runs(place, bundle) if bundle else complete_runs(place, ""))
        if (run.app, run.golden_version, run.split) == (planned.app, planned.golden_version, planned.split)
    ]
    if len(same) < 2:
        return {}
    try:
        made = compare(place, same[1].run_id, same[0].run_id)
    except CannotJudge:
        return {}
    return {
        delta.metric.name: delta.discordance if delta.metric.kind.value == "binary" else delta.discordance**2
        for delta in made.comparison.deltas
        if not delta.slice and delta.discordance > 0.0
    }
