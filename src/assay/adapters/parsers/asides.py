"""What a source says where no reader looks: gathered within limits for the checks at ingestion, and kept nowhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assay.adapters.parsers.boilerplate import styled_away
from assay.adapters.parsers.copying import one_line
from assay.records.documents import Aside

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser

MOST_ASIDES = 2_000
MOST_CHARS = 200_000
LONGEST = 20_000
_LEAST = 12
"""Shorter ones cannot say anything."""
_SPOKEN = ("alt", "title", "aria-label", "aria-description", "placeholder", "data-prompt", "summary", "content")


@dataclass
class Asides:
    """Gathers asides up to `MOST_ASIDES` of them and `MOST_CHARS` characters; what is beyond is not examined."""

    _found: list[Aside] = field(default_factory=list)
    _chars: int = 0

    def add(self, place: str, text: str, *, shown: bool = False) -> None:
        text = one_line(text[:LONGEST])
        if len(text) < _LEAST or len(self._found) >= MOST_ASIDES or self._chars >= MOST_CHARS:
            return
        self._found.append(Aside(place, text, shown))
        self._chars += len(text)

    @property
    def found(self) -> tuple[Aside, ...]:
        return tuple(self._found)


def html_asides(asides: Asides, source: str, tree: LexborHTMLParser, hidden: list[str]) -> None:
    """Hidden elements, what a style sheet of the page hides, comments, and attributes that say something.

    To be called before anything is taken out of the tree.
    """
    for text in hidden:
        asides.add("html.hidden", text)
    for selector in styled_away(source):
        for node in tree.css(selector):
            asides.add("html.style", node.text(), shown=True)
    for text in comments(source):
        asides.add("html.comment", text)
    for node in tree.css(",".join(f"[{name}]" for name in _SPOKEN)):
        given = node.attributes
        for name in _SPOKEN:
            asides.add("html.attribute", given.get(name) or "")


def comments(source: str) -> list[str]:
    """The texts of `<!-- … -->` in order; one that is not closed reaches to the end. Linear."""
    found: list[str] = []
    at = source.find("<!--")
    while at >= 0:
        end = source.find("-->", at + 4)
        found.append(source[at + 4 :] if end < 0 else source[at + 4 : end])
        at = -1 if end < 0 else source.find("<!--", end + 3)
    return found
