"""Power curve: with how many cases, and for what money, a question would be decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay.plot.axes import Axes, log_ticks, percent, shares
from assay.plot.figure import Figure
from assay.plot.svg import drawing, element, label, padded

_WIDTH, _HEIGHT = 640, 380
_DASHES = ("", "7 4", "2 3")


@dataclass(frozen=True, slots=True)
class PowerLine:
    """One assumption about the truth, such as `no true difference`, and the chance of a decision by number of cases."""

    truth: str
    points: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class PowerCurve:
    """`asks` says what has to be shown, such as `correct: not worse by more than 0.03`. The first line is the one that
    is read aloud; `today` and `needed` count cases, None where no number of cases would do."""

    asks: str
    lines: tuple[PowerLine, ...]
    today: int
    power_today: float
    needed: int | None
    wanted: float = 0.8
    price_per_case: float | None = None
    """US dollars for one more case in both runs, all repeats; None where it is not known."""
    notes: tuple[str, ...] = ()


def figure_power(data: PowerCurve, identity: str = "power") -> Figure:
    """Power over the number of cases on a logarithmic axis with the price below it; today and what is needed marked."""
    title = f"Power: {data.asks}"
    takeaway = power_sentence(data)
    header = ("cases", *(line.truth for line in data.lines), "price of the cases to add")
    table = {n: [_power(line, n) for line in data.lines] for line in data.lines for n, _ in line.points}
    rows = tuple((f"{n:,}", *found, _more(n - data.today, data)) for n, found in sorted(table.items()))
    svg = drawing(
        _WIDTH,
        _HEIGHT + (0 if data.price_per_case is None else 18),
        identity,
        title,
        takeaway,
        _body(data) if data.lines else [],
    )
    return Figure(identity, title, takeaway, header, rows, svg, data.notes, lambda width: _text(data, width))


def power_sentence(data: PowerCurve) -> str:
    """Today's chance of a decision, and what would bring it to what is wanted."""
    if not data.lines:
        return f"{data.asks}: there are too few pairs to plan with."
    chance = percent(data.power_today)
    now = f"{data.asks}: with today's {data.today:,} cases and {data.lines[0].truth} the chance to show it is {chance}"
    if data.needed is None:
        return f"{now}; no number of cases would decide it."
    if data.today >= data.needed:
        return f"{now}, as much as is wanted ({percent(data.wanted)})."
    more = data.needed - data.today
    price = "" if data.price_per_case is None else f", about {money(more * data.price_per_case)}"
    return f"{now}; {data.needed:,} cases ({more:,} more{price}) would make it {percent(data.wanted)}."


def money(usd: float) -> str:
    """US dollars with digits that suit the size."""
    if usd and abs(usd) < 0.01:
        return f"{usd:.2g} USD"
    return f"{usd:,.2f} USD" if abs(usd) < 1000 else f"{usd:,.0f} USD"


def _more(cases: int, data: PowerCurve) -> str:
    if cases <= 0:
        return "none"
    return "unknown" if data.price_per_case is None else money(cases * data.price_per_case)


def _power(line: PowerLine, n: int) -> str:
    found = dict(line.points).get(n)
    return "–" if found is None else percent(found, 1)


def _body(data: PowerCurve) -> list[str]:
    sizes = sorted({n for line in data.lines for n, _ in line.points} | {data.today})
    low, high = float(max(1, sizes[0])), float(max(sizes[-1], 2))
    axes = Axes(64, 616, 40 + 18 * len(data.lines), 330, low, high, 0.0, 1.0, log_x=True)
    marks = log_ticks(low, high)
    body = [
        *axes.frame(
            "cases" if data.price_per_case is None else "cases, and the price of those to add", "chance to show it"
        ),
        *axes.x_ticks(marks, lambda n: f"{n:,.0f}"),
        *axes.y_ticks(shares(), percent),
        axes.across(data.wanted),
    ]
    if data.price_per_case is not None:
        body += _prices(marks, data, axes)
    for number, line in enumerate(data.lines):
        dash = _DASHES[number % len(_DASHES)]
        body.append(axes.line([(float(max(1, n)), power) for n, power in line.points], dash=dash))
        y = 16.0 + 18 * number
        extra = {"stroke_dasharray": dash} if dash else {}
        body.append(element("line", x1=16, x2=48, y1=y, y2=y, stroke="currentColor", stroke_width=2, **extra))
        body.append(label(56, y + 4, line.truth, room=560))
    return body + _sizes(data, axes)


def _prices(marks: Sequence[float], data: PowerCurve, axes: Axes) -> list[str]:
    """Prices below the numbers of cases, as many as there is room for."""
    drawn, free = [], axes.left
    for mark in marks:
        if mark <= data.today or data.price_per_case is None:
            continue
        words = money((mark - data.today) * data.price_per_case)
        half = 3.4 * len(words)
        if axes.x(mark) - half >= free and axes.x(mark) + half <= axes.right + 20:
            drawn.append(
                label(axes.x(mark), axes.bottom + 58, words, text_anchor="middle", font_size=11, class_="muted")
            )
            free = axes.x(mark) + half + 8
    return drawn


def _sizes(data: PowerCurve, axes: Axes) -> list[str]:
    x, y = axes.x(float(max(1, data.today))), axes.y(data.power_today)
    free = axes.top + 16 if data.power_today < 0.5 else axes.bottom - 10
    body = [
        element("line", x1=x, x2=x, y1=axes.top, y2=axes.bottom, stroke="currentColor", stroke_width=1.2,
                stroke_opacity=0.6),
        element("circle", cx=x, cy=y, r=5, fill="currentColor"),
        axes.beside(x, free, f"today {data.today:,}: {percent(data.power_today)}", bold=True),
    ]  # fmt: skip
    if data.needed is not None and axes.x_low <= data.needed <= axes.x_high and data.needed > data.today:
        at = axes.x(float(data.needed))
        body.append(element("circle", cx=at, cy=axes.y(data.wanted), r=5, fill="none", stroke="currentColor",
                            stroke_width=2))  # fmt: skip
        body.append(axes.beside(at, axes.y(data.wanted) - 10, f"{data.needed:,}: {percent(data.wanted)}", bold=True))
    return body


def _text(data: PowerCurve, width: int) -> Sequence[str]:
    """Bars of the first line's power, one for each number of cases."""
    if not data.lines:
        return ()
    room = max(8, width - 31)
    lines = []
    points = data.lines[0].points
    kept = set(range(0, len(points), max(1, len(points) // 7)))
    for at_point, (n, power) in enumerate(points):
        if at_point not in kept and n not in (data.today, data.needed):
            continue
        bar = padded("█" * round(power * room), room)
        mark = "┊" if power < data.wanted else " "
        at = round(data.wanted * room)
        bar = bar if bar[at : at + 1] != " " else bar[:at] + mark + bar[at + 1 :]
        today = " ← today" if n == data.today else " ← enough" if n == data.needed else ""
        lines.append(f"{padded(f'{n:,}', 9, right=True)} {bar} {percent(power)}{today}")
    return lines
