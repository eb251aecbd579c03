"""Small pieces of SVG and HTML: escaped elements, numbers, tick marks, and a figure with its data table.

No inline style and no script, so that a page under a strict content security policy can show a plot. Marks are drawn in
`currentColor` and told apart by shape and dash; classes only add colour.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from html import escape as escape_markup

Attribute = str | float | int

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_BREAKS = re.compile(r"[\t\n\r\u2028\u2029]+")
_PER_EM = 0.6
"""Width of a character in terms of the font size: a generous mean of the system fonts, so that text is cut too early
rather than painted over what stands beside it."""


def clean(text: str) -> str:
    """One printable line: control characters, which XML forbids and terminals obey, and marks that turn the direction
    of what follows become U+FFFD; line breaks and tabs become a space."""
    return _UNPRINTABLE.sub("\ufffd", _BREAKS.sub(" ", text))


def escape(text: str) -> str:
    """`text` as markup that shows exactly its printable characters, for elements and quoted attributes."""
    return escape_markup(clean(text))


def columns(text: str) -> int:
    """How many columns a terminal needs: East Asian wide characters take two, combining ones none."""
    shown = clean(text)
    return len(shown) if shown.isascii() else sum(map(_cells, shown))


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def shortened(text: str, room: int) -> str:
    """At most `room` columns, with an ellipsis where something was left out."""
    kept = clean(text)
    if columns(kept) <= room:
        return kept
    return f"{first_columns(kept, room - 1)}…" if room > 0 else ""


def first_columns(text: str, room: int) -> str:
    """As much of the beginning of `text` as fits."""
    used = 0
    for at, character in enumerate(text):
        used += _cells(character)
        if used > room:
            return text[:at]
    return text


def padded(text: str, room: int, *, right: bool = False) -> str:
    """`text` in exactly `room` columns."""
    kept = shortened(text, room)
    fill = " " * (room - columns(kept))
    return fill + kept if right else kept + fill


def text_width(text: str, font_size: float = 13.0) -> float:
    """About how wide a text is drawn, in user units; rather too wide than too narrow."""
    return columns(text) * _PER_EM * font_size


def fitted(text: str, room: float, font_size: float = 13.0) -> str:
    """`text` cut to about `room` user units."""
    return shortened(text, int(room / (_PER_EM * font_size)))


def element(name: str, /, *children: str, **attributes: Attribute) -> str:
    """An element with escaped attributes; `class_` and `text_anchor` become `class` and `text-anchor`."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(coordinate(value))}"' for key, value in attributes.items()
    )
    inside = "".join(children)
    return f"<{name}{written}>{inside}</{name}>" if inside or name in ("text", "td", "th") else f"<{name}{written}/>"


def coordinate(value: Attribute) -> str:
    """A number with at most two decimals, so that equal plots are equal bytes; text as it is."""
    if isinstance(value, str):
        return value
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def label(x: float, y: float, words: str, *, room: float = 0.0, **attributes: Attribute) -> str:
    """Escaped text at a point; cut to `room` user units where that is given, with the whole text as its tooltip."""
    size = float(attributes.get("font_size", 13.0))
    shown = fitted(words, room, size) if room else clean(words)
    whole = element("title", escape(words)) if shown != clean(words) else ""
    return element("text", whole, escape(shown), x=x, y=y, **attributes)


def drawing(width: int, height: int, identity: str, title: str, description: str, body: Iterable[str]) -> str:
    """A whole `<svg role="img">`; `identity` must be unique on its page. It is shown at `width` pixels where there is
    room; class `wide` tells the style sheet that it cannot be made as small as the others and be read."""
    return element(
        "svg",
        element("title", escape(title), id=f"{identity}-title"),
        element("desc", escape(description), id=f"{identity}-desc"),
        *body,
        xmlns="http://www.w3.org/2000/svg",
        width=width,
        viewBox=f"0 0 {width} {height}",
        role="img",
        aria_labelledby=f"{identity}-title {identity}-desc",
        class_="plot wide" if width > NARROW else "plot",
        font_family="system-ui, sans-serif",
        font_size=13,
    )


NARROW = 700
"""Drawings up to this width are made smaller on a small screen than wider ones, which scroll."""


def ticks(low: float, high: float, count: int = 5) -> tuple[float, ...]:
    """Round numbers that span `low` to `high`, about `count` of them."""
    span = high - low
    if span <= 0.0 or not math.isfinite(span):
        return (low,)
    raw = span / max(1, count)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((m * power for m in (1.0, 2.0, 2.5, 5.0) if m * power >= raw * 0.999), 10.0 * power)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return tuple(round(index * step, 12) + 0.0 for index in range(first, last + 1))


def decimals(step: float) -> int:
    """Decimals that write tick marks `step` apart exactly, at most six: 2 for 0.25, 1 for 0.1 and for 2.5."""
    for digits in range(6):
        scaled = step * 10.0**digits
        if scaled >= 1.0 - 1e-9 and abs(scaled - round(scaled)) < 1e-6 * scaled:
            return digits
    return 6 if step > 0.0 else 0


def signed(value: float, digits: int) -> str:
    """A number with its sign and a real minus; zero without a sign."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0.0 else text.replace("-", "−")


def digits_for(values: Iterable[float]) -> int:
    """Decimals for a column: three for scores, fewer as numbers grow, more where three would leave only zeros."""
    largest = max((abs(value) for value in values), default=0.0)
    if 0.0 < largest < 0.01:
        return min(9, 1 - math.floor(math.log10(largest)))
    return 3 if largest < 2.0 else 2 if largest < 10.0 else 1 if largest < 1000.0 else 0


def table_html(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table with caption and scopes; the first cell of a row names it."""
    head = "".join(element("th", escape(cell), scope="col") for cell in header)
    body = "".join(
        element("tr", element("th", escape(row[0]), scope="row"), *(element("td", escape(cell)) for cell in row[1:]))
        for row in rows
    )
    return element(
        "table", element("caption", escape(caption)), element("thead", element("tr", head)), element("tbody", body)
    )


def figure_html(svg: str, takeaway: str, table: str, summary: str = "The numbers as a table") -> str:
    """A plot with its takeaway in words and its data table behind a disclosure."""
    return element(
        "figure",
        element("figcaption", escape(takeaway)),
        svg,
        element("details", element("summary", escape(summary)), table),
        class_="plot-figure",
    )
