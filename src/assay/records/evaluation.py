"""Scores, samples and runs: a system over a golden set, with every failure counted and no NaN."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from assay.records.dialogue import Reply


@dataclass(frozen=True, slots=True)
class Scored:
    """A finite number."""

    value: float


@dataclass(frozen=True, slots=True)
class Unscored:
    """Why there is no number: `not_answerable`, `no_gold_evidence`, `abstained`, `no_reply`, …"""

    reason: str


Score = Scored | Unscored


class MetricKind(StrEnum):
    """Which interval fits (`evaluation.md` 4.1 to 4.4)."""

    BINARY = "binary"
    MEAN = "mean"
    SKEWED = "skewed"
    """Non-negative with a long tail: latency, tokens, cost."""


class Direction(StrEnum):
    HIGHER = "higher"
    LOWER = "lower"


@dataclass(frozen=True, slots=True)
class Metric:
    """What a scorer measures. `name` is the literature's: `nDCG@10`, `recall@5`, `groundedness`."""

    name: str
    kind: MetricKind
    direction: Direction
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """One reply to one case, with its scores. `error` is a stable code, empty when the system replied."""

    case_id: str
    repeat: int
    reply: Reply
    scores: dict[str, float]
    unscored: dict[str, str]
    attempts: int = 1
    error: str = ""
    cached: bool = False
    """The reply was given earlier, to another run, and kept; how long it took is then no measure of this run."""


class RunStatus(StrEnum):
    RUNNING = "running"
    COMPLETE = "complete"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Run:
    """A system over a golden set: the specification of the run, fixed before its first sample."""

    run_id: str
    app: str
    system: str
    """The system's recipe."""
    bundle_id: str
    """Empty when the system is no bundle."""
    golden_name: str
    golden_version: str
    cases: int
    repeats: int
    seed: int
    metrics: tuple[Metric, ...]
    created_at: str
    status: RunStatus = RunStatus.RUNNING
    split: str = ""
    """The split of the golden set that was run; empty means all cases."""
    samples_digest: str = ""
    """Hash of all scores, noted when the run was complete; a gate recomputes it."""
    versions: dict[str, str] = field(default_factory=dict)
    """Package and model versions that could change a result."""


def same_specification(one: Run, other: Run) -> bool:
    """True when two headers specify the same run, however far each has come and whenever it began."""
    return replace(one, created_at=other.created_at, status=other.status, samples_digest=other.samples_digest) == other


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its confidence interval. `method` is the method's name in the literature."""

    estimate: float
    low: float
    high: float
    level: float
    method: str
    n: int


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """One metric of one run: its interval, and how many samples could not be scored and why."""

    metric: Metric
    interval: Interval | None
    scored: int
    unscored: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """The summary of one run."""

    run: Run
    summaries: tuple[MetricSummary, ...]
    failures: dict[str, int]
    """How many samples failed, by code."""
    whole: tuple[MetricSummary, ...] = ()
    """Measures of the run as a whole that are no mean over cases, such as macro F1; `scored` counts cases."""
    cached: int = 0
    """Samples whose reply came from the cache."""
