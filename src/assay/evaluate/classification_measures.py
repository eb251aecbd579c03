"""Was the right class named, and how honest were its probabilities: per case; over a run see `whole_measures`."""

from __future__ import annotations

from assay.evaluate.wording import squad_normal
from assay.records.dialogue import Output, Reply
from assay.records.golden import Case

_SLACK = 1e-6
"""Probabilities come rounded: a sum or a bound may be passed by this much."""


def a_gold_label(case: Case, _reply: Reply) -> str:
    return "" if case.expected.label else "no_gold_label"


def probabilities(_case: Case, reply: Reply) -> str:
    """Scores that are probabilities: between 0 and 1, adding up to 1 at most."""
    scores = (reply.output or Output()).scores
    if not scores:
        return "no_scores"
    fits = all(-_SLACK <= p <= 1.0 + _SLACK for p in scores.values()) and sum(scores.values()) <= 1.0 + 1e-3
    return "" if fits else "no_probabilities"


def said_label(case: Case, reply: Reply) -> str:
    """The class that a reply names: its label, else the one with the highest score, else the gold label where the
    text says that and nothing else. Otherwise the text; empty when nothing was said."""
    output = reply.output or Output()
    if output.label:
        return output.label
    if output.scores:
        return max(sorted(output.scores), key=lambda label: output.scores[label])
    gold = case.expected.label
    return gold if squad_normal(reply.text) == squad_normal(gold) else reply.text.strip()


def accuracy(case: Case, reply: Reply) -> float:
    """1 when the reply names the gold class."""
    return float(said_label(case, reply) == case.expected.label)


def brier(case: Case, reply: Reply) -> float:
    """Half the squared distance of the probabilities from the truth, 0 to 1; a class without a score has 0.

    Source: Brier, 1950, halved, so that with two classes it is the usual (p - y)².
    """
    scores = (reply.output or Output()).scores
    classes = scores.keys() | {case.expected.label}
    return min(1.0, sum((scores.get(c, 0.0) - float(c == case.expected.label)) ** 2 for c in classes) / 2.0)
