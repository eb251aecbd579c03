"""What is expected of a system: cases and the versioned sets they stand in."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from assay.records.access import Scope
from assay.records.dialogue import LabelledSpan, ToolCall, Turn
from assay.records.digest import plain, sha256_json


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where the gold evidence stands, in terms that survive re-ingestion: a document and a quote from it."""

    doc_id: str
    quote: str = ""
    """Empty means that the document as a whole is relevant."""
    grade: int = 1
    """Relevance grade for nDCG, 1 or more."""


@dataclass(frozen=True, slots=True)
class Nugget:
    """A fact that a good answer holds (TREC nugget methodology); `vital` ones must be there, others are welcome."""

    text: str
    vital: bool = True


class RelationKind(StrEnum):
    """The test types of CheckList (Ribeiro et al. 2020)."""

    MINIMUM = "minimum"
    """A minimum functionality test: an easy case that simply has to be right."""
    INVARIANCE = "invariance"
    """The reply must not change with respect to the case that this one was made from."""
    DIRECTIONAL = "directional"
    """The named quantity must move in the stated direction with respect to that case."""


@dataclass(frozen=True, slots=True)
class Relation:
    """How the reply to this case stands to the reply to case `of`."""

    kind: RelationKind
    of: str = ""
    """The case id that this one was made from; empty for a minimum functionality test."""
    quantity: str = ""
    """What moves: `confidence`, `score:LABEL` or `field:NAME`; empty compares labels, fields or the text."""
    direction: str = ""
    """`up` or `down`, by at least `tolerance`; for invariance `tolerance` is how much may change."""
    tolerance: float = 0.0


@dataclass(frozen=True, slots=True)
class Expected:
    """The expected behaviour. `answers` are alternatives, any of which is right."""

    answerable: bool = True
    answers: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    must: tuple[str, ...] = ()
    """Strings that a right answer contains."""
    must_not: tuple[str, ...] = ()
    """Strings that no acceptable answer contains."""
    label: str = ""
    """The class, for a classifier."""
    fields: dict[str, Any] = field(default_factory=dict)
    """Field name to JSON value, for an extractor; None means that the field must be left out."""
    spans: tuple[LabelledSpan, ...] = ()
    """Labelled stretches of the question, for a sequence labeller."""
    tools: tuple[ToolCall, ...] = ()
    """The calls that should be made."""
    nuggets: tuple[Nugget, ...] = ()
    relation: Relation | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One input with what is expected of it."""

    case_id: str
    question: str
    expected: Expected
    history: tuple[Turn, ...] = ()
    scope: Scope = Scope()
    slices: tuple[str, ...] = ()
    """Names such as `kind=numeric` or `language=de`."""
    cluster: str = ""
    """Cases that are not independent share a cluster (a document, a conversation); empty means its own."""
    split: str = "test"
    provenance: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GoldenSet:
    """An immutable version of a golden set; `version` is the content hash of its cases."""

    name: str
    cases: tuple[Case, ...]
    created_at: str = ""
    note: str = ""

    @property
    def version(self) -> str:
        """Content hash of the cases; parts of `Expected` that came later count only where a case has them."""
        return sha256_json(sorted((_content(case) for case in self.cases), key=lambda case: case["case_id"]))


_LATER = ("label", "fields", "spans", "tools", "nuggets", "relation")


def _content(case: Case) -> dict[str, Any]:
    content: dict[str, Any] = plain(case)
    for name in _LATER:
        if not content["expected"][name]:
            del content["expected"][name]
    return content
