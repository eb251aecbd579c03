"""How likely an answer from the retrieved passages is right: a small logistic model on retrieval and evidence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from assay.assist.evidence import rank_evidence
from assay.assist.question import Wanted, read_question
from assay.records.retrieval import Ranked

INTERCEPT = "intercept"
PACKAGED: dict[str, float] = {INTERCEPT: -2.0, "evidence": 4.0, "known_share": 1.0}


@dataclass(frozen=True, slots=True)
class ConfidenceModel:
    """A logistic model over `features`; `weights` by feature name, missing ones count nothing."""

    weights: Mapping[str, float] = field(default_factory=lambda: PACKAGED)

    @property
    def recipe(self) -> str:
        return "confidence.v1"

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
    scores = [candidate.score for candidate in evidence.candidates[:3]] + [0.0, 0.0, 0.0]
    top = evidence.candidates[0].features if evidence.candidates else ()
    return {
        "evidence": scores[0],
        "evidence_margin": scores[0] - scores[1],
        "known_share": evidence.known_share,
        "covered": top[0] if top else 0.0,
        "covered_by_passage": top[2] if top else 0.0,
        "typed": float(asked.wanted is not Wanted.ANY),
        "question_words": min(1.0, len(asked.stems) / 10),
    }
