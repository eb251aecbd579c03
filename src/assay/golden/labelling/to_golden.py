"""Resolved labels become what is expected of cases, with where they come from, in a new version of the golden set."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from assay.records.dialogue import Outcome, Reply
from assay.records.errors import InputError
from assay.records.golden import Case, Evidence, Expected
from assay.records.labels import ItemKind, LabelTask, Resolved

Use = Literal["label", "answerable", "answer"]
"""`label`: the value is the class. `answerable`: a positive value means answerable. `answer`: the text of a reply that
people called positive is one more acceptable answer, and what it cites is evidence where the case has none."""


@dataclass(frozen=True, slots=True)
class Change:
    """Case ids by what became of them."""

    cases: tuple[str, ...]
    conflicts: tuple[str, ...]
    """Changed against what they expected before."""
    undecided: tuple[str, ...]
    """Labelled more than once (several runs, repeats) with different values, and left as they were."""


def changed(
    cases: Sequence[Case], task: LabelTask, found: Sequence[Resolved], replies: Mapping[str, Reply], use: Use
) -> tuple[tuple[Case, ...], Change]:
    """All cases in their order, changed where the labels say so. Raises InputError `label.use` where they cannot."""
    if task.kind is ItemKind.PAIR or (use == "answer" and task.kind is not ItemKind.REPLY):
        raise InputError(
            "label.use", "labels of this kind of task cannot become that expectation", where=f"--use {use}",
            remedy="answer needs a task over replies; pairs say nothing of one case",
        )  # fmt: skip
    by_case: dict[str, list[Resolved]] = defaultdict(list)
    for one in found:
        by_case[one.item.case_id].append(one)
    made, names, conflicts, undecided = [], [], [], []
    for case in cases:
        theirs = by_case.get(case.case_id, [])
        if use != "answer" and len({one.value for one in theirs}) > 1:
            undecided.append(case.case_id)
            theirs = []
        expected, against = _expected(case.expected, task, theirs, replies, use)
        if expected == case.expected:
            made.append(case)
            continue
        names.append(case.case_id)
        conflicts += [case.case_id] if against else []
        made.append(replace(case, expected=expected, provenance=case.provenance | _provenance(task, theirs, use)))
    return tuple(made), Change(tuple(names), tuple(conflicts), tuple(undecided))


def _expected(
    before: Expected, task: LabelTask, theirs: Sequence[Resolved], replies: Mapping[str, Reply], use: Use
) -> tuple[Expected, bool]:
    """The expectation with the labels in it, and whether they contradict what was there."""
    if not theirs:
        return before, False
    value = theirs[0].value
    if use == "label":
        return replace(before, label=value), bool(before.label) and before.label != value
    if use == "answerable":
        answerable = value in task.positive
        answers = before.answers if answerable else ()
        return replace(before, answerable=answerable, answers=answers), answerable != before.answerable
    good = [replies[one.item.item_id] for one in theirs if one.value in task.positive and one.item.item_id in replies]
    answered = [reply for reply in good if reply.outcome is Outcome.ANSWERED and reply.text]
    if not answered:
        return before, False
    answers = tuple(dict.fromkeys((*before.answers, *(reply.text for reply in answered))))
    cited = [Evidence(c.span.doc_id, c.quote) for reply in answered for c in reply.citations]
    evidence = before.evidence or tuple(dict.fromkeys(cited))
    return replace(before, answerable=True, answers=answers, evidence=evidence), not before.answerable


def _provenance(task: LabelTask, theirs: Sequence[Resolved], use: Use) -> dict[str, str]:
    people = {label.annotator for one in theirs for label in one.labels}
    how = Counter(one.how for one in theirs)
    return {
        "label_task": task.name,
        "label_task_id": task.task_id,
        "label_guidelines_sha256": task.guidelines_sha256,
        "label_used_as": use,
        "label_how": ", ".join(sorted(how)),
        "label_people": str(len(people)),
        "label_items": ", ".join(one.item.item_id for one in theirs),
    }
