"""What of a web page is its text: hidden parts, and what stands around the text of every page, are told from it.

Removing too much loses answers, removing too little only adds noise: an element goes when its own markup says what it
is (its role, its element, its class), or when it is a list of links, and never when half of the page's text would go
with it. Features after Kohlschütter, Fankhauser and Nejdl, "Boilerplate detection using shallow text features", 2010.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

MOST_REMOVED = 0.5
_ROLES = frozenset({"navigation", "banner", "contentinfo", "complementary", "search", "menu", "menubar", "dialog"})
_AROUND = re.compile(
    r"(?:^|[\s_-])(?:nav(?:bar|igation)?|menu|breadcrumbs?|sidebar|cookie|cookies|consent|gdpr|share|sharing|social|"
    r"newsletter|subscribe|advert|advertisement|ads|promo|related|skip-?link|pagination|masthead|"
    r"site-?(?:header|footer)|page-?(?:header|footer)|footer|toc|table-of-contents)(?:$|[\s_-])",
    re.IGNORECASE,
)
_CANDIDATES = "header, footer, aside, [role], [class], [id]"
_OUTER = frozenset({"header", "footer", "aside"})
_KEPT = frozenset({"html", "body", "main", "article", "h1", "h2", "h3", "h4", "h5", "h6", "p", "pre", "code", "table"})
_TEXTUAL = "article, p, pre, table, h1, h2"
_CONTENT = "p, pre, table, ul, ol, h1, h2, h3, img, code"
_LINKS = 4
_LINK_SHARE = 0.75
_SHORT_LINK = 30
_BARS = re.compile(r"[|·•»›]")
_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|opacity\s*:\s*0?(?:\.0+)?(?![\d.])|"
    r"font-size\s*:\s*0?\.?0+(?:px|pt|em|rem|%)?\s*(?:;|!|$)|(?:left|top|right|text-indent)\s*:\s*-\d{3,}|"
    r"(?:max-)?(?:width|height)\s*:\s*0(?:px)?\s*;[^}]*overflow\s*:\s*hidden|"
    r"clip(?:-path)?\s*:\s*(?:rect\(\s*0|inset\(\s*(?:50|100)%)|transform\s*:\s*scale\(\s*0\s*\)",
    re.IGNORECASE,
)
_SHEET = re.compile(r"<style\b[^>]{0,400}>([^<]{0,100000})", re.IGNORECASE)
_RULE = re.compile(r"([^{}]{1,400})\{([^{}]{1,2000})\}")
_SIMPLE = re.compile(r"[.#][\w-]{1,80}")
_COLOUR = re.compile(r"(?:^|;|\s)(background(?:-color)?|color)\s*:\s*([^;!]+)", re.IGNORECASE)
_WHITE = frozenset({"white", "#fff", "#ffffff", "rgb(255,255,255)", "transparent"})


def is_hidden(node: LexborNode) -> bool:
    """True for what a visitor does not see, as far as the element itself says: a place where instructions to models
    are hidden. Style sheets are not read."""
    given = node.attributes
    if "hidden" in given or given.get("aria-hidden") == "true":
        return True
    style = given.get("style") or ""
    return bool(style) and (bool(_HIDDEN_STYLE.search(style)) or _same_colour(style))


def _same_colour(style: str) -> bool:
    """Text in the colour of its background: of the element's own, or white where it names none."""
    named = {key.lower()[:10]: "".join(value.lower().split()) for key, value in _COLOUR.findall(style)}
    text, ground = named.get("color"), named.get("background")
    if text is None:
        return False
    return text == ground or (ground is None and text in _WHITE) or text == "transparent"


def hidden_texts(root: LexborNode) -> list[str]:
    """What stands in hidden elements, the outermost of each taken once, in no order."""
    found: list[str] = []
    stack = [root]
    while stack:
        node = stack.pop()
        if not node.is_element_node or node.tag in {"script", "style", "template", "noscript", "svg"}:
            continue
        if node is not root and is_hidden(node):
            found.append(node.text(strip=True))
            continue
        child = node.last_child
        while child is not None:
            stack.append(child)
            child = child.prev
    return found


def styled_away(source: str) -> list[str]:
    """Simple selectors (`.name`, `#name`) that a style sheet in the page hides, the first hundred."""
    found = [
        selector.strip()
        for sheet in _SHEET.findall(source)
        for selectors, body in _RULE.findall(sheet)
        if _HIDDEN_STYLE.search(body) or _same_colour(body)
        for selector in selectors.split(",")
    ]
    return [selector for selector in dict.fromkeys(found) if _SIMPLE.fullmatch(selector)][:100]


def remove_boilerplate(root: LexborNode) -> None:
    """Take out of the tree what stands around every page of a site; nothing when that would be most of the text."""
    whole = _length(root)
    if not whole:
        return
    found = [node for node in root.css(_CANDIDATES) if node is not root and _is_around(node)]
    found += [node for node in root.css("div, p") if _is_link_line(node)]
    outermost = _outermost(found)
    while outermost and sum(_length(node) for node in outermost) > MOST_REMOVED * whole:
        outermost.remove(max(outermost, key=_length))
    for node in outermost:
        node.decompose()


def _is_around(node: LexborNode) -> bool:
    tag = node.tag or ""
    if tag in _KEPT:
        return False
    given = node.attributes
    if (given.get("role") or "").lower() in _ROLES:
        return True
    inside = node.css_first(_TEXTUAL)
    if tag in _OUTER:
        return not _inside_article(node) and not (tag == "header" and node.css_first("h1") is not None)
    named = bool(_AROUND.search(given.get("class") or "") or _AROUND.search(given.get("id") or ""))
    return named and (inside is None or _link_share(node) > _LINK_SHARE / 2)


def _inside_article(node: LexborNode) -> bool:
    parent = node.parent
    while parent is not None and parent.is_element_node:
        if parent.tag in {"article", "main", "section", "blockquote"}:
            return True
        parent = parent.parent
    return False


def _is_link_line(node: LexborNode) -> bool:
    """Short links to other pages in a row, with bars or bullets between them and next to nothing else."""
    links = [link for link in node.css("a") if not (link.attributes.get("href") or "").startswith("#")]
    # The search begins with the node itself.
    if len(links) < _LINKS or any(one.mem_id != node.mem_id for one in node.css(_CONTENT)):
        return False
    short = sum(_length(link) for link in links) / len(links) < _SHORT_LINK
    return short and _link_share(node) > _LINK_SHARE and len(_BARS.findall(node.text())) >= len(links) - 1


def _link_share(node: LexborNode) -> float:
    whole = _length(node)
    return sum(_length(link) for link in node.css("a")) / whole if whole else 1.0


def _length(node: LexborNode) -> int:
    return len(node.text(strip=True))


def _outermost(nodes: list[LexborNode]) -> list[LexborNode]:
    """Those that stand in no other of them, each once."""
    by_id = {node.mem_id: node for node in nodes}
    kept: list[LexborNode] = []
    for node in by_id.values():
        parent = node.parent
        while parent is not None and parent.mem_id not in by_id:
            parent = parent.parent
        if parent is None:
            kept.append(node)
    return kept
