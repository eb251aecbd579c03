"""Does a trained ranker help on questions it has not seen: grouped cross-validation, and the rule that decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from assay.records.evaluation import Interval
from assay.retrieve.features import FEATURES
from assay.retrieve.linear_ranker import LinearRanker
from assay.stats.mean import mean_interval
from assay.train.examples import Example
from assay.train.linear import fit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

RIDGES = (1.0, 0.3, 0.1, 0.03)
"""Strengths that cross-validation chooses from, inside each training part."""
FOLDS = 5
INNER_FOLDS = 3
MOST_DIVISIONS = 5
_DIVIDED_CASES = 1000
FEWEST_CASES = 40
FEWEST_CLUSTERS = 20
FEWEST_OF_SLICE = 30
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Difference:
    """nDCG@10 of the ranker and of plain fusion on the same held-out cases, and the paired interval between them."""

    slice: str
    """Empty for all cases."""
    cases: int
    clusters: int
    learned: float
    plain: float
    interval: Interval | None
    """Learned minus plain; None where one cluster gives no spread."""

    @property
    def better(self) -> bool:
        return self.interval is not None and self.interval.low > 0.0

    @property
    def worse(self) -> bool:
        return self.interval is not None and self.interval.high < 0.0


@dataclass(frozen=True, slots=True)
class Proof:
    """What cross-validation, or a set kept apart, has shown."""

    overall: Difference
    slices: tuple[Difference, ...]
    """Those of at least 30 cases from at least 20 clusters."""
    method: str
    asked: bool = True
    """Whether the questions are somebody's. What helps on questions made from the corpus need not help on any other."""

    @property
    def verdict(self) -> str:
        """`accepted`, `too_few`, `not_better`, `worse_on_a_slice` or `made_up_only`.

        Accepted is what is better over all cases, its interval above 0, and significantly worse on no slice, and was
        measured on questions that somebody asked.
        """
        if self.overall.cases < FEWEST_CASES or self.overall.clusters < FEWEST_CLUSTERS:
            return "too_few"
        if not self.overall.better:
            return "not_better"
        if any(one.worse for one in self.slices):
            return "worse_on_a_slice"
        return "accepted" if self.asked else "made_up_only"


@dataclass(frozen=True, slots=True)
class Held:
    """A case's nDCG@10 when it was held out."""

    example: Example
    learned: float
    plain: float


def folds(clusters: Sequence[str], count: int, seed: int) -> NDArray[np.int64]:
    """A fold from 0 for each case, shape (cases,): clusters stay whole and folds are filled evenly."""
    sizes: dict[str, int] = {}
    for name in clusters:
        sizes[name] = sizes.get(name, 0) + 1
    names = sorted(sizes)
    np.random.default_rng(seed).shuffle(names)
    filled = [0] * count
    fold_of: dict[str, int] = {}
    for name in sorted(names, key=lambda name: -sizes[name]):
        fold_of[name] = int(np.argmin(filled))
        filled[fold_of[name]] += sizes[name]
    return np.array([fold_of[name] for name in clusters], dtype=np.int64)


def trained(examples: Sequence[Example], seed: int = 0) -> tuple[dict[str, float], float]:
    """Weights, with the ridge that was best by cross-validation inside these examples; the stronger of equals."""
    fold = folds([example.cluster for example in examples], INNER_FOLDS, seed)

    def worth(ridge: float) -> float:
        return float(np.mean([held.learned for held in _held_out(examples, fold, lambda part: fit(part, ridge))]))

    ridge = max(RIDGES, key=lambda ridge: (round(worth(ridge), 6), ridge))
    return fit(examples, ridge), ridge


def cross_validated(
    examples: Sequence[Example], seed: int = 0, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> tuple[Held, ...]:
    """Each case's nDCG@10 by rankers that saw no case of its cluster, their ridge chosen without them as well.

    Few cases are divided several times (1,000 / cases, at most 5), and a case's values averaged: the luck of one
    division is then not mistaken for the ranker.
    """
    divisions = max(1, min(MOST_DIVISIONS, _DIVIDED_CASES // max(1, len(examples))))
    done = iter(range(1, divisions * FOLDS + 1))

    def train(part: Sequence[Example]) -> dict[str, float]:
        weights, _ = trained(part, seed)
        progress(next(done), divisions * FOLDS)
        return weights

    clusters = [example.cluster for example in examples]
    rounds = [_held_out(examples, folds(clusters, FOLDS, seed + turn), train) for turn in range(divisions)]
    return tuple(
        replace(held[0], learned=float(np.mean([one.learned for one in held]))) for held in zip(*rounds, strict=True)
    )


def _held_out(
    examples: Sequence[Example], fold: NDArray[np.int64], train: Callable[[Sequence[Example]], dict[str, float]]
) -> tuple[Held, ...]:
    found: dict[int, Held] = {}
    for number in np.unique(fold):
        weights = train([example for example, at in zip(examples, fold, strict=True) if at != number])
        mine = [row for row, at in enumerate(fold) if at == number]
        found.update(zip(mine, held_out([examples[row] for row in mine], weights), strict=True))
    return tuple(found[row] for row in range(len(examples)))


def held_out(examples: Sequence[Example], weights: dict[str, float]) -> tuple[Held, ...]:
    """nDCG@10 of these weights, and of the order there was, on examples that did not make them."""
    ranker = LinearRanker(weights)
    plain = FEATURES.index("fused")
    found: list[Held] = []
    for one in examples:
        before = one.ndcg(one.features[:, plain])
        found.append(Held(one, one.ndcg(ranker.scores(one.features)) if one.reranked else before, before))
    return tuple(found)


def proof_of(held: Sequence[Held], method: str, *, asked: bool = True) -> Proof:
    """Sum up held-out cases, over all and by slice. Raises ValueError without any."""
    names = sorted({name for one in held for name in one.example.slices})
    parts = ((name, [one for one in held if name in one.example.slices]) for name in names)
    slices = (_difference(name, part) for name, part in parts if FEWEST_OF_SLICE <= len(part) < len(held))
    large = tuple(one for one in slices if one.clusters >= FEWEST_CLUSTERS)
    return Proof(_difference("", held), large, method, asked)


def _difference(name: str, held: Sequence[Held]) -> Difference:
    clusters = [one.example.cluster for one in held]
    gains = np.array([one.learned - one.plain for one in held])
    count = len(set(clusters))
    return Difference(
        name,
        len(held),
        count,
        float(np.mean([one.learned for one in held])),
        float(np.mean([one.plain for one in held])),
        mean_interval(gains, clusters, LEVEL) if count > 1 else None,
    )
