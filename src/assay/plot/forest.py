"""Forest plot of differences with their intervals, as SVG, as a table and for the terminal.

One row per metric and slice. A solid line marks zero, a dashed mark each row's margin. The marker is filled only when
the interval clears the line that matters, a cross when it is shown to be worse, hollow otherwise.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from assay.plot.figure import Figure
from assay.plot.intervals import marker
from assay.plot.svg import (
    columns,
    decimals,
    digits_for,
    drawing,
    element,
    label,
    padded,
    signed,
    table_html,
    text_width,
    ticks,
)
from assay.records.comparison import Decision, Delta, Verdict
from assay.records.evaluation import Direction

WIDTH, LABELS, ROW = 1000, 300, 26
_LEFT, _LEAST_PLOT = float(LABELS), 160.0


@dataclass(frozen=True, slots=True)
class ForestRow:
    """One row. `margin` is the raw difference of the policy's line, None without a policy. `state` is `clears`,
    `open` or `worse`."""

    metric: str
    slice: str
    estimate: float
    low: float
    high: float
    n: int
    won: int
    lost: int
    tied: int
    unit: str = ""
    higher_is_better: bool = True
    margin: float | None = None
    state: str = "open"

    @property
    def name(self) -> str:
        return f"{self.metric} · {self.slice}" if self.slice else self.metric


_MEANING = {"clears": "clears its line", "open": "not decided", "worse": "worse"}
_MARKS = {"clears": "●", "open": "○", "worse": "✕"}


def rows_from_deltas(deltas: Sequence[Delta]) -> tuple[ForestRow, ...]:
    """Rows without a policy: filled when better than zero, a cross when worse, by the delta's own interval."""
    return tuple(_row(delta, None, _against_zero(delta)) for delta in deltas)


def rows_from_decision(decision: Decision) -> tuple[ForestRow, ...]:
    """Rows of a gate's clauses with their margins; the state is the clause's verdict, corrected for all clauses."""
    states: Mapping[Verdict, str] = {Verdict.SHIP: "clears", Verdict.DO_NOT_SHIP: "worse"}
    rows = []
    for result in decision.clauses:
        if result.delta is None:
            continue
        sign = 1.0 if result.delta.metric.direction is Direction.HIGHER else -1.0
        if result.clause.kind == "non_inferiority":
            sign = -sign
        margin = 0.0 if result.clause.kind == "no_loss" else result.clause.margin
        rows.append(_row(result.delta, sign * margin, states.get(result.verdict, "open")))
    return tuple(rows)


def _row(delta: Delta, margin: float | None, state: str) -> ForestRow:
    return ForestRow(
        metric=delta.metric.name,
        slice=delta.slice,
        estimate=delta.interval.estimate,
        low=delta.interval.low,
        high=delta.interval.high,
        n=delta.interval.n,
        won=delta.won,
        lost=delta.lost,
        tied=delta.tied,
        unit=delta.metric.unit,
        higher_is_better=delta.metric.direction is Direction.HIGHER,
        margin=margin,
        state=state,
    )


def _against_zero(delta: Delta) -> str:
    low, high = delta.interval.low, delta.interval.high
    better, worse = low > 0.0, high < 0.0
    if delta.metric.direction is Direction.LOWER:
        better, worse = worse, better
    return "clears" if better else "worse" if worse else "open"


def takeaway(rows: Sequence[ForestRow]) -> str:
    """The plot in one sentence."""
    if not rows:
        return "There is nothing to compare."
    with_policy = any(row.margin is not None for row in rows)
    rule = "Clear their line" if with_policy else "Shown to be better"
    clears = [row for row in rows if row.state == "clears" and (with_policy or _off_zero(row))]
    worse = [row for row in rows if row.state == "worse"]
    shown = [row for row in worse if _off_zero(row)]
    refused = [row for row in worse if not _off_zero(row)]
    said = (
        f"{rule}: {len(clears)} of {len(rows)}. Shown to be worse: {len(shown)}{_named(shown)}. "
        f"Not decided: {len(rows) - len(clears) - len(worse)}."
    )
    return said + (
        f" Refused by their clause without a shown difference: {len(refused)}{_named(refused)}." if refused else ""
    )


def _off_zero(row: ForestRow) -> bool:
    return row.low > 0.0 or row.high < 0.0


def _named(rows: Sequence[ForestRow], most: int = 6) -> str:
    names = [row.name for row in rows[:most]]
    rest = f" and {len(rows) - most} more" if len(rows) > most else ""
    return f" ({', '.join(names)}{rest})" if names else ""


ROWS_DRAWN = 40
"""Rows in the picture; the table has all of them."""


