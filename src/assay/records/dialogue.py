"""A request, the events of an answer as they happen, and the reply they fold into."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeVar

from assay.records.access import Scope
from assay.records.documents import Span
from assay.records.taint import Label
from assay.records.values import Handle

_Number = TypeVar("_Number", int, float)


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation; `role` is `user`, `assistant` or `system`."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Request:
    """A question put to a System, inside a scope that the server derived."""

    request_id: str
    question: str
    scope: Scope = Scope()
    history: tuple[Turn, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)
    as_of: str = ""
    """A date or time of ISO 8601: answer from the versions that were current then."""


@dataclass(frozen=True, slots=True)
class Citation:
    """Where the evidence stands. `quote` is exactly the copy's characters of `span`."""

    span: Span
    quote: str
    title: str
    source_uri: str
    chunk_id: str
    page: int = 0
    """From 1; 0 where the source has no pages."""
    modified_at: str = ""
    also: tuple[str, ...] = ()
    """Other documents that the caller may read and that hold the same words, folded into this one."""


@dataclass(frozen=True, slots=True)
class Age:
    """`days` since a document was modified, None where that is not known; `stale` when that misses its objective."""

    days: float | None = None
    stale: bool = False

    def __str__(self) -> str:
        """For people: minutes, hours, days or years; empty where it is not known."""
        if self.days is None:
            return ""
        return f"{_shown(self.days)} old{', older than its objective' if self.stale else ''}"


def _shown(days: float) -> str:
    if days < 1 / 24:
        return f"{days * 1440:.0f} min"
    if days < 2:
        return f"{days * 24:.0f} h"
    return f"{days:.0f} days" if days < 730 else f"{days / 365.25:.1f} years"


class ConflictKind(StrEnum):
    NUMBER = "number"
    DATE = "date"
    NEGATION = "negation"
    """One source states what the other denies."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two sources that say different things of the same: what the answer cites, and what another source says.

    `fresher` is `cited` or `other`, by the sources' modification times; empty when they do not tell.
    """

    kind: ConflictKind
    cited: Citation
    other: Citation
    fresher: str = ""


class CheckStatus(StrEnum):
    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"
    NOT_CHECKED = "not_checked"
    """For sentences that make no claim, such as a plain statement of not knowing."""


@dataclass(frozen=True, slots=True)
class Check:
    """The verifier's opinion of one sentence against its cited spans.

    `alignment` is the share of the sentence's content words found in the cited text, 0 to 1. `failures` lists stable
    names: `alignment`, `number`, `name`, `negation`, `no_citation`.
    """

    status: CheckStatus
    alignment: float = 0.0
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerSentence:
    """A sentence as it is shown: `marked` means shown although its check failed, by policy."""

    text: str
    citations: tuple[Citation, ...]
    check: Check
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and money; None means unknown, never free."""

    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd: float | None = None

    def plus(self, other: Usage) -> Usage:
        """Both together; what is unknown of one is unknown of the sum."""
        return Usage(
            _sum(self.tokens_in, other.tokens_in),
            _sum(self.tokens_out, other.tokens_out),
            _sum(self.cost_usd, other.cost_usd),
        )


def _sum(one: _Number | None, other: _Number | None) -> _Number | None:
    return None if one is None or other is None else one + other


class Outcome(StrEnum):
    ANSWERED = "answered"
    ABSTAINED = "abstained"
    """The system says that it does not know."""
    REFUSED = "refused"
    """A guard stopped the request or the answer."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk as the generator saw it, numbered from 1 in the prompt."""

    number: int
    chunk_id: str
    span: Span
    score: float
    stages: dict[str, tuple[int, float]] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    """Documents with nearly the same passage, folded into this one. Never in a trace, whose reader may not see them."""
    label: Label | None = None
    """Where it comes from and how far it is trusted; None where nobody said."""


@dataclass(frozen=True, slots=True)
class StageDone:
    """A stage of the pipeline ended: `name` such as `retrieve`, `generate`, `verify`, `guard`."""

    name: str
    started_ms: float
    """Milliseconds since the request began."""
    duration_ms: float
    detail: dict[str, str | int | float] = field(default_factory=dict)
    """Counts, sizes, identifiers and rule ids only; never content."""


