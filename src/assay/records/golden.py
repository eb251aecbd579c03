"""What is expected of a system: cases and the versioned sets they stand in."""

from __future__ import annotations

from dataclasses import dataclass, field

from assay.records.access import Scope
from assay.records.dialogue import Turn
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
class Expected:
    """The expected behaviour. `answers` are alternatives, any of which is right."""

    answerable: bool = True
    answers: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    must: tuple[str, ...] = ()
    """Strings that a right answer contains."""
    must_not: tuple[str, ...] = ()
    """Strings that no acceptable answer contains."""


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
        return sha256_json(sorted((plain(case) for case in self.cases), key=lambda case: case["case_id"]))
