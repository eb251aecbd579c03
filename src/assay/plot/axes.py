"""The ground that plots with two axes stand on: scales, frame, tick marks, curves and bands."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assay.plot.svg import coordinate, decimals, element, label, ticks

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Axes:
    """A frame in user units and the ranges of values that it shows. With `log_x`, x is logarithmic and above 0."""

    left: float
    right: float
    top: float
    bottom: float
    x_low: float
    x_high: float
    y_low: float
    y_high: float
    log_x: bool = False

    def x(self, value: float) -> float:
        """Where a value stands, kept inside the frame."""
        if self.log_x:
            share = math.log(value / self.x_low) / (math.log(self.x_high / self.x_low) or 1.0)
        else:
            share = (value - self.x_low) / ((self.x_high - self.x_low) or 1.0)
        return self.left + min(1.0, max(0.0, share)) * (self.right - self.left)

    def y(self, value: float) -> float:
        share = (value - self.y_low) / ((self.y_high - self.y_low) or 1.0)
        return self.bottom - min(1.0, max(0.0, share)) * (self.bottom - self.top)

    def frame(self, x_name: str, y_name: str) -> list[str]:
        """Both axis lines and their names."""
        middle, room = (self.left + self.right) / 2, self.right - self.left
        below = label(middle, self.bottom + 40, x_name, room=room, text_anchor="middle", class_="muted")
        above = label(self.left - 48, self.top - 10, y_name, room=room, class_="muted")
        return [
            element("line", x1=self.left, x2=self.right, y1=self.bottom, y2=self.bottom, stroke="currentColor",
                    stroke_opacity=0.5),
            element("line", x1=self.left, x2=self.left, y1=self.top, y2=self.bottom, stroke="currentColor",
                    stroke_opacity=0.5),
            *([below] if x_name else []),
            *([above] if y_name else []),
        ]  # fmt: skip

    def x_ticks(self, marks: Sequence[float], shown: Callable[[float], str]) -> list[str]:
        """Numbers under the x axis."""
        return [
            label(self.x(mark), self.bottom + 19, shown(mark), text_anchor="middle", font_size=11, class_="muted")
            for mark in marks
        ]

    def y_ticks(self, marks: Sequence[float], shown: Callable[[float], str]) -> list[str]:
        """Numbers left of the y axis, each with a faint line across."""
        drawn = []
        for mark in marks:
            y = self.y(mark)
            drawn.append(label(self.left - 8, y + 4, shown(mark), text_anchor="end", font_size=11, class_="muted"))
            drawn.append(element("line", x1=self.left, x2=self.right, y1=y, y2=y, stroke="currentColor",
                                 stroke_opacity=0.1))  # fmt: skip
        return drawn

    def line(self, points: Sequence[Point], *, width: float = 2.0, dash: str = "") -> str:
        """A curve through points."""
        extra = {"stroke_dasharray": dash} if dash else {}
        return element("path", d=f"M{self._path(points)}", fill="none", stroke="currentColor", stroke_width=width,
                       **extra)  # fmt: skip

    def band(self, lower: Sequence[Point], upper: Sequence[Point]) -> str:
        """The ground between two curves."""
        outline = [*upper, *reversed(lower)]
        return element("path", d=f"M{self._path(outline)}Z", fill="currentColor", fill_opacity=0.14, class_="band")

    def across(self, value: float, **extra: str | float) -> str:
        """A dashed line at a height: a target, a margin."""
        y = self.y(value)
        return element("line", x1=self.left, x2=self.right, y1=y, y2=y, stroke="currentColor", stroke_width=1.5,
                       stroke_dasharray="6 4", class_="margin", **extra)  # fmt: skip

    def up(self, value: float, **extra: str | float) -> str:
        """A dashed line at a place on the x axis."""
        x = self.x(value)
        return element("line", x1=x, x2=x, y1=self.top, y2=self.bottom, stroke="currentColor", stroke_width=1.5,
                       stroke_dasharray="6 4", class_="margin", **extra)  # fmt: skip

    def beside(self, x: float, y: float, words: str, *, gap: float = 8.0, bold: bool = False) -> str:
        """Words at a point in user units, on the side where the frame has more room."""
        leftwards = x > (self.left + self.right) / 2
        room = (x - self.left if leftwards else self.right - x) - gap
        at, anchor = (x - gap, "end") if leftwards else (x + gap, "start")
        return label(at, y, words, room=max(room, 40.0), text_anchor=anchor, font_weight=600 if bold else 400)

    def _path(self, points: Sequence[Point]) -> str:
        return "L".join(f"{coordinate(self.x(x))} {coordinate(self.y(y))}" for x, y in points)


def shares(step: float = 0.2) -> tuple[float, ...]:
    """Tick marks from 0 to 1."""
    count = round(1.0 / step)
    return tuple(index / count for index in range(count + 1))


def percent(value: float, digits: int = 0) -> str:
    """A share as a percentage, with a space that does not break."""
    return f"{100.0 * value:.{digits}f}\u00a0%"


def percent_ticks(low: float, high: float, count: int = 4) -> tuple[tuple[float, ...], Callable[[float], str]]:
    """Round shares between two, and how to write them so that they differ."""
    marks = ticks(low, high, count)
    digits = decimals(100.0 * (marks[1] - marks[0])) if len(marks) > 1 else 1
    return marks, lambda value: percent(value, digits)


def log_ticks(low: float, high: float) -> tuple[float, ...]:
    """1, 2 and 5 times powers of ten between two values above 0; tens only over more than three decades."""
    steps = (1.0,) if high / low > 1000.0 else (1.0, 2.0, 5.0)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    found = [step * 10.0**power for power in range(first, last + 1) for step in steps]
    return tuple(mark for mark in found if low * (1 - 1e-9) <= mark <= high * (1 + 1e-9)) or (low,)
