"""Detectors of what is known of whole texts: a signal's score, and the language. They look piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from assay.guard.acting import Timed
from assay.records.errors import Unavailable
from assay.records.findings import Finding
from assay.text.sentences import sentence_spans

PIECE = 8192
"""Signs that are looked at between two looks at the clock."""
OVERLAP = 1000
"""Signs that two pieces share, so that nothing is hidden by a cut."""


class Unit(StrEnum):
    """What is scored at a time: windows as the signal cuts them, or each sentence by itself."""

    WINDOW = "window"
    SENTENCE = "sentence"


@dataclass(frozen=True)
class WholeText(Timed):
    """A Detector with one rule. `scan` is asked about a piece at a time, and `budget_ms` ends the look between two
    pieces: a text that is too long for its budget is not looked at to its end. What takes long at the first time only
    belongs into `warm`, which the budget does not count. Time is linear in the text."""

    rule_id: str = ""
    unit: Unit = Unit.WINDOW
    warm: Callable[[], object] = lambda: None

    def find(self, text: str, rule_ids: Sequence[str]) -> tuple[Finding, ...]:
        """Stretches in reading order, without overlap, each with the highest score in it. Raises Unavailable
        `detector.timeout` and what the model raises."""
        if self.rule_id not in rule_ids:
            return ()
        self.warm()
        began = self.clock()
        found: list[Finding] = []
        for start, end in self._pieces(text):
            for one in self.scan(text[start:end], (self.rule_id,)):
                _joined(found, one, self.rule_id, start)
            if (self.clock() - began) * 1000 > self.budget_ms:
                raise Unavailable("detector.timeout", "a detector took longer than its budget", where=self.name)
        return tuple(found)

    def _pieces(self, text: str) -> Iterator[tuple[int, int]]:
        parts = sentence_spans(text) if self.unit is Unit.SENTENCE else ((0, len(text)),)
        for start, end in parts:
            at = start
            while end - at > PIECE:
                yield at, at + PIECE
                at += PIECE - OVERLAP
            yield at, end


def _joined(found: list[Finding], one: Finding, rule_id: str, shift: int) -> None:
    """Put a finding of a piece behind those before it, or make one stretch of it and the last where they touch."""
    start, end, score = one.start + shift, one.end + shift, one.score
    if found and start < found[-1].end:
        before = found.pop()
        start, end, score = before.start, max(before.end, end), max(before.score, score)
    found.append(Finding(rule_id, start, end, one.version, score, one.basis))
