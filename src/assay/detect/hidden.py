"""Characters that a reader does not see and a model does: zero width, direction overrides, tags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from assay.records.findings import Finding

# https://www.unicode.org/reports/tr36/ and https://www.unicode.org/reports/tr9/ for what these characters are.
_HIDDEN = {
    "hidden.zero_width": "\u00ad\u034f\u180e\u200b-\u200d\u2060-\u2064\ufeff",
    "hidden.bidi": "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069",
    "hidden.tag": "\U000e0001\U000e0020-\U000e007f",
}
CHARACTERS = "".join(_HIDDEN.values())
"""All of them, as the inside of a character class."""
_JOINERS = "\u200c\u200d"
_BLACK_FLAG = "\U0001f3f4"
_END_OF_TAGS = "\U000e007f"
_LONGEST_FLAG = 7


@cache
def _runs(characters: str) -> Any:
    import re2

    return re2.compile(f"[{characters}]+")


@cache
def _any() -> Any:
    import re2

    return re2.compile(f"[{CHARACTERS}]")


def shows(text: str) -> bool:
    """Whether there is a hidden character in a text at all; for texts without one this is what looking costs."""
    return not text.isascii() and _any().search(text.encode("utf-8", "replace")) is not None


def find(text: str) -> tuple[Finding, ...]:
    """Runs of hidden characters in reading order.

    What writing needs is left alone: joiners that no ASCII letter or digit touches (Persian, Indic scripts, composed
    emoji), a byte order mark at the start, direction marks beside right-to-left letters, the tags of a flag.
    """
    if not shows(text):
        return ()
    sound = text.encode("utf-8", "replace").decode("utf-8")
    found = [
        Finding(rule, match.start(), match.end())
        for rule, characters in _HIDDEN.items()
        for match in _runs(characters).finditer(sound)
        if not _needed(rule, sound, match.start(), match.end())
    ]
    return tuple(sorted(found, key=lambda one: one.start))


def without(text: str, findings: Iterable[Finding]) -> str:
    """`text` without what was found."""
    return "".join(_kept(text, findings))


def _kept(text: str, findings: Iterable[Finding]) -> Iterator[str]:
    at = 0
    for finding in findings:
        yield text[at : finding.start]
        at = finding.end
    yield text[at:]


def _needed(rule: str, text: str, start: int, end: int) -> bool:
    run, before, after = text[start:end], text[start - 1 : start], text[end : end + 1]
    if rule == "hidden.tag":
        return before == _BLACK_FLAG and len(run) <= _LONGEST_FLAG and run.endswith(_END_OF_TAGS)
    if rule == "hidden.bidi":
        return len(run) == 1 and run in "\u061c\u200e\u200f" and (_right_to_left(before) or _right_to_left(after))
    if run == "\ufeff":
        return start == 0
    ascii_touches = any(side.isascii() and side.isalnum() for side in (before, after))
    return len(run) == 1 and run in _JOINERS and bool(before and after) and not ascii_touches


def _right_to_left(sign: str) -> bool:
    """Hebrew, Arabic and their neighbours in the basic plane."""
    return "\u0590" <= sign <= "\u08ff" or "\ufb1d" <= sign <= "\ufeff"
