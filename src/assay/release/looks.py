"""What a gate does when held-out cases have been looked at more often than they were made for.

The first `budget` looks are judged at the policy's alpha. Look `budget + j` is judged at alpha / (j·(j + 1)): these add
up to alpha over all j, so that however many candidates are tried beyond the budget, they together pass wrongly no more
often than one candidate within it (Bonferroni with a convergent series, as in alpha spending; Foster and Stine,
"Alpha-investing", JRSS B 2008, without the returns). This answers for trying often, not for fitting a system to the
cases one has read: against that only cases that nobody has seen help (Dwork et al., "The reusable holdout", 2015).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from assay.records.comparison import ConditionResult, GatePolicy, Verdict

KIND = "looks"
WHEN_SPENT = ("widen", "refuse", "warn")


@dataclass(frozen=True, slots=True)
class LooksRule:
    """`budget` looks are free, 0: there is no limit; `when_spent` is `widen`, `refuse` or `warn`."""

    budget: int = 0
    when_spent: str = "widen"


def divisor(look: int, budget: int) -> int:
    """By what alpha is divided for look number `look`, from 1."""
    beyond = look - budget
    return beyond * (beyond + 1) if beyond > 0 else 1


def widened(policy: GatePolicy, look: int, rule: LooksRule) -> GatePolicy:
    """The policy by which this look is judged: the same one, or one whose clauses ask for more."""
    if not rule.budget or rule.when_spent != "widen" or look <= rule.budget:
        return policy
    by = divisor(look, rule.budget)
    return replace(policy, clauses=tuple(replace(one, alpha=one.alpha / by) for one in policy.clauses))


def condition(subject: str, look: int, rule: LooksRule) -> ConditionResult | None:
    """What the looks say about this gate; None where no budget was set."""
    if not rule.budget:
        return None
    counted = f"look {look} of {rule.budget}"
    if look <= rule.budget:
        return ConditionResult(KIND, subject, Verdict.SHIP, counted)
    if rule.when_spent == "refuse":
        reason = f"{counted}: these cases have been seen too often to decide by; gate on a split that is new"
        return ConditionResult(KIND, subject, Verdict.CANNOT_JUDGE, reason)
    if rule.when_spent == "warn":
        return ConditionResult(KIND, subject, Verdict.SHIP, f"{counted}: the result may be luck by now")
    by = divisor(look, rule.budget)
    return ConditionResult(KIND, subject, Verdict.SHIP, f"{counted}: every clause is judged at 1/{by} of its alpha")
