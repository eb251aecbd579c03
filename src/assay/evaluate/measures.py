"""What every measure is made of: a metric, what it needs before it has a value, and how the value is computed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from assay.records.dialogue import Outcome, Reply
from assay.records.evaluation import Metric, Score, Scored, Unscored
from assay.records.golden import Case

Need = Callable[[Case, Reply], str]
"""Why there is no value for this reply to this case; empty when there is one."""
Value = Callable[[Case, Reply], float | Unscored]


@dataclass(frozen=True, slots=True)
class Measure:
    """A `Scorer`: the first need that is not met says why there is no number, else `value` gives it."""

    metric: Metric
    recipe: str
    needs: tuple[Need, ...]
    value: Value

    def score(self, case: Case, reply: Reply) -> Score:
        """Scored with a finite number, or Unscored with the reason."""
        for need in self.needs:
            if reason := need(case, reply):
                return Unscored(reason)
        value = self.value(case, reply)
        if isinstance(value, Unscored):
            return value
        return Scored(float(value)) if math.isfinite(value) else Unscored("not_finite")


PairValue = Callable[[Case, Reply, Reply], float | Unscored]
RECORDED = "recorded"
"""The stage of a reply that was read from a file."""
MILLISECONDS = "ms"
"""The unit of every measure of time."""


@dataclass(frozen=True, slots=True)
class PairMeasure:
    """A `Scorer` that holds a reply against the reply to the case that this one was made from (CheckList)."""

    metric: Metric
    recipe: str
    needs: tuple[Need, ...]
    value: PairValue

    def score(self, _case: Case, _reply: Reply) -> Score:
        """Unscored: one reply alone says nothing."""
        return Unscored("no_source")

    def score_pair(self, case: Case, reply: Reply, source: Reply | None) -> Score:
        """Scored with a finite number, or Unscored with the reason."""
        for need in self.needs:
            if reason := need(case, reply):
                return Unscored(reason)
        if source is None:
            return Unscored("no_source")
        if source.outcome is Outcome.FAILED:
            return Unscored("source_failed")
        value = self.value(case, reply, source)
        if isinstance(value, Unscored):
            return value
        return Scored(float(value)) if math.isfinite(value) else Unscored("not_finite")


def a_reply(_case: Case, reply: Reply) -> str:
    """A failure is counted as a failure, never as a score of zero."""
    return "no_reply" if reply.outcome is Outcome.FAILED else ""


def an_answer(_case: Case, reply: Reply) -> str:
    return "" if reply.outcome is Outcome.ANSWERED else _NOT_ANSWERED[reply.outcome]


_NOT_ANSWERED = {Outcome.ABSTAINED: "abstained", Outcome.REFUSED: "refused", Outcome.FAILED: "no_reply"}


def an_answerable_case(case: Case, _reply: Reply) -> str:
    return "" if case.expected.answerable else "not_answerable"


def an_unanswerable_case(case: Case, _reply: Reply) -> str:
    return "answerable" if case.expected.answerable else ""


def gold_evidence(case: Case, _reply: Reply) -> str:
    return "" if case.expected.evidence else "no_gold_evidence"


def gold_answers(case: Case, _reply: Reply) -> str:
    return "" if case.expected.answers else "no_gold_answer"


def forbidden_strings(case: Case, _reply: Reply) -> str:
    return "" if case.expected.must_not else "no_must_not"


def a_timing(_case: Case, reply: Reply) -> str:
    """A recorded reply that does not say how long it took has no latency."""
    untimed = any(stage.name == RECORDED and not stage.detail.get("timed") for stage in reply.stages)
    return "not_timed" if untimed else ""


def a_retrieval(_case: Case, reply: Reply) -> str:
    """A system that never searches has no recall; one that searched and found nothing has a recall of zero."""
    if reply.passages or reply.snapshot_id or any(stage.name == "retrieve" for stage in reply.stages):
        return ""
    return "no_retrieval"


def citations(_case: Case, reply: Reply) -> str:
    return "" if any(sentence.citations for sentence in reply.sentences) else "no_citation"
