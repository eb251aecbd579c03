"""Words of a language that the index does not hold: its small words left out, cognates and misspellings looked up.

Only for a question most of whose words the index has never seen: there is no translation here. What helps across
languages without a model is what is written alike: names, numbers and loan words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.adapters.embedded_index.lexical import in_language
from assay.text.cognates import SHORTEST, beginnings, likeness
from assay.text.tokens import STOP_WORDS

_STRANGE = 0.4
"""Share of a question's words that no chunk holds, from which it counts as foreign."""
_FEWEST = 3
_ALIKE = 0.62
_MOST_COGNATES = 2
_MOST_CANDIDATES = 3000
_MOST_LOOKED_UP = 24
_SMALL_EVERYWHERE = frozenset().union(*STOP_WORDS.values())


class Kindred:
    """Widens foreign questions by words that the index does hold."""

    def __init__(self, searcher: Any) -> None:
        self._searcher = searcher

    def widened(self, terms: Mapping[str, Mapping[str, int]]) -> dict[str, float]:
        """Weights by term as the engine keeps it, from the counts of each language's terms.

        The terms themselves, unless the question is foreign to every language of the index.
        """
        found = {
            in_language(term, group): float(count) for group, counts in terms.items() for term, count in counts.items()
        }
        known = {term for term in found if self._searcher.doc_freq("body", term)}
        if not self._foreign(terms, known):
            return found
        widened = {term: weight for term, weight in found.items() if term in known and not _small(term)}
        strange = [(term, weight) for term, weight in found.items() if term not in known and not _small(term)]
        for term, weight in strange[:_MOST_LOOKED_UP]:
            for cognate, alike in self._cognates(term):
                widened[cognate] = max(widened.get(cognate, 0.0), weight * alike)
        return widened or found

    def _foreign(self, terms: Mapping[str, Mapping[str, int]], known: set[str]) -> bool:
        """True when in every language of the index too many of the question's words are unknown."""
        shares = [
            sum(in_language(term, group) not in known for term in counts) / len(counts)
            for group, counts in terms.items()
            if len(counts) >= _FEWEST
        ]
        return bool(shares) and min(shares) >= _STRANGE

    def _cognates(self, term: str) -> list[tuple[str, float]]:
        group, word = term.split(":", 1)
        if len(word) < SHORTEST or not (word.isascii() and word.isalpha()):
            return []
        alike: list[tuple[float, str]] = []
        for beginning in beginnings(word):
            prefix = in_language(beginning, group)
            for candidate, _ in self._searcher.terms_with_prefix("body", prefix, limit=_MOST_CANDIDATES):
                other = candidate.split(":", 1)[1]
                if len(other) >= SHORTEST and other.isalpha() and (share := likeness(word, other)) >= _ALIKE:
                    alike.append((share, candidate))
        return [(candidate, share) for share, candidate in sorted(alike, reverse=True)[:_MOST_COGNATES]]


def _small(term: str) -> bool:
    return term.split(":", 1)[1] in _SMALL_EVERYWHERE
