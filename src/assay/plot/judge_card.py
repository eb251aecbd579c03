"""Judge card: how far a judge agrees with people, how often it changes its mind, and until when it may be used."""

from __future__ import annotations

from dataclasses import dataclass

from assay.plot.figure import Figure
from assay.plot.intervals import IntervalRow, interval_lines, name_room, panel
from assay.plot.svg import drawing, label

_WIDTH = 690


@dataclass(frozen=True, slots=True)
class JudgeCard:
    """What was measured of a judge on labelled replies.

    `rates` are shares (of what people pass that it passes, of what people fail that it fails, flips), `agreement`
    is beyond chance (kappa, AC1; −1 to 1). `problems` are reasons why a gate may not rely on it.
    """

    judge: str
    rates: tuple[IntervalRow, ...]
    agreement: tuple[IntervalRow, ...]
    facts: tuple[tuple[str, str], ...] = ()
    """Name and text, such as the digest of the anchors, the model, the slope with length."""
    expires: str = ""
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def figure_judge_card(data: JudgeCard, identity: str = "judge-card") -> Figure:
    """A judge's error rates and its agreement with people as intervals, and the facts of the card as a table."""
    title = f"Judge card: {data.judge}"
    takeaway = judge_sentence(data)
    body: list[str] = []
    y = 8.0
    for name, rows in (("shares, 0 to 1", data.rates), ("agreement beyond chance, at most 1", data.agreement)):
        if rows:
            drawn, end = panel(rows, y + 26, names=name_room((*data.rates, *data.agreement)))
            body += [label(8, y + 12, name, class_="muted"), *drawn]
            y = end + 10
    svg = drawing(_WIDTH, max(40, round(y)), identity, title, takeaway, body)
    header = ("measured", "value", "low", "high", "n", "note")
    measured = [(row.name, _three(row.estimate), _three(row.low), _three(row.high), f"{row.n:,}", row.note)
                for row in (*data.rates, *data.agreement)]  # fmt: skip
    told = [(name, text, "", "", "", "") for name, text in data.facts]
    until = [("may be used until", data.expires, "", "", "", "")] if data.expires else []
    return Figure(
        identity, title, takeaway, header, (*measured, *told, *until), svg, data.notes,
        lambda width: [*interval_lines(data.rates, width), *interval_lines(data.agreement, width)],
    )  # fmt: skip


def judge_sentence(data: JudgeCard) -> str:
    """Whether a gate may rely on the judge, and how it agrees with people."""
    if not data.rates and not data.agreement:
        return f"{data.judge}: nothing was measured, so no gate may rely on it."
    if data.problems:
        said = f"{data.judge} may not be relied on: {'; '.join(data.problems)}."
    else:
        said = f"{data.judge} may be relied on{f' until {data.expires}' if data.expires else ''}."
    found = [_measured(row) for row in (*data.rates[:2], *data.agreement[:1])]
    return f"{said} Against people: {'; '.join(found)}."


def _measured(row: IntervalRow) -> str:
    value = f"{row.estimate:.2f}".replace("-", "−")
    if row.low is None or row.high is None:
        return f"{row.name} {value} (n {row.n:,}, too few for an interval)"
    return f"{row.name} {value} [{row.low:.2f}, {row.high:.2f}] (n {row.n:,})".replace("-", "−")


def _three(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}".replace("-", "−")
