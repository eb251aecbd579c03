"""Two runs side by side, the policy they are judged by, and the decision."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from assay.records.digest import plain, sha256_json
from assay.records.evaluation import Interval, Metric
from assay.records.safety import Requirement


@dataclass(frozen=True, slots=True)
class Delta:
    """Candidate minus baseline on the cases both were scored on, paired by case.

    `slice` is empty for all cases. `won`, `lost` and `tied` count cases in the metric's own direction.
    """

    metric: Metric
    slice: str
    baseline: float
    candidate: float
    interval: Interval
    clusters: int
    won: int
    lost: int
    tied: int
    discordance: float
    """Binary: share of cases that differ. Otherwise: standard deviation of the paired differences."""
    p_value: float | None = None
    """Two-sided, for "no difference", before any correction for the number of metrics and slices."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Cases scored in one run only and left out, by reason."""
    failed_as_worst: int = 0
    """Pairs in which at least one side had no score and counts as the worst value instead."""


@dataclass(frozen=True, slots=True)
class Flip:
    """A case whose score changed, most severe first. `loss` is positive when the candidate is worse."""

    case_id: str
    metric: str
    baseline: float
    candidate: float
    loss: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Baseline run A against candidate run B."""

    baseline_run: str
    candidate_run: str
    golden_name: str
    golden_version: str
    cases: int
    deltas: tuple[Delta, ...]
    flips: tuple[Flip, ...]


class Verdict(StrEnum):
    SHIP = "ship"
    DO_NOT_SHIP = "do_not_ship"
    NEED_MORE_DATA = "need_more_data"
    CANNOT_JUDGE = "cannot_judge"

    @property
    def exit_code(self) -> int:
        return {"ship": 0, "do_not_ship": 1, "need_more_data": 2, "cannot_judge": 3}[self.value]


class ClauseKind(StrEnum):
    NON_INFERIORITY = "non_inferiority"
    SUPERIORITY = "superiority"
    NO_LOSS = "no_loss"
    """For what must never happen, such as a leak: no case may be worse than the baseline's. No test, no margin."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One line of the gate's policy, fixed before the data are seen.

    `margin` is in the metric's unit and at least 0: how much worse is tolerated (non-inferiority) or how much better is
    demanded (superiority).
    """

    metric: str
    kind: ClauseKind
    margin: float
    alpha: float = 0.05
    slice: str = ""
    min_n: int = 30


@dataclass(frozen=True, slots=True)
class JudgeRules:
    """What a judge must have shown before a clause on `judge:NAME` may decide anything."""

    min_labels: int = 50
    """Labelled replies that its card must rest on."""
    min_class: int = 5
    """So many of them passed, and so many failed, by people."""
    min_informedness: float = 0.2
    """TPR + TNR - 1, by estimate."""
    min_pairs: int = 30
    """Cases with people's labels on both runs' replies."""
    min_anchors: int = 100
    """Frozen anchors judged again with each run; 0 asks for none."""


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """All clauses must hold for `ship` (intersection-union test)."""

    clauses: tuple[Clause, ...]
    max_failed_share: float = 0.02
    """A run in which more samples than this failed cannot be judged."""
    power: float = 0.8
    """Power for the n that `need_more_data` names."""
    certificates: tuple[str, ...] = ()
    """Kinds of certificate that the candidate's snapshot must have."""
    certificate_max_age_days: float = 7.0
    multiplicity: str = "holm"
    """How "worse than the line" is corrected for the number of clauses: `holm`, or `max_t`, which knows how clauses
    hang together (whole clusters redrawn; Westfall and Young)."""
    judges: JudgeRules | None = None
    """What judges must have shown; None where no clause is on a judge."""
    safety: tuple[Requirement, ...] = ()
    """What measurements of safeguards must have shown of the candidate."""
    safety_max_age_days: float = 30.0
    fairness: str = ""
    """SHA-256 of the tolerances that are declared for groups, empty for none; their conditions state each."""

    @property
    def digest(self) -> str:
        """A policy without certificates, or with Holm's correction, has the digest of before there was a choice."""
        content = plain(self)
        if self.multiplicity == "holm":
            del content["multiplicity"]
        if self.judges is None:
            del content["judges"]
        if not self.safety:
            del content["safety"], content["safety_max_age_days"]
        if not self.fairness:
            del content["fairness"]
        if not self.certificates:
            del content["certificates"], content["certificate_max_age_days"]
        return sha256_json(content)


@dataclass(frozen=True, slots=True)
class ClauseResult:
    """What the data say about one clause."""

    clause: Clause
    verdict: Verdict
    reason: str
    delta: Delta | None
    p_worse: float | None = None
    """One-sided p-value for "worse than the margin", before the multiplicity correction."""
    n_needed: int | None = None


@dataclass(frozen=True, slots=True)
class CertificateResult:
    """What the newest certificate of a kind says about the candidate, if it may be relied on."""

    kind: str
    verdict: Verdict
    reason: str
    certificate_id: str = ""
    """Empty when there is none."""
    created_at: str = ""


@dataclass(frozen=True, slots=True)
class ConditionResult:
    """Whether the evidence itself may be relied on: a judge's card, how often held-out cases were looked at.

    `kind` is such as `judge card` or `looks`, `subject` names which; `verdict` is `ship` when nothing stands against
    it.
    """

    kind: str
    subject: str
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The record of one gate: what was asked, of which evidence, and what came out."""

    decision_id: str
    verdict: Verdict
    app: str
    candidate_bundle: str
    baseline_bundle: str
    policy: GatePolicy
    policy_digest: str
    golden_name: str
    golden_version: str
    candidate_run: str
    baseline_run: str
    run_digests: dict[str, str]
    """Run id to the hash of its samples' scores."""
    clauses: tuple[ClauseResult, ...]
    seed: int
    versions: dict[str, str]
    created_at: str
    reason: str = ""
    n_needed: int | None = None
    notes: tuple[str, ...] = field(default_factory=tuple)
    certificates: tuple[CertificateResult, ...] = ()
    conditions: tuple[ConditionResult, ...] = ()
