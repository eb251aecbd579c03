"""What of a document looks planted: findings by check and place, and what a workspace wants done about them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from assay.records.documents import Document

PREFIX = "poison."
"""Metadata names that begin so are written by the checks; a source cannot give such names."""
FOUND, VERSION, HELD, SKETCH, CLAIMS = (f"{PREFIX}{name}" for name in ("found", "version", "held", "sketch", "claims"))
MOST_SPANS = 20
MOST_OTHERS = 5
CODE = "ingest.suspicious"
QUARANTINED = "ingest.quarantined"
Action = Literal["off", "note", "quarantine"]


class Check(StrEnum):
    """What is looked for."""

    HIDDEN_TEXT = "hidden_text"
    HIDDEN_INSTRUCTIONS = "hidden_instructions"
    INSTRUCTIONS = "instructions"
    NEAR_DUPLICATE = "near_duplicate"
    ALTERED_COPY = "altered_copy"
    CONTRADICTION = "contradiction"
    STUFFING = "stuffing"


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One check's finding in one place of a document: how often, where in the text copy, and which other documents it
    is about. A finding outside of the copy, such as in a comment of the source, has no spans."""

    check: Check
    where: str
    count: int = 1
    spans: tuple[tuple[int, int], ...] = ()
    others: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """For people: no text of the document."""
        times = f" {self.count}" if self.count > 1 else ""
        return f"{self.check}{times} ({self.where})" if self.where else f"{self.check}{times}"


@dataclass(frozen=True)
class Actions:
    """What is done about the findings of each check; one that is not named is off."""

    by_check: Mapping[Check, Action]

    def on(self, *checks: Check) -> bool:
        """Whether any of these is looked for at all."""
        return any(self.by_check.get(check, "off") != "off" for check in checks)

    def holds(self, found: Iterable[Suspicion]) -> tuple[Check, ...]:
        """The checks whose findings keep a document from being searched."""
        return tuple(sorted({one.check for one in found if self.by_check.get(one.check) == "quarantine"}))

    @property
    def recipe(self) -> str:
        return "poison.v2(" + ",".join(f"{name}={self.by_check.get(name, 'off')}" for name in Check) + ")"


def packed(found: Sequence[Suspicion]) -> str:
    """Findings as one line of metadata."""
    rows = [[one.check, one.where, one.count, one.spans[:MOST_SPANS], one.others[:MOST_OTHERS]] for one in found]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


def suspicions(document: Document) -> tuple[Suspicion, ...]:
    """What the checks found in a document when it was last read."""
    text = dict(document.metadata).get(FOUND, "")
    return tuple(
        Suspicion(Check(check), where, count, tuple((start, end) for start, end in spans), tuple(others))
        for check, where, count, spans, others in (json.loads(text) if text else ())
    )


def held(document: Document) -> tuple[Check, ...]:
    """The checks for which a document is quarantined; empty when it is not."""
    return tuple(Check(name) for name in dict(document.metadata).get(HELD, "").split(",") if name)


def version(document: Document) -> str:
    """What was examined: the text with everything that no reader sees of it, as a hash."""
    return dict(document.metadata).get(VERSION, "")


def without_notes(metadata: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Metadata without what the checks wrote."""
    return tuple((name, value) for name, value in metadata if not name.startswith(PREFIX))


def told(found: Sequence[Suspicion]) -> str:
    """Findings as a person reads them."""
    return ", ".join(one.told for one in found)
