"""How a corpus writes its words: what is a name in it, what is a verb, without a tagger."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from assay.text.lists import word_set
from assay.text.tokens import is_stop_word


class Wording:
    """How a corpus writes its words, counted once: what is a name, what is a verb."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._inside: Counter[str] = Counter()
        self._capital: Counter[str] = Counter()
        self._after_to: Counter[str] = Counter()
        self._after_article: Counter[str] = Counter()
        for text in texts:
            for before, word in _INSIDE.findall(text):
                kept = self._capital if word[0].isupper() else self._inside
                kept[word.casefold()] += 1
                if before == "to":
                    self._after_to[word] += 1
                elif before in ("the", "a", "an", "your", "our"):
                    self._after_article[word] += 1

    def lower(self, word: str) -> str:
        """A word that opens a sentence as it stands inside one: `Employees` to `employees`, `GitHub` as it is."""
        plain = word.casefold()
        is_name = self._capital[plain] > self._inside[plain] or not word[1:].islower()
        return word if is_name and len(word) > 1 else plain

    def is_verb(self, word: str) -> bool:
        """Whether the corpus writes `to WORD` more often than `the WORD`."""
        return not is_stop_word(word) and self._after_to[word] > self._after_article[word]

    def orders(self, text: str) -> bool:
        """Whether a clause tells somebody to do something."""
        first = text.split()[0]
        return first in _ORDERS or self.is_verb(first)


_ORDERS = word_set("make do see use ensure be don't don’t please")


_INSIDE = re.compile(r"\b([a-z]+),? (?=([A-Za-z][\w’'-]*))")
