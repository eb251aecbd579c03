"""How often results on held-out cases have been seen: each look makes the next result a little less trustworthy.

A run is one look, however often and in whatever form its results are shown. Looks follow the cases: a version that
keeps more than half of the cases of a split inherits the looks at them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from assay.ports.storage import Ledger
from assay.records.evaluation import Run
from assay.records.golden import Case, GoldenSet
from assay.records.ledger import Entry

LOOKED = "golden.look"
INHERITS = 0.5
"""More than this share of a split's cases must have been seen for the looks to count."""

Versions = Callable[[str], GoldenSet | None]
"""A version of the set by its hash, None when it is gone."""


@dataclass(frozen=True, slots=True)
class Look:
    """One run whose results somebody saw. `number` counts from 1, in the order in which they were first seen."""

    number: int
    run_id: str
    system: str
    version: str
    split: str
    how: str
    at: str


def subject(name: str, version: str, split: str) -> str:
    return f"{name}@{version}:{split}"


def look_entry(run: Run, how: str, at: str) -> Entry:
    """That the results of a run were seen; `how` is such as `report`, `compare` or `gate`."""
    named = run.bundle_id[:12] or run.app
    body = {"how": how, "system": named}
    return Entry(LOOKED, subject(run.golden_name, run.golden_version, run.split), run.run_id, body, at)


def looks_at(ledger: Ledger, golden: GoldenSet, split: str, versions: Versions) -> tuple[Look, ...]:
    """All looks at the cases of this split of this version, those at earlier versions of them included."""
    wanted = _keys(golden.cases, split)
    found: list[tuple[Entry, str, str]] = []
    for name in ledger.subjects(LOOKED):
        base, _, rest = name.rpartition("@")
        version, _, seen_split = rest.partition(":")
        if base != golden.name:
            continue
        if version != golden.version or seen_split != split:
            other = golden if version == golden.version else versions(version)
            if other is None or len(wanted & _keys(other.cases, seen_split)) <= INHERITS * len(wanted):
                continue
        found.extend((entry, version, seen_split) for entry in ledger.entries(LOOKED, name))
    found.sort(key=lambda one: (one[0].at, one[0].key))
    return tuple(
        Look(at, entry.key, entry.body["system"], version, seen, entry.body["how"], entry.at)
        for at, (entry, version, seen) in enumerate(found, 1)
    )


def _keys(cases: Iterable[Case], split: str) -> frozenset[tuple[str, str]]:
    """A case is the same while its id and its question are."""
    return frozenset((case.case_id, case.question) for case in cases if not split or case.split == split)
