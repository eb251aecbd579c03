"""What the learned stage sees of each candidate: both engines' opinions, and how the question's words stand in it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from assay.records.documents import BlockKind
from assay.records.retrieval import Query, Ranked
from assay.retrieve.analysis import Analyzer
from assay.retrieve.followup import weighted_turns
from assay.retrieve.occurrences import Occurrences, TermCodes
from assay.retrieve.wording import names_over

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

RECIPE = "candidate_features.v1"
ENGINES = ("lexical", "dense")
_WINDOW = 32
_MOST_TERMS = 64
_SHORTEST_INSIDE = 5
_HAS_DIGIT = re.compile(r"\d")

FEATURES = (
    "fused",
    "lexical_share",
    "lexical_z",
    "lexical_rank",
    "dense_below_best",
    "dense_z",
    "dense_rank",
    "in_both",
    "long_question_lexical",
    "agreement_lexical",
    "agreement_dense",
    "dense_sure",
    "lexical_sure",
    "coverage",
    "coverage_body",
    "coverage_head",
    "coverage_window",
    "all_terms",
    "rarest_term",
    "neighbours",
    "neighbours_head",
    "inside_words",
    "exact_phrase",
    "numbers",
    "head_precise",
    "density",
    "earlier_turns",
    "siblings",
    "sibling_strength",
    "opening",
    "length",
    "is_prose",
    "is_table_or_code",
    "freshness",
)
"""In the order of the columns. A stored model names those it uses, so one may be added without breaking it."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """The terms of a question in one language: numbered, with what each counts before rarity is known."""

    numbers: dict[str, int]
    question: Floats
    """1 for a term of the question itself, 0 for one that only earlier turns hold."""
    earlier: Floats
    digits: Floats
    pairs: NDArray[np.int64]


class CandidateFeatures:
    """Features of candidates, by the same analyser as the engines. Holds a cache of words, nothing of a question."""

    def __init__(self, analyzer: Analyzer | None = None, history_turns: int = 3) -> None:
        self._analyzer = analyzer or Analyzer()
        self._codes: dict[str, TermCodes] = {}
        self.history_turns = history_turns

    @property
    def recipe(self) -> str:
        return f"{RECIPE}({self._analyzer.recipe},history_turns={self.history_turns})"

    def __call__(self, query: Query, ranked: Sequence[Ranked]) -> Floats:
        """Shape (candidates, features), every value finite; most lie between 0 and 1, or are standardised over the
        candidates of this search, so that one model serves corpora whose scores have other units."""
        columns = _engine_columns(ranked)
        columns.update(_document_columns(ranked))
        columns.update(self._word_columns(query, ranked))
        few = 1.0 / max(1.0, math.log2(1 + len(self._asked_terms(query.text))))
        columns["long_question_lexical"] = columns["lexical_share"] * few
        return np.column_stack([columns[name] for name in FEATURES]) if ranked else np.zeros((0, len(FEATURES)))

    def _asked_terms(self, text: str) -> dict[str, int]:
        return self._analyzer.query_terms(text, self._analyzer.group(""))

    def _word_columns(self, query: Query, ranked: Sequence[Ranked]) -> dict[str, Floats]:
        columns = {name: np.zeros(len(ranked)) for name in _WORD_COLUMNS}
        rows_of: dict[str, list[int]] = {}
        for row, item in enumerate(ranked):
            rows_of.setdefault(self._analyzer.group(item.chunk.language), []).append(row)
        for group, rows in rows_of.items():
            asked = self._asked(query, group)
            if not asked.numbers:
                continue
            part = self._of_language([ranked[row] for row in rows], asked, query.text, group)
            for name, values in part.items():
                columns[name][rows] = values
        return columns

    def _asked(self, query: Query, group: str) -> _Asked:
        turns = weighted_turns(query.text, query.history, self.history_turns)
        own = self._analyzer.query_terms(query.text, group)
        before: dict[str, float] = {}
        for text, weight in turns[1:]:
            for term in self._analyzer.query_terms(text, group):
                before[term] = before.get(term, 0.0) + weight / turns[0][1]
        terms = list(dict.fromkeys((*own, *before)))[:_MOST_TERMS]
        numbers = {term: number for number, term in enumerate(terms)}
        order = [numbers[term] for term in self._analyzer.terms(query.text, group) if term in own and term in numbers]
        pairs = list(dict.fromkeys((a, b) for a, b in pairwise(order) if a != b))
        return _Asked(
            numbers,
            np.array([float(term in own) for term in terms]),
            np.array([before.get(term, 0.0) * (term not in own) for term in terms]),
            np.array([float(bool(_HAS_DIGIT.search(term))) for term in terms]),
            np.array(pairs, dtype=np.int64).reshape(len(pairs), 2),
        )

    def _of_language(self, ranked: Sequence[Ranked], asked: _Asked, text: str, group: str) -> dict[str, Floats]:
        codes = self._codes.setdefault(group, TermCodes(self._analyzer, group))
        heads = [" \n".join(names_over(item.chunk)) for item in ranked]
        bodies = [item.chunk.text for item in ranked]
        head = codes.find(heads, tuple(asked.numbers))
        body = codes.find(bodies, tuple(asked.numbers))
        in_head, in_body = head.counts(), body.counts()
        present = (in_head + in_body) > 0
        rarity = _rarity(present)
        weights = asked.question * rarity
        columns = _coverage(weights, in_head, in_body, present)
        whole = max(float(weights.sum()), 1e-9)
        columns["coverage_window"] = body.closest(weights, _WINDOW) / whole
        columns["head_precise"] = (in_head * asked.question).sum(axis=1) / np.maximum(head.lengths, 1.0)
        columns["density"] = np.log1p(in_body @ weights / whole) / np.log2(2.0 + body.lengths)
        columns.update(_in_order(asked, rarity, head, body))
        columns["numbers"] = _share(present, weights * asked.digits)
        columns["earlier_turns"] = _share(present, asked.earlier * rarity)
        columns["inside_words"] = _inside(ranked, asked, weights, present)
        columns["exact_phrase"] = _phrases(ranked, text)
        columns["length"] = np.log1p(body.lengths) / 6.0
        return columns


def _rarity(present: NDArray[np.bool_]) -> Floats:
    """Inverse document frequency among the candidates themselves, shape (terms,)."""
    holders = present.sum(axis=0)
    rarity: Floats = np.log1p((len(present) - holders + 0.5) / (holders + 0.5))
    return rarity


def _share(present: NDArray[np.bool_], weights: Floats) -> Floats:
    whole = float(weights.sum())
    return (present @ weights) / whole if whole > 0 else np.zeros(len(present))


def _coverage(weights: Floats, in_head: Floats, in_body: Floats, present: NDArray[np.bool_]) -> dict[str, Floats]:
    wanted = weights > 0
    rarest = int(np.argmax(np.where(present.any(axis=0), weights, -1.0)))
    return {
        "coverage": _share(present, weights),
        "coverage_body": _share(in_body > 0, weights),
        "coverage_head": _share(in_head > 0, weights),
        "all_terms": (present[:, wanted].mean(axis=1) if wanted.any() else np.zeros(len(present))),
        "rarest_term": present[:, rarest].astype(np.float64),
    }


def _in_order(asked: _Asked, rarity: Floats, head: Occurrences, body: Occurrences) -> dict[str, Floats]:
    """Words that follow each other in the question and do so, or nearly so, in the candidate."""
    pairs = asked.pairs
    if not len(pairs):
        return {"neighbours": np.zeros(head.rows), "neighbours_head": np.zeros(head.rows)}
    weights = rarity[pairs].min(axis=1)
    weights = weights / max(float(weights.sum()), 1e-9)
    return {"neighbours": body.neighbours(pairs, weights), "neighbours_head": head.neighbours(pairs, weights)}


def _inside(ranked: Sequence[Ranked], asked: _Asked, weights: Floats, present: NDArray[np.bool_]) -> Floats:
    """The share of missing weight whose term stands inside a longer word: compounds and unknown inflections."""
    found = np.zeros(present.shape, dtype=bool)
    long = [(n, term) for term, n in asked.numbers.items() if len(term) >= _SHORTEST_INSIDE and weights[n] > 0]
    for row, item in enumerate(ranked):
        missing = [(n, term) for n, term in long if not present[row, n]]
        if missing:
            text = item.chunk.text[:20_000].lower()
            for n, term in missing:
                found[row, n] = term in text
    whole = float(weights.sum())
    return (found @ weights) / whole if whole > 0 else np.zeros(len(ranked))


@lru_cache(maxsize=256)
def _phrases_of(text: str) -> tuple[str, ...]:
    """Runs of three words of a question, as written but for case."""
    words = re.findall(r"\w+", text.lower())[:_MOST_TERMS]
    return tuple(dict.fromkeys(" ".join(words[i : i + 3]) for i in range(len(words) - 2)))


def _phrases(ranked: Sequence[Ranked], text: str) -> Floats:
    """The share of the question's runs of three words, small words included, that a candidate holds."""
    phrases = _phrases_of(text)
    if not phrases:
        return np.zeros(len(ranked))
    texts = [item.chunk.text[:20_000].lower() for item in ranked]
    return np.array([sum(phrase in text for phrase in phrases) / len(phrases) for text in texts])


