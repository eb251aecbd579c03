"""Labelled stretches of a text against the gold ones, counted as nervaluate and seqeval count them.

Each gold stretch is matched with at most one that was found: first those with the same bounds and label, then those
with the same bounds, then those that overlap, by how much. `strict` counts the first kind only; `partial` counts
the same bounds as 1 and an overlap as one half, whatever the label (MUC-5).
"""

from __future__ import annotations

from dataclasses import dataclass

from assay.records.dialogue import LabelledSpan, Output, Reply
from assay.records.golden import Case


@dataclass(frozen=True, slots=True)
class SpanCounts:
    """How many stretches there are, were found, and how many of those are right."""

    gold: int
    found: int
    strict: int
    partial: float


def spans_to_find(case: Case, reply: Reply) -> str:
    """A case without gold stretches counts when something was found in it: that is wrong."""
    return "" if case.expected.spans or found_spans(reply) else "no_gold_spans"


def found_spans(reply: Reply) -> tuple[LabelledSpan, ...]:
    return (reply.output or Output()).spans


def span_counts(gold: tuple[LabelledSpan, ...], found: tuple[LabelledSpan, ...]) -> SpanCounts:
    """Match one to one; a stretch that stands twice on either side counts once."""
    wanted, said = dict.fromkeys(gold), dict.fromkeys(found)
    strict = [span for span in said if span in wanted]
    left = [span for span in wanted if span not in said]
    rest = [span for span in said if span not in wanted]
    partial = float(len(strict))
    pairs = sorted(
        ((*common, -i, -j) for i, a in enumerate(left) for j, b in enumerate(rest) if (common := _overlap(a, b))),
        reverse=True,
    )
    used_left: set[int] = set()
    used_rest: set[int] = set()
    for same, _, i, j in pairs:
        if i not in used_left and j not in used_rest:
            used_left.add(i)
            used_rest.add(j)
            partial += 1.0 if same else 0.5
    return SpanCounts(len(wanted), len(said), len(strict), partial)


def _overlap(a: LabelledSpan, b: LabelledSpan) -> tuple[bool, int] | None:
    """Whether the bounds are the same, and how many characters are shared; None when there are none."""
    shared = min(a.end, b.end) - max(a.start, b.start)
    return ((a.start, a.end) == (b.start, b.end), shared) if shared > 0 else None


def span_f1(case: Case, reply: Reply) -> float:
    """Strict F1 of one case, 0 to 1."""
    counts = span_counts(case.expected.spans, found_spans(reply))
    return 2 * counts.strict / (counts.gold + counts.found)


def span_f1_partial(case: Case, reply: Reply) -> float:
    """Partial F1 of one case, 0 to 1."""
    counts = span_counts(case.expected.spans, found_spans(reply))
    return 2 * counts.partial / (counts.gold + counts.found)
