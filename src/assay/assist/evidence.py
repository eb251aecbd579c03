"""Ranks the sentences of the retrieved passages by how likely each one holds the answer."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from assay.assist.instructions import addresses_assistant
from assay.assist.question import Question, fits
from assay.records.documents import BlockKind
from assay.records.retrieval import Ranked
from assay.text.sentences import after_marks, sentence_spans
from assay.text.tokens import is_stop_word, stem, words

FEATURES = (
    "covered",
    "covered_nearby",
    "covered_by_passage",
    "pairs",
    "passage_rank",
    "passage_score",
    "fits",
    "misfits",
    "brief",
    "long",
    "asks",
    "code",
    "new_words",
    "before_covered",
)
"""Names of the features of one sentence, each between 0 and 1."""

INTERCEPT = -4.0
WEIGHTS = (3.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5, -1.0, -1.0, -0.3, -1.5, -0.5, 0.5, 0.3)
_LEAST_WORDS = 3
_MOST_CHARS = 700
"""A longer unit is no sentence but a wall of text, and would make a poor answer."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that may be shown: `passage` counts from 0, `start` and `end` in that passage's text."""

    passage: int
    ordinal: int
    """Its place among the passage's sentences."""
    start: int
    end: int
    text: str
    stems: frozenset[str]
    features: tuple[float, ...]
    score: float
    """Estimated probability that the answer stands in this sentence, 0 to 1."""


@dataclass(frozen=True, slots=True)
class _Unit:
    passage: int
    ordinal: int
    start: int
    end: int
    text: str
    sequence: tuple[str, ...]
    stems: frozenset[str]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All candidates, best first, and the share of the question's weighted words that the passages hold at all."""

    candidates: tuple[Candidate, ...]
    known_share: float


def rank_evidence(question: Question, passages: Sequence[Ranked], weights: Sequence[float] = WEIGHTS) -> Evidence:
    """Score every sentence of the passages; sentences that instruct an assistant are left out unless asked for."""
    units = [unit for number, ranked in enumerate(passages) for unit in _units(number, ranked, question)]
    rarity = _rarity(question, units)
    total = sum(rarity.values())
    if not units or not total:
        return Evidence((), 0.0)
    held = frozenset[str]().union(*(unit.stems for unit in units))
    by_passage = {number: _passage_stems(number, units) for number in range(len(passages))}
    best_score = max(ranked.score for ranked in passages)
    found = []
    for at, unit in enumerate(units):
        if addresses_assistant(unit.text) and not addresses_assistant(question.text, loosely=True):
            continue
        before = units[at - 1].stems if at and units[at - 1].passage == unit.passage else frozenset[str]()
        ranked = passages[unit.passage]
        features = (
            _share(rarity, unit.stems, total),
            _share(rarity, unit.stems | before | _headings(ranked, question.language), total),
            _share(rarity, by_passage[unit.passage], total),
            _pairs(question, unit),
            1.0 / (1 + unit.passage),
            max(0.0, min(1.0, ranked.score / best_score)) if best_score > 0 else 0.0,
            *_shape(question, unit, ranked),
            _share(rarity, before, total),
        )
        score = _logistic(INTERCEPT + sum(w * f for w, f in zip(weights, features, strict=True)))
        found.append(
            Candidate(unit.passage, unit.ordinal, unit.start, unit.end, unit.text, unit.stems, features, score)
        )
    found.sort(key=lambda candidate: (-candidate.score, candidate.passage, candidate.start))
    return Evidence(tuple(found), _share(rarity, held, total))


def _units(number: int, ranked: Ranked, question: Question) -> list[_Unit]:
    chunk = ranked.chunk
    units = []
    for ordinal, (start, end) in enumerate(sentence_spans(chunk.text, chunk.language)):
        start = min(after_marks(chunk.text, start), end)
        piece = chunk.text[start:end]
        found = words(piece)
        if len(found) < _LEAST_WORDS or len(piece) > _MOST_CHARS:
            continue
        sequence = tuple(stem(word, question.language) for word in found)
        units.append(_Unit(number, ordinal, start, end, piece, sequence, frozenset(sequence)))
    return units


def _rarity(question: Question, units: Sequence[_Unit]) -> dict[str, float]:
    """Weight of each topic word: the rarer among the candidate sentences, the heavier; earlier turns count less."""
    spread = Counter(word for unit in units for word in unit.stems)
    weight = {word: math.log(1 + len(units) / (0.5 + spread[word])) for word in question.stems}
    share = 0.5 / (1 + len(question.stems))
    weight.update({word: share * math.log(1 + len(units) / (0.5 + spread[word])) for word in question.earlier})
    return weight


def _share(rarity: dict[str, float], held: frozenset[str], total: float) -> float:
    return sum(weight for word, weight in rarity.items() if word in held) / total


def _headings(ranked: Ranked, language: str) -> frozenset[str]:
    text = " ".join((ranked.chunk.title, *ranked.chunk.heading_path))
    return frozenset(stem(word, language) for word in words(text))


def _passage_stems(number: int, units: Sequence[_Unit]) -> frozenset[str]:
    own = (unit.stems for unit in units if unit.passage == number)
    return frozenset[str]().union(*own)


def _pairs(question: Question, unit: _Unit) -> float:
    """Share of the question's neighbouring topic words that stand within two words of each other here."""
    if not question.pairs:
        return 0.0
    near = {pair for gap in (1, 2, 3) for pair in zip(unit.sequence, unit.sequence[gap:], strict=False)}
    return sum(pair in near for pair in question.pairs) / len(question.pairs)


def _shape(question: Question, unit: _Unit, ranked: Ranked) -> tuple[float, ...]:
    """fits, misfits, brief, long, asks, code, new_words."""
    suits = fits(question, unit.text)
    typed = question.wanted != "any"
    fresh = [w for w in unit.stems if w not in question.stems and not is_stop_word(w, question.language)]
    return (
        float(suits and typed),
        float(typed and not suits),
        float(len(unit.sequence) < 6),
        min(1.0, len(unit.sequence) / 60),
        float(unit.text.endswith("?")),
        float(ranked.chunk.kind is BlockKind.CODE),
        min(1.0, len(fresh) / 10),
    )


def _logistic(value: float) -> float:
    return 1.0 / (1.0 + math.exp(-value)) if value > -50 else 0.0
