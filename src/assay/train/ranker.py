"""From examples to a ranker as plain data, with the evidence it was accepted or refused on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from assay.records.certificates import TrainedModel
from assay.retrieve.features import CandidateFeatures
from assay.retrieve.linear_ranker import POOL, LinearRanker
from assay.train.examples import Example
from assay.train.proof import (
    FEWEST_CASES,
    FEWEST_CLUSTERS,
    FOLDS,
    Difference,
    Proof,
    cross_validated,
    held_out,
    proof_of,
    trained,
)

KIND = "ranker"
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A training that came to its end. `model` is None unless the proof accepted it."""

    proof: Proof
    model: TrainedModel | None

    @property
    def verdict(self) -> str:
        return self.proof.verdict


def train_ranker(
    name: str,
    examples: Sequence[Example],
    features: CandidateFeatures,
    *,
    trained_on: str,
    now: str,
    asked: bool = True,
    kept_apart: Sequence[Example] = (),
    proved_on: str = "",
    seed: int = 0,
    progress: Progress = lambda _done, _total: None,
) -> Outcome:
    """Train on `examples`; prove on `kept_apart` when there are any, else by cross-validation of `examples`.

    `trained_on` and `proved_on` name the sets with their versions; they stand in the model. With fewer than 40 cases or
    20 clusters nothing is fitted. `asked` is False for questions made from the corpus: such a proof accepts nothing.
    """
    short = _too_few(kept_apart or examples)
    if short is not None:
        return Outcome(short, None)
    if kept_apart:
        weights, ridge = trained(examples, seed)
        proof = proof_of(held_out(kept_apart, weights), f"trained on {trained_on}, measured on {proved_on}")
    else:
        method = f"{FOLDS}-fold cross-validation, no document or conversation on both sides"
        proof = proof_of(cross_validated(examples, seed, progress), method, asked=asked)
        if proof.verdict == "accepted":
            weights, ridge = trained(examples, seed)
    if proof.verdict != "accepted":
        return Outcome(proof, None)
    ranker = LinearRanker(weights, pool=POOL, history_turns=features.history_turns, features=features)
    content = {
        **ranker.content(),
        "name": name,
        "ridge": ridge,
        "seed": seed,
        "trained_on": trained_on,
        "trained_cases": len(examples),
        "proved_on": proved_on or trained_on,
        "proof": as_json(proof),
    }
    return Outcome(proof, TrainedModel(KIND, name, content, now))


def _too_few(examples: Sequence[Example]) -> Proof | None:
    clusters = len({example.cluster for example in examples})
    if len(examples) >= FEWEST_CASES and clusters >= FEWEST_CLUSTERS:
        return None
    return Proof(Difference("", len(examples), clusters, 0.0, 0.0, None), (), "not tried")


def as_json(proof: Proof) -> dict[str, Any]:
    """The proof as JSON values, to stand in the model."""
    return {
        "measure": "nDCG@10 by document",
        "method": proof.method,
        "verdict": proof.verdict,
        "overall": _json(proof.overall),
        "slices": [_json(one) for one in proof.slices],
    }


def _json(one: Difference) -> dict[str, Any]:
    values: dict[str, Any] = {
        "slice": one.slice,
        "cases": one.cases,
        "clusters": one.clusters,
        "learned": round(one.learned, 6),
        "plain": round(one.plain, 6),
    }
    if one.interval is not None:
        values["difference"] = [round(v, 6) for v in (one.interval.estimate, one.interval.low, one.interval.high)]
        values["interval"] = f"{one.interval.level:.0%} {one.interval.method}"
    return values
