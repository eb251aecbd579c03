"""Addresses, code and markup in a sentence: they must stand in what is cited, and nothing of them loads or hides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from assay.text.tokens import words

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_WRAPPING = "<>()[]{}\"'“”„‘’«»*_`~|,;:!?\\"
_CODE = frozenset("{}=_")
_SCHEMES = ("mailto:", "data:", "javascript:", "tel:", "ftp:", "file:")
_LEAST_LABEL = 2


def addresses(text: str) -> Iterator[str]:
    """Every address in the text, in lower case and without what wraps it: with a scheme or without, of mail, or a host
    name with a dot between letters; and every word of code, such as a call of a tool. One pass over the words."""
    for word in text.translate(_SPACED).split():
        bare = word.strip(_WRAPPING).rstrip(".").casefold()
        if _is_address(bare):
            yield bare


_SPACED = str.maketrans(dict.fromkeys('<>()[]"|`', " "))


def _is_address(word: str) -> bool:
    if "//" in word or word.startswith((*_SCHEMES, "www.")):
        return True
    if "@" in word.strip("@") or not _CODE.isdisjoint(word.strip("_=")):
        return True
    labels = word.replace("/", " ").replace("?", " ").split()[:1]
    parts = labels[0].split(".") if labels else []
    if len(parts) < 2 or not parts[-1].isalpha() or len(parts[-1]) < _LEAST_LABEL:
        return False
    # Whatever stands before, the last two labels are what is called; one letter (t.co) is a host only with a path.
    return len(parts[-2]) >= (1 if labels[0] != word else _LEAST_LABEL)


def only_cited_addresses(sentence: str, cited_texts: Sequence[str]) -> bool:
    """True when each address of the sentence stands whole in a cited text: one that is longer by a value, or has
    another host, does not. A number that can be dialled is an address, too: its groups of digits stand there in a row,
    with no words between."""
    found = set(addresses(sentence))
    if found and not found <= {one for cited in cited_texts for one in addresses(cited)}:
        return False
    dialled = [one for one in _number_runs(sentence) if _can_be_dialled(one)]
    held = [one for cited in cited_texts for one in _number_runs(cited)] if dialled else []
    return all(any(_groups(one) in _groups(run) for run in held) for one in dialled)


_DIALLED = frozenset("0123456789+-./()")
_LEAST_DIGITS, _MOST_DIGITS = 7, 15  # ITU-T E.164 allows 15; shorter than 7 is no number that a stranger can be rung on
_LEAST_GROUPED = 9
"""Digits in groups with dashes are a date below this."""


def _number_runs(text: str) -> Iterator[str]:
    """Neighbouring words of digits and of what stands between the digits of a telephone number."""
    run: list[str] = []
    for word in (*text.split(), ""):
        bare = word.strip("\"'“”„‘’«»*_`|,;:!?")
        if any(sign.isdecimal() for sign in bare) and _DIALLED.issuperset(bare):
            run.append(bare)
        elif run:
            yield " ".join(run)
            run = []


def _can_be_dialled(run: str) -> bool:
    digits = sum(sign.isdecimal() for sign in run)
    if not _LEAST_DIGITS <= digits <= _MOST_DIGITS:
        return False
    return run[0] in "+(0" or ("-" in run and digits >= _LEAST_GROUPED)


def _groups(run: str) -> str:
    """The groups of digits, set apart and closed off, so that a part is found only where whole groups match."""
    return f" {' '.join(''.join(sign if sign.isdecimal() else ' ' for sign in run).split())} "


_CALLS = ("tool_call", "function_call", "<function", "<invoke", '"arguments"')
_SOURCES = ("sources:", "source:", "quellen:", "quelle:")


def calls_a_tool(sentence: str) -> bool:
    """True when the sentence has the form in which models call tools, which some clients execute from text."""
    said = sentence.casefold()
    return any(call in said for call in _CALLS)


def names_sources(sentence: str, cited_texts: Sequence[str] = ()) -> bool:
    """True when the sentence looks like the list of sources, which Assay alone writes, or has a mark of a source that
    no cited text has behind the same word."""
    if marks := set(_source_marks(sentence)):
        held = {one for cited in cited_texts for one in _source_marks(cited)}
        anywhere = {mark for _, mark in held}
        if any((before, mark) not in held if before else mark not in anywhere for before, mark in marks):
            return True
    return sentence.lstrip(" *_#>-").casefold().startswith(_SOURCES)


def _source_marks(text: str) -> Iterator[tuple[str, str]]:
    """Each number in brackets, as sources are marked, with the word before it."""
    before, *parts = text.split("[")
    for part in parts:
        mark, closed, rest = part.partition("]")
        if closed and mark.lstrip("^").isdecimal():
            yield "".join(words(before)[-1:]), mark
            before = rest
        else:
            before = part


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark")


_UNCONTROLLED: dict[int, str | None] = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0))) | {
    ord(sign): " " for sign in "\t\n\v\f\r\x85"
}


def shown_plainly(text: str) -> str:
    """The sentence as it may be shown: an image is its description, a link its words and its address, an HTML tag
    nothing, a document's own mark of a source is in parentheses. What is left cannot join with a neighbouring sentence
    to a link, an image or a tag. Control characters, which a terminal obeys, go first."""
    text = text.translate(_UNCONTROLLED)
    if not any(mark in text for mark in "[]<!"):
        return text
    parsed = _parser().parseInline(text)
    children = [child for token in parsed for child in token.children or ()]
    if any(child.type in ("link_open", "image", "html_inline") for child in children):
        text = "".join(_plain(children))
    text = text.replace("![", "! [").replace("](", "] (").replace("]:", "] :")
    return _without_open_tags(_without_marks(text))


def _without_marks(text: str) -> str:
    """Numbers in brackets put in parentheses, so that a document's own notes are not taken for Assay's marks; an index
    behind a name and what stands in code stay."""
    first, *parts = text.split("[")
    shown = [first]
    code, last = first.count("`") % 2, first[-1:]
    for part in parts:
        mark, closed, rest = part.partition("]")
        is_mark = bool(closed) and mark.lstrip("^").isdecimal() and not code and not last.isalnum()
        shown.append(f"({mark}){rest}" if is_mark else f"[{part}")
        code, last = (code + part.count("`")) % 2, part[-1:]
    return "".join(shown)


def _plain(children: Iterable[Token]) -> Iterator[str]:
    href, label = "", ""
    for child in children:
        if child.type == "link_open":
            href, label = str(child.attrGet("href") or ""), ""
            continue
        if child.type == "link_close":
            bare = href.removeprefix("mailto:")
            if href and bare not in label:
                yield f" ({href})"
            href = ""
            continue
        said = _said(child)
        label += said
        yield said


def _said(child: Token) -> str:
    if child.type in ("softbreak", "hardbreak"):
        return " "
    if child.type == "code_inline":
        return f"{child.markup}{child.content}{child.markup}"
    if child.type in ("em_open", "em_close", "strong_open", "strong_close"):
        return child.markup
    return "" if child.type == "html_inline" else child.content


def _without_open_tags(text: str) -> str:
    """A space after each `<` that no `>` closes and that could begin a tag."""
    last = text.rfind(">")
    head, tail = text[: last + 1], text[last + 1 :]
    pieces = tail.split("<")
    return (
        head
        + pieces[0]
        + "".join(f"<{' ' if one[:1].isalpha() or one[:1] in '/!?' else ''}{one}" for one in pieces[1:])
    )
