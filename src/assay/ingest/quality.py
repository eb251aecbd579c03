"""How well a document's text could be read: a score from 0 to 1 and the causes that lower it."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from assay.records.documents import Page
from assay.text.tokens import STOP_WORDS

QUALITY_RECIPE = "quality.v1"
SAMPLE_CHARS = 6_000
_WINDOWS = 10
"""A long text is judged by this many stretches spread over it, so that the time does not grow with it."""
CAUSE = 0.1
"""A component that takes at least this much is named as a cause."""

_UNREADABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffd\ufffe\uffff\ue000-\uf8ff\U000f0000-\U0010ffff]"
)
_HIGH = bytes(range(0x80, 0xC0)).decode("cp1252", "ignore") + "".join(map(chr, range(0x80, 0xA0)))
_MOJIBAKE = re.compile(f"[\u00c2-\u00df][{re.escape(_HIGH)}]|[\u00e0-\u00ef][{re.escape(_HIGH)}]{{2}}")
"""Letters that are the bytes of one UTF-8 character read as Windows-1252 or Latin-1."""
_ALNUM = re.compile(r"\w")
_WORD = re.compile(r"[^\W\d_]+")
_LATIN = re.compile(r"[a-z\u00df-\u00f6\u00f8-\u024f]+")
_ODD_LETTERS = re.compile(r"[b-df-hj-np-tv-xz]{6}|(\w)\1\1\1")
_VOWELS = frozenset("aeiouy") | frozenset(map(chr, [*range(0xE0, 0xF7), *range(0xF8, 0x180)]))
_MIXED = re.compile(r"(?<=[a-z])[\d|~^{}<>=*¢£¥§¬¦°©®«»¿¡!?;$%](?=[a-z])")
_MARKS = frozenset([*"|-–—•·*$€£=+&/><():…☐☒☑✓✔✅❌→←", "...", "--"])
_FORGIVEN = 3
_GLUED = 30
"""No word of running text is longer; German compounds stay below."""
_LATIN_SHARE = 0.7

# Letters a to z per ten thousand: R. Lewand, Cryptological Mathematics (2000) for English; the others as the article
# "Letter frequency" of Wikipedia has them.
_FREQUENCIES = tuple(
    tuple(map(int, row.split()))
    for row in (
        "817 149 278 425 1270 223 202 609 697 15 77 403 241 675 751 193 10 599 633 906 276 98 236 15 197 7",
        "652 189 273 508 1640 166 301 458 655 27 142 344 253 978 259 67 2 700 727 615 417 85 192 3 4 113",
        "764 90 326 367 1472 107 87 74 753 61 7 546 297 710 580 252 136 669 795 724 631 184 5 43 13 33",
        "1153 222 402 501 1218 69 177 70 625 49 1 497 316 671 868 251 88 687 798 463 293 114 2 22 101 47",
    )
)


@dataclass(frozen=True, slots=True)
class Component:
    """One thing that tells unreadable text: a share that takes nothing up to `safe` and `most` from `worst` on."""

    name: str
    safe: float
    worst: float
    most: float
    cause: str

    def taken(self, share: float) -> float:
        ramp = (share - self.safe) / (self.worst - self.safe)
        return self.most * min(max(ramp, 0.0), 1.0)


# `safe` lies beyond the largest share met in 2,900 real texts (handbooks, filings, four languages), with some room.
COMPONENTS = (
    Component("unreadable", 0.004, 0.08, 1.0, "characters without a meaning (U+FFFD, control, private use)"),
    Component("mojibake", 0.01, 0.10, 1.0, "letters that are UTF-8 read in another encoding"),
    Component("signs", 0.37, 0.65, 0.9, "signs instead of letters and figures"),
    Component("letters", 0.20, 0.40, 1.0, "letters distributed as in no language"),
    Component("odd_words", 0.12, 0.45, 1.0, "words that nobody can pronounce"),
    Component("mixed_words", 0.06, 0.20, 1.0, "figures and signs inside words"),
    Component("bare_signs", 0.40, 1.0, 0.8, "lone signs between the words"),
    Component("single_letters", 0.21, 0.50, 1.0, "words broken into single letters"),
    Component("glued_words", 0.12, 0.40, 0.9, "words run together"),
    Component("no_small_words", 0.97, 1.0, 0.3, "none of the small words that every text has"),
    Component("empty_pages", 0.50, 1.0, 0.4, "pages without text"),
    Component("unread_pages", 0.0, 1.0, 0.8, "pages that are pictures or have no usable characters"),
)


@dataclass(frozen=True, slots=True)
class Quality:
    """`score` from 0 (nothing readable) to 1, rounded to three places; `causes` are component names, worst first."""

    score: float = 1.0
    causes: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """The score and its causes in words."""
        causes = {component.name: component.cause for component in COMPONENTS}
        reasons = "; ".join(causes[cause] for cause in self.causes)
        return f"parse quality {self.score:.2f} of 1" + (f" ({reasons})" if reasons else "")

    @property
    def warning(self) -> str:
        """One parse warning that names the causes; empty when there are none."""
        return f"ingest.parse_quality: {self.told}" if self.causes else ""


def parse_quality(text: str, pages: Sequence[Page] = (), unread_pages: Sequence[int] = ()) -> Quality:
    """The product of what each component of `COMPONENTS` leaves of 1. Components that need running words of a script
    or a number of letters are left out where a text has too few of them."""
    found = shares(text) | _page_shares(pages, unread_pages)
    taken = {component.name: component.taken(found.get(component.name, 0.0)) for component in COMPONENTS}
    score = math.prod(1 - part for part in taken.values())
    causes = sorted((name for name, part in taken.items() if part >= CAUSE), key=lambda name: -taken[name])
    return Quality(round(score, 3), tuple(causes))


def shares(text: str) -> dict[str, float]:
    """The share that each component of a text has, from its sample."""
    sample = _sample(text)
    lower = sample.lower()
    latin = _LATIN.findall(lower)
    words = latin if lower.isascii() else _WORD.findall(lower)
    tokens = sample.split()
    visible = sum(map(len, tokens))
    if not visible:
        return {}
    figures = sum(map(sample.count, "0123456789"))
    found = {
        "unreadable": 0.0 if _clean(tokens) else _beyond(_UNREADABLE.findall(sample)) / visible,
        "mojibake": 0.0 if lower.isascii() else _beyond(_MOJIBAKE.findall(sample)) / max(len(words), 1),
        "signs": (visible - figures - sum(map(len, words))) / visible,
    }
    counts = Counter(words)
    if len(words) >= 30:
        short = Counter(token for token in tokens if len(token) <= 3 and not token.isalnum())
        bare = (times for token, times in short.items() if token not in _MARKS and not _ALNUM.search(token))
        found["bare_signs"] = sum(bare) / len(words)
    if len(words) >= 60 and len(latin) >= _LATIN_SHARE * len(words):
        small = max(sum(counts[word] for word in listed & counts.keys()) for listed in STOP_WORDS.values())
        found["no_small_words"] = 1 - small / len(words)
    return found | _latin_shares(counts if latin is words else Counter(latin), lower)


def _beyond(found: Sequence[str]) -> int:
    """How many there are beyond the few that a short note may have without being unreadable."""
    return max(len(found) - _FORGIVEN, 0)


def _clean(tokens: Sequence[str]) -> bool:
    """True where one look tells that every sign has a meaning."""
    joined = "".join(tokens)
    return joined.isprintable() and "\ufffd" not in joined


def _latin_shares(counts: Counter[str], lower: str) -> dict[str, float]:
    """Shares of words and letters in Latin script, from how often each word stands; none where there are too few."""
    words, letters = counts.total(), sum(len(word) * times for word, times in counts.items())
    long = {word: times for word, times in counts.items() if len(word) >= 4}
    found: dict[str, float] = {}
    if letters >= 200:
        found["letters"] = 1 - _likeness(lower)
        found["glued_words"] = sum(len(word) * times for word, times in long.items() if len(word) > _GLUED) / letters
    if words >= 30:
        found["single_letters"] = sum(times for word, times in counts.items() if len(word) == 1) / words
    if (plenty := sum(long.values())) >= 30:
        odd = (times for word, times in long.items() if _VOWELS.isdisjoint(word) or _ODD_LETTERS.search(word))
        found["odd_words"] = sum(odd) / plenty
    if words >= 60:
        found["mixed_words"] = len(_MIXED.findall(lower)) / words
    return found


def _likeness(lower: str) -> float:
    """The cosine between the text's letters a to z and the nearest language's, 0 to 1."""
    import numpy as np  # here, because nothing else that the command line loads at its start needs it

    signs = np.frombuffer(lower.encode("ascii", "ignore"), dtype=np.uint8)
    counts = np.bincount(signs, minlength=128)[ord("a") : ord("z") + 1].astype(np.float64)
    length = float(np.linalg.norm(counts))
    if not length:
        return 0.0
    known = np.array(_FREQUENCIES, dtype=np.float64)
    return float(np.max(known @ counts / np.linalg.norm(known, axis=1))) / length


def _page_shares(pages: Sequence[Page], unread: Sequence[int]) -> dict[str, float]:
    if len(pages) < 2:
        return {}
    seen = set(unread)
    empty = sum(page.start == page.end and page.number not in seen for page in pages)
    return {"empty_pages": empty / len(pages), "unread_pages": len(seen) / len(pages)}


def _sample(text: str) -> str:
    """The text, or stretches spread evenly over a long one."""
    if len(text) <= SAMPLE_CHARS:
        return text
    step, width = len(text) // _WINDOWS, SAMPLE_CHARS // _WINDOWS
    return "\n".join(text[start : start + width] for start in range(0, step * _WINDOWS, step))
