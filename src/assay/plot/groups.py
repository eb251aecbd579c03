"""Groups beside their reference: each disparity with its interval over the band of what is tolerated."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assay.plot.figure import Figure
from assay.plot.intervals import marker
from assay.plot.svg import columns, decimals, drawing, element, label, padded, text_width, ticks

_WIDTH, _ROW, _MOST = 800, 26, 40
_STATES = {"fair": "better", "unfair": "worse"}
_SIGNS = {"fair": "●", "unfair": "✕"}


@dataclass(frozen=True, slots=True)
class GroupMark:
    """One group: its value, and how far it stands from its reference; None where that is not known or not bounded."""

    name: str
    n: int
    value: float
    estimate: float | None
    low: float | None
    high: float | None
    reading: str


@dataclass(frozen=True, slots=True)
class Groups:
    """One measure by group. `band` holds the ends of what is tolerated, `neutral` is no disparity: 0 or 1."""

    measure: str
    by: str
    scale: str
    """What is drawn, such as `difference to overall`."""
    rows: tuple[GroupMark, ...]
    sentence: str
    band: tuple[float, float] | None = None
    neutral: float = 0.0
    notes: tuple[str, ...] = ()


def figure_groups(data: Groups, identity: str = "groups") -> Figure:
    """The groups as a figure: filled inside the band, a cross beyond it, hollow where more data are needed."""
    title = f"{data.measure} by {data.by}"
    shown = data.rows[:_MOST]
    svg = drawing(_WIDTH, 76 + _ROW * len(shown), identity, title, data.sentence, _drawn(data, shown))
    header = (data.by, "cases", data.measure, data.scale, "low", "high", "reading")
    rows = tuple(
        (row.name, f"{row.n:,}", _number(row.value), *(_number(one) for one in (row.estimate, row.low, row.high)),
         row.reading)
        for row in data.rows
    )  # fmt: skip
    hidden = len(data.rows) - len(shown)
    notes = (
        *data.notes,
        *((f"The picture shows {len(shown)} groups; {hidden} more stand in the table.",) * bool(hidden)),
    )
    return Figure(identity, title, data.sentence, header, rows, svg, notes, lambda width: groups_text(data, width))


def _range(data: Groups) -> tuple[float, float]:
    """Everything that has an end, with the band; an interval without an end runs to the edge."""
    values = [v for row in data.rows for v in (row.estimate, row.low, row.high) if v is not None and math.isfinite(v)]
    low, high = (pick([*values, data.neutral, *(data.band or ())]) for pick in (min, max))
    pad = 0.06 * (high - low) or 0.05
    return low - pad, high + pad


def _drawn(data: Groups, rows: Sequence[GroupMark]) -> list[str]:
    low, high = _range(data)
    texts = [_told(row) for row in rows]
    left = min(240.0, max([90.0, *(text_width(row.name) for row in rows)]) + 24)
    right = _WIDTH - 16 - max([150.0, *(text_width(text) for text in texts)])

    def at(value: float) -> float:
        return left + (min(max(value, low), high) - low) / (high - low) * (right - left)

    top, bottom = 34.0, 34.0 + _ROW * len(rows)
    body = [label(8, 18, f"{data.scale}; shaded: tolerated" if data.band else data.scale, class_="muted")]
    if data.band:
        first, last = (at(one) for one in data.band)
        body.append(element("rect", x=first, y=top, width=last - first, height=bottom - top, fill="currentColor",
                            fill_opacity=0.09, class_="band"))  # fmt: skip
    zero = at(data.neutral)
    body.append(element("line", x1=zero, x2=zero, y1=top, y2=bottom, stroke="currentColor", stroke_opacity=0.5))
    for number, (row, text) in enumerate(zip(rows, texts, strict=True)):
        body.append(_row(row, text, top + _ROW * (number + 0.5), at, (low, high), (left, right)))
    return [*body, *_scale(low, high, at, bottom)]


def _row(
    row: GroupMark, text: str, y: float, at: Callable[[float], float], ends: tuple[float, float],
    room: tuple[float, float],
) -> str:  # fmt: skip
    parts = [label(8, y + 4, row.name, room=room[0] - 20), label(room[1] + 16, y + 4, text)]
    if row.low is not None or row.high is not None:
        first, last = at(ends[0] if row.low is None else row.low), at(ends[1] if row.high is None else row.high)
        parts.append(element("line", x1=first, x2=last, y1=y, y2=y, stroke="currentColor", stroke_width=1.6))
    if row.estimate is not None:
        parts.append(marker(_STATES.get(row.reading, "open"), at(row.estimate), y))
    kind = {"fair": "clears", "unfair": "worse"}.get(row.reading, "open")
    return element("g", *parts, class_=f"row {kind}")


def _scale(low: float, high: float, at: Callable[[float], float], bottom: float) -> list[str]:
    marks = ticks(low, high, 5)
    digits = decimals(marks[1] - marks[0]) if len(marks) > 1 else 3
    drawn = [element("line", x1=at(low), x2=at(high), y1=bottom, y2=bottom, stroke="currentColor", stroke_opacity=0.4)]
    return drawn + [
        label(at(mark), bottom + 17, f"{mark:.{digits}f}".replace("-", "−"), text_anchor="middle", font_size=11,
              class_="muted")
        for mark in marks
    ]  # fmt: skip


def _told(row: GroupMark) -> str:
    ends = "" if row.low is None and row.high is None else f" [{_number(row.low)}, {_number(row.high)}]"
    return f"{_number(row.estimate)}{ends}  n {row.n:,}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}".replace("-", "−")


def groups_text(data: Groups, width: int) -> list[str]:
    """The rows for a terminal: `┊` are the ends of what is tolerated, `│` is no disparity."""
    if not data.rows:
        return []
    low, high = _range(data)
    texts = [f"{_number(row.value)}  {_told(row)}  {row.reading}" for row in data.rows]
    names = min(max(columns(row.name) for row in data.rows), max(12, width // 3))
    room = max(10, width - names - max(map(columns, texts)) - 4)

    def at(value: float) -> int:
        return min(room - 1, max(0, round((value - low) / (high - low) * (room - 1))))

    lines = []
    for row, text in zip(data.rows, texts, strict=True):
        cells = [" "] * room
        if row.low is not None or row.high is not None:
            first, last = low if row.low is None else row.low, high if row.high is None else row.high
            cells[at(first) : at(last) + 1] = ["─"] * (at(last) - at(first) + 1)
        for end in data.band or ():
            cells[at(end)] = "┊"
        cells[at(data.neutral)] = "│"
        if row.estimate is not None:
            cells[at(row.estimate)] = _SIGNS.get(row.reading, "○")
        lines.append(f"{padded(row.name, names)}  {''.join(cells)}  {text}")
    return lines
