"""Addresses, code and markup in a sentence: they must stand in what is cited, and nothing of them loads or hides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

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
    return len(parts) > 1 and all(len(part) >= _LEAST_LABEL for part in parts) and parts[-1].isalpha()


def only_cited_addresses(sentence: str, cited_texts: Sequence[str]) -> bool:
    """True when each address of the sentence stands whole in a cited text: one that is longer by a value, or has
    another host, does not."""
    found = set(addresses(sentence))
    return not found or found <= {one for cited in cited_texts for one in addresses(cited)}


_CALLS = ("tool_call", "function_call", "<function", "<invoke", '"arguments"')
_SOURCES = ("sources:", "source:", "quellen:", "quelle:")


def calls_a_tool(sentence: str) -> bool:
    """True when the sentence has the form in which models call tools, which some clients execute from text."""
    said = sentence.casefold()
    return any(call in said for call in _CALLS)


def names_sources(sentence: str, cited_texts: Sequence[str] = ()) -> bool:
    """True when the sentence looks like the list of sources, which Assay alone writes, or has a mark of a source that
    no cited text has."""
    marks = (part.partition("]")[0] for part in sentence.split("[")[1:])
    if any(mark.lstrip("^").isdecimal() and not any(f"[{mark}]" in cited for cited in cited_texts) for mark in marks):
        return True
    return sentence.lstrip(" *_#>-").casefold().startswith(_SOURCES)


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark")


def shown_plainly(text: str) -> str:
    """The sentence as it may be shown: an image is its description, a link its words and its address, an HTML tag
    nothing. What is left cannot join with a neighbouring sentence to a link, an image or a tag."""
    if not any(mark in text for mark in "[]<!"):
        return text
    parsed = _parser().parseInline(text)
    children = [child for token in parsed for child in token.children or ()]
    if any(child.type in ("link_open", "image", "html_inline") for child in children):
        text = "".join(_plain(children))
    text = text.replace("![", "! [").replace("](", "] (").replace("]:", "] :")
    return _without_open_tags(text)


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
