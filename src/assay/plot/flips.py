"""Flips: which cases a candidate won and lost against the baseline, metric by metric, and the worst of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay.plot.figure import Figure, text_table
from assay.plot.svg import columns, drawing, element, label, padded, text_width

_WIDTH, _ROW = 690, 30
_CELLS = 60
_SQUARES = 500
"""Rows are drawn case by case when no side has more than 60 and all together not more than 500."""
ROWS_DRAWN = 40
"""Rows in the picture: those with the most changes; the table has all of them."""
WORST = 10


@dataclass(frozen=True, slots=True)
class FlipRow:
    """One metric: cases that the candidate won, lost and tied, and whether the difference is shown (`clears` for
    better, `worse`, else `open`)."""

    metric: str
    won: int
    lost: int
    tied: int
    state: str = "open"

    @property
    def n(self) -> int:
        return self.won + self.lost + self.tied


@dataclass(frozen=True, slots=True)
class FlippedCase:
    """A case whose score changed. `loss` is positive where the candidate is worse."""

    case_id: str
    metric: str
    baseline: float
    candidate: float
    loss: float


@dataclass(frozen=True, slots=True)
class Flips:
    """`worst` holds the flipped cases, most severe loss first."""

    rows: tuple[FlipRow, ...]
    worst: tuple[FlippedCase, ...] = ()
    notes: tuple[str, ...] = ()


def figure_flips(data: Flips, identity: str = "flips") -> Figure:
    """Lost cases to the left of a line, won ones to the right, a row each metric; the worst cases in the notes."""
    title = "Cases won and lost by the candidate"
    takeaway = flips_sentence(data)
    rows = tuple(
        (row.metric, str(row.n), str(row.won), str(row.lost), str(row.tied), _READ[row.state]) for row in data.rows
    )
    lost = [case for case in data.worst if case.loss > 0][:WORST]
    named = "; ".join(f"{c.case_id} {c.metric} {c.baseline:.3g} → {c.candidate:.3g}" for c in lost)
    notes = (f"Worst cases: {named}.", *data.notes) if lost else data.notes
    shown = _most_changed(data.rows)
    if len(shown) < len(data.rows):
        notes += (f"The picture shows the {len(shown)} rows with the most changes.",)
    svg = drawing(_WIDTH, 56 + _ROW * len(shown), identity, title, takeaway, _body(shown))
    header = ("metric", "cases", "won", "lost", "tied", "reading")
    return Figure(identity, title, takeaway, header, rows, svg, notes, lambda width: _lines(shown, width))


def _most_changed(rows: Sequence[FlipRow]) -> Sequence[FlipRow]:
    if len(rows) <= ROWS_DRAWN:
        return rows
    kept = sorted(range(len(rows)), key=lambda at: (rows[at].state == "open", -rows[at].won - rows[at].lost))
    return [rows[at] for at in sorted(kept[:ROWS_DRAWN])]


_READ = {"clears": "shown to be better", "open": "no difference is shown", "worse": "shown to be worse"}


def flips_sentence(data: Flips) -> str:
    """Counts of won and lost cases; a difference is claimed only for rows where it is shown."""
    changed = [row for row in data.rows if row.won or row.lost]
    if not changed:
        return "No case changed." if data.rows else "There is nothing to compare."
    counts = [f"{row.metric} {row.won} won, {row.lost} lost of {row.n}" for row in changed[:4]]
    rest = f" and {len(changed) - 4} more metrics with changes" if len(changed) > 4 else ""
    shown = [
        f"{row.metric} ({_READ[row.state].removeprefix('shown to be ')})" for row in data.rows if row.state != "open"
    ]
    claim = f"Shown beyond chance: {', '.join(shown)}." if shown else "In none of these is a difference shown."
    return f"{'; '.join(counts)}{rest}. {claim}"


def _body(rows: Sequence[FlipRow]) -> list[str]:
    if not rows:
        return []
    names = min(240.0, max(text_width(row.metric) for row in rows) + 20)
    left, right = names, _WIDTH - 70.0
    middle = (left + right) / 2
    most = max([1, *(max(row.won, row.lost) for row in rows)])
    unit = ((right - left) / 2 - 40) / most
    squares = most <= _CELLS and sum(row.won + row.lost for row in rows) <= _SQUARES
    bottom = 36.0 + _ROW * len(rows)
    body = [
        label(middle - 10, 20, "← lost", text_anchor="end", class_="muted"),
        label(middle + 10, 20, "won →", class_="muted"),
        label(_WIDTH - 8, 20, "tied", text_anchor="end", class_="muted"),
        element("line", x1=middle, x2=middle, y1=30, y2=bottom, stroke="currentColor", class_="zero"),
    ]
    for number, row in enumerate(rows):
        y = 36.0 + _ROW * number
        lost = _bar(middle, -unit, row.lost, y, 0.8, squares)
        won = _bar(middle, unit, row.won, y, 0.3, squares)
        weight = 600 if row.state != "open" else 400
        body += [
            label(8, y + 15, row.metric, room=names - 16, font_weight=weight),
            element("g", *lost, class_="row worse") if lost else "",
            element("g", *won, class_="row clears") if won else "",
            label(middle - unit * row.lost - 8, y + 15, str(row.lost), text_anchor="end"),
            label(middle + unit * row.won + 8, y + 15, str(row.won)),
            label(_WIDTH - 8, y + 15, str(row.tied), text_anchor="end", class_="muted"),
        ]
    return body


def _bar(middle: float, unit: float, count: int, y: float, fill: float, squares: bool) -> list[str]:
    """A square for each case where there is room to see them, else one bar; lost ones are darker than won ones."""
    if not count:
        return []
    paint: dict[str, str | float] = {"fill": "currentColor", "fill_opacity": fill, "stroke": "currentColor"}
    if squares:
        width = abs(unit)
        starts = [middle + unit * number - (width if unit < 0 else 0.0) for number in range(count)]
        return [element("rect", x=x + 0.5, y=y, width=max(width - 1.5, 1.0), height=20, **paint) for x in starts]
    whole = abs(unit) * count
    return [element("rect", x=middle - whole if unit < 0 else middle, y=y, width=max(whole, 1.0), height=20, **paint)]


def _lines(rows: Sequence[FlipRow], width: int) -> Sequence[str]:
    """Lost to the left and won to the right of a line."""
    if not rows:
        return ()
    names = min(max(columns(row.metric) for row in rows), max(12, width // 3))
    counts = max(len(f"{row.lost} lost") for row in rows) + max(len(f"{row.won} won") for row in rows)
    tied = max(len(f"  ({row.tied} tied)") for row in rows)
    room = (width - names - counts - tied - 5) // 2
    if room < 3:
        header = ("metric", "won", "lost", "tied")
        return text_table(header, [(row.metric, str(row.won), str(row.lost), str(row.tied)) for row in rows], width)
    most = max([1, *(max(row.won, row.lost) for row in rows)])
    wide = max(len(f"{row.lost} lost") for row in rows)
    lines = []
    for row in rows:
        lost = padded("█" * _length(row.lost, most, room), room, right=True)
        won = padded("▒" * _length(row.won, most, room), room)
        lines.append(
            f"{padded(row.metric, names)}  {padded(f'{row.lost} lost', wide, right=True)} {lost}│{won} {row.won} won"
            f"  ({row.tied} tied)"
        )
    return lines


def _length(count: int, most: int, room: int) -> int:
    return max(1, round(count / most * room)) if count else 0
