"""A sentence as what it is about and how much or when it says, so that two can be compared without knowing either."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from assay.text.lists import word_set
from assay.text.names import names
from assay.text.negation import is_cue, polarity
from assay.text.numbers import Quantity, quantities
from assay.text.sentences import after_marks, sentence_spans
from assay.text.tokens import is_stop_word, stem, words

_MOST_CHARS = 500
_LIGHT = word_set(
    "last lasts take takes taken get gets got given give gives have has amount amounts come comes run runs stay stays "
    "remain remains become becomes set sets allow allows allowed provide provides provided receive receives received "
    "grant grants granted entitled pay pays cost costs currently now today new newly also please usually normally "
    "per within every each total maximum minimum "
    "beträgt betragen dauert dauern erhält erhalten bekommt bekommen gilt gelten derzeit aktuell maximal mindestens pro"
)
"""Words that say little about the subject, so that two sentences may differ in them."""
_BOUNDS = word_set(
    "least most minimum maximum max min up under over below above more less fewer than about around approximately "
    "almost nearly after before until since every per first second third next last previous additional another extra "
    "höchstens mindestens maximal bis über unter etwa ungefähr circa nach vor erste zweite dritte weitere zusätzlich"
)
"""Words that change what a number means: `at least five` and `up to seven` can both be true."""
_OPEN = re.compile(
    r"\?|\bfor (?:example|instance)\b|\be\.g\.|\bexample\b|\bsuch as\b|\bif\b|\bsuppose\b"
    r"|\bz\. ?B\.|\bfalls\b|\bwenn\b",
    re.IGNORECASE,
)
"""An example, a question or a condition states nothing that another source could deny."""
_IDIOMS = re.compile(
    r"\b(?:not (?:only|just|merely)|no (?:later|more|less|longer|fewer|earlier) than)\b", re.IGNORECASE
)
_LABELS = word_set(
    "section step chapter figure table page version article paragraph phase stage part level tier release no nr item "
    "question example row column line option appendix item week day grade rule note round quarter q1 q2 q3 q4 fiscal "
    "abschnitt schritt kapitel abbildung tabelle seite artikel absatz teil stufe ziffer"
)
"""A number behind one of these names something and measures nothing."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence, as offsets into its text: what it is about, and what it says of it."""

    start: int
    end: int
    topic: frozenset[str]
    bounds: frozenset[str]
    names: frozenset[str]
    quantities: tuple[tuple[str, str], ...]
    """(value, unit) in order, without those that name something."""
    labels: frozenset[str]
    denials: int


@lru_cache(maxsize=1024)
def statements(text: str, language: str) -> tuple[Statement, ...]:
    """The sentences of a text that state something, in order; examples, questions and conditions do not."""
    found = []
    for start, end in sentence_spans(text, language):
        start = min(after_marks(text, start), end)
        piece = text[start:end]
        if len(piece) <= _MOST_CHARS and "|" not in piece and not _OPEN.search(piece):
            found.append(_statement(piece, start, end, language))
    return tuple(found)


def _statement(piece: str, start: int, end: int, language: str) -> Statement:
    measured, labels, taken = _measures(piece, quantities(piece, language))
    said = words("".join(" " if at in taken else char for at, char in enumerate(piece)))
    topic = [word for word in said if not (is_stop_word(word, language) or is_cue(word) or _dated(word.title()))]
    return Statement(
        start,
        end,
        frozenset(stem(word, language) for word in topic if word not in _LIGHT and word not in _BOUNDS),
        frozenset(word for word in said if word in _BOUNDS),
        frozenset(name.text.casefold() for name in names(piece, language) if not name.opens and not _dated(name.text)),
        tuple(measured),
        frozenset(labels),
        polarity(_IDIOMS.sub(" ", piece), language).cues,
    )


def _measures(piece: str, found: Sequence[Quantity]) -> tuple[list[tuple[str, str]], list[str], set[int]]:
    """Quantities that say how much or when, those that name something, and the characters that both take up."""
    measured: list[tuple[str, str]] = []
    labels: list[str] = []
    taken: set[int] = set()
    for quantity in found:
        if quantity.weak:
            continue
        before = words(piece[max(0, quantity.start - 24) : quantity.start])
        if before and before[-1] in _LABELS and not quantity.unit:
            labels.append(f"{before[-1]} {quantity.value}")
        else:
            measured.append((quantity.value, quantity.unit))
        taken.update(range(quantity.start, quantity.end))
    return measured, labels, taken


_MONTH = re.compile(
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December|Januar|Februar|März|Mai|"
    r"Juni|Juli|Oktober|Dezember)(?:\W.*)?"
)


def _dated(name: str) -> bool:
    return bool(_MONTH.fullmatch(name))
