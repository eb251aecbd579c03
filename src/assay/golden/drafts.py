"""What a drafted case is before anybody has accepted it."""

from __future__ import annotations

from dataclasses import dataclass, field

from assay.records.digest import sha256_json
from assay.records.golden import Case

AUTHOR = "assay golden draft"


@dataclass(frozen=True, slots=True)
class Draft:
    """A candidate. `case.provenance` says how it was made; `checks` what the mechanical checks found, by name.

    `start` and `end` are the offsets of the evidence in the text copy `text_sha256`; 0 without evidence.
    """

    case: Case
    kind: str
    checks: dict[str, str] = field(default_factory=dict)
    text_sha256: str = ""
    start: int = 0
    end: int = 0

    @property
    def draft_id(self) -> str:
        return self.case.case_id


@dataclass(frozen=True, slots=True)
class Drafted:
    """What came of a corpus: the drafts, how many candidates each check sent away, and how many were asked for."""

    drafts: tuple[Draft, ...]
    refused: dict[str, int]
    wanted: int
    candidates: int


def draft_id(set_name: str, question: str, doc_id: str) -> str:
    """The same question of the same document is the same draft of a set, however often it is made."""
    return f"draft-{sha256_json([set_name, question, doc_id])[:12]}"
