"""Ranks the sentences of the retrieved passages by how likely each one holds the answer."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from assay.assist.question import Question, Wanted, fits
from assay.detect.instructions import addresses_assistant
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
)
"""Names of the features of one sentence, each between 0 and 1."""

INTERCEPT = -12.61
WEIGHTS = (3.79, 3.35, 0.23, 0.56, 1.38, 5.33, 0.21, -0.21, -0.47, 0.87, -1.76, -0.5, 1.12)
"""Fitted by `bench/extractive_fit.py ranker` on the development halves (by article or conversation) of xquad-en,
xquad-de, claude-docs and mtrag-un-pooled; scaled to a probability on the two xquad halves. `code` was set by hand,
since those sets mark no code."""

_LEAST_WORDS = 3
_LIST_ITEMS = 6
_RUN_ON = 40
_ENDS = frozenset(".!?:;…。！？|)]\"'”’»")
"""More words than `_RUN_ON` without any of these at the end are a menu or a listing, not a sentence."""
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
class _Sentence:
    """A sentence of a text, taken apart once however often the text is found."""

    ordinal: int
    start: int
    end: int
    text: str
    sequence: tuple[str, ...]
    stems: frozenset[str]
    fresh: frozenset[str]
    """The stems that carry a topic."""
    instructs: bool


@dataclass(frozen=True, slots=True)
class _Unit:
    """A sentence where it stands; `before` holds the stems of the one in front of it in the same passage."""

    passage: int
    sentence: _Sentence
    before: frozenset[str]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All candidates, best first, and the share of the question's weighted words that the passages hold at all."""

    candidates: tuple[Candidate, ...]
    known_share: float


def rank_evidence(question: Question, passages: Sequence[Ranked], weights: Sequence[float] = WEIGHTS) -> Evidence:
    """Score every sentence of the passages; sentences that instruct an assistant are left out unless asked for."""
    units = [unit for number, ranked in enumerate(passages) for unit in _units(number, ranked, question.language)]
    rarity = _rarity(question, units)
    total = sum(rarity.values())
    if not units or not total:
        return Evidence((), 0.0)
    by_passage = _passage_stems(units)
    best_score = max(ranked.score for ranked in passages)
    about_orders = addresses_assistant(question.text, loosely=True)
    found = []
    for unit in units:
        sentence, ranked = unit.sentence, passages[unit.passage]
        if sentence.instructs and not about_orders:
            continue
        values = (
            _share(rarity, sentence.stems, total),
            _share(rarity, sentence.stems | unit.before | _headings(ranked, question.language), total),
            _share(rarity, by_passage[unit.passage], total),
            _pairs(question, sentence),
            1.0 / (1 + unit.passage),
            max(0.0, min(1.0, ranked.score / best_score)) if best_score > 0 else 0.0,
            *_shape(question, sentence, ranked),
        )
        score = _logistic(INTERCEPT + sum(w * f for w, f in zip(weights, values, strict=True)))
        place = (unit.passage, sentence.ordinal, sentence.start, sentence.end)
        found.append(Candidate(*place, sentence.text, sentence.stems, values, score))
    found.sort(key=lambda candidate: (-candidate.score, candidate.passage, candidate.start))
    return Evidence(tuple(found), _share(rarity, frozenset[str]().union(*by_passage.values()), total))


def _units(number: int, ranked: Ranked, language: str) -> list[_Unit]:
    sentences = _sentences(ranked.chunk.text, ranked.chunk.language, language)
    before = (frozenset[str](), *(sentence.stems for sentence in sentences))
    return [_Unit(number, sentence, stems) for sentence, stems in zip(sentences, before, strict=False)]


@lru_cache(maxsize=256)
def _sentences(text: str, language: str, stemmed_as: str) -> tuple[_Sentence, ...]:
    """The sentences that may be shown: not too short to say something, and no walls of text."""
    found = []
    spans = sentence_spans(text, language)
    for ordinal, (start, end) in enumerate(spans):
        start = min(after_marks(text, start), end)
        if text[end - 1] == ":":
            end = _with_list(text, spans[ordinal + 1 : ordinal + 1 + _LIST_ITEMS], start, end)
        piece = text[start:end]
        said = words(piece)
        runs_on = len(said) > _RUN_ON and piece[-1] not in _ENDS
        if len(said) < _LEAST_WORDS or len(piece) > _MOST_CHARS or runs_on:
            continue
        sequence = tuple(stem(word, stemmed_as) for word in said)
        topic = frozenset(stem(word, stemmed_as) for word in said if not is_stop_word(word, stemmed_as))
        found.append(
            _Sentence(ordinal, start, end, piece, sequence, frozenset(sequence), topic, addresses_assistant(piece))
        )
    return tuple(found)


def _with_list(text: str, following: Sequence[tuple[int, int]], start: int, end: int) -> int:
    """The end of the list that a sentence with a colon announces: without it the sentence says nothing."""
    for item_start, item_end in following:
        is_item = after_marks(text, item_start) > item_start or text[item_end - 1] in ";,"
        if not (is_item or text[end - 1] == ":") or item_end - start > _MOST_CHARS:
            break
        end = item_end
    return end


def _rarity(question: Question, units: Sequence[_Unit]) -> dict[str, float]:
    """Weight of each topic word: the rarer among the candidate sentences, the heavier; earlier turns count less."""
    spread = Counter(word for unit in units for word in unit.sentence.stems)
    weight = {word: math.log(1 + len(units) / (0.5 + spread[word])) for word in question.stems}
    share = 0.5 / (1 + len(question.stems))
    weight.update({word: share * math.log(1 + len(units) / (0.5 + spread[word])) for word in question.earlier})
    return weight


def _share(rarity: dict[str, float], held: frozenset[str], total: float) -> float:
    return sum(weight for word, weight in rarity.items() if word in held) / total


def _headings(ranked: Ranked, language: str) -> frozenset[str]:
    text = " ".join((ranked.chunk.title, *ranked.chunk.heading_path))
    return frozenset(stem(word, language) for word in words(text))


def _passage_stems(units: Sequence[_Unit]) -> dict[int, frozenset[str]]:
    gathered: dict[int, set[str]] = {}
    for unit in units:
        gathered.setdefault(unit.passage, set()).update(unit.sentence.stems)
    return {number: frozenset(stems) for number, stems in gathered.items()}


def _pairs(question: Question, sentence: _Sentence) -> float:
    """Share of the question's neighbouring topic words that stand within two words of each other here."""
    if not question.pairs:
        return 0.0
    at = {word: place for place, word in reversed(list(enumerate(sentence.sequence))) if word in question.stems}
    close = sum(one in at and other in at and 0 < at[other] - at[one] <= 3 for one, other in question.pairs)
    return close / len(question.pairs)


def _shape(question: Question, sentence: _Sentence, ranked: Ranked) -> tuple[float, ...]:
    """fits, misfits, brief, long, asks, code, new_words."""
    typed = question.wanted is not Wanted.ANY
    suits = typed and fits(question, sentence.text)
    return (
        float(suits),
        float(typed and not suits),
        float(len(sentence.sequence) < 6),
        min(1.0, len(sentence.sequence) / 60),
        float(sentence.text.endswith("?")),
        float(ranked.chunk.kind is BlockKind.CODE),
        min(1.0, len(sentence.fresh.difference(question.stems)) / 10),
    )


def _logistic(value: float) -> float:
    return 1.0 / (1.0 + math.exp(-value)) if value > -50 else 0.0
