"""Personal data and credentials in a document as it comes in: counted by rule, and held back where that is wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from assay.ports.reading import TextScanner

PREFIX = "scan."
"""Metadata names that begin so hold the number of findings of one rule; a source cannot give such names."""


@dataclass(frozen=True)
class ScanPolicy:
    """Which scanner looks at every document, and whether a finding holds the document back."""

    scanner: TextScanner
    hold: bool = False

    @property
    def recipe(self) -> str:
        return f"{self.scanner.recipe}{' hold' if self.hold else ''}"

    def counts(self, text: str) -> tuple[tuple[str, str], ...]:
        """Metadata that tells how many findings each rule has; what was found is not kept."""
        found = Counter(finding.rule_id for finding in self.scanner.scan(text))
        return tuple((f"{PREFIX}{rule}", str(number)) for rule, number in sorted(found.items()))


def told(counts: Iterable[tuple[str, str]]) -> str:
    """Counts as a person reads them: `card 2, email 1`."""
    return ", ".join(f"{name.removeprefix(PREFIX)} {number}" for name, number in counts)


def findings(metadata: Iterable[tuple[tuple[str, str], ...]]) -> Counter[str]:
    """How many findings each rule has over the metadata of documents."""
    total: Counter[str] = Counter()
    for pairs in metadata:
        for name, number in pairs:
            if name.startswith(PREFIX):
                total[name.removeprefix(PREFIX)] += int(number)
    return total
