"""The learned stage: a weighted sum of features, read from plain data, that reorders the first candidates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from assay.records.digest import sha256_json
from assay.records.errors import CannotJudge
from assay.records.retrieval import Query, Ranked
from assay.retrieve.features import ENGINES, FEATURES, CandidateFeatures

RECIPE = "linear_ranker.v1"
POOL = 32
"""Candidates that are looked at. A perfect order of the first 30 chunks would reach nDCG@10 of .94 on claude-docs and
.91 on scifact, of the first 50 .95 and .95; features of 50 take half as long again."""
MOST_POOL = 200
BASE_WEIGHT = 8.0
"""What the fused score counts before anything is learned, so that a model without evidence is plain fusion."""


@dataclass(frozen=True, slots=True)
class LinearRanker:
    """A `Reranker`. Without learned weights, or when only one engine took part, the order stays as it was."""

    weights: Mapping[str, float]
    """By the name of a feature; a feature that is not named counts nothing."""
    pool: int = POOL
    base: float = BASE_WEIGHT
    history_turns: int = 3
    features: CandidateFeatures = field(default_factory=CandidateFeatures, compare=False, repr=False)

    @property
    def recipe(self) -> str:
        return f"{RECIPE}({sha256_json(self.content())[:16]})"

    def content(self) -> dict[str, Any]:
        """The parameters as JSON values: what `read_ranker` reads."""
        return {
            "recipe": RECIPE,
            "features": self.features.recipe,
            "history_turns": self.history_turns,
            "pool": self.pool,
            "base": self.base,
            "weights": dict(self.weights),
        }

    def rerank(self, query: Query, ranked: Sequence[Ranked]) -> tuple[Ranked, ...]:
        seen, behind = ranked[: self.pool], ranked[self.pool :]
        if len(seen) < 2 or not all(any(name in item.stages for item in seen) for name in ENGINES):
            return tuple(ranked)
        scores = self.scores(self.features(query, seen))
        order = np.lexsort((np.arange(len(seen)), -scores))
        moved = (
            replace(seen[row], stages={**seen[row].stages, "reranked": (rank, float(scores[row]))})
            for rank, row in enumerate(order, 1)
        )
        return (*moved, *behind)

    def scores(self, features: Any) -> Any:
        """Shape (candidates,) from features of shape (candidates, len(FEATURES))."""
        vector = np.array([self.weights.get(name, 0.0) for name in FEATURES])
        vector[FEATURES.index("fused")] += self.base
        return features @ vector


def read_ranker(content: Mapping[str, Any], where: str = "") -> LinearRanker:
    """A ranker from the content of a trained model.

    Raises CannotJudge (`ranker.unreadable`) when a recipe, a feature or a number is none that this version knows.
    """
    found, weights = content.get("recipe"), content.get("weights")
    pool, base, turns = content.get("pool", POOL), content.get("base", BASE_WEIGHT), content.get("history_turns", 3)
    if found != RECIPE or not isinstance(weights, Mapping) or not set(weights) <= set(FEATURES):
        raise _unreadable("its recipe or its features are not those of this version", where)
    numbers = (*weights.values(), base)
    if not all(isinstance(value, int | float) and math.isfinite(value) for value in numbers):
        raise _unreadable("a weight is no finite number", where)
    if not isinstance(pool, int) or not 2 <= pool <= MOST_POOL or not isinstance(turns, int):
        raise _unreadable(f"its pool is not 2 to {MOST_POOL}", where)
    features = CandidateFeatures(history_turns=turns)
    if content.get("features") != features.recipe:
        raise _unreadable("its features were made by another analyser", where)
    return LinearRanker({name: float(value) for name, value in weights.items()}, pool, float(base), turns, features)


def _unreadable(what: str, where: str) -> CannotJudge:
    return CannotJudge("ranker.unreadable", f"this ranker cannot be used: {what}", where=where, remedy="train it again")