def figure_forest(
    rows: Sequence[ForestRow], identity: str = "forest", title: str = "Candidate minus baseline"
) -> Figure:
    """The rows as a figure. Of many rows the picture shows whole metrics, slices that stand out and those nearest to
    harm, and in a terminal only the first two; the table has all."""
    shown = _most_telling(rows)
    few = [row for row in shown if not row.slice or row.state != "open"] if len(rows) > ROWS_DRAWN else shown
    left_out = len(rows) - len(shown)
    notes = (f"The picture shows {len(shown)} rows; {left_out} more stand in the table.",) if left_out else ()
    return Figure(
        identity, title, takeaway(rows), _HEADER, tuple(_cells(row) for row in rows),
        forest_svg(shown, identity=identity, title=title, sentence=takeaway(rows)), notes,
        lambda width: forest_text(few, width),
    )  # fmt: skip


def _most_telling(rows: Sequence[ForestRow]) -> Sequence[ForestRow]:
    """At most 40 rows. A slice that holds all pairs of its metric says what the metric says, and goes first."""
    if len(rows) <= ROWS_DRAWN:
        return rows
    whole = {row.metric: row.n for row in rows if not row.slice}

    def order(row: ForestRow) -> tuple[bool, bool, bool, float]:
        same = bool(row.slice) and row.n == whole.get(row.metric)
        reach = max(row.high - row.low, 1e-12)
        bad = (row.high if row.higher_is_better else -row.low) / reach
        return bool(row.slice), same, row.state == "open", bad

    kept = {id(row) for row in sorted(rows, key=order)[:ROWS_DRAWN]}
    return [row for row in rows if id(row) in kept]


def forest_svg(
    rows: Sequence[ForestRow], *, identity: str = "forest", title: str = "Candidate minus baseline", sentence: str = ""
) -> str:
    """The plot; `sentence` describes it instead of its own takeaway. Rows are grouped into panels by unit and
    direction, each with its own axis."""
    body: list[str] = []
    y, right = 8.0, _right_end(rows)
    for (unit, higher), members in _panels(rows):
        drawn, y = _panel(members, unit, higher, y, right)
        body.extend(drawn)
        y += 18.0
    return drawing(WIDTH, max(40, round(y)), identity, title, sentence or takeaway(rows), body)


def _right_end(rows: Sequence[ForestRow]) -> float:
    """Where the plot ends so that the longest numbers have room beside it."""
    widest = max((text_width(_interval(row, _digits([row]))) + text_width(_counts(row)) for row in rows), default=0.0)
    return max(_LEFT + _LEAST_PLOT, WIDTH - 48.0 - max(widest, 260.0))


def _digits(rows: Sequence[ForestRow]) -> int:
    return digits_for(v for row in rows for v in (row.estimate, row.low, row.high))


def _interval(row: ForestRow, digits: int) -> str:
    return f"{signed(row.estimate, digits)} [{signed(row.low, digits)}, {signed(row.high, digits)}]"


def _counts(row: ForestRow) -> str:
    return f"{row.n} · {row.won} / {row.lost} / {row.tied}"


def _panels(rows: Sequence[ForestRow]) -> list[tuple[tuple[str, bool], list[ForestRow]]]:
    order = {key: index for index, key in enumerate(dict.fromkeys((row.unit, row.higher_is_better) for row in rows))}
    ranked = sorted(rows, key=lambda row: order[(row.unit, row.higher_is_better)])
    return [(key, list(group)) for key, group in groupby(ranked, key=lambda row: (row.unit, row.higher_is_better))]


def _range(rows: Sequence[ForestRow]) -> tuple[float, float]:
    values = [v for row in rows for v in (row.low, row.high, row.margin or 0.0, 0.0)]
    low, high = min(values), max(values)
    pad = 0.06 * (high - low) or 0.01
    return low - pad, high + pad


def _panel(rows: Sequence[ForestRow], unit: str, higher: bool, y: float, end: float) -> tuple[list[str], float]:
    low, high = _range(rows)

    def at(value: float) -> float:
        return _LEFT + (value - low) / (high - low) * (end - _LEFT)

    better = "better →" if higher else "← better"
    head = [
        label(8, y + 14, f"{unit or 'score'}, {'higher' if higher else 'lower'} is better", class_="muted"),
        label(end if higher else _LEFT, y + 14, better, text_anchor="end" if higher else "start", class_="muted"),
        label(end + 16, y + 14, "difference [interval]", class_="muted"),
        label(WIDTH - 8, y + 14, "n · won / lost / tied", text_anchor="end", class_="muted"),
    ]
    top = y + 24.0
    bottom = top + ROW * len(rows)
    digits = _digits(rows)
    marks = [part for index, row in enumerate(rows) for part in _draw(row, top + ROW * (index + 0.5), at, digits, end)]
    zero = element("line", x1=at(0.0), x2=at(0.0), y1=top, y2=bottom, stroke="currentColor", class_="zero")
    return [*head, zero, *marks, *_axis(low, high, at, bottom, end)], bottom + 22.0


