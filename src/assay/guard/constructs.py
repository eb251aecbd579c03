"""Where the constructs of a Markdown text begin and end that only their end makes harmless: links, images, tags,
addresses, code fences, table rows and PEM blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType


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

_TAG_SIGNS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz/!?")
_PEM = "-----BEGIN "
_PEM_LABEL = 64


def constructs(text: str, *, longest: int, closed: bool) -> list[Construct]:
    """Constructs of `text`, outermost only, in reading order; after one that does not end within `longest` signs come
    those that begin inside it. `closed` says that nothing follows `text`."""
    found: list[Construct] = []
    brackets = _brackets(text)
    nearest = {sign: _Nearest(text, sign) for sign in (">", "\n", " ")}
    at = 0
    for kind, start, opened in _openers(text):
        if start < at:
            continue
        opener = 4 if kind == "address" else 1 if kind == "tag" else opened - start
        end = _end(text, kind, start, opened, brackets, nearest, closed=closed)
        end = -1 if end - start > longest else end
        found.append(Construct(kind, start, end, opener))
        at = end if end >= 0 else start + opener
    return found


def _openers(text: str) -> Iterator[tuple[str, int, int]]:
    """Kind, start and end of everything that opens a construct, in reading order."""
    following = [find(text, 0) for find in _FINDERS]
    while any(one is not None for one in following):
        number, (kind, start, end) = min(
            ((n, one) for n, one in enumerate(following) if one is not None), key=lambda pair: (pair[1][1], -pair[1][2])
        )
        yield kind, start, end
        following[number] = _FINDERS[number](text, end)


Opener = tuple[str, int, int] | None


def _bracket(text: str, at: int) -> Opener:
    found = text.find("[", at)
    if found < 0:
        return None
    return ("image", found - 1, found + 1) if found > at and text[found - 1] == "!" else ("link", found, found + 1)


def _tag(text: str, at: int) -> Opener:
    while (found := text.find("<", at)) >= 0:
        if text[found + 1 : found + 2] in _TAG_SIGNS:
            return "tag", found, found + 2
        at = found + 1
    return None


def _address(text: str, at: int) -> Opener:
    search = at
    while (found := text.find("://", search)) >= 0:
        for scheme in ("https", "http"):
            start = found - len(scheme)
            if start >= at and text[start:found].lower() == scheme:
                return "address", start, found + 3
        search = found + 3
    return None


def _at_line(kind: str, sign: str) -> Callable[[str, int], Opener]:
    def find(text: str, at: int) -> Opener:
        while (found := text.find(sign, at)) >= 0:
            if found == 0 or text[found - 1] == "\n":
                return kind, found, found + len(sign)
            at = found + 1
        return None

    return find


def _pem(text: str, at: int) -> Opener:
    while (found := text.find(_PEM, at)) >= 0:
        label = text[found + len(_PEM) : found + len(_PEM) + _PEM_LABEL]
        place = label.find("PRIVATE KEY")
        if place >= 0 and "\n" not in label[:place]:
            return "pem", found, found + len(_PEM) + place + len("PRIVATE KEY")
        at = found + 1
    return None


_FINDERS: tuple[Callable[[str, int], Opener], ...] = (
    _bracket, _tag, _address, _at_line("fence", "```"), _at_line("row", "|"), _pem,
)  # fmt: skip


def _end(
    text: str, kind: str, start: int, opened: int, brackets: Mapping[int, int], nearest: Mapping[str, _Nearest], *,
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
        at = nearest[" "](opened)
        return at if at >= 0 else len(text) if closed else -1
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
    """The nearest place of a sign at or after a place, a blank standing for all white space. Asked in rising order, in
    linear time altogether."""

    def __init__(self, text: str, sign: str) -> None:
        self._text, self._sign, self._found = text, sign, -2

    def __call__(self, at: int) -> int:
        if self._found == -1:
            return -1
        if self._found < at:
            self._found = _space(self._text, at) if self._sign == " " else self._text.find(self._sign, at)
        return self._found


def _space(text: str, at: int) -> int:
    return next((place for place in range(at, len(text)) if text[place].isspace()), -1)
