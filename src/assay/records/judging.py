"""Judges: what they are, what they said of a reply, and the card that says how far people agree with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from assay.records.dialogue import Turn, Usage
from assay.records.digest import plain, sha256_json
from assay.records.evaluation import Direction, Interval, Metric, MetricKind
from assay.records.golden import Nugget

METRIC_PREFIX = "judge:"
VERDICT, PAIR, CARD, ANCHORS, SENTINEL = "judge.verdict", "judge.pair", "judge.card", "judge.anchors", "judge.sentinel"
"""Kinds of ledger entries. Verdicts and pairs stand under the run they judge, the others under the judge's name."""


class JudgeKind(StrEnum):
    RUBRIC = "rubric"
    """One criterion on a scale with anchors."""
    REFERENCE = "reference"
    """The same with the gold answers at hand."""
    PAIRWISE = "pairwise"
    """Which of two replies is better, always asked in both orders."""
    CLAIMS = "claims"
    """The share of a reply's claims that its passages support."""
    NUGGETS = "nuggets"
    """The share of a case's nuggets that the reply holds."""
    JURY = "jury"
    """Several judges together."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """What one value of a scale means."""

    value: int
    means: str


@dataclass(frozen=True, slots=True)
class JudgeSpec:
    """A judge as it was declared. `digest` names exactly what decides its verdicts, without its name.

    `pass_at` lies on the 0 to 1 scale of the metric: a verdict at or above it counts as a pass wherever shares of
    passes are spoken of (the card, the gate).
    """

    name: str
    kind: JudgeKind
    model: str = ""
    """The chat model's recipe; empty for a jury."""
    family: str = ""
    """Who made the model, such as `gpt` or `claude`; a judge is kind to its own family."""
    criterion: str = ""
    anchors: tuple[Anchor, ...] = ()
    votes: int = 1
    temperature: float = 0.0
    max_tokens: int = 800
    pass_at: float = 1.0
    score: str = ""
    """Nuggets: which of the measures of the nugget methodology."""
    probe: str = "suspicious"
    """When a second request checks that the judge does not obey what it judges: `suspicious`, `always` or `never`."""
    members: tuple[JudgeSpec, ...] = ()
    rule: str = "majority"
    """How a jury decides: `majority` of passes, or the `mean` of values."""
    quorum: int = 1
    """Fewer members with a verdict than this leave the reply unscored."""
    prompts: int = 1
    """The version of the packaged instructions."""

    @property
    def digest(self) -> str:
        """64 hex digits."""
        return sha256_json(_nameless(plain(self)))

    @property
    def recipe(self) -> str:
        return f"judge.{self.kind.value}.v{self.prompts}({self.name}, {self.digest[:16]})"

    @property
    def metric(self) -> Metric:
        """Binary when every verdict is 0 or 1, else a mean between 0 and 1."""
        two = len(self.anchors) == 2 and self.votes % 2 == 1
        binary = two if self.kind in (JudgeKind.RUBRIC, JudgeKind.REFERENCE) else self._binary_jury
        kind = MetricKind.BINARY if binary else MetricKind.MEAN
        return Metric(f"{METRIC_PREFIX}{self.name}", kind, Direction.HIGHER)

    @property
    def _binary_jury(self) -> bool:
        return self.kind is JudgeKind.JURY and self.rule == "majority"

    def passes(self, value: float) -> bool:
        """Whether a verdict on the metric's scale counts as a pass."""
        return value >= self.pass_at - 1e-9


def _nameless(content: dict[str, Any]) -> dict[str, Any]:
    members = [_nameless(member) for member in content["members"]]
    return {**{name: value for name, value in content.items() if name != "name"}, "members": members}


@dataclass(frozen=True, slots=True)
class Material:
    """What a judge is shown, all of it data. `other` is the second reply where two are compared."""

    question: str
    reply: str
    history: tuple[Turn, ...] = ()
    references: tuple[str, ...] = ()
    passages: tuple[str, ...] = ()
    nuggets: tuple[Nugget, ...] = ()
    other: str = ""

    @property
    def digest(self) -> str:
        """64 hex digits: SHA-256 of the content."""
        return sha256_json(self)