def _axis(low: float, high: float, at: Callable[[float], float], y: float, end: float) -> list[str]:
    marks = ticks(low, high)
    digits = decimals(marks[1] - marks[0]) if len(marks) > 1 else 3
    line = element("line", x1=_LEFT, x2=end, y1=y, y2=y, stroke="currentColor", stroke_opacity=0.35)
    texts = [
        label(at(mark), y + 16, signed(mark, digits), text_anchor="middle", font_size=11, class_="muted")
        for mark in marks
    ]
    return [line, *texts]


def _draw(row: ForestRow, y: float, at: Callable[[float], float], digits: int, end: float) -> list[str]:
    x, left, right = at(row.estimate), at(row.low), at(row.high)
    parts = _names(row, y)
    if row.margin is not None:
        m = at(row.margin)
        parts.append(
            element(
                "line", x1=m, x2=m, y1=y - ROW / 2 + 2, y2=y + ROW / 2 - 2, stroke="currentColor",
                stroke_width=1.5, stroke_dasharray="3 2", class_="margin",
            )
        )  # fmt: skip
    for first, last in ((left, min(x - 5.5, right)), (max(x + 5.5, left), right)):
        if last > first:
            parts.append(element("line", x1=first, x2=last, y1=y, y2=y, stroke="currentColor", stroke_width=1.6))
    parts.append(marker("better" if row.state == "clears" else row.state, x, y))
    parts.append(label(end + 16, y + 4, _interval(row, digits), class_="number"))
    parts.append(label(WIDTH - 8, y + 4, _counts(row), text_anchor="end", class_="number muted"))
    return [element("g", *parts, class_=f"row {row.state}")]


def _names(row: ForestRow, y: float) -> list[str]:
    """The metric to the left; the slice to the right of it, which gets what room the metric leaves."""
    room = _LEFT - 24.0
    if not row.slice:
        return [label(8, y + 4, row.metric, room=room, font_weight=600)]
    ours = min(text_width(row.metric), max(room / 2, room - text_width(row.slice) - 12))
    theirs = room - ours - 12
    return [
        label(8, y + 4, row.metric, room=ours + 1, font_weight=400),
        label(_LEFT - 12, y + 4, row.slice, room=theirs, text_anchor="end", class_="muted"),
    ]


_HEADER = ("metric", "unit", "better", "difference", "low", "high", "line", "n", "won", "lost", "tied", "reading")


def _cells(row: ForestRow) -> tuple[str, ...]:
    digits = digits_for((row.estimate, row.low, row.high))
    line = "none" if row.margin is None else signed(row.margin, digits)
    numbers = [signed(value, digits) for value in (row.estimate, row.low, row.high)]
    counts = [str(value) for value in (row.n, row.won, row.lost, row.tied)]
    better = "higher" if row.higher_is_better else "lower"
    return (row.name, row.unit or "score", better, *numbers, line, *counts, _MEANING[row.state])


def forest_table(rows: Sequence[ForestRow], caption: str = "Candidate minus baseline") -> str:
    """The plot's numbers as an HTML table."""
    return table_html(caption, _HEADER, [_cells(row) for row in rows])


def forest_text(rows: Sequence[ForestRow], width: int = 100) -> tuple[str, ...]:
    """The plot for a terminal `width` characters wide (at least 60), one line a row.

    `│` is zero, `┊` the margin; `●` clears its line, `○` is open, `✕` is shown to be worse.
    """
    if not rows:
        return ()
    width = max(60, width)
    names = min(max(columns(row.name) for row in rows), max(14, width // 3))
    texts = [_terminal_numbers(row) for row in rows]
    room = max(15, width - names - max(map(len, texts)) - 4)
    found = {id(row): text for row, text in zip(rows, texts, strict=True)}
    lines: list[str] = []
    for (unit, higher), members in _panels(rows):
        low, high = _range(members)
        lines.append(f"{unit or 'score'}, {'higher is better →' if higher else '← lower is better'}")
        for row in members:
            plot = _terminal_plot(row, low, high, room)
            lines.append(f"{padded(row.name, names)}  {plot}  {found[id(row)]}")
    legend = "│ zero   ┊ margin   ● clears its line   ○ not decided   ✕ shown to be worse"
    return (*lines, *textwrap.wrap(legend, width))


def _terminal_numbers(row: ForestRow) -> str:
    digits = digits_for((row.estimate, row.low, row.high))
    interval = f"[{signed(row.low, digits)}, {signed(row.high, digits)}]"
    return f"{signed(row.estimate, digits)} {interval}  n {row.n}, {row.won} won, {row.lost} lost"


def _terminal_plot(row: ForestRow, low: float, high: float, room: int) -> str:
    def at(value: float) -> int:
        return min(room - 1, max(0, round((value - low) / (high - low) * (room - 1))))

    cells = [" "] * room
    cells[at(0.0)] = "│"
    for index in range(at(row.low), at(row.high) + 1):
        cells[index] = "┼" if cells[index] == "│" else "─"
    if row.margin is not None:
        cells[at(row.margin)] = "┊"
    cells[at(row.estimate)] = _MARKS[row.state]
    return "".join(cells)
