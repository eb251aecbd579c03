"""Divides a golden set into splits so that what belongs together stays together, the same way every time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from math import isclose

from assay.records.errors import InputError
from assay.records.golden import Case, GoldenSet


def divide(golden: GoldenSet, shares: Mapping[str, float], seed: int = 0) -> GoldenSet:
    """The same cases, each with the split its cluster falls into; `shares` by split sum to 1.

    A case that was made from another (`relation.of`) goes where that one goes. A cluster's place depends on its name
    and the seed alone, so cases that are added later move none of the others. Shares hold on average over clusters.
    Raises InputError `golden.bad_shares`.
    """
    if not shares or any(share < 0 for share in shares.values()) or not isclose(sum(shares.values()), 1.0):
        raise InputError(
            "golden.bad_shares",
            "the shares of the splits must be at least 0 and sum to 1",
            remedy="such as dev=0.3, test=0.7",
        )
    known = {case.case_id: case for case in golden.cases}
    return replace(
        golden, cases=tuple(replace(case, split=_split(_origin(case, known), shares, seed)) for case in golden.cases)
    )


def _origin(case: Case, known: Mapping[str, Case]) -> Case:
    """The case that this one was made from in the end; itself for most."""
    seen = {case.case_id}
    while case.expected.relation and case.expected.relation.of in known.keys() - seen:
        case = known[case.expected.relation.of]
        seen.add(case.case_id)
    return case


def _split(case: Case, shares: Mapping[str, float], seed: int) -> str:
    key = f"{seed}\0{'cluster' if case.cluster else 'case'}\0{case.cluster or case.case_id}"
    place = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) / 2**64
    reached = 0.0
    for split, share in shares.items():
        reached += share
        if place < reached:
            return split
    return list(shares)[-1]
