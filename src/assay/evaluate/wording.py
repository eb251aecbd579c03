"""How an answer is compared with a gold answer: normal forms, tokens, and whether one text stands in another."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from functools import lru_cache

_SPACELESS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f"
"""Kana, Han and Thai are written without spaces: there every character is a word, as in MLQA."""
_SPACELESS_CHARACTER = re.compile(f"([{_SPACELESS}])")
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_WORD = re.compile(rf"\d+(?:[.,]\d+)*(?:(?![{_SPACELESS}])\w)*|[{_SPACELESS}]|(?:(?![{_SPACELESS}])\w)+")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_ASCII_PUNCTUATION = str.maketrans("", "", string.punctuation)
_CACHED = 512
"""Several measures read the same few texts of one sample; more would only hold memory."""


def squad_normal(text: str) -> str:
    """Lower case, without punctuation, English articles and extra white space.

    Source: Rajpurkar et al., "SQuAD", 2016, official script; punctuation outside ASCII goes too and scripts without
    spaces are divided into characters, as in Lewis et al., "MLQA", 2020.
    """
    return " ".join(squad_tokens(text))


@lru_cache(maxsize=_CACHED)
def squad_tokens(text: str) -> tuple[str, ...]:
    """The words of `squad_normal`."""
    text = text.lower().translate(_ASCII_PUNCTUATION)
    if not text.isascii():
        text = "".join(c for c in text if not unicodedata.category(c).startswith("P"))
        text = _SPACELESS_CHARACTER.sub(r" \1 ", text)
    return tuple(_ARTICLES.sub(" ", text).split())


def token_f1(answer: str, gold: str) -> float:
    """Harmonic mean of token precision and recall, 0 to 1 (SQuAD). Two empty texts agree."""
    ours, theirs = squad_tokens(answer), squad_tokens(gold)
    if not ours or not theirs:
        return float(ours == theirs)
    common = (Counter(ours) & Counter(theirs)).total()
    return 2 * common / (len(ours) + len(theirs))


def token_recall(answer: str, gold: str) -> float:
    """The share of the gold answer's tokens that the answer holds, 0 to 1; 0 for a gold answer without tokens."""
    theirs = squad_tokens(gold)
    common = (Counter(squad_tokens(answer)) & Counter(theirs)).total()
    return common / len(theirs) if theirs else 0.0


@lru_cache(maxsize=_CACHED)
def plain_words(text: str) -> tuple[str, ...]:
    """Case-folded words in order. A number is one word (`1,000` and `1000` are the same, `15–1` is two)."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return tuple(_one_spelling(match.group()) for match in _WORD.finditer(text.casefold()))


def _one_spelling(word: str) -> str:
    return word.replace(",", "") if "," in word and _THOUSANDS.fullmatch(word) else word


def numbers(text: str) -> frozenset[str]:
    """The words that begin with a digit."""
    return frozenset(word for word in plain_words(text) if word[0].isdigit())


def stands_in(part: str, whole: str) -> bool:
    """True when the words of `part` stand in `whole` one after another, whatever case and punctuation are between.

    A part without words, such as `%`, is looked for as it is.
    """
    wanted = plain_words(part)
    if not wanted:
        return part.strip() in whole
    return f"\0{chr(0).join(wanted)}\0" in f"\0{chr(0).join(plain_words(whole))}\0"


@lru_cache(maxsize=_CACHED)
def squashed(text: str) -> str:
    """Case-folded, with single spaces: quotes are compared in this form."""
    return " ".join(text.casefold().split())


def overlaps(one: str, other: str) -> bool:
    """True when two quotes from one document share a piece: one holds the other, or the end of one is the beginning of
    the other for at least half of the shorter. White space and case do not matter.
    """
    a, b = squashed(one), squashed(other)
    if not a or not b:
        return False
    if a in b or b in a:
        return True
    needed = max(1, min(len(a), len(b)) // 2)
    return _joint(a, b) >= needed or _joint(b, a) >= needed


def _joint(left: str, right: str) -> int:
    """The length of the longest end of `left` that is a beginning of `right` (Knuth, Morris and Pratt: linear)."""
    borders = [0] * len(right)
    length = 0
    for at in range(1, len(right)):
        while length and right[at] != right[length]:
            length = borders[length - 1]
        length += right[at] == right[length]
        borders[at] = length
    length = 0
    for character in left[-len(right) :]:
        while length and (length == len(right) or character != right[length]):
            length = borders[length - 1]
        length += character == right[length]
    return length
