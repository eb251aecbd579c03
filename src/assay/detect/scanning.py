"""Text to findings by the names of rules: plain text and text in disguise, without overlap, in reading order."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from assay.detect.engine import Work, encoded
from assay.detect.folding import disguised
from assay.detect.registry import engine_of
from assay.records.findings import Finding


def scan(text: str, ids: tuple[str, ...], work: Work | None = None) -> tuple[Finding, ...]:
    """What the rules with these ids find. Time is linear in the text; `work` counts what was done."""
    if not ids:
        return ()
    engine = engine_of(ids)
    data = encoded(text)
    if len(data) == len(text):
        return engine.find_in(data, work, plain=True)
    found = engine.find_in(data, work)
    hidden = disguised(text, data, engine, work)
    return merged((*found, *hidden)) if hidden else found


def merged(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings of several finders without overlap: the higher score wins, then the longer, then the earlier."""
    kept: list[Finding] = []
    taken: set[int] = set()
    for one in sorted(findings, key=lambda one: (-one.score, one.start - one.end, one.start, one.rule_id)):
        places = range(one.start, one.end)
        if taken.isdisjoint(places):
            taken.update(places)
            kept.append(one)
    return tuple(sorted(kept, key=attrgetter("start")))