def _engine_columns(ranked: Sequence[Ranked]) -> dict[str, Floats]:
    fused = np.array([item.stages.get("fused", (0, item.score))[1] for item in ranked])
    best = max(float(fused.max(initial=0.0)), 1e-9)
    columns: dict[str, Floats] = {"fused": fused / best}
    held = {name: np.array([name in item.stages for item in ranked], dtype=bool) for name in ENGINES}
    scores = {name: _scores(ranked, name) for name in ENGINES}
    ranks = {name: _ranks(ranked, name) for name in ENGINES}
    for name in ENGINES:
        columns[f"{name}_z"] = _standard(scores[name])
        columns[f"{name}_rank"] = 2.0 / (1.0 + ranks[name])
    lexical, dense = scores["lexical"], scores["dense"]
    columns["lexical_share"] = lexical / max(float(lexical.max(initial=0.0)), 1e-9)
    columns["dense_below_best"] = 4.0 * (dense - dense.max(initial=-1.0))
    columns["in_both"] = (held["lexical"] & held["dense"]).astype(np.float64)
    both_first = ((ranks["lexical"] <= 10) & (ranks["dense"] <= 10)).sum() / 10.0
    columns["agreement_lexical"] = columns["lexical_share"] * both_first
    columns["agreement_dense"] = columns["dense_below_best"] * both_first
    columns["dense_sure"] = columns["dense_below_best"] * float(dense.max(initial=0.0))
    columns["lexical_sure"] = columns["lexical_share"] * _lead(lexical)
    return columns


