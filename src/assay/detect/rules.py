"""What a rule is: a shape, what must hold for it, the words that speak for it, and examples of both kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from assay.records.findings import Basis

Check = Callable[[str], bool]
"""Whether what a shape matched is real: check digits, a date, a list."""
Extent = Callable[[bytes, int, int], tuple[int, int] | None]
"""From UTF-8 bytes and what the shape matched in them, what is to be reported; None where it is nothing after all."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of thing that can be found.

    `shape` is RE2 over UTF-8 bytes and begins where a candidate begins; its first group, where it has one, is what is
    reported. `starts` is a coarser pattern that begins wherever `shape` does and finds candidates; rules that share one
    share its cost. `reach` is the rule's budget: the most bytes that one candidate makes it read. `compact` takes the
    separators out of the value before `check`. Where `check` fails there is no finding; where `proof` holds, it is a
    checked one.

    `context` names groups of words (see `detect.context`). A rule that `needs` context reports nothing without a word
    of them near it; for another one they raise the score; `follows`
    lets a word count that stands after it. A link or a private key is found `whole`: what lies inside it
    is not reported beside it. In examples `«` and `»` stand round what is to be found.
    """

    rule_id: str
    kind: str
    shape: str
    score: float
    found: tuple[str, ...]
    passed: tuple[str, ...]
    version: int = 1
    starts: str = ""
    at_word: bool = True
    reach: int = 64
    check: Check | None = None
    basis: Basis = Basis.SHAPE
    proof: Check | None = None
    extent: Extent | None = None
    compact: bool = False
    context: tuple[str, ...] = ()
    needs: bool = False
    follows: bool = False
    whole: bool = False

    @property
    def begins(self) -> str:
        """The pattern by which candidates are found."""
        return (r"\b" if self.at_word else "") + f"(?:{self.starts or self.shape})"


def unmarked(example: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """An example without its marks, and the spans that they stood round."""
    text, spans, start = "", [], 0
    for sign in example:
        if sign == "«":
            start = len(text)
        elif sign == "»":
            spans.append((start, len(text)))
        else:
            text += sign
    return text, tuple(spans)


_SEPARATORS = {ord(sign): None for sign in " -./()_\u00a0\u2011"}


def compacted(value: str) -> str:
    """A number in capitals, without what people put between its parts."""
    return value.upper().translate(_SEPARATORS)
