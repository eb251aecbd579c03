"""Which short texts say nearly the same: exact Jaccard similarity of shingles, without comparing all pairs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import ceil

from assay.text.tokens import words

THRESHOLD = 0.8


def shingles(text: str) -> frozenset[str]:
    """The words of a text and its pairs of neighbouring words."""
    found = words(text)
    return frozenset(found) | {f"{one} {other}" for one, other in pairwise(found)}


def near_duplicates(texts: Sequence[str], threshold: float = THRESHOLD) -> Iterator[tuple[int, int, float]]:
    """Pairs `(later, earlier, similarity)` of positions in `texts` whose Jaccard similarity is at least `threshold`.

    Exact: two sets that similar share one of the few rarest members of each, so only texts that do are compared
    (prefix filtering: Chaudhuri et al., 2006; Bayardo et al., 2007). Texts that differ in a number are not the same.
    """
    sets = [shingles(text) for text in texts]
    frequency = Counter(shingle for found in sets for shingle in found)
    seen: dict[str, list[int]] = defaultdict(list)
    for at, found in enumerate(sets):
        prefix = sorted(found, key=lambda shingle: (frequency[shingle], shingle))
        prefix = prefix[: len(found) - ceil(threshold * len(found)) + 1]
        candidates = sorted({other for shingle in prefix for other in seen[shingle]})
        for other in candidates:
            similarity = _jaccard(found, sets[other], threshold)
            if similarity >= threshold and _numbers(found) == _numbers(sets[other]):
                yield at, other, similarity
        for shingle in prefix:
            seen[shingle].append(at)


def _jaccard(one: frozenset[str], other: frozenset[str], threshold: float) -> float:
    if min(len(one), len(other)) < threshold * max(len(one), len(other)):
        return 0.0
    common = len(one & other)
    return common / (len(one) + len(other) - common)


def _numbers(found: frozenset[str]) -> frozenset[str]:
    return frozenset(shingle for shingle in found if shingle[0].isdigit() and " " not in shingle)


class Occurrences:
    """Finds where any of many word sequences stands in a text, in one pass over the text."""

    def __init__(self, needles: Sequence[str], least_words: int) -> None:
        """Needles of fewer than `least_words` words are too common to mean anything, and are left out."""
        self._least = least_words
        self._by_start: dict[tuple[str, ...], list[tuple[int, tuple[str, ...]]]] = defaultdict(list)
        for number, needle in enumerate(needles):
            found = words(needle)
            if len(found) >= least_words:
                self._by_start[found[:least_words]].append((number, found))

    def within(self, text: str) -> frozenset[int]:
        """The numbers of the needles that stand in `text` word for word."""
        found, least = words(text), self._least
        hits: set[int] = set()
        for at in range(len(found) - least + 1):
            for number, needle in self._by_start.get(found[at : at + least], ()):
                if found[at : at + len(needle)] == needle:
                    hits.add(number)
        return frozenset(hits)
