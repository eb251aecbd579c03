"""Curves over a cut-off: how a measure grows as more of a ranking is looked at, one line per system."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from assay.plot.svg import coordinate, drawing, element, label, table_html, ticks

_WIDTH, _HEIGHT = 760, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 580, 18, 336
_DASHES = ("", "7 4", "2 3", "9 3 2 3", "12 4", "4 6")
_APART = 16.0


@dataclass(frozen=True, slots=True)
class Curve:
    """A named line. `values` holds one number of 0 to 1 for each cut-off."""

    name: str
    values: tuple[float, ...]


def curves_svg(
    curves: Sequence[Curve], cutoffs: Sequence[int], measure: str, *, identity: str = "curves", title: str = ""
) -> str:
    """Lines over cut-offs on a logarithmic axis, told apart by dash and by a label at their right end."""
    values = [value for curve in curves for value in curve.values] or [0.0]
    low = max(0.0, math.floor(min(values) * 10 - 0.2) / 10)
    high = min(1.0, math.ceil(max(values) * 10 + 0.2) / 10)
    span = math.log(cutoffs[-1] / cutoffs[0]) or 1.0

    def x(cutoff: int) -> float:
        return _LEFT + math.log(cutoff / cutoffs[0]) / span * (_RIGHT - _LEFT)

    def y(value: float) -> float:
        return _BOTTOM - (value - low) / ((high - low) or 1.0) * (_BOTTOM - _TOP)

    body = [*_frame(cutoffs, low, high, measure, x, y)]
    for number, (curve, place) in enumerate(zip(curves, _label_places([y(c.values[-1]) for c in curves]), strict=True)):
        points = "L".join(
            f"{coordinate(x(cutoff))} {coordinate(y(value))}"
            for cutoff, value in zip(cutoffs, curve.values, strict=True)
        )
        dash = {"stroke_dasharray": _DASHES[number % len(_DASHES)]} if _DASHES[number % len(_DASHES)] else {}
        body.append(
            element("path", d=f"M{points}", fill="none", stroke="currentColor", stroke_width=2,
                    class_=f"curve c{number}", **dash)
        )  # fmt: skip
        body.append(element("line", x1=_RIGHT + 4, x2=_RIGHT + 30, y1=place, y2=place, stroke="currentColor",
                            stroke_width=2, class_=f"curve c{number}", **dash))  # fmt: skip
        body.append(label(_RIGHT + 36, place + 4, f"{curve.name} {curve.values[-1]:.3f}"))
    return drawing(_WIDTH, _HEIGHT, identity, title or measure, curves_sentence(curves, cutoffs, measure), body)


def curves_sentence(curves: Sequence[Curve], cutoffs: Sequence[int], measure: str) -> str:
    """Which line is highest at the last cut-off."""
    if not curves:
        return f"No {measure} was measured."
    best = max(curves, key=lambda curve: curve.values[-1])
    return f"{measure} among the first {cutoffs[-1]}: highest for {best.name} ({best.values[-1]:.3f})."


def curves_table(curves: Sequence[Curve], cutoffs: Sequence[int], measure: str) -> str:
    """The numbers as an HTML table."""
    rows = [[curve.name, *(f"{value:.3f}" for value in curve.values)] for curve in curves]
    return table_html(f"{measure} by cut-off", ("pipeline", *(f"@{cutoff}" for cutoff in cutoffs)), rows)


def _frame(
    cutoffs: Sequence[int],
    low: float,
    high: float,
    measure: str,
    x: Callable[[int], float],
    y: Callable[[float], float],
) -> list[str]:
    parts = [
        element("line", x1=_LEFT, x2=_RIGHT, y1=_BOTTOM, y2=_BOTTOM, stroke="currentColor", stroke_opacity=0.5),
        element("line", x1=_LEFT, x2=_LEFT, y1=_TOP, y2=_BOTTOM, stroke="currentColor", stroke_opacity=0.5),
        label((_LEFT + _RIGHT) / 2, _BOTTOM + 44, "documents looked at", text_anchor="middle", class_="muted"),
        label(_LEFT + 8, _TOP + 10, measure, class_="muted"),
    ]
    for cutoff in cutoffs:
        parts.append(label(x(cutoff), _BOTTOM + 20, str(cutoff), text_anchor="middle", font_size=11, class_="muted"))
    for value in ticks(low, high, 5):
        parts.append(label(_LEFT - 8, y(value) + 4, f"{value:.2f}", text_anchor="end", font_size=11, class_="muted"))
        parts.append(
            element("line", x1=_LEFT, x2=_RIGHT, y1=y(value), y2=y(value), stroke="currentColor", stroke_opacity=0.12)
        )
    return parts


def _label_places(wanted: Sequence[float]) -> list[float]:
    """Heights for the labels, moved apart so that none covers another."""
    order = sorted(range(len(wanted)), key=lambda number: wanted[number])
    places = list(wanted)
    for before, number in pairwise(order):
        places[number] = max(places[number], places[before] + _APART)
    return places