@dataclass(frozen=True, slots=True)
class Judgement:
    """One verdict. Either `value`, 0 to 1, or `reason`: a stable code such as `judge.prose`; never both, never neither.

    `flipped` is None where only one order was asked. `why` are the judge's own words: data.
    """

    value: float | None = None
    reason: str = ""
    raw: dict[str, Any] = field(default_factory=dict)
    why: str = ""
    votes: tuple[float, ...] = ()
    abstained: int = 0
    """Votes or members without a verdict."""
    flipped: bool | None = None
    usage: Usage = Usage()
    models: tuple[str, ...] = ()
    """The names under which the endpoint answered: an alias may come to mean another model."""
    requests: int = 0
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judgement of one reply (or pair of replies) of a run, as the ledger keeps it."""

    case_id: str
    repeat: int
    judge: str
    """The judge's digest."""
    material: str
    """The digest of what was judged."""
    judgement: Judgement
    length: int = 0
    """Characters of the reply."""


@dataclass(frozen=True, slots=True)
class AnchorItem:
    """A reply whose verdict was written down to see later whether the judge still says the same."""

    run_id: str
    case_id: str
    repeat: int
    material: str
    value: float
    label: str = ""
    """What people said of it, `pass` or `fail`; empty where nobody did."""


@dataclass(frozen=True, slots=True)
class AnchorSet:
    """The frozen anchors of one judge."""

    judge: str
    items: tuple[AnchorItem, ...]
    created_at: str = ""

    @property
    def digest(self) -> str:
        return sha256_json([self.judge, self.items])


class Drift(StrEnum):
    STEADY = "steady"
    DRIFTED = "drifted"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Sentinel:
    """Today's verdicts on the frozen anchors against the frozen ones, passes counted, paired by anchor.

    `steady` when the whole 90 % interval of the change lies inside the margin on both sides (two one-sided tests at
    5 %), `drifted` when it leaves it altogether. With labelled anchors `accuracy` is the change of the share on which
    judge and people agree, and must not lie below the margin either.
    """

    judge: str
    anchors: str
    state: Drift
    change: Interval
    margin: float
    accuracy: Interval | None
    flips: int
    gone: int
    """Anchors whose reply can no longer be read as it was."""
    unscored: int
    run_id: str = ""
    """The run that was judged at the same time."""
    at: str = ""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Judge against people on binary labels: people's `pass` is the positive class. None where a class is empty."""

    n: int
    true_pass: int
    false_pass: int
    true_fail: int
    false_fail: int
    accuracy: Interval | None
    tpr: Interval | None
    tnr: Interval | None
    kappa: Interval | None
    ac1: Interval | None
    judged_rate: float = 0.0
    human_rate: float = 0.0

    @property
    def informedness(self) -> float | None:
        """TPR + TNR - 1 (Youden's J): 0 for a judge that says nothing about the truth."""
        return None if self.tpr is None or self.tnr is None else self.tpr.estimate + self.tnr.estimate - 1.0


@dataclass(frozen=True, slots=True)
class Control:
    """One check of a judge: what was found, on how many replies. `interval` is None where too little could be asked."""

    name: str
    interval: Interval | None
    n: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class JudgeCard:
    """How far a judge may be trusted, measured on people's labels; valid for exactly this recipe, until it expires."""

    card_id: str
    judge: str
    """The judge's name."""
    digest: str
    spec: JudgeSpec
    labels: str
    """The labelling task or file."""
    labels_digest: str
    annotators: int
    """How many people labelled; 0 where the labels do not say."""
    agreement: Agreement
    slices: dict[str, Agreement]
    controls: tuple[Control, ...]
    unscored: dict[str, int]
    """Labelled replies on which the judge gave no verdict, by reason."""
    models: tuple[str, ...]
    anchors: str
    """Digest of the anchors that stood when the card was made; empty: none."""
    created_at: str
    expires_at: str
    versions: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