@dataclass(frozen=True, slots=True)
class PassagesChosen:
    """Retrieval ended: what the generator may use, and the calibrated-or-not confidence that it holds the answer."""

    passages: tuple[Passage, ...]
    snapshot_id: str = ""
    label: Label | None = None
    """Of everything that the generator is shown: question, earlier turns and passages."""
    quarantined: bool = False
    """Read by a model that gives typed values only: what plans and asks for tools has not seen them."""


@dataclass(frozen=True, slots=True)
class SentenceReady:
    """A sentence passed its check, or is shown marked by policy."""

    sentence: AnswerSentence


@dataclass(frozen=True, slots=True)
class SentenceWithheld:
    """A sentence failed its check and is not shown."""

    check: Check


@dataclass(frozen=True, slots=True)
class ConflictFound:
    """Another source that the caller may read contradicts what the answer cites."""

    conflict: Conflict


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event of every stream, whatever happened."""

    outcome: Outcome
    reason: str = ""
    """Stable code for every outcome but `answered`, such as `assist.below_threshold` or `chat.timeout`."""
    confidence: float | None = None
    """Probability that the answer is right, 0 to 1, when calibrated; the raw score otherwise; None when unknown."""
    usage: Usage = Usage()
    duration_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class LabelledSpan:
    """A stretch of a text with its label: `start` and `end` count characters, end excluded."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that a system asked for. `arguments` are JSON values."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Output:
    """What a system said beyond text: a class with its scores, fields of a schema, labelled spans, tool calls."""

    label: str = ""
    scores: dict[str, float] = field(default_factory=dict)
    """Label to probability, 0 to 1."""
    fields: dict[str, Any] = field(default_factory=dict)
    spans: tuple[LabelledSpan, ...] = ()
    tools: tuple[ToolCall, ...] = ()
    handles: tuple[Handle, ...] = ()
    """What stands behind names in the tools' arguments. The broker resolves them, and none leaves it."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call that a person is asked about first: the id under which they settle it, and the tool's name."""

    key: str
    tool: str


@dataclass(frozen=True, slots=True)
class OutputReady:
    """A classifier, extractor or agent said what it found. The broker says beside it which of its calls wait for a
    person and how many were denied; the calls themselves are then no longer there."""

    output: Output
    waiting: tuple[Waiting, ...] = ()
    denied: int = 0


ReplyEvent = StageDone | PassagesChosen | SentenceReady | SentenceWithheld | ConflictFound | OutputReady | Finished


@dataclass(frozen=True, slots=True)
class Reply:
    """The fold of one stream of events."""

    outcome: Outcome
    reason: str = ""
    sentences: tuple[AnswerSentence, ...] = ()
    withheld: tuple[Check, ...] = ()
    passages: tuple[Passage, ...] = ()
    snapshot_id: str = ""
    confidence: float | None = None
    usage: Usage = Usage()
    stages: tuple[StageDone, ...] = ()
    duration_ms: float = 0.0
    conflicts: tuple[Conflict, ...] = ()
    output: Output | None = None
    label: Label | None = None
    """The join of all that the answer was made from; None for systems that do not say."""

    @property
    def text(self) -> str:
        return " ".join(sentence.text for sentence in self.sentences)

    @property
    def citations(self) -> tuple[Citation, ...]:
        return tuple(citation for sentence in self.sentences for citation in sentence.citations)


def fold(events: Iterable[ReplyEvent]) -> Reply:
    """Fold a whole stream into its reply; a stream that never finished is a failed reply."""
    reply = Reply(Outcome.FAILED, reason="system.unfinished")
    for event in events:
        reply = step(reply, event)
    return reply


def step(reply: Reply, event: ReplyEvent) -> Reply:
    """Add one event to a reply."""
    match event:
        case StageDone():
            return replace(reply, stages=(*reply.stages, event))
        case PassagesChosen():
            return replace(reply, passages=event.passages, snapshot_id=event.snapshot_id, label=event.label)
        case SentenceReady():
            return replace(reply, sentences=(*reply.sentences, event.sentence))
        case SentenceWithheld():
            return replace(reply, withheld=(*reply.withheld, event.check))
        case ConflictFound():
            return replace(reply, conflicts=(*reply.conflicts, event.conflict))
        case OutputReady():
            return replace(reply, output=event.output)
        case Finished():
            return replace(
                reply,
                outcome=event.outcome,
                reason=event.reason,
                confidence=event.confidence,
                usage=event.usage,
                duration_ms=event.duration_ms,
            )
