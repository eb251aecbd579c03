"""Text that a reader does not see and a model may: invisible characters, hidden elements, comments, attributes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assay.ingest.poison import MOST_SPANS, Check, Suspicion
from assay.ports.reading import Signal, TextScanner
from assay.records.documents import Aside, Parsed
from assay.records.findings import Finding

LEAST_HIDDEN = 40
"""Fewer hidden characters are labels of icons, skip links and soft hyphens, which every page has."""
LEAST_MARKS = 3
"""So many zero-width characters inside words tell that they are there for a purpose."""
TOLD_APART = frozenset({"html.comment", "html.attribute", "html.style", "markdown.comment", "markdown.attribute",
                        "docx.comment", "title"})  # fmt: skip
"""Places where text that nobody reads is usual: there only instructions count."""
MOST_ASKED = 20
"""Hidden texts of one document that the signal is asked about: it takes milliseconds for each."""
LEAST_ASKED = 20
_MOST_ASKED_CHARS = 4_000
_EDGES = 1


@dataclass(frozen=True)
class HiddenText:
    """`characters` finds invisible characters, `orders` instructions to an assistant; `signal` is asked about what is
    hidden, where a wording that nobody knows is suspicious enough, and never about attributes, which every page has."""

    characters: TextScanner
    orders: TextScanner
    signal: Signal | None = None

    @property
    def recipe(self) -> str:
        asked = (self.characters, self.orders, self.signal)
        return "+".join(one.recipe for one in asked if one is not None)

    def find(self, parsed: Parsed) -> Iterator[Suspicion]:
        """What is hidden in a record, and instructions in it, hidden or plain. Linear in text and asides."""
        yield from _marks(parsed.text, () if parsed.text.isascii() else self.characters.scan(parsed.text))
        yield from self._orders(parsed)
        yield from self._asides(parsed.asides)

    def _orders(self, parsed: Parsed) -> Iterator[Suspicion]:
        found = self.orders.scan(parsed.text)
        veiled = [one for one in found if one.rule_id.endswith("veiled")]
        plain = [one for one in found if not one.rule_id.endswith("veiled")]
        if veiled:
            yield Suspicion(Check.HIDDEN_INSTRUCTIONS, "characters", len(veiled), spans(veiled))
        if plain:
            yield Suspicion(Check.INSTRUCTIONS, "text", len(plain), spans(plain))
        if parsed.title and parsed.title not in parsed.text and self.orders.scan(parsed.title):
            yield Suspicion(Check.INSTRUCTIONS, "title")

    def _asides(self, asides: Sequence[Aside]) -> Iterator[Suspicion]:
        sizes: Counter[str] = Counter()
        orders: Counter[str] = Counter()
        asked = 0
        for one in asides:
            sizes[one.place] += len(one.text)
            found = len(self.orders.scan(one.text))
            if not found and self.signal is not None and asked < MOST_ASKED and _telling(one):
                asked += 1
                found = bool(self.signal.find(one.text[:_MOST_ASKED_CHARS]))
            orders[one.place] += found
        for place in sizes:
            if orders[place]:
                yield Suspicion(Check.HIDDEN_INSTRUCTIONS, place, orders[place])
            if sizes[place] >= LEAST_HIDDEN and place not in TOLD_APART:
                yield Suspicion(Check.HIDDEN_TEXT, place, sizes[place])


def _telling(one: Aside) -> bool:
    """Whether the signal is asked: for what is long enough to say something, and no attribute."""
    return not one.place.endswith(("attribute", "title")) and len(one.text) >= LEAST_ASKED


def _marks(text: str, found: Sequence[Finding]) -> Iterator[Suspicion]:
    """Tags and direction overrides always; zero-width characters where they stand inside words, and often."""
    by_rule: dict[str, list[Finding]] = {}
    for one in found:
        if one.rule_id != "hidden.zero_width" or _inside_word(text, one):
            by_rule.setdefault(one.rule_id, []).append(one)
    for rule, hits in by_rule.items():
        signs = sum(one.end - one.start for one in hits)
        if rule == "hidden.tag" or (rule == "hidden.bidi" and _overrides(text, hits)) or (
            rule == "hidden.zero_width" and signs >= LEAST_MARKS
        ):  # fmt: skip
            yield Suspicion(Check.HIDDEN_TEXT, rule.replace("hidden.", "characters."), len(hits), spans(hits))


def _inside_word(text: str, one: Finding) -> bool:
    before, after = text[one.start - _EDGES : one.start], text[one.end : one.end + _EDGES]
    return before.isalnum() and after.isalnum() and text[one.start : one.end] != "\u00ad" * (one.end - one.start)


def _overrides(text: str, hits: Sequence[Finding]) -> bool:
    """Overrides turn what is read into something else than what is stored; marks and isolates do not."""
    return any(sign in "\u202d\u202e" for one in hits for sign in text[one.start : one.end])


def spans(found: Sequence[Finding]) -> tuple[tuple[int, int], ...]:
    return tuple((one.start, one.end) for one in found[:MOST_SPANS])
