"""Passages that say the same in the same words become one, so that eight passages are eight different ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from assay.ports.answering import Retriever
from assay.records.retrieval import Query, Ranked, Retrieved
from assay.text.negation import polarity
from assay.text.numbers import number_keys
from assay.text.tokens import words

SHINGLE_WORDS = 4
FOLD_AT = 0.8
"""Share of common shingles (Jaccard) from which two passages are one. See docs/freshness.md for what it folds."""
_MORE = 2
_LEAST_WORDS = 8
"""A shorter passage is compared as a whole: two of its words would decide."""


@dataclass(frozen=True)
class FoldingRetriever:
    """A `Retriever` over another. Folded passages stand in `also` of the best one, which keeps its place and score.

    Folding happens after the access check and looks only at what the caller may read. At ingestion it would either
    hide a text from those who may read one copy of it, or show where the other copies stand.
    """

    inner: Retriever
    at: float = FOLD_AT

    @property
    def recipe(self) -> str:
        return f"{self.inner.recipe} folded.v1({SHINGLE_WORDS},{self.at:g})"

    def retrieve(self, query: Query) -> Retrieved:
        """As many different passages as were asked for, as long as the inner retriever has more."""
        limit = query.limit
        asked = limit
        while True:
            found = self.inner.retrieve(replace(query, limit=asked))
            ranked = fold(found.ranked, self.at)
            if len(ranked) >= limit or len(found.ranked) < asked:
                return replace(found, ranked=ranked[: max(limit, 0)])
            asked = _MORE * asked


def fold(ranked: Sequence[Ranked], at: float = FOLD_AT) -> tuple[Ranked, ...]:
    """Each passage goes to the first before it that it overlaps with by `at` or more; the order stays.

    Passages with other numbers or another count of denials are never folded, however alike: those are contradictions.
    """
    kept: list[Ranked] = []
    shingles: list[frozenset[tuple[str, ...]]] = []
    for item in ranked:
        mine = shingles_of(item.chunk.text)
        twin = next(
            (n for n, theirs in enumerate(shingles) if similar(mine, theirs) >= at and _same_claims(kept[n], item)),
            None,
        )
        if twin is None:
            kept.append(item)
            shingles.append(mine)
        else:
            kept[twin] = replace(kept[twin], also=(*kept[twin].also, item.chunk))
    return tuple(kept)


def _same_claims(one: Ranked, other: Ranked) -> bool:
    mine, theirs = one.chunk, other.chunk
    if mine.text == theirs.text:
        return True
    same_numbers = number_keys(mine.text, mine.language) == number_keys(theirs.text, theirs.language)
    return same_numbers and polarity(mine.text, mine.language).cues == polarity(theirs.text, theirs.language).cues


def shingles_of(text: str) -> frozenset[tuple[str, ...]]:
    """Every run of `SHINGLE_WORDS` words, or all words as one run where there are few."""
    said = words(text)
    if len(said) < _LEAST_WORDS:
        return frozenset([said])
    return frozenset(zip(*(said[start:] for start in range(SHINGLE_WORDS)), strict=False))


def similar(one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]) -> float:
    """Jaccard similarity, 0 to 1; 0 at once where the sizes alone rule one half out."""
    if 2 * min(len(one), len(other)) < max(len(one), len(other)):
        return 0.0
    common = len(one & other)
    return common / (len(one) + len(other) - common)
