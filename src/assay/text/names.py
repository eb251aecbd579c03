"""Names and identifiers of a text, found by their spelling alone."""

from __future__ import annotations

import re
from dataclasses import dataclass

from assay.text.tokens import is_stop_word

_PIECE = re.compile(r"[^\W_][\w@./:+#&’'-]*")
_CAPITALISED_NOUNS = frozenset({"de", "lb"})
"""Languages that write every noun with a capital, so that a single capital says nothing."""
_NOT_NAMES = frozenset({"I", "I'm", "I've", "I'll", "I'd", "OK", "A"})


@dataclass(frozen=True, slots=True)
class Name:
    """A name as it stands in the text, with its offsets."""

    text: str
    start: int
    end: int
    opens: bool = False
    """Its first word opens a sentence, so its capital may be the sentence's."""


def names(text: str, language: str = "en") -> tuple[Name, ...]:
    """Runs of capitalised words, acronyms and identifiers (`CamelCase`, `snake_case`, paths, addresses), in order.

    The first word of a sentence counts only inside a longer run or when its own spelling shows that it is a name.
    A heuristic by spelling: names in lower case and in scripts without case are not seen.
    """
    found: list[Name] = []
    run: list[tuple[str, int, int, bool]] = []
    for match in _PIECE.finditer(text):
        word = match.group()
        if word.islower() and word.isalpha():
            if run:
                found.extend(_close(run, language))
                run = []
            continue
        if not word.isalpha():
            word = word.rstrip("./:+#&’'-").removesuffix("'s").removesuffix("’s")
        start, end = match.start(), match.start() + len(word)
        if run and text[run[-1][2] : start].strip("’'s "):
            found.extend(_close(run, language))
            run = []
        if (word[:1].isupper() and word not in _NOT_NAMES) or _is_identifier(word):
            run.append((word, start, end, _opens_sentence(text, start)))
        else:
            found.extend(_close(run, language))
            run = []
    found.extend(_close(run, language))
    return tuple(found)


def _close(run: list[tuple[str, int, int, bool]], language: str) -> list[Name]:
    """The name that a run of capitalised words makes, if any."""
    while run and run[0][3] and is_stop_word(run[0][0].casefold(), language) and not _is_identifier(run[0][0]):
        run = run[1:]
    if not run:
        return []
    if len(run) == 1 and not _is_identifier(run[0][0]) and (run[0][3] or language in _CAPITALISED_NOUNS):
        return []
    return [Name(" ".join(word for word, *_ in run), run[0][1], run[-1][2], run[0][3])]


def _is_identifier(word: str) -> bool:
    """True when capitals, digits or signs inside the word show that it is no ordinary word."""
    if word.isalpha() and (word.islower() or word[1:].islower()):
        return False
    inner = word[1:]
    if any(char in "_@/#" for char in inner) or "." in inner.rstrip("."):
        return any(char.isalpha() for char in word)
    has_digit = any(char.isdigit() for char in word)
    has_alpha = any(char.isalpha() for char in word)
    if has_digit and has_alpha:
        return word[0].isalpha() and any(char.isupper() or char.isdigit() for char in word)
    return any(char.isupper() for char in inner)


def _opens_sentence(text: str, start: int) -> bool:
    before = text[max(0, start - 6) : start].rstrip(" \"'“‘«(*_>-•#\t")
    return not before or before[-1] in ".!?:;…\n|。"
