"""What a question asks for: its words, and the kind of answer that would fit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from assay.text.language import likely_language
from assay.text.lists import word_set
from assay.text.names import names
from assay.text.numbers import quantities
from assay.text.tokens import is_stop_word, stem, words


class Wanted(StrEnum):
    """The kind of thing an answer must hold."""

    NUMBER = "number"
    DATE = "date"
    PERSON = "person"
    PLACE = "place"
    REASON = "reason"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Question:
    """A question as the evidence ranker sees it. `pairs` are neighbouring topic words; `earlier` are topic words of
    the user's turn before, which count where the question itself is short."""

    text: str
    language: str
    stems: tuple[str, ...]
    pairs: frozenset[tuple[str, str]]
    earlier: tuple[str, ...]
    wanted: Wanted


_QUANTITY_HEADS = word_set(
    "many much long old far tall high large big fast often deep heavy expensive viel viele vielen lange alt weit hoch "
    "groß schnell oft schwer teuer"
)
_MEASURES = word_set(
    "number percentage percent amount price cost total age rate population length height anzahl prozent prozentsatz "
    "betrag preis kosten alter höhe länge zahl"
)
_TIMES = word_set("year date day month century decade jahr datum tag monat jahrhundert jahrzehnt time zeit")
_PLACES = word_set("city country place state town river continent stadt land ort staat fluss kontinent location")
_PEOPLE = word_set("who whom whose wer wen wem wessen")
_REASONS = word_set(
    "because due since therefore so reason weil da deshalb aufgrund wegen daher damit grund cause causes"
)
_MONTH = "month-name"
_FILLER = word_set(
    "name give tell list please know want find explain describe mean nenne gib sag erkläre bitte kind type sort "
    "according laut used called heißt genannt"
)


def read_question(text: str, earlier: str = "", language: str = "") -> Question:
    """Take a question apart. `earlier` is the user's turn before it, if any; `language` empty means guess."""
    language = language or likely_language(text)
    topic = _topic(text, language)
    unique = tuple(dict.fromkeys(topic))
    before = tuple(dict.fromkeys(word for word in _topic(earlier, language) if word not in unique))
    return Question(text, language, unique, frozenset(pairwise(topic)), before, _wanted(text))


def _topic(text: str, language: str) -> list[str]:
    kept = [word for word in words(text) if not is_stop_word(word, language) and word not in _FILLER]
    kept = kept or [word for word in words(text) if not is_stop_word(word, language)] or list(words(text))
    return [stem(word, language) for word in kept]


def _wanted(text: str) -> Wanted:
    found = words(text)
    for at, word in enumerate(found):
        after = found[at + 1] if at + 1 < len(found) else ""
        later = found[at + 1 : at + 4]
        if word in ("how", "wie") and after in _QUANTITY_HEADS:
            return Wanted.NUMBER
        if word in ("wieviel", "wieviele"):
            return Wanted.NUMBER
        if word in ("when", "wann", "since", "seit"):
            return Wanted.DATE if word in ("when", "wann") or "when" in later else Wanted.ANY
        if word in ("what", "which") or word.startswith("welch"):
            for kind, listed in ((Wanted.NUMBER, _MEASURES), (Wanted.DATE, _TIMES), (Wanted.PLACE, _PLACES)):
                if not listed.isdisjoint(later[:3] if kind is Wanted.NUMBER else later[:1]):
                    return kind
        if word in _PEOPLE:
            return Wanted.PERSON
        if word in ("where", "wo", "woher", "wohin"):
            return Wanted.PLACE
        if word in ("why", "warum", "weshalb", "wieso"):
            return Wanted.REASON
    return Wanted.ANY


def fits(question: Question, sentence: str) -> bool:
    """True when the sentence holds something of the kind asked for that the question does not hold already."""
    if question.wanted is Wanted.ANY:
        return True
    if question.wanted is Wanted.REASON:
        return not _REASONS.isdisjoint(words(sentence))
    if question.wanted in (Wanted.NUMBER, Wanted.DATE):
        known = {quantity.key for quantity in quantities(question.text, question.language)}
        new = [q for q in quantities(sentence, question.language) if q.key not in known]
        if question.wanted is Wanted.NUMBER:
            return bool(new)
        return any(q.unit == _MONTH or (not q.unit and _is_year(q.value)) or q.unit in ("year", "day") for q in new)
    asked = frozenset(words(question.text))
    return any(not asked.issuperset(words(name.text)) for name in names(sentence, "en"))


def _is_year(value: str) -> bool:
    return value.isdigit() and 1000 <= int(value) <= 2199
