"""Draws items so that each has a known chance, and more of them later so that the chances stay known.

Every unit of the population has a permanent random number, made of the task's seed and its own id. Units are taken in
the order of that number over their size (Ohlsson 1998, sequential Poisson sampling): with equal sizes that is a simple
random sample, within each stratum if there are strata. Taking more later means going further down the same order, so
everything drawn so far is again such a sample, of the larger size.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LEAST_IN_STRATUM = 5
"""A stratum gets so many items (or all it has) before the rest is allotted: with none, nothing is known of it."""
PSEUDO = 0.5
"""Half a label each way, so that a stratum in which all labels agree is not taken to be without spread."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One thing that could be labelled. `size` is its share of the chances in its stratum, in (0, 1]."""

    unit_id: str
    case_id: str
    run_id: str = ""
    repeat: int = 0
    other_run: str = ""
    stratum: str = "all"
    size: float = 1.0


@dataclass(frozen=True, slots=True)
class Frame:
    """The population that items are drawn from, fixed when the task was made."""

    seed: int
    units: tuple[Unit, ...]

    @property
    def sizes(self) -> dict[str, int]:
        """How many units stand in each stratum."""
        return dict(Counter(unit.stratum for unit in self.units))


@dataclass(frozen=True, slots=True)
class Seen:
    """What labels say of one stratum so far: `positive` of `labelled`."""

    positive: int = 0
    labelled: int = 0


def unit_id(kind: str, case_id: str, run_id: str = "", repeat: int = 0, other_run: str = "", salt: str = "") -> str:
    """The id of an item. It does not tell which run it is of to somebody who does not know the run."""
    text = "\0".join((kind, case_id, run_id, str(repeat), other_run, salt))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def random_number(seed: int, what: str, salt: str = "") -> float:
    """The same number in (0, 1) for the same things, every time and everywhere."""
    digest = hashlib.sha256(f"{seed}\0{salt}\0{what}".encode()).digest()
    return (int.from_bytes(digest[:8]) + 0.5) / 2.0**64


def allot(
    count: int, sizes: Mapping[str, int], have: Mapping[str, int], seen: Mapping[str, Seen], *, guess: float = 0.5,
    guesses: Mapping[str, float] | None = None,
) -> dict[str, int]:  # fmt: skip
    """How many of `count` further items each stratum gets: where the next one narrows the estimate most (Neyman 1934).

    `sizes` is what each stratum holds, `have` what was drawn of it. Its spread is judged from the labels `seen` with
    half a label each way, and without labels from the share that is guessed. A stratum below `LEAST_IN_STRATUM` comes
    first. Gives fewer than `count` when that is all there is.
    """
    share = {name: size / sum(sizes.values()) for name, size in sizes.items()}
    spread = {name: _spread(seen.get(name, Seen()), (guesses or {}).get(name, guess)) for name in sizes}
    given = dict.fromkeys(sizes, 0)

    def worth(name: str) -> float:
        drawn = have.get(name, 0) + given[name]
        if drawn < LEAST_IN_STRATUM:
            return math.inf
        return (share[name] * spread[name]) ** 2 / ((drawn + 2.0) * (drawn + 3.0))

    queue = [(-worth(name), name) for name in sorted(sizes) if have.get(name, 0) < sizes[name]]
    heapq.heapify(queue)
    while queue and sum(given.values()) < count:
        _, name = heapq.heappop(queue)
        given[name] += 1
        if have.get(name, 0) + given[name] < sizes[name]:
            heapq.heappush(queue, (-worth(name), name))
    return given


def _spread(seen: Seen, guess: float) -> float:
    rate = (seen.positive + PSEUDO) / (seen.labelled + 2 * PSEUDO) if seen.labelled else guess
    return math.sqrt(max(rate * (1.0 - rate), 1e-6))


def chances(units: Sequence[Unit], count: int) -> dict[str, float]:
    """Each unit's chance to be among `count` drawn from `units` (one stratum) in proportion to size, at most 1.

    Units whose share exceeds 1 are certain, and the others share what is left.
    """
    sizes = {unit.unit_id: unit.size for unit in units}
    if count >= len(sizes):
        return dict.fromkeys(sizes, 1.0)
    certain: set[str] = set()
    while True:
        total = sum(size for name, size in sizes.items() if name not in certain)
        scale = (count - len(certain)) / total
        beyond = {name for name, size in sizes.items() if name not in certain and size * scale >= 1.0}
        if not beyond:
            return {name: 1.0 if name in certain else size * scale for name, size in sizes.items()}
        certain |= beyond


def draw(frame: Frame, counts: Mapping[str, int], drawn: frozenset[str] = frozenset()) -> tuple[Unit, ...]:
    """`counts` further units of each stratum, in the frame's drawn order; fewer where a stratum has no more.

    What is certain to be drawn at the new size comes first, then the smallest random number over size.
    """
    strata: dict[str, list[Unit]] = defaultdict(list)
    for unit in frame.units:
        strata[unit.stratum].append(unit)
    taken: list[Unit] = []
    for stratum in sorted(counts):
        units = strata.get(stratum, [])
        have = sum(unit.unit_id in drawn for unit in units)
        chance = chances(units, min(have + counts[stratum], len(units))) if units and counts[stratum] else {}
        open_ = [unit for unit in units if unit.unit_id not in drawn]
        open_.sort(key=lambda unit: (chance.get(unit.unit_id, 0.0) < 1.0, _rank(frame.seed, unit)))
        taken += open_[: counts[stratum]]
    return tuple(sorted(taken, key=lambda unit: random_number(frame.seed, unit.unit_id, "order")))


def _rank(seed: int, unit: Unit) -> float:
    return random_number(seed, unit.unit_id) / unit.size


def probabilities(frame: Frame, drawn: frozenset[str]) -> dict[str, float]:
    """The chance that each drawn unit had, given how many were drawn of its stratum in all."""
    strata: dict[str, list[Unit]] = defaultdict(list)
    for unit in frame.units:
        strata[unit.stratum].append(unit)
    found: dict[str, float] = {}
    for units in strata.values():
        names = [unit.unit_id for unit in units if unit.unit_id in drawn]
        if names:
            chance = chances(units, len(names))
            found.update((name, chance[name]) for name in names)
    return found
