"""How a positive quantity is spread, such as latency or cost: its quantiles with intervals, for one run or two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assay.plot.axes import Axes, log_ticks, percent, shares
from assay.plot.figure import Figure
from assay.plot.svg import decimals, digits_for, drawing, element, label, padded, shortened, ticks

_WIDTH, _HEIGHT = 640, 380
_DASHES = ("", "7 4")
_POINTS = 200
TOLD = 0.95
"""The quantile that the takeaway names besides the first, where it was measured."""


@dataclass(frozen=True, slots=True)
class QuantileRow:
    """A quantile with its interval; `low` or `high` is None where too few values stand beyond it to bound it."""

    share: float
    estimate: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Series:
    """Values in ascending order with their quantiles. `unknown` counts replies of which the value is not known."""

    name: str
    values: tuple[float, ...]
    quantiles: tuple[QuantileRow, ...]
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Distribution:
    """`series` holds one run, or the baseline and the candidate."""

    quantity: str
    unit: str
    series: tuple[Series, ...]
    level: float = 0.95
    notes: tuple[str, ...] = ()


def figure_distribution(data: Distribution, identity: str = "distribution") -> Figure:
    """The share of replies at or below each value, with the interval of each quantile as a bar."""
    title = f"{data.quantity} in {data.unit}" if data.unit else data.quantity
    takeaway = distribution_sentence(data)
    svg = drawing(_WIDTH, _HEIGHT, identity, title, takeaway, _body(data))
    header = ("quantile", "of", data.unit or data.quantity, "low", "high", "replies", "not known")
    rows = tuple(
        (f"p{100 * q.share:g}", one.name, amount(q.estimate, data), _limit(q.low, data), _limit(q.high, data),
         f"{len(one.values):,}", str(one.unknown))
        for one in data.series for q in one.quantiles
    )  # fmt: skip
    open_ended = any(q.high is None for one in data.series for q in one.quantiles)
    notes = ("Where no upper limit stands, too few replies are slower or dearer to bound it.",) if open_ended else ()
    return Figure(
        identity, title, takeaway, header, rows, svg, (*notes, *data.notes), lambda width: _lines(data, width)
    )


def distribution_sentence(data: Distribution) -> str:
    """The first quantile (the median) and p95 of each run, with their intervals."""
    said = [_told(one, data) for one in data.series if one.values]
    unknown = sum(one.unknown for one in data.series)
    if not said:
        return f"{data.quantity}: not known for any reply."
    missing = f" Not known for {unknown} replies." if unknown else ""
    return f"{data.quantity}: {'; '.join(said)}.{missing}"


def _told(one: Series, data: Distribution) -> str:
    unit = f" {data.unit}" if data.unit else ""
    parts = []
    tail = next((q for q in one.quantiles if q.share == TOLD), one.quantiles[-1])
    for q in {one.quantiles[0].share: one.quantiles[0], tail.share: tail}.values():
        interval = f"{percent(data.level)} interval {_limit(q.low, data)} to {_limit(q.high, data)}"
        if q.high is None:
            interval = f"{percent(data.level)} interval from {_limit(q.low, data)} up"
        parts.append(f"p{100 * q.share:g} {amount(q.estimate, data)}{unit} ({interval})")
    return f"{one.name + ': ' if one.name else ''}{', '.join(parts)} of {len(one.values):,} replies"


def amount(value: float, data: Distribution) -> str:
    """A value with digits that suit the smallest quantile."""
    sizes = [abs(q.estimate) for one in data.series for q in one.quantiles if q.estimate]
    if sizes and min(sizes) < 0.1:
        return f"{value:.3g}".replace("-", "−")
    return f"{value:,.{digits_for(sizes)}f}".replace("-", "−")


def _limit(value: float | None, data: Distribution) -> str:
    return "–" if value is None else amount(value, data)


def _axes(data: Distribution) -> Axes:
    values = [v for one in data.series for v in one.values]
    low, high = min(values), max(values)
    top = 44.0 + 18.0 * len(data.series)
    if low > 0.0 and high / low > 20.0:
        return Axes(64, 616, top, 330, low, high, 0.0, 1.0, log_x=True)
    pad = 0.03 * (high - low) or max(0.5, 0.05 * abs(high))
    return Axes(64, 616, top, 330, max(0.0, low - pad) if low >= 0 else low - pad, high + pad, 0.0, 1.0)


def _body(data: Distribution) -> list[str]:
    if not any(one.values for one in data.series):
        return []
    axes = _axes(data)
    marks = log_ticks(axes.x_low, axes.x_high) if axes.log_x else ticks(axes.x_low, axes.x_high, 5)
    digits = decimals(marks[1] - marks[0]) if len(marks) > 1 and not axes.log_x else 0
    shown = (lambda v: f"{v:,.{digits}f}") if not axes.log_x else (lambda v: f"{v:,.6g}")
    body = [
        *axes.frame(f"{data.quantity}, {data.unit}" if data.unit else data.quantity, "share of replies at or below"),
        *axes.x_ticks(_apart(marks, shown, axes), shown),
        *axes.y_ticks(shares(), percent),
    ]
    for number, one in enumerate(data.series):
        if one.values:
            body += _series(one, number, data, axes)
    return body


def _apart(marks: Sequence[float], shown: Callable[[float], str], axes: Axes) -> list[float]:
    """The tick marks whose numbers do not touch."""
    kept: list[float] = []
    for mark in marks:
        half = 3.6 * len(shown(mark))
        if not kept or axes.x(mark) - half > axes.x(kept[-1]) + 3.6 * len(shown(kept[-1])) + 6:
            kept.append(mark)
    return kept


def _series(one: Series, number: int, data: Distribution, axes: Axes) -> list[str]:
    dash = _DASHES[number % 2]
    extra = {"stroke_dasharray": dash} if dash else {}
    y = 16.0 + 18 * number
    body = [
        element("line", x1=16, x2=48, y1=y, y2=y, stroke="currentColor", stroke_width=2, **extra),
        label(56, y + 4, _legend(one, data), room=568),
        axes.line(steps(one.values), dash=dash, width=1.6),
    ]
    for q in one.quantiles:
        height = axes.y(q.share) + (0.0 if len(data.series) == 1 else 5.0 * (2 * number - 1))
        left = axes.x(q.low) if q.low is not None else axes.left
        right = axes.x(q.high) if q.high is not None else axes.right
        body.append(element("line", x1=left, x2=right, y1=height, y2=height, stroke="currentColor", stroke_width=4,
                            stroke_opacity=0.6))  # fmt: skip
        fill = "currentColor" if number == 0 else "none"
        body.append(element("circle", cx=axes.x(q.estimate), cy=height, r=4, fill=fill, stroke="currentColor"))
    return body


def _legend(one: Series, data: Distribution) -> str:
    found = ", ".join(f"p{100 * q.share:g} {amount(q.estimate, data)}" for q in one.quantiles)
    return f"{one.name + ': ' if one.name else ''}{found}"


def steps(values: Sequence[float]) -> list[tuple[float, float]]:
    """The empirical distribution function through at most 200 of its points."""
    last = len(values) - 1
    places = sorted({round(at * last / (_POINTS - 1)) for at in range(_POINTS)})
    corners = [(values[0], 0.0)]
    for place in places:
        corners += [(values[place], corners[-1][1]), (values[place], (place + 1) / len(values))]
    return corners


def _lines(data: Distribution, width: int) -> Sequence[str]:
    """A histogram of each run's values between its extremes, as bars."""
    lines = []
    for one in data.series:
        if not one.values:
            continue
        low, high = one.values[0], one.values[-1]
        count = 10 if high > low else 1
        edges = [low + (high - low) * at / count for at in range(1, count + 1)]
        counts = [sum(v <= edge for v in one.values) for edge in edges[:-1]] + [len(one.values)]
        lines.append(shortened(f"{one.name or data.quantity}{', ' + data.unit if data.unit else ''}", width))
        room = max(8, width - 26)
        most = max(after - before for before, after in zip([0, *counts], counts, strict=False))
        for edge, before, after in zip(edges, [0, *counts], counts, strict=False):
            bar = "█" * round((after - before) / most * room)
            lines.append(f"≤ {padded(amount(edge, data), 12, right=True)} {padded(bar, room)} {after - before}")
    return lines