def _scores(ranked: Sequence[Ranked], name: str) -> Floats:
    """An engine's scores; what it did not return scores as its last that is here."""
    known = [item.stages[name][1] for item in ranked if name in item.stages]
    least = min(known, default=0.0)
    return np.array([item.stages[name][1] if name in item.stages else least for item in ranked], dtype=np.float64)


def _ranks(ranked: Sequence[Ranked], name: str) -> Floats:
    return np.array([item.stages[name][0] if name in item.stages else 1000 for item in ranked], dtype=np.float64)


def _standard(values: Floats) -> Floats:
    spread = float(values.std()) if len(values) else 0.0
    return (values - values.mean()) / spread if spread > 1e-9 else np.zeros(len(values))


def _lead(scores: Floats) -> float:
    """How far the best score is ahead of the tenth, 0 to 1."""
    ordered = np.sort(scores)[::-1]
    return (
        float((ordered[0] - ordered[min(9, len(ordered) - 1)]) / ordered[0]) if len(ordered) and ordered[0] > 0 else 0.0
    )


def _document_columns(ranked: Sequence[Ranked]) -> dict[str, Floats]:
    fused = [item.stages.get("fused", (0, item.score))[1] for item in ranked]
    best = max(fused, default=0.0) or 1.0
    members: dict[str, list[int]] = {}
    for row, item in enumerate(ranked):
        members.setdefault(item.chunk.doc_id, []).append(row)
    siblings, strength = np.zeros(len(ranked)), np.zeros(len(ranked))
    for rows in members.values():
        whole = sum(fused[row] for row in rows)
        siblings[rows] = math.log1p(len(rows) - 1)
        strength[rows] = [(whole - fused[row]) / best for row in rows]
    kinds = [item.chunk.kind for item in ranked]
    return {
        "siblings": siblings,
        "sibling_strength": strength,
        "opening": np.array([float(item.chunk.ordinal == 0) for item in ranked]),
        "is_prose": np.array([float(kind is BlockKind.PARAGRAPH) for kind in kinds]),
        "is_table_or_code": np.array([float(kind in (BlockKind.TABLE, BlockKind.CODE)) for kind in kinds]),
        "freshness": _standard(np.array([_days(item.chunk.modified_at) for item in ranked])),
    }


@lru_cache(maxsize=4096)
def _days(stamp: str) -> float:
    """Days since 1970, logarithmic nowhere: only the order and distance among candidates count. 0 when unknown."""
    if not stamp:
        return 0.0
    try:
        return datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp() / 86_400.0
    except ValueError:
        return 0.0


_WORD_COLUMNS: Mapping[str, None] = dict.fromkeys(
    (
        "coverage", "coverage_body", "coverage_head", "coverage_window", "all_terms", "rarest_term", "neighbours",
        "neighbours_head", "inside_words", "exact_phrase", "numbers", "head_precise", "density", "earlier_turns",
        "length",
    )
)  # fmt: skip
