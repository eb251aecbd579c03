"""HTML: what a visitor reads, with headings, lists, tables and code; scripts, styles and hidden parts are dropped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from assay.adapters.parsers.asides import Asides, html_asides
from assay.adapters.parsers.boilerplate import hidden_texts, is_hidden, remove_boilerplate
from assay.adapters.parsers.copying import TextCopy, decode, one_line
from assay.adapters.parsers.stated import primary_tag, read_stated
from assay.records.documents import BlockKind, Parsed
from assay.records.errors import InputError

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

_DROPPED = frozenset(
    re.findall(
        r"\w+",
        "script style noscript template svg math head iframe object embed canvas audio video nav select textarea "
        "button datalist dialog input",
    )
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset(
    re.findall(
        r"\w+",
        "address article aside blockquote body center dd details div dl dt fieldset figcaption figure footer form "
        "header hr html legend li main ol p section summary ul",
    )
)
_CHARSET = re.compile(rb"""charset\s*=\s*["']?([A-Za-z0-9_-]{3,20})""", re.IGNORECASE)
_LEGACY = re.compile(r"(?:windows|iso|koi8|euc|gb|big|shift)[a-z0-9_-]*|latin1")
"""Character sets that a page may declare; Python knows others that no page needs and that cost dearly."""
_NESTING = re.compile(r"<(/?)(?:div|span|section|article|blockquote|[uo]l|dl|table|font|a|b|i|u|em|strong)\b", re.I)
"""Elements that stay open until they are closed."""
_MAX_DEPTH = 2_000
_SOME_HIDDEN = 40
"""Fewer hidden characters are labels of icons and skip links, which every page has."""
_MAX_BULLET_DEPTH = 6


class HtmlParser:
    """The whole page, or its one `main` element when that holds text, without what stands around every page."""

    recipe = "html.v2"
    media_type = "text/html"

    def parse(self, data: bytes, name: str) -> Iterator[Parsed]:
        text, warnings = decode(_as_utf8(data), name)
        tree = html_tree(text, name)
        copy = TextCopy()
        asides = Asides()
        mains = [node for node in tree.css("main") if node.text(strip=True)]
        root = mains[0] if len(mains) == 1 else tree.body
        if root is not None:
            texts = hidden_texts(root)
            hidden = sum(map(len, texts))
            html_asides(asides, text, tree, texts)
            remove_boilerplate(root)
            write_tree(copy, root)
            if hidden > _SOME_HIDDEN:
                told = f"ingest.hidden_text: {hidden:,} characters that a visitor does not see were left out"
                warnings = (*warnings, told)
        title_node = tree.css_first("head title")
        html = tree.css_first("html")
        stated = read_stated(_meta(tree.css("head meta")), name)
        parsed = copy.parsed(
            title_node.text() if title_node is not None else "",
            language=primary_tag((html.attributes.get("lang") or "") if html is not None else ""),
            metadata=stated.metadata,
            warnings=warnings,
        )
        yield replace(parsed, asides=asides.found)


def html_tree(source: str, name: str) -> LexborHTMLParser:
    """The parsed tree. Raises InputError `ingest.nested_too_deep`: time to parse grows with the square of the depth,
    and no page that people read comes near the limit."""
    from selectolax.lexbor import LexborHTMLParser

    depth = deepest = 0
    for match in _NESTING.finditer(source):
        depth = max(depth - 1, 0) if match.group(1) else depth + 1
        deepest = max(deepest, depth)
    if deepest > _MAX_DEPTH:
        raise InputError(
            "ingest.nested_too_deep",
            f"its elements are nested more than {_MAX_DEPTH:,} deep",
            where=name,
            remedy="close the elements that stay open",
        )
    return LexborHTMLParser(source)


def _as_utf8(data: bytes) -> bytes:
    """Bytes re-coded when the page declares another character set than UTF-8 in its first kilobyte."""
    match = _CHARSET.search(data[:1024])
    charset = match.group(1).decode("ascii").lower() if match else "utf-8"
    if not _LEGACY.fullmatch(charset) or data.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        return data
    try:
        return data.decode(charset).encode("utf-8", errors="replace")
    except (LookupError, UnicodeDecodeError):
        return data


def _meta(nodes: list[LexborNode]) -> dict[str, str]:
    """The modification date that the page states; nothing else in `meta` is taken from an HTML page."""
    names = {"article:modified_time": "modified", "last-modified": "modified", "dcterms.modified": "modified"}
    found: dict[str, str] = {}
    for node in nodes:
        given = node.attributes
        key = (given.get("property") or given.get("name") or given.get("http-equiv") or "").lower()
        if key in names:
            found[names[key]] = given.get("content") or ""
    return found


