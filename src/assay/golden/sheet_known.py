"""What a workspace knows of a golden set beyond its cases: looks, labels, its canary, its licence, its versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from assay.records.golden import Case, GoldenSet

LICENCES = ("licence", "license")
PEOPLE = ("accepted_by", "author", "labelled_by")
UNKNOWN = "not stated"


@dataclass(frozen=True, slots=True)
class Labelled:
    """A task in which people labelled replies to these cases, and how far they agreed, in words."""

    name: str
    items: int
    per_item: int
    agreement: str


@dataclass(frozen=True, slots=True)
class Known:
    """`looks` by split; `budget` 0 is no limit. `number` of this version among all of the set, from 1; 0 unknown."""

    canary: str = ""
    looks: tuple[tuple[str, int], ...] = ()
    budget: int = 0
    labels: tuple[Labelled, ...] = ()
    number: int = 0
    drafts: tuple[tuple[str, int], ...] = ()
    """Drafts by what became of them."""


def licences(golden: GoldenSet) -> tuple[str, ...]:
    """Those that the cases name, most frequent first."""
    return _values(golden.cases, LICENCES)


def people(golden: GoldenSet) -> tuple[str, ...]:
    """Who wrote or accepted cases, most frequent first."""
    return _values(golden.cases, PEOPLE)


def recipes(golden: GoldenSet) -> tuple[str, ...]:
    """Programs that made cases."""
    return _values(golden.cases, ("recipe",))


def made_by_rule(golden: GoldenSet) -> int:
    """Cases that a program drafted."""
    return sum("recipe" in case.provenance for case in golden.cases)


def _values(cases: Sequence[Case], keys: Sequence[str]) -> tuple[str, ...]:
    counted = Counter(case.provenance[key] for case in cases for key in keys if case.provenance.get(key))
    return tuple(sorted(counted, key=lambda value: (-counted[value], value)))
