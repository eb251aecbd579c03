"""What changed between two versions of a golden set: cases, their fields and splits, and what that does to slices."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields

from assay.records.golden import Case, Expected, GoldenSet


@dataclass(frozen=True, slots=True)
class Change:
    """Which parts of a case changed: names of its fields, those of what is expected as `expected.NAME`."""

    case_id: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Move:
    """A case that went from one split to another: what was tuned on it must not be reported on it."""

    case_id: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class SliceEffect:
    """How many cases a slice had and has, and how many of those it has now it had before, unchanged."""

    slice: str
    before: int
    after: int
    same: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Case ids by what happened to them, in the order of the version they stand in."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: int
    changes: tuple[Change, ...] = ()
    moves: tuple[Move, ...] = ()
    slices: tuple[SliceEffect, ...] = ()
    """Slices with another number of cases, or other cases, than before; the empty name stands for all cases."""


def difference(old: GoldenSet, new: GoldenSet) -> Difference:
    """From `old` to `new`, by case id."""
    before = {case.case_id: case for case in old.cases}
    after = {case.case_id: case for case in new.cases}
    both = [name for name in after if name in before]
    changes = tuple(Change(name, _changed(before[name], after[name])) for name in both if after[name] != before[name])
    return Difference(
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed=tuple(change.case_id for change in changes),
        unchanged=len(both) - len(changes),
        changes=changes,
        moves=tuple(
            Move(name, before[name].split, after[name].split)
            for name in both
            if before[name].split != after[name].split
        ),
        slices=_slices(before, after),
    )


def _changed(old: Case, new: Case) -> tuple[str, ...]:
    outer = [one.name for one in fields(Case) if one.name != "expected"]
    inner = [one.name for one in fields(Expected)]
    changed = [name for name in outer if getattr(old, name) != getattr(new, name)]
    changed += [f"expected.{name}" for name in inner if getattr(old.expected, name) != getattr(new.expected, name)]
    return tuple(changed)


def _slices(before: dict[str, Case], after: dict[str, Case]) -> tuple[SliceEffect, ...]:
    had = Counter(name for case in before.values() for name in ("", *set(case.slices)))
    has = Counter(name for case in after.values() for name in ("", *set(case.slices)))
    same = Counter(
        name
        for case_id, case in after.items()
        if case_id in before and _judged_alike(before[case_id], case)
        for name in {"", *case.slices} & {"", *before[case_id].slices}
    )
    effects = (SliceEffect(name, had[name], has[name], same[name]) for name in sorted(had.keys() | has.keys()))
    return tuple(one for one in effects if not one.before == one.after == one.same)


def _judged_alike(old: Case, new: Case) -> bool:
    """Whether a reply would be asked for and judged the same way: slices and provenance do not matter to that."""
    return (old.question, old.history, old.scope, old.expected) == (new.question, new.history, new.scope, new.expected)
