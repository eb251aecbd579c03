"""What changed between two versions of a golden set."""

from __future__ import annotations

from dataclasses import dataclass

from assay.records.golden import GoldenSet


@dataclass(frozen=True, slots=True)
class Difference:
    """Case ids by what happened to them, in the order of the version they stand in."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: int


def difference(old: GoldenSet, new: GoldenSet) -> Difference:
    """From `old` to `new`, by case id."""
    before = {case.case_id: case for case in old.cases}
    after = {case.case_id: case for case in new.cases}
    both = [name for name in after if name in before]
    changed = tuple(name for name in both if after[name] != before[name])
    return Difference(
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed=changed,
        unchanged=len(both) - len(changed),
    )
