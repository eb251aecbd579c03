"""Where the terms of a question stand in the chunks that were found, as arrays: one pass over the words."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.retrieve.analysis import Analyzer

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_WORDS = 1 << 17
_MOST_TEXTS = 1 << 14
_LONGEST_WORD = 200
_LONGEST_TEXT = 20_000
"""Characters that are looked at: a line of a million words must not stall a search."""


class TermCodes:
    """Texts as arrays of numbered terms, those of `Analyzer.terms` in order; what was seen before is remembered.

    No term reaches over white space, so the terms of a text are those of its words, and the candidates of a search
    share most of their words. At most 131,072 words and 16,384 texts are kept, about 15 MB. For one language; may be
    called by several threads.
    """

    def __init__(self, analyzer: Analyzer, group: str) -> None:
        self._analyzer = analyzer
        self._group = group
        self._lock = Lock()
        self._forget()

    def _forget(self) -> None:
        self._numbers: dict[str, int] = {}
        self._words: dict[str, tuple[int, ...]] = {}
        self._texts: OrderedDict[tuple[int, int], NDArray[np.int32]] = OrderedDict()

    def find(self, texts: Sequence[str], terms: Sequence[str]) -> Occurrences:
        """Where `terms`, which differ from each other, stand in `texts`."""
        with self._lock:
            if len(self._words) > _MOST_WORDS:
                self._forget()
            coded = [self._coded(text) for text in texts]
            number_of = np.full(len(self._numbers) + 1, -1, dtype=np.int64)
            for number, term in enumerate(terms):
                number_of[self._numbers.get(term, -1)] = number
            number_of[-1] = -1
        lengths = np.array([len(codes) for codes in coded], dtype=np.int64)
        found = number_of[np.concatenate(coded)] if coded else np.zeros(0, dtype=np.int64)
        at = np.flatnonzero(found >= 0)
        row = np.repeat(np.arange(len(coded)), lengths)[at]
        starts = np.cumsum(lengths) - lengths
        return Occurrences(row, found[at], at - starts[row], lengths.astype(np.float64), max(1, len(terms)))

    def _coded(self, text: str) -> NDArray[np.int32]:
        key = (hash(text), len(text))  # 64 random bits a process: no text is kept, and no two are mistaken
        codes = self._texts.get(key)
        if codes is None:
            codes = self._texts[key] = self._code(text)
            if len(self._texts) > _MOST_TEXTS:
                self._texts.popitem(last=False)
        else:
            self._texts.move_to_end(key)
        return codes

    def _code(self, text: str) -> NDArray[np.int32]:
        words = text[:_LONGEST_TEXT].split()
        found: list[Any] = list(map(self._words.get, words))
        at = -1
        for _ in range(found.count(None)):
            at = found.index(None, at + 1)
            found[at] = self._learn(words[at])
        return np.fromiter(chain.from_iterable(found), dtype=np.int32)

    def _learn(self, word: str) -> tuple[int, ...]:
        numbers = self._numbers
        codes = tuple(numbers.setdefault(term, len(numbers)) for term in self._analyzer.terms(word, self._group))
        if len(word) <= _LONGEST_WORD:
            self._words[word] = codes
        return codes


@dataclass(frozen=True, slots=True)
class Occurrences:
    """Hits of `terms` numbered terms in `rows` texts, in reading order: `row`, `term` and `place` have shape (hits,).

    `place` counts the terms of the text; `lengths` has shape (rows,).
    """

    row: NDArray[np.int64]
    term: NDArray[np.int64]
    place: NDArray[np.int64]
    lengths: NDArray[np.float64]
    terms: int

    @property
    def rows(self) -> int:
        return len(self.lengths)

    def counts(self) -> NDArray[np.float64]:
        """Shape (rows, terms): how often each stands in each."""
        flat = np.bincount(self.row * self.terms + self.term, minlength=self.rows * self.terms)
        return flat.reshape(self.rows, self.terms).astype(np.float64)

    def closest(self, weights: NDArray[np.float64], width: int) -> NDArray[np.float64]:
        """Shape (rows,): the largest weight of different terms within any window of about `width` terms.

        Windows begin at every half of their width.
        """
        half = max(1, width // 2)
        parts = int(self.lengths.max(initial=0.0)) // half + 2
        seen = np.zeros((self.rows, parts, self.terms), dtype=bool)
        seen[self.row, self.place // half, self.term] = True
        together: NDArray[np.float64] = ((seen[:, :-1] | seen[:, 1:]) @ weights).max(axis=1)
        return together

    def neighbours(self, pairs: NDArray[np.int64], weights: NDArray[np.float64], reach: int = 2) -> NDArray[np.float64]:
        """Shape (rows,): the weight of those ordered pairs, shape (pairs, 2), that stand at most `reach` apart."""
        found = np.zeros((self.rows, len(pairs)))
        if not len(pairs) or not len(self.row):
            return found @ weights
        number = np.full(self.terms * self.terms, -1)
        number[pairs[:, 0] * self.terms + pairs[:, 1]] = np.arange(len(pairs))
        for step in range(1, reach + 1):
            near = (self.row[step:] == self.row[:-step]) & (self.place[step:] - self.place[:-step] <= reach)
            pair = number[self.term[:-step] * self.terms + self.term[step:]]
            kept = near & (pair >= 0)
            found[self.row[step:][kept], pair[kept]] = 1.0
        return found @ weights
