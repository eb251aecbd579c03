"""Cases that tell systems apart badly: everybody is right, everybody is wrong, or the better systems are wrong.

Item analysis of classical test theory: the correlation of a case with the rest of the test (corrected item-total
correlation; Lord and Novick, 1968). A negative one is the mark of a wrong gold answer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.records.errors import CannotJudge
from assay.stats.multiplicity import benjamini_hochberg
from assay.stats.proportion import upper_bound_zero_failures

LEAST_SYSTEMS = 5
DRAWS = 5_000
"""Arrangements of the systems that are drawn for each case, so that no p-value is below .0002."""


@dataclass(frozen=True, slots=True)
class Item:
    """What the systems' scores say of one case. `kind` is `always_right`, `always_wrong`, `reversed` or empty.

    `correlation` is with the mean of the other cases, None where either does not vary. `p_value` is one-sided, for
    "not reversed", and `adjusted` is corrected for the number of cases (Benjamini-Hochberg).
    """

    case_id: str
    kind: str
    systems: int
    mean: float
    correlation: float | None = None
    p_value: float | None = None
    adjusted: float | None = None


@dataclass(frozen=True, slots=True)
class Items:
    """All cases that every system was scored on. `otherwise` is the largest share of further systems that would answer
    a case otherwise which all of these answered alike, at 95 %; `can_reverse` tells whether so few systems could show a
    case to be reversed at all."""

    items: tuple[Item, ...]
    systems: tuple[str, ...]
    otherwise: float
    can_reverse: bool
    left_out: int

    def of(self, kind: str) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.kind == kind)


def item_analysis(
    scores: Mapping[str, Mapping[str, float]], *, alpha: float = 0.05, least: int = LEAST_SYSTEMS, seed: int = 0
) -> Items:
    """From scores by system and case, in [0, 1], higher is better. Cases that some system has no score on are left out.

    A case is reversed when its correlation is negative beyond chance: the systems' scores on it are rearranged among
    the systems. Raises CannotJudge `golden.few_systems` and `golden.no_common_cases`.
    """
    systems = sorted(scores)
    if len(systems) < least:
        raise CannotJudge(
            "golden.few_systems", f"{len(systems)} systems have complete runs on these cases; {least} are the least",
            remedy="assay eval of further bundles or systems on this split",
        )  # fmt: skip
    every = set().union(*(scores[name] for name in systems))
    cases = sorted(case for case in every if all(case in scores[name] for name in systems))
    if len(cases) < 3:
        raise CannotJudge("golden.no_common_cases", f"{len(cases)} cases have a score of every system; 3 are the least")
    table = np.array([[scores[name][case] for case in cases] for name in systems])
    rng = np.random.default_rng(seed)
    rest = (table.sum(axis=1, keepdims=True) - table) / (len(cases) - 1)
    tested = [_tested(table[:, at], rest[:, at], rng) for at in range(len(cases))]
    known = [at for at, one in enumerate(tested) if one is not None]
    p_values = [one[1] for one in tested if one is not None]
    adjusted = dict(zip(known, benjamini_hochberg(p_values), strict=True)) if known else {}
    items = tuple(_item(case, table[:, at], tested[at], adjusted.get(at), alpha) for at, case in enumerate(cases))
    return Items(
        items, tuple(systems), upper_bound_zero_failures(len(systems), 0.05),
        max(1 / DRAWS, _smallest(len(systems))) * max(1, len(known)) <= alpha, len(every) - len(cases),
    )  # fmt: skip


def _item(
    case: str, column: NDArray[np.float64], tested: tuple[float, float] | None, adjusted: float | None, alpha: float
) -> Item:
    mean = float(column.mean())
    kind = ""
    if float(np.ptp(column)) == 0.0:
        kind = "always_right" if mean == 1.0 else "always_wrong" if mean == 0.0 else ""
    if tested is None:
        return Item(case, kind, len(column), mean)
    correlation, p_value = tested
    if correlation < 0 and adjusted is not None and adjusted <= alpha:
        kind = "reversed"
    return Item(case, kind, len(column), mean, correlation, p_value, adjusted)


def _tested(
    item: NDArray[np.float64], rest: NDArray[np.float64], rng: np.random.Generator
) -> tuple[float, float] | None:
    """The correlation and its one-sided p-value for "not below 0"; None where one of the two does not vary."""
    a, b = item - item.mean(), rest - rest.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    if scale < 1e-12:
        return None
    observed = float(a @ b)
    arranged = rng.permuted(np.broadcast_to(a, (DRAWS, len(a))), axis=1) @ b
    below = int(np.count_nonzero(arranged <= observed + 1e-12))
    return observed / scale, (below + 1) / (len(arranged) + 1)


def _smallest(systems: int) -> float:
    """The smallest p-value that a case of 0 and 1 can have: one arrangement among all, half right and half wrong."""
    return 1.0 / math.comb(systems, systems // 2)


def scores_by_system(
    runs: Sequence[tuple[str, Mapping[str, Sequence[float]]]],
) -> dict[str, dict[str, float]]:
    """The mean over repeats by system and case, from the newest run of each system; `runs` stand newest first."""
    found: dict[str, dict[str, float]] = {}
    for system, cases in runs:
        if system not in found:
            found[system] = {case: sum(values) / len(values) for case, values in cases.items() if values}
    return found
