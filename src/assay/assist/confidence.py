"""How likely an answer from the retrieved passages is right: a small logistic model on retrieval and evidence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from assay.assist.evidence import rank_evidence
from assay.assist.question import read_question
from assay.records.digest import sha256_json
from assay.records.retrieval import Ranked

INTERCEPT = "intercept"
DEFAULT_THRESHOLD = 0.33
"""For an app that has not been calibrated. The packaged weights count answerable and unanswerable questions the same;
where one question in five has no answer and a wrong answer costs twice a missing one, the best threshold is 1/3."""
PACKAGED: dict[str, float] = {
    INTERCEPT: -6.67,
    "covered": 2.00,
    "covered_by_passage": 3.31,
    "question_words": 1.08,
    "dense_best": 3.63,
    "lexical_margin": 2.39,
    "engines_agree": 0.33,
    "words_only": 2.16,
}
"""Fitted by `bench/extractive_fit.py confidence` on the development halves (by article or conversation) of xquad-en,
xquad-de, claude-docs and mtrag-un-pooled, each set counting the same. Every question was asked four times: with its
gold documents and without them, by hybrid search and by words only. `dense_best` is the cosine of the default embedder
(MiniLM): with another one fit again, or at least calibrate."""


@dataclass(frozen=True, slots=True)
class ConfidenceModel:
    """A logistic model over `features`; `weights` by feature name, missing ones count nothing."""

    weights: Mapping[str, float] = field(default_factory=lambda: PACKAGED)

    @property
    def recipe(self) -> str:
        return f"confidence.v1(weights={sha256_json(self.weights)[:12]})"

    def estimate(self, question: str, earlier: str, passages: Sequence[Ranked]) -> float:
        """Probability, 0 to 1, that an answer from these passages is right; 0 without passages.

        A probability only for data like those it was fitted on; for other data it ranks, and the threshold is chosen
        on a golden set (`calibrate`).
        """
        if not passages:
            return 0.0
        return self.of(features(question, earlier, passages))

    def of(self, values: Mapping[str, float]) -> float:
        """The probability for features that are computed already."""
        total = self.weights.get(INTERCEPT, 0.0)
        total += sum(self.weights.get(name, 0.0) * value for name, value in values.items())
        return 1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, total))))


def features(question: str, earlier: str, passages: Sequence[Ranked]) -> dict[str, float]:
    """What can be known before an answer is written, by name."""
    asked = read_question(question, earlier)
    evidence = rank_evidence(asked, passages)
    top = evidence.candidates[0].features if evidence.candidates else ()
    return {
        "covered": top[0] if top else 0.0,
        "covered_by_passage": top[2] if top else 0.0,
        "question_words": min(1.0, len(asked.stems) / 10),
        **_retrieval_features(passages),
    }


def _retrieval_features(passages: Sequence[Ranked]) -> dict[str, float]:
    """How close the nearest passage is, how far it stands out, and whether words and vectors agree on it."""
    lexical = sorted((r.stages["lexical"][1] for r in passages if "lexical" in r.stages), reverse=True)
    dense = sorted((r.stages["dense"][1] for r in passages if "dense" in r.stages), reverse=True)
    best = {
        stage: min((r for r in passages if stage in r.stages), key=lambda r: r.stages[stage][0], default=None)
        for stage in ("lexical", "dense")
    }
    agree = best["lexical"] is not None and best["lexical"] is best["dense"]
    return {
        "dense_best": max(0.0, dense[0]) if dense else 0.0,
        "lexical_margin": 1.0 - lexical[min(4, len(lexical) - 1)] / lexical[0] if lexical and lexical[0] > 0 else 0.0,
        "engines_agree": float(agree),
        "words_only": float(not dense),
    }
