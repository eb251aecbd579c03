"""What a person sees of an item: the question, the reply and what it cites; never who or what made it.

Pairs are shown in a drawn order as `first` and `second`; `chosen` and `choices` translate to the task's labels.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from assay.golden.labelling.drawing import random_number
from assay.records.dialogue import Outcome, Reply, Turn
from assay.records.digest import plain
from assay.records.errors import InputError, NotFound
from assay.records.evaluation import Sample
from assay.records.golden import Case
from assay.records.labels import ItemKind, LabelItem, LabelTask

FIRST, SECOND = "first", "second"
_NO_TEXT = {
    Outcome.ABSTAINED: "(no answer: the system says that it does not know)",
    Outcome.REFUSED: "(no answer: the system refuses the request)",
    Outcome.FAILED: "(no answer: the system failed)",
    Outcome.ANSWERED: "(an empty answer)",
}


@dataclass(frozen=True, slots=True)
class ShownPassage:
    """A passage that a reply cites under `number`. `quote` is empty and `withheld` true for a reader who may not see
    the document today."""

    number: int
    title: str
    quote: str
    page: int = 0
    withheld: bool = False


@dataclass(frozen=True, slots=True)
class ShownReply:
    text: str
    passages: tuple[ShownPassage, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """An item as a person sees it."""

    item_id: str
    question: str
    history: tuple[Turn, ...]
    replies: tuple[ShownReply, ...]
    """One, two for a pair in the order drawn, none where the case itself is asked about."""
    choices: tuple[str, ...]
    expected: tuple[str, ...] = ()
    """Only where the case itself is asked about: what the golden set says."""


Samples = Mapping[tuple[str, str, int], Sample]
"""By run, case and repeat."""


def turned(task: LabelTask, item: LabelItem) -> bool:
    """True when a pair is shown with the reply of `other_run` first."""
    return item.kind is ItemKind.PAIR and random_number(task.seed, item.item_id, "side") < 0.5


def choices(task: LabelTask, item: LabelItem) -> tuple[str, ...]:
    """What may be answered, as it is shown."""
    if item.kind is not ItemKind.PAIR:
        return task.labels
    return (FIRST, SECOND, *(("tie",) if "tie" in task.labels else ()))


def value_of(task: LabelTask, item: LabelItem, choice: str) -> str:
    """The label that a shown choice stands for; a pass (empty) stays empty. Raises InputError `label.unknown_label`."""
    if choice and choice not in choices(task, item):
        raise InputError(
            "label.unknown_label", "this is none of the task's labels", where=f"item {item.item_id}",
            remedy=f"one of {', '.join(choices(task, item))}",
        )  # fmt: skip
    if item.kind is not ItemKind.PAIR or choice in ("", "tie"):
        return choice
    return "a" if (choice == FIRST) != turned(task, item) else "b"


def choice_of(task: LabelTask, item: LabelItem, value: str) -> str:
    """The shown choice that a label stands for: the inverse of `value_of`."""
    if item.kind is not ItemKind.PAIR or value in ("", "tie"):
        return value
    return FIRST if (value == "a") != turned(task, item) else SECOND


def shown(
    task: LabelTask, item: LabelItem, case: Case, samples: Samples, visible: frozenset[str] | None = None
) -> Shown:
    """The item for a person. `visible` are the chunks that this reader may see today; None means all.

    Raises NotFound `label.gone` when the reply is no longer kept.
    """
    expected = _expected(case) if item.kind is ItemKind.CASE else ()
    replies = tuple(_shown_reply(reply, visible) for reply in _replies(item, samples))
    if item.text and item.kind is not ItemKind.CASE:
        replies = (ShownReply(item.text), *replies[1:])
    if turned(task, item):
        replies = replies[::-1]
    return Shown(item.item_id, case.question, case.history, replies, choices(task, item), expected)


def chunks_of(item: LabelItem, samples: Samples) -> frozenset[str]:
    """The chunks that the item's replies cite."""
    return frozenset(citation.chunk_id for reply in _replies(item, samples) for citation in reply.citations)


def _replies(item: LabelItem, samples: Samples) -> tuple[Reply, ...]:
    if item.kind is ItemKind.CASE:
        return ()
    runs = (item.run_id, item.other_run) if item.kind is ItemKind.PAIR else (item.run_id,)
    found = [samples.get((run, item.shown_case or item.case_id, item.repeat)) for run in runs]
    kept = tuple(sample.reply for sample in found if sample is not None)
    if len(kept) < len(found):
        raise NotFound(
            "label.gone", "the reply that was to be labelled is no longer kept", where=f"item {item.item_id}"
        )
    return kept


def _shown_reply(reply: Reply, visible: frozenset[str] | None) -> ShownReply:
    numbers: dict[tuple[str, str], int] = {}
    passages: list[ShownPassage] = []
    parts: list[str] = []
    for sentence in reply.sentences:
        marks = []
        for citation in sentence.citations:
            key = (citation.chunk_id, citation.quote)
            if key not in numbers:
                numbers[key] = len(numbers) + 1
                hidden = visible is not None and citation.chunk_id not in visible
                title, quote = ("", "") if hidden else (citation.title, citation.quote)
                passages.append(ShownPassage(numbers[key], title, quote, citation.page, hidden))
            marks.append(f"[{numbers[key]}]")
        parts.append(sentence.text + "".join(f" {mark}" for mark in dict.fromkeys(marks)))
    if any(passage.withheld for passage in passages):
        return ShownReply("(withheld: it was made from what you may not read)", tuple(passages))
    text = " ".join(part for part in (*parts, _output(reply)) if part)
    return ShownReply(text or _NO_TEXT[reply.outcome], tuple(passages))


def _output(reply: Reply) -> str:
    """What the system said beyond text, without its scores: they would tell how sure it was."""
    if reply.output is None:
        return ""
    parts = {key: value for key, value in plain(reply.output).items() if value and key != "scores"}
    if set(parts) == {"label"}:
        return str(parts["label"])
    return json.dumps(parts, ensure_ascii=False, sort_keys=True) if parts else ""


def _expected(case: Case) -> tuple[str, ...]:
    expected = case.expected
    said = "answerable" if expected.answerable else "not answerable from the documents"
    answers = [f"answer: {answer}" for answer in expected.answers]
    evidence = [f"evidence: {one.quote}" for one in expected.evidence if one.quote]
    return (
        f"The golden set says: {said}",
        *([f"label: {expected.label}"] if expected.label else []),
        *answers,
        *evidence,
    )
