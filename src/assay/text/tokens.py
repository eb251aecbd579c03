"""Words with their offsets, their stems by language, and the small words that carry no topic."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any

from assay.text.lists import word_set

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
_WORD = re.compile(rf"\d+(?:[.,:]\d+)*|[{_CJK}]+|(?:(?![{_CJK}])[^\W\d_])+(?:['’](?![{_CJK}])[^\W\d_]{{1,3}}\b)?\d*")
_CJK_RUN = re.compile(rf"[{_CJK}]+")
_SNOWBALL = {
    "ar": "arabic", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "fi": "finnish", "fr": "french", "hu": "hungarian", "it": "italian", "nl": "dutch", "no": "norwegian",
    "nb": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sv": "swedish", "tr": "turkish",
}  # fmt: skip

STOP_WORDS: dict[str, frozenset[str]] = {
    "en": word_set(
        "a an the and or but nor so yet if then than as at by for from in into of off on onto out over to up with "
        "about above after again against all also am any are be because been before being below between both can "
        "could did do does doing don don't down during each few further had has have having he her here hers him his "
        "how i is it it's its itself just let me more most my myself no not now only other our ours own same she "
        "should some such that the their theirs them there these they this those through too under until us very was "
        "we were what what's when where which while who whom whose why will would you your yours may might must shall "
        "does doesn't didn't isn't aren't wasn't weren't won't can't couldn't"
    ),
    "de": word_set(
        "der die das den dem des ein eine einen einem einer eines und oder aber auch als am an auf aus bei beim bis "
        "da damit dann dass daß dein deine denn dies diese diesem diesen dieser dieses doch dort du durch er es etwas "
        "euch euer für gegen hat hatte hatten haben habe hier ich ihm ihn ihr ihre ihrem ihren ihrer ihres im in ins "
        "ist ja jede jedem jeden jeder jedes kann kein keine können könnte man mein meine mich mir mit muss nach "
        "nicht noch nun nur ob ohne sehr sein seine seinem seinen seiner seit sich sie sind so soll sollte sowie über "
        "um uns unser unsere unter viel vom von vor war waren warum was wann welche welchem welchen welcher welches "
        "wem wen wenn wer werden wie wieder will wir wird wo wurde wurden zu zum zur zwischen"
    ),
    "fr": word_set(
        "le la les un une des du de d l et ou mais donc or ni car à au aux en dans par pour sur sous avec sans ce cet "
        "cette ces cela ça il elle ils elles on nous vous je tu me te se son sa ses leur leurs mon ma mes ton ta tes "
        "notre votre qui que quoi dont où quand comment pourquoi quel quelle quels quelles est sont était étaient être "
        "été a ont avait avoir ne pas plus y qu s n c j m t"
    ),
    "es": word_set(
        "el la los las un una unos unas de del y o pero ni que en por para con sin sobre entre hasta desde a al se su "
        "sus lo le les me te nos mi mis tu tus este esta estos estas ese esa eso esto qué quién quiénes cuál cuáles "
        "cuándo cuánto cuántos cuántas cómo dónde es son era eran fue fueron ser ha han había haber no más muy ya como "
        "si"
    ),
}


@dataclass(frozen=True, slots=True)
class Token:
    """A word or number of a text: `text` is case-folded, `start` and `end` are offsets into the original."""

    text: str
    start: int
    end: int


def tokens(text: str) -> tuple[Token, ...]:
    """Words and numbers in order. Numbers keep their separators; hyphens divide; runs of CJK give pairs."""
    found: list[Token] = []
    for match in _WORD.finditer(text):
        start, end = match.span()
        if _CJK_RUN.match(text, start) and end - start > 2:
            found.extend(Token(text[i : i + 2], i, i + 2) for i in range(start, end - 1))
        else:
            found.append(Token(match.group().casefold().replace("’", "'"), start, end))
    return tuple(found)


def words(text: str) -> tuple[str, ...]:
    """The case-folded words and numbers of a text, in order."""
    found: list[str] = []
    for word in _WORD.findall(text):
        if len(word) > 2 and _CJK_RUN.match(word):
            found.extend(word[i : i + 2] for i in range(len(word) - 1))
        else:
            found.append(word.casefold().replace("’", "'"))
    return tuple(found)


def is_stop_word(word: str, language: str = "en") -> bool:
    """True for a small word of the language; English when there is no list for it."""
    return word in STOP_WORDS.get(language, STOP_WORDS["en"])


def stems(text: str, language: str = "en") -> tuple[str, ...]:
    """The stems of all words of a text, in order, stop words included."""
    return tuple(stem(word, language) for word in words(text))


def content_stems(text: str, language: str = "en") -> tuple[str, ...]:
    """The stems of the words that carry a topic, in order, repeats kept."""
    return tuple(stem(word, language) for word in words(text) if not is_stop_word(word, language))


@lru_cache(maxsize=1 << 16)
def stem(word: str, language: str = "en") -> str:
    """The Snowball stem of a case-folded word; the word itself when it holds a digit.

    Languages without a Snowball algorithm are stemmed as English. Source: M. F. Porter, "Snowball", 2001.
    """
    if not word.isalpha() and "'" not in word:
        return word
    with _LOCK:
        return str(_stemmer(_SNOWBALL.get(language, "english")).stemWord(word))


_LOCK = Lock()  # a Snowball stemmer keeps the word it works on in itself, so two threads must not share it


@lru_cache(maxsize=32)
def _stemmer(algorithm: str) -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer(algorithm)
