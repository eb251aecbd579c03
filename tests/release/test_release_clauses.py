"""Clauses that hang together are corrected by what they share, and the choice changes no other decision."""

from dataclasses import replace

import numpy as np
import pytest

from assay.evaluate.compare import narrowed
from assay.evaluate.pairing import Pairs
from assay.records.comparison import Clause, ClauseKind, GatePolicy, Verdict
from assay.records.evaluation import Direction, Metric, MetricKind
from assay.records.golden import Case, Expected
from assay.release.clauses import examine, judge, sliced

NI = ClauseKind.NON_INFERIORITY
CORRECT = Metric("correct", MetricKind.BINARY, Direction.HIGHER)


def names_of(rng: np.random.Generator) -> tuple[str, ...]:
    return tuple(f"s{k}" for k in range(20) if rng.random() < 0.97)


def twenty_slices(lost: int) -> tuple[Pairs, GatePolicy]:
    """Four hundred cases, nearly all in each of twenty slices; `lost` turned wrong, a third as many turned right."""
    rng = np.random.default_rng(1)
    cases = tuple(Case(f"c{i}", "?", Expected(), cluster=f"d{i // 2}", slices=names_of(rng)) for i in range(400))
    order = rng.permutation(400)
    base, new = np.ones(400), np.ones(400)
    new[order[:lost]] = 0.0
    base[order[lost : lost + lost // 3]] = 0.0
    pairs = Pairs(CORRECT, cases, tuple(base.tolist()), tuple(new.tolist()), {}, 0)
    return pairs, GatePolicy(tuple(Clause("correct", NI, 0.0, slice=f"s{k}") for k in range(20)))


def verdicts(pairs: Pairs, policy: GatePolicy) -> list[Verdict]:
    parts = sliced(pairs, [clause.slice for clause in policy.clauses])
    return [one.verdict for one in judge([examine(c, parts[c.slice], 0) for c in policy.clauses], policy, 5)]


def test_slices_of_the_same_cases_cost_max_t_less_than_holm() -> None:
    """The same loss in twenty slices that are nearly one: Holm counts twenty questions, max-T hardly more than one."""
    pairs, policy = twenty_slices(17)
    by_holm, joint = verdicts(pairs, policy), verdicts(pairs, replace(policy, multiplicity="max_t"))
    assert Verdict.DO_NOT_SHIP not in by_holm
    assert Verdict.DO_NOT_SHIP in joint


def test_equal_systems_are_stopped_by_neither() -> None:
    pairs, policy = twenty_slices(3)
    for named in ("holm", "max_t"):
        assert Verdict.DO_NOT_SHIP not in verdicts(pairs, replace(policy, multiplicity=named))


def test_a_correction_that_is_not_known_is_an_error() -> None:
    pairs, policy = twenty_slices(3)
    with pytest.raises(ValueError, match="holm or max_t"):
        verdicts(pairs, replace(policy, multiplicity="none"))


def test_the_default_correction_leaves_the_digest_of_a_policy_as_it_was() -> None:
    policy = GatePolicy((Clause("correct", NI, 0.03),))
    assert policy.digest == "0fe88936dca240b2ed3022b8baa8289e5fb8f713b12de439feb8b24d22a804d1"
    assert policy.digest != replace(policy, multiplicity="max_t").digest


def test_cutting_all_slices_at_once_gives_what_cutting_one_does() -> None:
    pairs, _ = twenty_slices(28)
    parts = sliced(pairs, ["s0", "s7"])
    for name, part in parts.items():
        alone = narrowed(pairs, name)
        assert (part.cases, part.baseline, part.candidate) == (alone.cases, alone.baseline, alone.candidate)
        assert part.clusters == alone.clusters
