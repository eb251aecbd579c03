"""Addresses as they stand on letters: a street with its number, a unit, a place, a code, over several lines.

Rules find a street or a unit by its own shape; what belongs to it has none. From such an anchor the block grows over
numbers and words in capitals, to the left up to the start of the address and to the right up to its code. Each anchor
looks at a bounded stretch of text, so that time stays linear.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from assay.records.findings import Basis, Finding

RULE = "address"
SCORE = 0.75
"""Above that of the rules for a street alone, which stand inside blocks."""
_REACH = 160
"""Characters that are looked at on either side of an anchor."""
_MOST_WORDS = 9
_UNIT = (
    r"(?i:\b(?:apt|apartment|suite|ste|unit|flat|floor|room|bldg)\b\.?) ?#?[0-9]{1,5}[A-Za-z]?\b(?: Box [0-9]{1,6})?"
)
_CORNER = r"(?i:\bthe corner of )"
_TOLD = (
    r"(?i:\b(?:address(?: (?:is|to|to the same))?:?|(?:lives?|living|stay(?:s|ing)?|resid(?:es?|ing)|located) (?:at|on)"
    r"|moved? to|taxi to|return(?:ed)? to|(?:ship|deliver|send|sent|mail)(?:ped|ed)?(?: it)? to|meet me at"
    r"|office (?:is )?at|a new one to)) ?"
)
_PARTICLES = frozenset(
    (  # noqa: SIM905
        "de da do das dos del della delle dei di du des la le les el los las van von der den het of the y i e und et al"
        " ul and st av bd c/ rue via calle rua avenue chemin na nad pod po box psc postbox"
    ).split()
)


@lru_cache(maxsize=1)
def _patterns() -> tuple[Any, Any]:
    import re2

    return re2.compile(_UNIT), re2.compile(f"{_CORNER}|{_TOLD}")


def with_blocks(text: str, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings, with a whole block in the place of each address, unit or told address that stands in one.

    Offsets are code points; blocks do not overlap each other, other findings stay as they are.
    """
    blocks: list[tuple[int, int]] = []
    for start, end in sorted(_anchors(text, findings)):
        floor = blocks[-1][1] if blocks else 0
        if end <= floor:
            continue
        left, right = _left(text, max(start, floor), floor), _right(text, end)
        if blocks and not text[floor:left].strip(" \n,"):  # the next part of the same address
            left = blocks.pop()[0]
        blocks.append((left, right))
    within = [one for one in findings if one.rule_id != RULE or not any(a <= one.start < b for a, b in blocks)]
    return (*within, *(Finding(RULE, start, end, 1, SCORE, Basis.CONTEXT) for start, end in blocks))


def _anchors(text: str, findings: Sequence[Finding]) -> Iterator[tuple[int, int]]:
    unit, opening = _patterns()
    for one in findings:
        if one.rule_id == RULE:
            yield one.start, one.end
    for found in unit.finditer(text):
        if _left(text, found.start(), 0) < found.start():  # a unit alone says nothing: "unit 5 of the course"
            yield found.span()
    for found in opening.finditer(text):
        end = _right(text, found.end(), begun=False)
        told = text[found.end() : end]
        if any(sign.isdigit() for sign in told) or (" and " in told and found.group().lower().startswith("the corner")):
            yield found.end(), end


def _words(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Words between blanks, with their offsets."""
    found, at = [], start
    while at < end:
        if text[at].isspace():
            at += 1
            continue
        begun = at
        while at < end and not text[at].isspace():
            at += 1
        found.append((begun, at))
    return found


def _right(text: str, start: int, *, begun: bool = True) -> int:
    """Where the block ends that has been read up to `start`: after a code, or before what is no name or number.

    On the anchor's own line a comma must come before the first word, else the next sentence would belong to it.
    """
    end = last = start
    fresh = not begun  # after a comma or a new line a place may follow
    for count, (a, b) in enumerate(_words(text, start, min(len(text), start + _REACH))):
        between = text[last:a]
        if between.count("\n") > 2 or count > _MOST_WORDS:
            break
        fresh = fresh or "\n" in between
        word, closes = _bare(text[a:b])
        if not word:
            if set(text[a:b]) - set(",>?|*-"):
                break
            fresh, last = fresh or "," in text[a:b], b
            continue
        if a == start and begun and text[a] in ",;":
            fresh = True
        if not fresh or not _belongs(word) or text[a:b].endswith(":"):  # "Mobile:" begins another line of a letter
            break
        shift = text[a:b].index(word)
        end = a + shift + len(word)
        last = b
        if closes or (_is_code(word) and (begun or text[b - 1] == ".") and text[end : end + 1] != "\n"):
            break
        fresh = True
    return _trimmed(text, start, end)


def _left(text: str, start: int, floor: int) -> int:
    """Where the block begins that stands before `start`: at its first number, over words in capitals and lines."""
    low = max(floor, start - _REACH)
    begin, right = start, start
    for count, (a, b) in enumerate(reversed(_words(text, low, start))):
        between = text[b:right]
        right = a
        if between.count("\n") > 1 or count > _MOST_WORDS:
            break
        word, closes = _bare(text[a:b])
        if not word:
            if set(text[a:b]) - set(",>?|*"):
                break
            continue
        if (closes and text[b - 1] in ":?!;") or not _belongs(word):
            break
        if word[0].isdigit():
            begin = a + text[a:b].index(word)
            if "\n" in text[max(0, a - 4) : a]:
                break
    return begin


def _trimmed(text: str, start: int, end: int) -> int:
    """Without a particle at the end: "in" and "the" belong to the next sentence."""
    while end > start:
        words = text[start:end].rsplit(None, 1)
        last = words[-1] if words else ""
        if last.lower() not in _PARTICLES or not last.islower():
            return end
        end = start + len(text[start:end].removesuffix(last).rstrip(" \n,"))
    return end


def _bare(token: str) -> tuple[str, bool]:
    """The word in a token without signs around it, and whether a sign that ends a sentence follows it."""
    word = token.strip(",;:>|*()\"'?!").rstrip(".")
    return word, bool(word) and token[-1] in "?!:;." and not _abbreviation(token)


def _abbreviation(token: str) -> bool:
    bare = token.strip(",;>|*()\"'")
    return bare.endswith(".") and (len(bare) <= 5 or bare[:-1].isdigit())


def _belongs(word: str) -> bool:
    """A number, a name in capitals, or a word that stands inside names of streets."""
    if word[0].isdigit():
        return sum(sign.isdigit() for sign in word) <= 9
    return word[0].isupper() or word.lower().rstrip(".") in _PARTICLES


def _is_code(word: str) -> bool:
    digits = sum(sign.isdigit() for sign in word)
    return word[0].isdigit() and 4 <= digits <= 9
