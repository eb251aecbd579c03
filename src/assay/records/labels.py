"""What people say of replies: tasks with guidelines, the items drawn for them, every label with where it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from assay.records.digest import sha256_bytes


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
    shown_case: str = ""
    """An attention check may show the reply to this case under the question of `case_id`."""
    text: str = ""
    """An attention check may show this text as the reply."""
    wave: int = 0
    """0 for what the task began with, 1 for what `label more` drew first, and so on."""


@dataclass(frozen=True, slots=True)
class Design:
    """How the items were drawn, so that an estimate can undo it."""

    by: str = "uniform"
    """`uniform`, `judge:NAME`, `slice:NAME`, `risk` or `risk:METRIC`."""
    population: int = 0
    """How many things could have been drawn."""
    strata: dict[str, int] = field(default_factory=dict)
    """How many of them stand in each stratum."""
    left_out: dict[str, int] = field(default_factory=dict)
    """What is not in the population, by reason, such as `failed`."""


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
    question: str = ""
    """The one sentence that is put to people for every item."""
    kind: ItemKind = ItemKind.REPLY
    annotators: tuple[str, ...] = ()
    """Who is to label; empty: whoever comes."""
    design: Design = field(default_factory=Design)
    check_floor: float = 0.75
    """Below this share of right answers to attention checks a person's labels are set aside."""
    check_least: int = 4
    """So many checks must be answered before the floor is applied, or all there are."""

    @property
    def guidelines_sha256(self) -> str:
        """The version of the question and guidelines that every label names."""
        return sha256_bytes(f"{self.question}\0{self.guidelines}".encode())

    @property
    def asked(self) -> tuple[LabelItem, ...]:
        """The items without the attention checks."""
        return tuple(item for item in self.items if not item.gold)

    @property
    def checks(self) -> tuple[LabelItem, ...]:
        return tuple(item for item in self.items if item.gold)


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
    guidelines_sha256: str = ""
    """The version of the guidelines that the person worked by."""
    import_sha256: str = ""
    """The file that it was read from, by its hash; empty for what was given here."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What the people together say of one item. `how` is `agreed`, `adjudicated`, `majority` or `single`; open items
    have none."""

    item: LabelItem
    value: str
    how: str
    labels: tuple[Label, ...] = field(default_factory=tuple)
