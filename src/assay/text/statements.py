"""A sentence as what it is about and how much or when it says, so that two can be compared without knowing either."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from assay.text.lists import word_set
from assay.text.names import names
from assay.text.negation import is_cue, may_deny, polarity
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


def figures(piece: str, language: str, most: int, root: Callable[[str, str], str] = stem) -> Statement | None:
    """The statement of one sentence that gives one to `most` quantities and denies nothing, from its first word on.

    None for every other sentence, as soon as that shows, which is why this is quicker than `statements`. `root` makes
    one word of a word's forms; both are given the language.
    """
    start = min(after_marks(piece), len(piece))
    piece = piece[start:]
    if len(piece) > _MOST_CHARS or "|" in piece:
        return None
    measures = _measures(piece, quantities(piece, language))
    if not 1 <= len(measures[0]) <= most or (_may_be_open(piece) and _OPEN.search(piece)):
        return None
    if may_deny(piece) and polarity(_IDIOMS.sub(" ", piece), language).cues:
        return None
    return _stated(piece, (start, start + len(piece)), language, measures, 0, root)


_OPENING = word_set("if suppose example instance such falls wenn e z")
_LETTERS = re.compile(r"[^\W\d_]+")


def _may_be_open(piece: str) -> bool:
    """False when `_OPEN`, which takes much longer, certainly finds nothing."""
    return "?" in piece or not _OPENING.isdisjoint(_LETTERS.findall(piece.casefold()))


Measures = tuple[list[tuple[str, str]], list[str], list[tuple[int, int]]]


def _statement(piece: str, start: int, end: int, language: str) -> Statement:
    measures = _measures(piece, quantities(piece, language))
    denials = polarity(_IDIOMS.sub(" ", piece), language).cues if may_deny(piece) else 0
    return _stated(piece, (start, end), language, measures, denials, stem)


def _stated(
    piece: str, span: tuple[int, int], language: str, measures: Measures, denials: int, root: Callable[[str, str], str]
) -> Statement:
    measured, labels, taken = measures
    said = words(_without(piece, taken))
    topic = [
        word
        for word in said
        if not (
            word in _LIGHT or word in _BOUNDS or is_stop_word(word, language) or is_cue(word) or _dated(word.title())
        )
    ]
    return Statement(
        *span,
        frozenset([root(word, language) for word in topic]),
        frozenset([word for word in said if word in _BOUNDS]),
        frozenset([one.text.casefold() for one in names(piece, language) if not one.opens and not _dated(one.text)]),
        tuple(measured),
        frozenset(labels),
        denials,
    )


def _without(piece: str, taken: Sequence[tuple[int, int]]) -> str:
    """The sentence with blanks in place of its quantities, which are in order but may overlap."""
    kept, at = [], 0
    for start, end in taken:
        kept.append(piece[at:start])
        at = max(at, end)
    return " ".join((*kept, piece[at:]))


def _measures(piece: str, found: Sequence[Quantity]) -> Measures:
    """Quantities that say how much or when, those that name something, and the spans that both take up."""
    measured: list[tuple[str, str]] = []
    labels: list[str] = []
    taken: list[tuple[int, int]] = []
    for quantity in found:
        if quantity.weak:
            continue
        before = () if quantity.unit else words(piece[max(0, quantity.start - 24) : quantity.start])
        if before and before[-1] in _LABELS:
            labels.append(f"{before[-1]} {quantity.value}")
        else:
            measured.append((quantity.value, quantity.unit))
        taken.append((quantity.start, quantity.end))
    return measured, labels, taken


_MONTH = re.compile(
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December|Januar|Februar|März|Mai|"
    r"Juni|Juli|Oktober|Dezember)(?:\W.*)?"
)
_MONTH_SIGNS = frozenset("JFMASOND")


def _dated(name: str) -> bool:
    return name[:1] in _MONTH_SIGNS and bool(_MONTH.fullmatch(name))
