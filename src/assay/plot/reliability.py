"""Reliability diagram: does a system that says 80 % turn out right in 80 % of those cases?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay.plot.axes import Axes, percent, shares
from assay.plot.figure import Figure
from assay.plot.svg import drawing, element, label, padded, signed

_WIDTH, _HEIGHT = 640, 470
_COUNTS_TOP, _COUNTS_BOTTOM = 356.0, 416.0


@dataclass(frozen=True, slots=True)
class Bin:
    """Replies whose confidence lies in [low, high): how many, what they state on average, and the share that is right
    with its interval. All but `n` are shares of 0 to 1; an empty bin is left out by whoever makes the bins."""

    low: float
    high: float
    n: int
    stated: float
    right: float
    right_low: float
    right_high: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """`stated` is the mean confidence, `right` the share right; `gap_low` and `gap_high` are the interval of their
    difference. `ece` is the expected calibration error, `ece_debiased` that without what chance alone would add."""

    subject: str
    bins: tuple[Bin, ...]
    stated: float = 0.0
    right: float = 0.0
    gap_low: float = 0.0
    gap_high: float = 0.0
    ece: float | None = None
    ece_debiased: float | None = None
    brier: float | None = None
    level: float = 0.95
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        return sum(one.n for one in self.bins)


def figure_reliability(data: Reliability, identity: str = "reliability") -> Figure:
    """Share right over stated confidence with the interval of each bin, the diagonal, and its count."""
    rows = tuple(
        (f"{percent(one.low)} to {percent(one.high)}", str(one.n), percent(one.stated, 1), percent(one.right, 1),
         f"{percent(one.right_low, 1)} to {percent(one.right_high, 1)}")
        for one in data.bins
    )  # fmt: skip
    header = ("confidence", "replies", "stated", "right", f"{percent(data.level)} interval of right")
    title = f"Reliability of the confidence: {data.subject}" if data.subject else "Reliability of the confidence"
    takeaway = reliability_sentence(data)
    svg = drawing(_WIDTH, _HEIGHT, identity, title, takeaway, _body(data))
    return Figure(identity, title, takeaway, header, rows, svg, data.notes, lambda width: _lines(data, width))


def reliability_sentence(data: Reliability) -> str:
    """Says that a system is too sure, or not sure enough, only where the interval of the gap leaves zero."""
    if not data.n:
        return "No reply states a confidence."
    gap = data.stated - data.right
    numbers = (
        f"stated {percent(data.stated, 1)}, right {percent(data.right, 1)} of {data.n} replies, difference "
        f"{signed(100 * gap, 1)} points, {percent(data.level)} interval {signed(100 * data.gap_low, 1)} to "
        f"{signed(100 * data.gap_high, 1)}"
    )
    if data.gap_low > 0.0:
        said = f"Too sure of itself by {100 * gap:.1f} points on average"
    elif data.gap_high < 0.0:
        said = f"Not sure enough by {-100 * gap:.1f} points on average"
    else:
        said = "On average, no difference is shown between what is stated and what turns out right"
    return f"{said} ({numbers}).{_errors(data)}"


def _errors(data: Reliability) -> str:
    said = []
    if data.ece is not None:
        less = "" if data.ece_debiased is None else f" ({data.ece_debiased:.3f} without what chance alone would add)"
        said.append(f"expected calibration error {data.ece:.3f}{less}")
    if data.brier is not None:
        said.append(f"Brier score {data.brier:.3f}")
    return f" {', '.join(said)[0].upper()}{', '.join(said)[1:]}." if said else ""


def _body(data: Reliability) -> list[str]:
    axes = Axes(64, 616, 28, 320, 0.0, 1.0, 0.0, 1.0)
    counts = Axes(64, 616, _COUNTS_TOP, _COUNTS_BOTTOM, 0.0, 1.0, 0.0, float(max([one.n for one in data.bins] or [1])))
    body = [
        *axes.y_ticks(shares(), percent),
        element("line", x1=axes.x(0), y1=axes.y(0), x2=axes.x(1), y2=axes.y(1), stroke="currentColor",
                stroke_width=1.5, stroke_dasharray="6 4", class_="margin"),
        label(axes.x(0.015), axes.y(0.93), "not sure enough", class_="muted", font_size=12),
        label(axes.x(0.985), axes.y(0.04), "too sure", class_="muted", font_size=12, text_anchor="end"),
        *axes.frame("", "share right"),
    ]  # fmt: skip
    for one in data.bins:
        body.extend(_bin(one, axes))
        body.extend(_count(one, counts))
    return [
        *body,
        *counts.frame("stated confidence", ""),
        label(16, _COUNTS_TOP - 8, "replies", class_="muted"),
        *counts.x_ticks(shares(), percent),
    ]


def _bin(one: Bin, axes: Axes) -> list[str]:
    x = axes.x(one.stated)
    return [
        element("line", x1=x, x2=x, y1=axes.y(one.right_low), y2=axes.y(one.right_high), stroke="currentColor",
                stroke_width=1.6),
        element("circle", cx=x, cy=axes.y(one.right), r=4.6, fill="currentColor"),
    ]  # fmt: skip


def _count(one: Bin, counts: Axes) -> list[str]:
    left, right, top = counts.x(one.low), counts.x(one.high), counts.y(one.n)
    shown = [] if right - left < 8 * len(str(one.n)) else [
        label((left + right) / 2, top - 4, str(one.n), text_anchor="middle", font_size=11, class_="muted")
    ]  # fmt: skip
    width = max(right - left - 3, 1.0)
    return [
        element("rect", x=left + 1.5, y=top, width=width, height=counts.bottom - top, fill="currentColor",
                fill_opacity=0.55),
        *shown,
    ]  # fmt: skip


def _lines(data: Reliability, width: int) -> Sequence[str]:
    """One line a bin: the interval of the share right, `●` what was right, `◇` what was stated."""
    if not data.bins:
        return ()
    room = max(15, width - 42)
    lines = []
    for one in data.bins:
        cells = [" "] * room

        def at(share: float) -> int:
            return min(room - 1, max(0, round(share * (room - 1))))

        for index in range(at(one.right_low), at(one.right_high) + 1):
            cells[index] = "─"
        cells[at(one.stated)] = "◇"
        cells[at(one.right)] = "●" if at(one.right) != at(one.stated) else "◈"
        name = padded(f"{100 * one.low:.0f} to {percent(one.high)}", 12)
        found = f"{percent(one.right)} [{percent(one.right_low)}, {percent(one.right_high)}]  n {one.n}"
        lines.append(f"{name} {''.join(cells)}  {found}")
    return (*lines, "● right, with its interval   ◇ stated   ◈ both")
