"""What people say of replies: tasks with guidelines, the items drawn for them, every label with where it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class ItemKind(StrEnum):
    REPLY = "reply"
    """One reply of one run to one case."""
    PAIR = "pair"
    """The replies of two runs to one case, shown blind and in a drawn order; labels are `a`, `b` and `tie`, `a` being
    the reply of `run_id` and `b` that of `other_run`, whatever was shown first."""
    CASE = "case"
    """The case itself: is it answerable, is the gold answer right?"""


@dataclass(frozen=True, slots=True)
class LabelItem:
    """One thing to label. `probability` is the known chance with which it was drawn into the task, in (0, 1]."""

    item_id: str
    kind: ItemKind
    case_id: str
    run_id: str = ""
    repeat: int = 0
    other_run: str = ""
    stratum: str = ""
    """The stratum it was drawn from, such as `judge:X=0`."""
    probability: float = 1.0
    gold: str = ""
    """The known label of an attention check; empty for what is really asked."""


@dataclass(frozen=True, slots=True)
class LabelTask:
    """A question put to people about many items, fixed before the first label."""

    task_id: str
    name: str
    guidelines: str
    labels: tuple[str, ...]
    """What may be answered."""
    positive: tuple[str, ...]
    """Those labels that count as 1 where a share is estimated, such as `correct`."""
    items: tuple[LabelItem, ...]
    per_item: int = 2
    """How many people label each item without seeing one another's labels."""
    golden_name: str = ""
    golden_version: str = ""
    seed: int = 0
    created_at: str = ""


@dataclass(frozen=True, slots=True)
class Label:
    """One person's word on one item. Never changed: a correction is a later label of the same person."""

    task_id: str
    item_id: str
    annotator: str
    """A pseudonym."""
    value: str
    """One of the task's labels; empty when the person passed on the item."""
    at: str
    source: str = "person"
    """`person`, `adjudication`, or `import:label-studio` and the like."""
    seconds: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What the people together say of one item. `how` is `agreed`, `adjudicated`, `majority` or `single`; open items
    have none."""

    item: LabelItem
    value: str
    how: str
    labels: tuple[Label, ...] = field(default_factory=tuple)
