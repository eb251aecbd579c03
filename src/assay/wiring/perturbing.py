"""Behavioural tests made from a golden set's cases, kept as its next version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from assay.golden import perturb as perturbations
from assay.golden.perturb import Perturbed
from assay.records.errors import InputError
from assay.records.golden import GoldenSet
from assay.wiring import golden_sets
from assay.wiring.build import Workspace


def perturb(
    place: Workspace, reference: str, kinds: Sequence[str], seed: int, split: str, tolerance: float
) -> tuple[GoldenSet, Perturbed]:
    """The new version and what was made. Raises InputError when nothing was named, or nothing could be made."""
    if not kinds:
        raise InputError(
            "golden.no_perturbation", "no kind of change is named", where="--kinds",
            remedy=f"use some of {', '.join(perturbations.KINDS)}",
        )  # fmt: skip
    golden = golden_sets.resolve(place, reference)
    chosen = golden_sets.only(golden, split).cases
    found = perturbations.perturb(chosen, kinds, seed=seed, tolerance=tolerance)
    known = {case.case_id for case in golden.cases}
    made = tuple(case for case in found.made if case.case_id not in known)
    if not made:
        raise InputError(
            "golden.nothing_perturbed", "no new case came of it", where=golden.name,
            remedy="name other kinds; cases that were made before are not made again",
        )  # fmt: skip
    changed = {case.case_id: case for case in found.whole}
    cases = (*(changed.get(case.case_id, case) for case in golden.cases), *made)
    kept = replace(golden, cases=cases, created_at=place.clock.now())
    place.stores.golden.put(kept)
    return kept, replace(found, made=made)
