"""Where the constructs of a Markdown text begin and end that only their end makes harmless: links, images, tags,
addresses, code fences, table rows and PEM blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Construct:
    """Signs `start` to `end` of a text; an `end` of -1 where the text ends before it does. `opener` is the length of
    what opens it."""

    kind: str
    start: int
    end: int
    opener: int


ESCAPED: Mapping[str, str] = MappingProxyType(
    {
        "image": "\\!\\[",
        "link": "\\[",
        "tag": "\\<",
        "address": "hxxp",
        "fence": "\\`\\`\\`",
        "row": "\\|",
        "pem": "[private_key]",
    }
)
"""What stands for the opener of a construct that does not end."""

_OPENERS = r"!\[|\[|<[A-Za-z/!?]|(?i:https?)://|(?m:^)```|(?m:^)\||-----BEGIN [A-Z ]{0,40}PRIVATE KEY"
_KINDS = {"!": "image", "[": "link", "<": "tag", "`": "fence", "|": "row", "-": "pem"}


@cache
def _openers() -> Any:
    import re2

    return re2.compile(_OPENERS)


def constructs(text: str, *, longest: int, closed: bool) -> list[Construct]:
    """Constructs of `text`, outermost only, in reading order; after one that does not end within `longest` signs come
    those that begin inside it. `closed` says that nothing follows `text`. Time is linear in text times `longest`."""
    found: list[Construct] = []
    brackets = _brackets(text)
    nearest = {sign: _Nearest(text, sign) for sign in (">", "\n")}
    at = 0
    for match in _openers().finditer(sound(text)):
        if match.start() < at:
            continue
        kind = _kind(match[0])
        opener = 4 if kind == "address" else 1 if kind == "tag" else match.end() - match.start()
        end = _end(text, kind, match.start(), match.end(), brackets, nearest, closed=closed)
        end = -1 if end - match.start() > longest else end
        found.append(Construct(kind, match.start(), end, opener))
        at = end if end >= 0 else match.start() + opener
    return found


def _kind(opened: str) -> str:
    return _KINDS.get(opened[0], "address")


def sound(text: str) -> str:
    """`text` with a question mark for each lone surrogate, which RE2 cannot read."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _end(
    text: str, kind: str, start: int, opened: int, brackets: Mapping[int, int], nearest: Mapping[str, Any], *,
    closed: bool,
) -> int:  # fmt: skip
    if kind in ("image", "link"):
        return _link_end(text, brackets.get(opened - 1, -1), brackets, closed=closed)
    if kind == "tag":
        found = nearest[">"](start)
        return found + 1 if found >= 0 else -1
    if kind == "row":
        found = nearest["\n"](start)
        return found + 1 if found >= 0 else len(text) if closed else -1
    if kind == "address":
        at = opened
        while at < len(text) and not text[at].isspace():
            at += 1
        return at if at < len(text) or closed else -1
    if kind == "fence":
        found = text.find("\n```", opened)
        return found + 4 if found >= 0 else -1
    found = text.find("-----END", opened)
    last = text.find("-----", found + 8) if found >= 0 else -1
    return last + 5 if last >= 0 else -1


def _link_end(text: str, bracket: int, brackets: Mapping[int, int], *, closed: bool) -> int:
    if bracket < 0:
        return -1
    if bracket + 1 == len(text):
        return len(text) if closed else -1
    if text[bracket + 1] in "([":
        second = brackets.get(bracket + 1, -1)
        return second + 1 if second >= 0 else -1
    return bracket + 1


def _brackets(text: str) -> dict[int, int]:
    """From each opening square or round bracket to the one that closes it, each kind for itself."""
    pairs: dict[int, int] = {}
    for opening, closing in ("[]", "()"):
        open_at: list[int] = []
        at = 0
        while True:
            first, second = text.find(opening, at), text.find(closing, at)
            if second < 0:
                break
            if 0 <= first < second:
                open_at.append(first)
                at = first + 1
            else:
                if open_at:
                    pairs[open_at.pop()] = second
                at = second + 1
    return pairs


class _Nearest:
    """The nearest place of a sign at or after a place; asked in rising order, in linear time altogether."""

    def __init__(self, text: str, sign: str) -> None:
        self._text, self._sign, self._found = text, sign, -2

    def __call__(self, at: int) -> int:
        if self._found == -1:
            return -1
        if self._found < at:
            self._found = self._text.find(self._sign, at)
        return self._found
