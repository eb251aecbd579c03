"""Counting who looked at which held-out cases, and what the gate makes of it."""

from __future__ import annotations

from collections.abc import Sequence

from assay.golden.looks import Look, look_entry, looks_at
from assay.records.comparison import ConditionResult, GatePolicy
from assay.records.errors import NotFound
from assay.records.evaluation import Run
from assay.records.golden import GoldenSet
from assay.release.looks import LooksRule, condition, widened
from assay.wiring import golden_sets
from assay.wiring.build import Workspace


def rule(place: Workspace) -> LooksRule:
    stated = place.settings.gate.looks
    return LooksRule(stated.budget, stated.when_spent)


def looked(place: Workspace, how: str, *runs: Run) -> None:
    """Note that the results of these runs are shown. A run that was seen before counts once."""
    place.stores.ledger.append([look_entry(run, how, place.clock.now()) for run in runs])


def looks(place: Workspace, golden: GoldenSet, split: str) -> tuple[Look, ...]:
    """All looks at the cases of this split, those at earlier versions of them included."""

    def version(digest: str) -> GoldenSet | None:
        try:
            return place.stores.golden.get(golden.name, digest)
        except NotFound:
            return None

    return looks_at(place.stores.ledger, golden, split, version)


def looks_of_splits(place: Workspace, reference: str) -> dict[str, Sequence[Look]]:
    """The looks at each split of a set's version, and at all of its cases under the empty name where runs did."""
    golden = golden_sets.resolve(place, reference)
    splits = ["", *sorted({case.split for case in golden.cases})]
    found = {split: looks(place, golden, split) for split in splits}
    return {split: seen for split, seen in found.items() if split or any(not one.split for one in seen)}


def judged_by(
    place: Workspace, asked: GatePolicy, candidate: Run, golden: GoldenSet
) -> tuple[GatePolicy, tuple[ConditionResult, ...]]:
    """The policy by which this candidate is judged, and what is said of the looks. The number of a look never
    changes, so the same runs are judged the same way again."""
    stated = rule(place)
    if not stated.budget:
        return asked, ()
    number = next(one.number for one in looks(place, golden, candidate.split) if one.run_id == candidate.run_id)
    subject = f"{golden.name}:{candidate.split or 'all'}"
    said = condition(subject, number, stated)
    return widened(asked, number, stated), (said,) if said else ()