@dataclass
class _Flow:
    """Running text between two block borders, and the lists it stands in."""

    copy: TextCopy
    words: list[str] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    lists: list[list[int]] = field(default_factory=list)
    """For each open list the next number, 0 for bullets."""
    quotes: int = 0
    bullet: str = ""

    def line_text(self) -> str:
        lines = "".join(self.words).split("\v")
        self.words = []
        return "\n".join(line for raw in lines if (line := " ".join(raw.split())))

    def end_line(self) -> None:
        """End the running text: an item's line inside a list, a paragraph outside."""
        text = self.line_text()
        if not text:
            return
        if self.lists:
            depth = min(len(self.lists) - 1, _MAX_BULLET_DEPTH)
            bullet = self.bullet or "  "
            self.items.append("  " * depth + bullet + text.replace("\n", "\n" + "  " * (depth + 1)))
            self.bullet = ""
        else:
            self.copy.add(BlockKind.QUOTE if self.quotes else BlockKind.PARAGRAPH, text)

    def end_list(self) -> None:
        if self.items:
            self.copy.add(BlockKind.LIST, "\n".join(self.items))
            self.items = []

    def border(self) -> None:
        """End everything that is open, before a heading, table or code listing."""
        self.end_line()
        self.end_list()


def write_tree(copy: TextCopy, root: LexborNode) -> None:
    """Write the readable text under `root` to `copy`, without recursion, so that no depth of nesting can fail."""
    flow = _Flow(copy)
    stack: list[tuple[LexborNode, bool]] = [(root, False)]
    while stack:
        node, leaving = stack.pop()
        if leaving:
            _leave(flow, node.tag or "")
        elif _enter(flow, node):
            stack.append((node, True))
            child = node.last_child
            while child is not None:
                stack.append((child, False))
                child = child.prev
    flow.border()


def _enter(flow: _Flow, node: LexborNode) -> bool:
    """Take up one node; True when its children are to be walked."""
    tag = node.tag or ""
    if node.is_text_node:
        flow.words.append((node.text_content or "").replace("\v", " "))
        return False
    if not node.is_element_node or tag in _DROPPED or is_hidden(node):
        return False
    if tag in _HEADINGS:
        flow.border()
        flow.copy.heading(visible_text(node), _HEADINGS[tag])
        return False
    if tag == "table":
        flow.border()
        return _write_table(flow.copy, node)
    if tag == "pre":
        flow.border()
        flow.copy.add(BlockKind.CODE, visible_text(node))
        return False
    _open(flow, node, tag)
    return True


def _open(flow: _Flow, node: LexborNode, tag: str) -> None:
    if tag == "br":
        flow.words.append("\v")
    if tag in _BLOCKS:
        flow.end_line()
    if tag in {"ul", "ol"}:
        start = node.attributes.get("start") or "1"
        flow.lists.append([int(start) if tag == "ol" and start.isdecimal() and len(start) < 7 else tag == "ol"])
    elif tag == "li" and flow.lists:
        number = flow.lists[-1][0]
        flow.bullet = f"{number}. " if number else "- "
        flow.lists[-1][0] = number + 1 if number else 0
    elif tag == "blockquote":
        flow.quotes += 1


def _leave(flow: _Flow, tag: str) -> None:
    if tag in _BLOCKS:
        flow.end_line()
    if tag in {"td", "th"}:
        flow.words.append(" ")
    if tag in {"ul", "ol"} and flow.lists:
        flow.lists.pop()
        if not flow.lists:
            flow.end_list()
    elif tag == "blockquote":
        flow.quotes -= 1


def visible_text(node: LexborNode) -> str:
    """The text under a node as it stands, line breaks kept, hidden parts dropped."""
    parts: list[str] = []
    stack = [node]
    while stack:
        current = stack.pop()
        if current.is_text_node:
            parts.append(current.text_content or "")
        elif current.is_element_node and (current.tag or "") not in _DROPPED and not is_hidden(current):
            parts.append("\n" if current.tag == "br" else "")
            child = current.last_child
            while child is not None:
                stack.append(child)
                child = child.prev
    return "".join(parts)


def _write_table(copy: TextCopy, table: LexborNode) -> bool:
    """Write a table of data and return False; True for a table that only lays out other blocks, to be walked."""
    if table.css_first("table table, h1, h2, h3, h4, pre, ul, ol") is not None and table.css_first("th") is None:
        return True
    caption = table.css_first("caption")
    if caption is not None:
        copy.add(BlockKind.PARAGRAPH, one_line(visible_text(caption)))
    rows = [
        [visible_text(cell) for cell in row.iter() if cell.tag in {"td", "th"}]
        for row in table.css("tr")
        if not is_hidden(row)
    ]
    copy.table(rows)
    return False
