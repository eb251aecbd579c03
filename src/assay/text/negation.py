"""Which words of a text are denied, found from the words that deny."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass

from assay.text.lists import word_set
from assay.text.tokens import is_stop_word, stem, tokens

_CUES = word_set(
    "not no never none cannot without neither nobody nothing nowhere hardly "
    "nicht kein keine keinen keinem keiner keines nie niemals ohne weder niemand nichts nirgends kaum "
    "pas jamais aucun aucune sans rien sin nunca ningún ninguna ninguno nadie nada tampoco"
)
_CLAUSE_END = re.compile(
    r"[,;:.!?()\n|–—]|\b(?:but|however|although|though|aber|sondern|jedoch|obwohl|mais|pero)\b", re.IGNORECASE
)
_LETTERS = re.compile(r"[^\W\d_\u3040-\uffef]+")
_REACH = 4
"""How many words that carry a topic a denial reaches, counted from it to the right inside its clause."""


@dataclass(frozen=True, slots=True)
class Polarity:
    """`cues` counts the words that deny; `denied` holds, for each of them, the stems it reaches, nearest first."""

    cues: int
    denied: tuple[tuple[str, ...], ...]


def is_cue(word: str) -> bool:
    """True for a case-folded word that denies: `not`, `n't` at the end, `never`, `nicht`, `kein…`."""
    return word in _CUES or word.endswith("n't")


def may_deny(text: str) -> bool:
    """False for a text that certainly denies nothing; quick."""
    folded = text.casefold()
    return "n't" in folded or "n’t" in folded or not _CUES.isdisjoint(_LETTERS.findall(folded))


def polarity(text: str, language: str = "en") -> Polarity:
    """The denials of a text. German `nicht` at the end of its clause reaches the word before it instead."""
    found = tokens(text)
    ends = [match.start() for match in _CLAUSE_END.finditer(text)]
    denied: list[tuple[str, ...]] = []
    for at, token in enumerate(found):
        if not is_cue(token.text):
            continue
        after = bisect_left(ends, token.end)
        stop = ends[after] if after < len(ends) else len(text)
        reached: list[str] = []
        for other in found[at + 1 : at + 1 + 3 * _REACH]:
            if other.start >= stop or len(reached) == _REACH:
                break
            if not is_stop_word(other.text, language) and not is_cue(other.text):
                reached.append(stem(other.text, language))
        if not reached and at:
            reached = [stem(found[at - 1].text, language)]
        denied.append(tuple(reached))
    return Polarity(len(denied), tuple(denied))
