"""Small pieces of SVG and HTML: escaped elements, numbers, tick marks, and a figure with its data table.

No inline style and no script, so that a page under a strict content security policy can show a plot. Marks are drawn in
`currentColor` and told apart by shape and dash; classes only add colour.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

Attribute = str | float | int


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


def label(x: float, y: float, words: str, **attributes: Attribute) -> str:
    """Escaped text at a point."""
    return element("text", escape(words), x=x, y=y, **attributes)


def drawing(width: int, height: int, identity: str, title: str, description: str, body: Iterable[str]) -> str:
    """A whole `<svg role="img">`; `identity` must be unique on its page."""
    return element(
        "svg",
        element("title", escape(title), id=f"{identity}-title"),
        element("desc", escape(description), id=f"{identity}-desc"),
        *body,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {height}",
        role="img",
        aria_labelledby=f"{identity}-title {identity}-desc",
        class_="plot",
        font_family="system-ui, sans-serif",
        font_size=13,
    )


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
    """Decimals that keep tick marks `step` apart distinct."""
    return max(0, min(6, -math.floor(math.log10(step) + 1e-9))) if step > 0.0 else 0


def signed(value: float, digits: int) -> str:
    """A number with its sign and a real minus; zero without a sign."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0.0 else text.replace("-", "−")


def digits_for(values: Iterable[float]) -> int:
    """Decimals for a column: three for scores, fewer as numbers grow."""
    largest = max((abs(value) for value in values), default=0.0)
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
