"""Fits the packaged weights of the evidence ranker and of the confidence model on the development halves."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from answer_stands import answer_stands
from assay.assist.confidence import INTERCEPT, features
from assay.assist.evidence import FEATURES, rank_evidence
from assay.assist.extractive import ExtractivePolicy, choose
from assay.assist.question import read_question
from assay.records.retrieval import Ranked
from assay.text.tokens import content_stems
from corpora import Question
from extractive import DEV, PASSAGES, Retrievals, half, retrievals, without

FITTED_ON = ("xquad-en", "xquad-de", "claude-docs", "mtrag-un-pooled")
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Group:
    """The candidate sentences of one question: features (n, k), whether each holds the answer (n,), and its weight."""

    rows: Floats
    right: NDArray[np.bool_]
    weight: float


def _right(name: str, question: Question, passages: Sequence[Ranked], texts: Sequence[tuple[int, str]]) -> list[bool]:
    """xquad: the answer stands in the sentence, in the gold document. Long answers: it holds a fifth of the answer's
    content words and at least .6 of what the best sentence of a gold document holds."""
    gold = [passages[number].chunk.doc_id in question.relevant for number, _ in texts]
    if name.startswith("xquad"):
        return [is_gold and stands(question.answer, text) for is_gold, (_, text) in zip(gold, texts, strict=True)]
    wanted = set(content_stems(question.answer))
    held = [
        len(wanted & set(content_stems(text))) / max(1, len(wanted)) if is_gold else 0.0
        for is_gold, (_, text) in zip(gold, texts, strict=True)
    ]
    best = max(held, default=0.0)
    return [share >= 0.2 and share >= 0.6 * best for share in held]


def stands(answer: str, text: str) -> bool:
    return answer_stands(answer, text)


def ranker_groups(name: str, found: Retrievals) -> list[Group]:
    mine = [(question, ranked) for question, ranked in found if half(name, question) == DEV]
    groups = []
    for question, ranked in mine:
        passages = ranked[:PASSAGES]
        asked = read_question(question.text, question.history[-1] if question.history else "")
        candidates = rank_evidence(asked, passages).candidates
        right = _right(name, question, passages, [(c.passage, c.text) for c in candidates])
        if any(right):
            rows = np.array([candidate.features for candidate in candidates])
            groups.append(Group(rows, np.array(right), 1.0 / len(mine)))
    return groups


def fit_ranker(groups: Sequence[Group], ridge: float = 0.3) -> Floats:
    """Maximum likelihood of picking a right sentence of each question (conditional logit), with a small ridge."""
    total = sum(group.weight for group in groups)

    def loss(weights: Floats) -> tuple[float, Floats]:
        value, gradient = 0.0, np.zeros_like(weights)
        for group in groups:
            scores = group.rows @ weights
            chance = np.exp(scores - scores.max())
            chance /= chance.sum()
            right = chance[group.right].sum() + 1e-12
            value -= group.weight * float(np.log(right))
            gradient -= group.weight * (group.rows.T @ (np.where(group.right, chance / right, 0.0) - chance))
        size = len(groups)
        penalised = value / total + ridge * float(weights @ weights) / (2 * size)
        return float(penalised), gradient / total + ridge * weights / size

    return np.asarray(minimize(loss, np.zeros(len(FEATURES)), jac=True, method="L-BFGS-B").x)


def fit_logistic(rows: Floats, right: Floats, ridge: float = 1.0, weight: Floats | None = None) -> Floats:
    """Newton's method; the intercept comes first and is not shrunk."""
    design = np.column_stack([np.ones(len(rows)), rows])
    weight = np.ones(len(right)) if weight is None else weight
    shrink = np.eye(design.shape[1]) * ridge
    shrink[0, 0] = 0.0
    found = np.zeros(design.shape[1])
    for _ in range(40):
        chance = 1.0 / (1.0 + np.exp(-design @ found))
        curve = (design * (weight * chance * (1.0 - chance))[:, None]).T @ design + shrink
        found = found + np.linalg.solve(curve, design.T @ (weight * (right - chance)) - shrink @ found)
    return found


def confidence_rows(name: str, found: Retrievals) -> tuple[list[dict[str, float]], list[float]]:
    """Features and rightness of what would be answered: with gold documents and without, hybrid and by words only."""
    rows, right = [], []
    for question, ranked in found:
        if half(name, question) != DEV:
            continue
        earlier = question.history[-1] if question.history else ""
        absent = without(ranked, frozenset(question.relevant))
        for found_now, may_be_right in ((ranked, True), (absent, False), (words_only(ranked), True)):
            passages = found_now[:PASSAGES]
            candidates = rank_evidence(read_question(question.text, earlier), passages).candidates
            chosen = choose(read_question(question.text, earlier), candidates, passages, ExtractivePolicy())
            texts = [(c.passage, c.text) for c in chosen]
            rows.append(features(question.text, earlier, passages))
            right.append(float(may_be_right and _answered_right(name, question, passages, texts)))
        rows.append(features(question.text, earlier, words_only(absent)[:PASSAGES]))
        right.append(0.0)
    return rows, right


def words_only(ranked: Sequence[Ranked]) -> tuple[Ranked, ...]:
    """What is found before there are vectors."""
    kept = [replace(r, score=r.stages["lexical"][1], stages={"lexical": r.stages["lexical"]}) for r in ranked
            if "lexical" in r.stages]  # fmt: skip
    return tuple(sorted(kept, key=lambda r: -r.score))


def _answered_right(
    name: str, question: Question, passages: Sequence[Ranked], texts: Sequence[tuple[int, str]]
) -> bool:
    if name.startswith("xquad"):
        return stands(question.answer, " ".join(text for _, text in texts))
    return any(passages[number].chunk.doc_id in question.relevant for number, _ in texts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("ranker", "confidence"))
    what = parser.parse_args().what
    found = {name: retrievals(name) for name in FITTED_ON}
    if what == "ranker":
        groups = {name: ranker_groups(name, found[name]) for name in FITTED_ON}
        weights = fit_ranker([group for part in groups.values() for group in part])
        plain = [group for name in ("xquad-en", "xquad-de") for group in groups[name]]
        scores = np.concatenate([group.rows @ weights for group in plain])
        right = np.concatenate([group.right for group in plain]).astype(float)
        intercept, scale = fit_logistic(scores[:, None], right, ridge=0.0)
        print(f"INTERCEPT = {intercept:.2f}")
        for feature, value in zip(FEATURES, scale * weights, strict=True):
            print(f"    {value:.2f},  # {feature}")
        return
    parts = {name: confidence_rows(name, found[name]) for name in FITTED_ON}
    names = list(parts[FITTED_ON[0]][0][0])
    rows = np.array([[row[feature] for feature in names] for part in parts.values() for row in part[0]])
    right = np.concatenate([np.array(part[1]) for part in parts.values()])
    weight = np.concatenate([np.full(len(part[1]), 1.0 / len(part[1])) for part in parts.values()])
    fitted = fit_logistic(rows, right, weight=weight / weight.mean())
    for feature, value in zip((INTERCEPT, *names), fitted, strict=True):
        print(f'    "{feature}": {value:.2f},')


if __name__ == "__main__":
    main()
