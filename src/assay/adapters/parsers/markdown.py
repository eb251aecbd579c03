"""Markdown as a reader sees it: markup goes, headings, list lines, table rows and code stay."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from assay.adapters.parsers.asides import Asides, comments, html_asides
from assay.adapters.parsers.boilerplate import hidden_texts
from assay.adapters.parsers.copying import TextCopy, decode, one_line
from assay.adapters.parsers.front_matter import split_front_matter
from assay.adapters.parsers.html import html_tree, write_tree
from assay.adapters.parsers.stated import read_stated
from assay.records.documents import BlockKind, Parsed

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_TEMPLATE_TAG = re.compile(r"<%.*?%>", re.DOTALL)
_TEMPLATE_LINK = re.compile(r"\]\(\s*\{[{%][^{}]{0,200}[%}]\}")
"""A link address that a site generator fills in; with spaces inside, Markdown takes it for no link."""
_SPACES = re.compile(r"[ \t]{2,}")
_HEADING_ID = re.compile(r"\s*\{#[\w.:-]+\}\s*$")
_LINE_BREAK_TAG = re.compile(r"<br\s*/?>", re.IGNORECASE)
_MAX_BULLET_DEPTH = 6


class MarkdownParser:
    """CommonMark with tables and YAML front matter; raw HTML inside is read by the HTML parser's rules.

    Link addresses, emphasis marks and comments are dropped; `~~struck~~` text keeps its tildes, so that a quotation
    does not state what its author took back.
    """

    recipe = "markdown.v1"
    media_type = "text/markdown"

    def parse(self, data: bytes, name: str) -> Iterator[Parsed]:
        text, warnings = decode(data, name)
        fields, body, more = split_front_matter(text, name)
        stated = read_stated(fields, name)
        if name.endswith(".erb"):
            body = _TEMPLATE_TAG.sub("", body)
        copy = TextCopy()
        asides = Asides()
        for text in comments(body):
            asides.add("markdown.comment", text)
        write_markdown(copy, _TEMPLATE_LINK.sub("](", body), name, asides)
        parsed = copy.parsed(stated.title, language=stated.language, metadata=stated.metadata, warnings=warnings + more)
        yield Parsed(
            parsed.text,
            parsed.blocks,
            parsed.title,
            language=parsed.language,
            access=stated.access,
            metadata=parsed.metadata,
            warnings=parsed.warnings,
            asides=asides.found,
        )


@lru_cache(maxsize=1)
def _reader() -> MarkdownIt:
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark").enable("table")
    # Addresses are dropped, so none is worth the time that their normalisation takes (a tenth of the whole parse).
    vars(reader).update(normalizeLink=str, validateLink=lambda _: True)
    return reader


def write_markdown(copy: TextCopy, body: str, name: str = "", asides: Asides | None = None) -> None:
    """Write the readable text of Markdown `body` to `copy`, and what a reader does not see of it to `asides`."""
    page = _Page(copy, name, asides if asides is not None else Asides())
    links: dict[str, Any] = {}
    for token in _reader().parse(body, links):
        page.take(token)
    page.end_list()
    for target in links.get("references", {}).values():
        page.asides.add("markdown.attribute", target.get("title") or "")


@dataclass
class _Page:
    """The walk over markdown-it's flat token list."""

    copy: TextCopy
    name: str
    asides: Asides
    heading: int = 0
    quotes: int = 0
    lists: list[list[int]] = field(default_factory=list)
    """For each open list the next number, 0 for bullets."""
    items: list[str] = field(default_factory=list)
    bullet: str = ""
    rows: list[list[str]] | None = None

    def take(self, token: Token) -> None:
        match token.type:
            case "inline":
                self.inline(token)
            case "heading_open":
                self.end_list()
                self.heading = int(token.tag[1])
            case "heading_close":
                self.heading = 0
            case "bullet_list_open":
                self.lists.append([0])
            case "ordered_list_open":
                self.lists.append([int(token.attrs.get("start", 1)) or 1])
            case "list_item_open":
                number = self.lists[-1][0]
                self.bullet = f"{number}. " if number else "- "
                self.lists[-1][0] = number + 1 if number else 0
            case "bullet_list_close" | "ordered_list_close":
                self.lists.pop()
                if not self.lists:
                    self.end_list()
            case "blockquote_open" | "blockquote_close":
                self.end_list()
                self.quotes += 1 if token.nesting > 0 else -1
            case "fence" | "code_block":
                self.end_list()
                self.copy.add(BlockKind.CODE, token.content)
            case "html_block":
                self.html(token.content)
            case "table_open":
                self.end_list()
                self.rows = []
            case "tr_open" if self.rows is not None:
                self.rows.append([])
            case "table_close" if self.rows is not None:
                self.copy.table(self.rows)
                self.rows = None

    def inline(self, token: Token) -> None:
        for child in token.children or ():
            if child.attrs and "title" in child.attrs:
                self.asides.add("markdown.attribute", str(child.attrs["title"]))
        text = inline_text(token.children or ())
        if self.rows is not None:
            if self.rows:
                self.rows[-1].append(text)
        elif self.heading:
            self.copy.heading(_HEADING_ID.sub("", one_line(text)), self.heading)
        elif self.lists:
            self.item(text)
        else:
            self.copy.add(BlockKind.QUOTE if self.quotes else BlockKind.PARAGRAPH, text)

    def item(self, text: str) -> None:
        """One paragraph of a list item: its first carries the bullet, others are indented below it."""
        if not text.strip():
            return
        indent = "  " * min(len(self.lists) - 1, _MAX_BULLET_DEPTH)
        bullet = self.bullet or "  "
        self.items.append(indent + bullet + text.strip().replace("\n", "\n" + indent + "  "))
        self.bullet = ""

    def end_list(self) -> None:
        if self.items:
            self.copy.add(BlockKind.QUOTE if self.quotes else BlockKind.LIST, "\n".join(self.items))
            self.items = []

    def html(self, source: str) -> None:
        if source.lstrip().startswith("<!--") and source.rstrip().endswith("-->"):
            return
        self.end_list()
        tree = html_tree(source, self.name)
        body = tree.body
        if body is not None:
            html_asides(self.asides, "", tree, hidden_texts(body))
            write_tree(self.copy, body)


def inline_text(children: Sequence[Token]) -> str:
    """The words of one paragraph: link texts without addresses, code without back-ticks, images by their alt text."""
    parts: list[str] = []
    for token in children:
        if token.type in {"text", "code_inline"}:
            parts.append(token.content)
        elif token.type == "image":
            parts.append(inline_text(token.children or ()))
        elif token.type == "softbreak":
            parts.append(" ")
        elif token.type == "hardbreak" or (token.type == "html_inline" and _LINE_BREAK_TAG.fullmatch(token.content)):
            parts.append("\n")
    return _SPACES.sub(" ", "".join(parts))
