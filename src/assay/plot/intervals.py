"""Estimates with their intervals on one scale, a row each: the slices of a run, worst first, and what others show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assay.plot.figure import Figure
from assay.plot.svg import (
    columns,
    coordinate,
    decimals,
    digits_for,
    drawing,
    element,
    label,
    padded,
    text_width,
    ticks,
)

_WIDTH, _ROW = 690, 26
_MARKS = {"better": "●", "open": "○", "worse": "✕"}


@dataclass(frozen=True, slots=True)
class IntervalRow:
    """`low` and `high` are None where too little is known for an interval. `state` is `better`, `open` or `worse`:
    shown to stand out, after whatever correction for the number of rows there is."""

    name: str
    estimate: float
    low: float | None
    high: float | None
    n: int
    state: str = "open"
    note: str = ""


def panel(
    rows: Sequence[IntervalRow], y: float, *, reference: float | None = None, names: float = 0.0
) -> tuple[list[str], float]:
    """The rows drawn from height `y` down, with an axis; returns what was drawn and where it ends. `names` is the room
    for names, where several panels stand below one another."""
    low, high = bounds(rows, reference)
    texts = [numbers(row, rows) for row in rows]
    left = names or name_room(rows)
    right = _WIDTH - 16 - max([120.0, *(text_width(text) for text in texts)])

    def at(value: float) -> float:
        return left + (min(max(value, low), high) - low) / (high - low) * (right - left)

    bottom = y + _ROW * len(rows)
    body = []
    if reference is not None:
        x = at(reference)
        body.append(element("line", x1=x, x2=x, y1=y, y2=bottom, stroke="currentColor", stroke_width=1.5,
                            stroke_dasharray="6 4", class_="margin"))  # fmt: skip
    for number, (row, text) in enumerate(zip(rows, texts, strict=True)):
        middle = y + _ROW * (number + 0.5)
        parts = [label(8, middle + 4, row.name, room=left - 20)]
        if row.low is not None and row.high is not None:
            parts.append(element("line", x1=at(row.low), x2=at(row.high), y1=middle, y2=middle, stroke="currentColor",
                                 stroke_width=1.6))  # fmt: skip
        parts.append(marker(row.state, at(row.estimate), middle))
        parts.append(label(right + 16, middle + 4, text))
        body.append(element("g", *parts, class_=f"row {'clears' if row.state == 'better' else row.state}"))
    return [*body, *_scale(low, high, at, bottom)], bottom + 30


def bounds(rows: Sequence[IntervalRow], reference: float | None) -> tuple[float, float]:
    """A range that holds everything. Shares keep to 0 to 1."""
    values = [v for row in rows for v in (row.estimate, row.low, row.high) if v is not None]
    values += [] if reference is None else [reference]
    low, high = min(values, default=0.0), max(values, default=1.0)
    pad = 0.04 * (high - low) or max(0.05, 0.05 * abs(high))
    wide = low - pad, high + pad
    return (max(0.0, wide[0]), min(1.0, wide[1])) if low >= 0.0 and high <= 1.0 else wide


def name_room(rows: Sequence[IntervalRow]) -> float:
    """Room for the longest name, within limits."""
    return min(240.0, max([80.0, *(text_width(row.name) for row in rows)]) + 24)


def numbers(row: IntervalRow, rows: Sequence[IntervalRow]) -> str:
    """Estimate, interval and count as they stand beside the plot."""
    digits = digits_for(v for one in rows for v in (one.estimate, one.low or 0.0, one.high or 0.0))

    def shown(value: float) -> str:
        return f"{value:.{digits}f}".replace("-", "−")

    interval = "no interval" if row.low is None or row.high is None else f"[{shown(row.low)}, {shown(row.high)}]"
    return f"{shown(row.estimate)} {interval}  n {row.n:,}"


def marker(state: str, x: float, y: float) -> str:
    """A filled circle for better, a cross for worse, a hollow circle for what is not decided."""
    if state == "worse":
        a, b, c, d = (coordinate(v) for v in (x - 4.5, x + 4.5, y - 4.5, y + 4.5))
        return element("path", d=f"M{a} {c}L{b} {d}M{a} {d}L{b} {c}", stroke="currentColor", stroke_width=2.2,
                       fill="none")  # fmt: skip
    fill = "currentColor" if state == "better" else "none"
    return element("circle", cx=x, cy=y, r=4.6, fill=fill, stroke="currentColor", stroke_width=1.6)


def _scale(low: float, high: float, at: Callable[[float], float], bottom: float) -> list[str]:
    marks = ticks(low, high, 4)
    digits = decimals(marks[1] - marks[0]) if len(marks) > 1 else 3
    drawn = [element("line", x1=at(low), x2=at(high), y1=bottom, y2=bottom, stroke="currentColor", stroke_opacity=0.4)]
    for mark in marks:
        text = f"{mark:.{digits}f}".replace("-", "−")
        drawn.append(label(at(mark), bottom + 17, text, text_anchor="middle", font_size=11, class_="muted"))
    return drawn


def interval_lines(rows: Sequence[IntervalRow], width: int, reference: float | None = None) -> list[str]:
    """The rows for a terminal: `┊` is the reference."""
    if not rows:
        return []
    low, high = bounds(rows, reference)
    texts = [numbers(row, rows) for row in rows]
    names = min(max(columns(row.name) for row in rows), max(12, width // 3))
    room = max(10, width - names - max(map(columns, texts)) - 4)

    def at(value: float) -> int:
        return min(room - 1, max(0, round((value - low) / ((high - low) or 1.0) * (room - 1))))

    lines = []
    for row, text in zip(rows, texts, strict=True):
        cells = [" "] * room
        if row.low is not None and row.high is not None:
            for index in range(at(row.low), at(row.high) + 1):
                cells[index] = "─"
        if reference is not None:
            cells[at(reference)] = "┊"
        cells[at(row.estimate)] = _MARKS[row.state]
        lines.append(f"{padded(row.name, names)}  {''.join(cells)}  {text}")
    return lines


@dataclass(frozen=True, slots=True)
class Slices:
    """One metric of one run by slice, worst first. `whole` is all cases; rows are compared with the cases outside the
    slice, and `state` is what is left after the correction for the number of slices, by `correction`."""

    metric: str
    whole: float
    rows: tuple[IntervalRow, ...]
    unit: str = ""
    higher_is_better: bool = True
    too_few: tuple[str, ...] = ()
    """Slices with fewer cases than are worth an interval."""
    correction: str = "Benjamini-Hochberg over all slices"
    notes: tuple[str, ...] = ()


SLICES_DRAWN = 40
"""Slices in the picture; the table has all of them."""


def figure_slices(data: Slices, identity: str = "slices") -> Figure:
    """Each slice's value with its interval, worst first; the dashed line is the value of all cases."""
    shown = data.rows[:SLICES_DRAWN]
    body, end = panel(shown, 34.0, reference=data.whole) if shown else ([], 40.0)
    unit = f" ({data.unit})" if data.unit else ""
    better = "higher is better" if data.higher_is_better else "lower is better"
    head = label(8, 18, f"{data.metric}{unit}, {better}; dashed: all cases", room=_WIDTH - 16, class_="muted")
    title = f"{data.metric} by slice, worst first"
    takeaway = slices_sentence(data)
    svg = drawing(_WIDTH, round(end), identity, title, takeaway, [head, *body] if shown else [])
    header = ("slice", "cases", data.metric + unit, "low", "high", "against the rest")
    rows = tuple(
        (row.name, f"{row.n:,}", *(_cell(v, data.rows) for v in (row.estimate, row.low, row.high)), _READING[row.state])
        for row in data.rows
    )
    hidden = len(data.rows) - len(shown)
    notes = (f"Marked after {data.correction}.", *data.notes)
    if hidden:
        notes += (f"The picture shows the worst {len(shown)} slices; {hidden} more stand in the table.",)
    if data.too_few:
        notes += (f"Slices with too few cases to say anything: {_some(data.too_few)}.",)
    return Figure(identity, title, takeaway, header, rows, svg, notes,
                  lambda width: interval_lines(shown, width, data.whole))  # fmt: skip


_READING = {"better": "shown to be better", "open": "no difference is shown", "worse": "shown to be worse"}


def slices_sentence(data: Slices) -> str:
    """Names the slices that are shown to be worse than the rest, and no other."""
    if not data.rows:
        return f"{data.metric}: no slice has enough cases."
    worse = [row.name for row in data.rows if row.state == "worse"]
    if not worse:
        return f"{data.metric}: no slice of {len(data.rows)} is shown to be worse than the other cases."
    return f"{data.metric} is shown to be worse in {len(worse)} of {len(data.rows)} slices: {_some(tuple(worse))}."


def _some(names: Sequence[str], most: int = 5) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def _cell(value: float | None, rows: Sequence[IntervalRow]) -> str:
    digits = digits_for(row.estimate for row in rows)
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")
