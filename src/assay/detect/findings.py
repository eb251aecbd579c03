"""How findings are separated, masked and counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from assay.records.findings import Finding


def separate(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings without overlap, in reading order: the one that starts first wins, then the longest."""
    kept: list[Finding] = []
    for finding in sorted(findings, key=lambda one: (one.start, -one.end)):
        if not kept or finding.start >= kept[-1].end:
            kept.append(finding)
    return tuple(kept)


def masked(text: str, findings: Iterable[Finding]) -> str:
    """`text` with each finding replaced by its rule's name in brackets, such as `[card]`.

    Findings that overlap are masked as one stretch, so that no part of any of them is left.
    """
    pieces: list[str] = []
    at = 0
    for finding in sorted(findings, key=lambda one: (one.start, -one.end)):
        if finding.end <= at:
            continue
        if finding.start >= at:
            pieces += (text[at : finding.start], f"[{finding.rule_id}]")
        at = finding.end
    return "".join((*pieces, text[at:]))


def counts(findings: Iterable[Finding]) -> Mapping[str, int]:
    """How many findings each rule has."""
    found: dict[str, int] = {}
    for finding in findings:
        found[finding.rule_id] = found.get(finding.rule_id, 0) + 1
    return found
