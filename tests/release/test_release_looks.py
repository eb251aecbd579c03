"""The gate after many looks: within the budget nothing changes, beyond it clauses ask for more."""

from __future__ import annotations

import pytest

from assay.records.comparison import Clause, ClauseKind, GatePolicy, Verdict
from assay.release.looks import LooksRule, condition, divisor, widened

POLICY = GatePolicy((Clause("correct", ClauseKind.NON_INFERIORITY, 0.03), Clause("x", ClauseKind.SUPERIORITY, 0, 0.1)))


def test_all_looks_beyond_the_budget_together_cost_no_more_error_than_one_within_it() -> None:
    spent = sum(0.05 / divisor(look, 3) for look in range(4, 10_000))
    assert 0.0499 < spent <= 0.05
    assert [divisor(look, 3) for look in range(1, 7)] == [1, 1, 1, 2, 6, 12]


def test_the_policy_stays_as_it_is_within_the_budget_and_without_one() -> None:
    assert widened(POLICY, 3, LooksRule(3)) == POLICY
    assert widened(POLICY, 999, LooksRule(0)) == POLICY
    assert condition("g:test", 999, LooksRule(0)) is None


def test_beyond_the_budget_every_clause_is_judged_at_a_part_of_its_alpha_and_the_record_says_so() -> None:
    later = widened(POLICY, 5, LooksRule(3))
    assert [clause.alpha for clause in later.clauses] == pytest.approx([0.05 / 6, 0.1 / 6])
    assert later.digest != POLICY.digest
    said = condition("g:test", 5, LooksRule(3))
    assert said is not None
    assert (said.verdict, said.reason) == (Verdict.SHIP, "look 5 of 3: every clause is judged at 1/6 of its alpha")


@pytest.mark.parametrize(("when", "verdict"), [("refuse", Verdict.CANNOT_JUDGE), ("warn", Verdict.SHIP)])
def test_a_spent_budget_may_refuse_or_only_warn(when: str, verdict: Verdict) -> None:
    rule = LooksRule(1, when)
    said = condition("g:test", 2, rule)
    assert said is not None
    assert said.verdict is verdict
    assert widened(POLICY, 2, rule) == POLICY
