"""What passes between Assay and a chat model, and between a generator and the verifier."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from assay.records.dialogue import Usage
from assay.records.documents import Span


@dataclass(frozen=True, slots=True)
class ChatOptions:
    """How to call a chat model. `schema` is a JSON Schema that the output must satisfy."""

    temperature: float = 0.0
    max_tokens: int = 800
    schema: dict[str, Any] | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ChatDone:
    """The last event of a chat stream."""

    usage: Usage
    finish_reason: str = "stop"
    model: str = ""
    attempts: int = 1


ChatEvent = TextDelta | ChatDone


@dataclass(frozen=True, slots=True)
class DraftSentence:
    """A sentence a generator proposes. `cited` are passage numbers from 1; `spans` are exact when the generator knows
    them (the extractive composer does), else empty and found by alignment."""

    text: str
    cited: tuple[int, ...]
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class DraftDone:
    """The generator is done. `declined` means that it says the passages do not hold the answer."""

    usage: Usage = Usage()
    declined: bool = False
    detail: dict[str, str | int | float] = field(default_factory=dict)


DraftEvent = DraftSentence | DraftDone
