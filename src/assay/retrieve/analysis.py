"""The analyser: text to the terms that every lexical engine indexes and searches, explicit and per language."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from assay.text.scripts import has_unspaced, pairs_of, runs, search_terms
from assay.text.spellings import dates, humps, other_spellings, plain_numbers
from assay.text.tokens import STOP_WORDS, stem

NO_STEMMING = "und"
STEMMED = frozenset(
    ("ar", "da", "de", "el", "en", "es", "fi", "fr", "hu", "it", "nl", "no", "pt", "ro", "ru", "sv", "tr")
)
_ALIAS = {"nb": "no", "nn": "no"}
_ELIDING = frozenset(("fr", "it"))

# Vowel signs and accents are no "word characters" to Python, yet they stand inside words.
_MARKS = "\u0300-\u036f\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0971-\u0dff\u0e00-\u0eff\u1000-\u109f\u1780-\u17d3"  # noqa: E501 - one character class
_LETTER = rf"(?:[^\W_]|[{_MARKS}])"
_TOKEN = re.compile(rf"{_LETTER}+(?:[._\-/:@'’+#]{_LETTER}+)*")
_LANGUAGE_NAME = re.compile(r"(?<!\w)[a-z](?:\+\+|#)(?!\w)")
_PART = re.compile(rf"{_LETTER}+")
_IDENTIFIER = re.compile(r"[\d._@#+:]|/.+/")
_CAPITALS = re.compile(r"\b[A-Z]{2,}\b|(?<=\w )[A-HJ-Z]\b")
_DIGIT = re.compile(r"\d")
_YEAR = re.compile(r"(?<!\d)[12]\d{3}(?!\d)")
_HUMP = re.compile(r"[a-z][A-Z]")  # each of these two is cheap and says whether the dearer one is worth its time
_CAMEL = re.compile(r"(?<![^\W_])[a-z]+[A-Z][A-Za-z]*")
_QUOTED = re.compile(r"[\"“”„«»「『]([^\"“”„«»「」『』\n]{2,300})[\"“”«»」』]")
_MOST_PHRASES = 8
_LONGEST_IDENTIFIER = 64
_LONGEST_TERM = 128
_MOST_QUERY_TERMS = 512
_LONGEST_QUERY = 50_000


@dataclass(frozen=True, slots=True)
class Analyzer:
    """Words lower-cased, stemmed by their language and stripped of accents; identifiers and numbers kept whole as well.

    A chunk is analysed by its own language, and so is the query for each language that the index holds: a document
    whose language was told wrongly is still found. `default_language` stands in where none is stated.
    """

    default_language: str = "en"

    @property
    def recipe(self) -> str:
        return f"snowball_words.v2(default={self.default_language})"

    def group(self, language: str) -> str:
        """The name under which a language is analysed: its own tag where it has a stemmer, else `und`."""
        tag = (language or self.default_language).split("-")[0].lower()
        tag = _ALIAS.get(tag, tag)
        return tag if tag in STEMMED else NO_STEMMING

    def terms(self, text: str, group: str) -> list[str]:
        """Terms in order, repeats kept; none holds white space.

        `claude-3.5` gives `claude`, `3`, `5` and `claude-3.5`; `1,000` gives `1000`; scripts without spaces give pairs
        of characters.
        """
        return _terms(text, _Reading(group, frozenset(), asked=False))

    def query_terms(self, text: str, group: str) -> dict[str, int]:
        """The terms of a query, with how often each stands in it.

        Small words are left out unless nothing else is there or they are written as names (`IT`, `vitamin A`). At most
        512 terms of the first 50,000 characters, so that a pasted book cannot stall the engine.

        Without small words nDCG@10 rose from .75 to .79 on mtrag-un-pooled and from .67 to .75 on claude-docs: in short
        chunks a rare question word outweighs the subject.
        """
        text = text[:_LONGEST_QUERY]
        small = STOP_WORDS.get(group, frozenset()) - _written_as_names(text)
        counts = Counter(
            _terms(text, _Reading(group, small, asked=True)) or _terms(text, _Reading(group, frozenset(), asked=True))
        )
        return dict(itertools.islice(counts.items(), _MOST_QUERY_TERMS))

    def phrases(self, text: str, group: str) -> list[list[str]]:
        """Terms that must stand next to each other, for each phrase of a query that is in quotation marks.

        A query may repeat the question and end with earlier turns, one on each line: only what stands on most lines is
        this question's. At most eight runs of terms, each of two or more.
        """
        lines = [line for line in text[:_LONGEST_QUERY].splitlines() if line.strip()]
        counts = Counter(phrase for line in lines for phrase in set(_QUOTED.findall(line)))
        found = [run for phrase, count in counts.items() if 2 * count > len(lines) for run in _runs(phrase, group)]
        return found[:_MOST_PHRASES]


_SEEN: dict[tuple[str, bool], dict[str, tuple[str, ...]]] = {}
_MOST_SEEN = 1 << 15


@dataclass(frozen=True, slots=True)
class _Reading:
    """How a text is divided: by which language, without which small words, and whether it asks or is indexed."""

    group: str
    without: frozenset[str]
    asked: bool


def _runs(phrase: str, group: str) -> list[list[str]]:
    """What stands next to each other in the index as well: spaced words together, each unspaced run by itself."""
    spaced: list[str] = []
    found: list[list[str]] = []
    how = _Reading(group, frozenset(), asked=True)
    for match in _TOKEN.finditer(_normal(phrase, group).lower()):
        token = match.group()
        if has_unspaced(token):
            found.extend(pairs_of(run) for run, unspaced in runs(token) if unspaced)
        else:
            spaced.extend([_term(token, group)] if token.isascii() and token.isalpha() else _compound(token, how))
    return [run for run in (spaced, *found) if len(run) > 1]


def _terms(text: str, how: _Reading) -> list[str]:
    found: list[str] = []
    group, without = how.group, how.without
    numbers = bool(_DIGIT.search(text))
    text = _normal(text, group) if numbers or not text.isascii() else text
    names = _CAMEL.findall(text) if not how.asked and _HUMP.search(text) else ()
    text = text.lower()
    known = _known(group, how.asked) if not without else {}
    for token in _TOKEN.findall(text):
        if token in without:
            continue
        terms = known.get(token)
        if terms is None:
            plain = token.isascii() and token.isalpha()
            terms = (_term(token[:_LONGEST_TERM], group),) if plain else tuple(_compound(token, how))
            known[token] = terms
        found += terms
    if numbers and _YEAR.search(text):
        found.extend(dates(text))
    if "c++" in text or "#" in text:
        found.extend(_LANGUAGE_NAME.findall(text))
    if names:
        found.extend(_inside_names(names, found, group))
    return found


def _known(group: str, asked: bool) -> dict[str, tuple[str, ...]]:
    """The terms of tokens seen before in this language: words repeat, and most of the time went into taking the same
    ones apart again. Begun anew when it is full."""
    known = _SEEN.setdefault((group, asked), {})
    if len(known) > _MOST_SEEN:
        known = _SEEN[group, asked] = {}
    return known


def _inside_names(names: Sequence[str], found: Sequence[str], group: str) -> list[str]:
    """Words that stand only inside names such as `getUserName`, each once.

    Counted every time, and beside the same words outside of names, they took claude-docs from .811 to .802.
    """
    inside = {_term(part, group): None for name in dict.fromkeys(names) for part in humps(name)}
    known = frozenset(found) if inside else frozenset()
    return [term for term in inside if term not in known]


def _written_as_names(text: str) -> frozenset[str]:
    """Small words in capitals are names, except where everything is in capitals."""
    return frozenset() if text.isupper() else frozenset(name.lower() for name in _CAPITALS.findall(text))


def _normal(text: str, group: str) -> str:
    text = plain_numbers(text, group)
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def _compound(token: str, how: _Reading) -> list[str]:
    """A token that holds more than plain letters: its parts, and itself when it looks like an identifier."""
    if "'" in token or "’" in token:
        token = _without_apostrophes(token, how.group)
    found: list[str] = []
    parts = _PART.findall(token)
    if len(parts) > 1 and how.group in _ELIDING:
        parts = [part for part in parts if part not in how.without]
    for part in parts:
        found.extend(_part(part, how))
    if len(token) <= _LONGEST_IDENTIFIER and parts != [token] and _IDENTIFIER.search(token):
        found.append(token.replace("’", "'"))
        found.extend(other_spellings(token))
    return found


def _part(part: str, how: _Reading) -> list[str]:
    if has_unspaced(part):
        return [
            term
            for run, unspaced in runs(part)
            for term in (search_terms(run, asked=how.asked) if unspaced else [_term(run, how.group)])
        ]
    found = [_term(part[:_LONGEST_TERM], how.group)]
    if part[0].isdecimal() and not part.isdecimal():
        found.extend(_term(other, how.group) for other in other_spellings(part))
    return found


def _without_apostrophes(token: str, group: str) -> str:
    """French and Italian articles are words of their own (`l'eau`); an English `'s` is none."""
    plain = token.replace("’", "'")
    if group in _ELIDING:
        return plain.replace("'", "-")
    return plain.removesuffix("'s").replace("'", "")


@lru_cache(maxsize=1 << 16)
def _term(word: str, group: str) -> str:
    stemmed = word if group == NO_STEMMING else stem(word, group)
    if not stemmed.isascii():
        parts = unicodedata.normalize("NFKD", stemmed)
        stemmed = "".join(char for char in parts if not "\u0300" <= char <= "\u036f") or stemmed
    return stemmed[:_LONGEST_TERM]
