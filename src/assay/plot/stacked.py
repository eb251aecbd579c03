"""Stacked bars: how a whole divides by kind, and each kind by what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay.plot.svg import drawing, element, label, table_html, ticks

_WIDTH, _LEFT, _RIGHT, _TOP = 760, 200, 700, 44
_ROW, _BAR = 34, 20
_FILLS = (1.0, 0.5, 0.18)
"""Opacity by part: parts are told apart by shade, by order and by the number inside or beside them."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A named row; `parts` has one count for each part's name."""

    name: str
    parts: tuple[int, ...]


def stacked_svg(bars: Sequence[Bar], parts: Sequence[str], *, identity: str = "stacked", title: str = "") -> str:
    """Horizontal bars on a common scale of counts. At most three parts."""
    most = max((sum(bar.parts) for bar in bars), default=1) or 1
    height = _TOP + _ROW * len(bars) + 40
    body = [*_legend(parts), *_axis(most, _TOP + _ROW * len(bars))]
    for number, bar in enumerate(bars):
        y = _TOP + number * _ROW
        x = float(_LEFT)
        body.append(label(_LEFT - 10, y + _BAR - 5, bar.name, text_anchor="end"))
        for count, fill in zip(bar.parts, _FILLS, strict=False):
            width = count / most * (_RIGHT - _LEFT)
            if count:
                body.append(element("rect", x=x, y=y, width=max(width, 1.0), height=_BAR, fill="currentColor",
                                    fill_opacity=fill, stroke="currentColor", stroke_width=1))  # fmt: skip
            x += width
        body.append(label(x + 8, y + _BAR - 5, str(sum(bar.parts)), font_weight=600))
    return drawing(_WIDTH, height, identity, title, stacked_sentence(bars), body)


def _legend(parts: Sequence[str]) -> list[str]:
    drawn: list[str] = []
    x = float(_LEFT)
    for name, fill in zip(parts, _FILLS, strict=False):
        drawn.append(element("rect", x=x, y=10, width=14, height=14, fill="currentColor", fill_opacity=fill,
                             stroke="currentColor", stroke_width=1))  # fmt: skip
        drawn.append(label(x + 20, 22, name, font_size=12))
        x += 30 + 7.2 * len(name)
    return drawn


def _axis(most: int, bottom: float) -> list[str]:
    drawn = [element("line", x1=_LEFT, x2=_RIGHT, y1=bottom, y2=bottom, stroke="currentColor", stroke_opacity=0.5)]
    for value in ticks(0, most, 5):
        if value == int(value):
            x = _LEFT + value / most * (_RIGHT - _LEFT)
            drawn.append(label(x, bottom + 18, f"{value:.0f}", text_anchor="middle", font_size=11, class_="muted"))
    return drawn


def stacked_sentence(bars: Sequence[Bar]) -> str:
    """Which bar is the longest, and its share."""
    total = sum(sum(bar.parts) for bar in bars)
    if not total:
        return "Nothing to show."
    longest = max(bars, key=lambda bar: sum(bar.parts))
    count = sum(longest.parts)
    return f"{count} of {total} ({100 * count / total:.0f} %): {longest.name}."


def stacked_table(bars: Sequence[Bar], parts: Sequence[str], caption: str) -> str:
    """The counts as an HTML table."""
    rows = [[bar.name, *(str(count) for count in bar.parts), str(sum(bar.parts))] for bar in bars]
    return table_html(caption, ("", *parts, "all"), rows)
