"""Variance split: does the noise of a score come from the cases, from asking again, or from the judge?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from assay.plot.axes import percent
from assay.plot.figure import Figure
from assay.plot.svg import drawing, element, label, padded, text_width

_WIDTH, _LEFT, _RIGHT = 640, 16.0, 624.0
_FILLS = (0.85, 0.45, 0.12)
WORTH = 0.05
"""Asking twice as often is called worth it when it makes the interval at least this share narrower."""


@dataclass(frozen=True, slots=True)
class VariancePart:
    """`variance` is that of one draw (a case's true score, one reply's noise, one verdict's); `of_mean` its part of the
    squared standard error of the mean as the run was made."""

    name: str
    variance: float
    of_mean: float


@dataclass(frozen=True, slots=True)
class VarianceSplit:
    """`parts` are case, repeat and, where verdicts were repeated, judge, in this order; `cases` and `repeats` say how
    many of each the run has. `more_repeats` is what the squared standard error would be with twice the repeats; twice
    the cases halve it."""

    metric: str
    parts: tuple[VariancePart, ...]
    cases: int
    repeats: int
    more_repeats: float
    notes: tuple[str, ...] = ()

    @property
    def squared_error(self) -> float:
        return sum(part.of_mean for part in self.parts)

    def share(self, part: VariancePart) -> float:
        """Its share of the variance of the mean; 0 where nothing varies."""
        return part.of_mean / self.squared_error if self.squared_error > 0.0 else 0.0

    @property
    def narrower(self) -> float:
        """By which share twice the repeats would narrow the interval."""
        if self.squared_error <= 0.0:
            return 0.0
        return 1.0 - math.sqrt(max(0.0, min(1.0, self.more_repeats / self.squared_error)))


def figure_variance(data: VarianceSplit, identity: str = "variance") -> Figure:
    """One bar divided by where the variance of the mean comes from, with what more cases or more repeats would do."""
    title = f"Where the noise of {data.metric} comes from"
    takeaway = variance_sentence(data)
    error = math.sqrt(data.squared_error)
    rows = tuple(
        (part.name, f"{part.variance:.4g}", f"{part.of_mean:.3g}", percent(data.share(part), 1)) for part in data.parts
    )
    header = ("source", "variance of one", "part of the squared standard error", "share")
    notes = (f"Standard error {error:.3g} with {data.cases:,} cases asked {data.repeats} times.", *data.notes)
    svg = drawing(_WIDTH, 212, identity, title, takeaway, _body(data))
    return Figure(identity, title, takeaway, header, rows, svg, notes, lambda width: _lines(data, width))


def variance_sentence(data: VarianceSplit) -> str:
    """What to buy: more cases, or more repeats too."""
    if data.squared_error <= 0.0:
        return f"{data.metric}: nothing varies, so there is nothing to divide."
    again = sum(data.share(part) for part in data.parts[1:])
    said = f"{data.metric}: asking again explains {percent(again)} of the variance of the mean"
    effect = (
        f"twice the repeats would narrow the interval by {percent(data.narrower)}, twice the cases by {percent(_HALF)}"
    )
    if data.narrower < WORTH:
        return f"{said}: more cases help, more repeats hardly do ({effect})."
    return f"{said}: more repeats help ({effect})."


_HALF = 1.0 - math.sqrt(0.5)


def _body(data: VarianceSplit) -> list[str]:
    if data.squared_error <= 0.0:
        return [label(_LEFT, 40, "nothing varies")]
    body = [label(_LEFT, 20, "variance of the mean", class_="muted")]
    x, key = _LEFT, _LEFT
    for number, part in enumerate(data.parts):
        width = data.share(part) * (_RIGHT - _LEFT)
        fill: dict[str, str | float] = {"fill": "currentColor", "fill_opacity": _FILLS[number % len(_FILLS)]}
        if width > 0.0:
            body.append(element("rect", x=x, y=32, width=max(width, 1.0), height=34, stroke="currentColor", **fill))
        words = f"{part.name} {percent(data.share(part), 1)}"
        body.append(element("rect", x=key, y=80, width=14, height=14, stroke="currentColor", **fill))
        body.append(label(key + 20, 92, words))
        x, key = x + width, key + 40 + text_width(words)
    return body + _choices(data)


def _choices(data: VarianceSplit) -> list[str]:
    """The width of the interval today, with twice the repeats, and with twice the cases, as bars."""
    body = [label(_LEFT, 124, "width of the interval", class_="muted")]
    choices = (("today", 0.0), ("twice the repeats", data.narrower), ("twice the cases", _HALF))
    for number, (name, less) in enumerate(choices):
        y = 134.0 + 24 * number
        whole = (_RIGHT - 230.0) * (1.0 - less)
        body.append(label(_LEFT, y + 13, name))
        body.append(element("rect", x=150, y=y + 3, width=max(whole, 1.0), height=12, fill="currentColor",
                            fill_opacity=0.6))  # fmt: skip
        if number:
            body.append(label(150 + whole + 8, y + 13, f"−{percent(less)}"))
    return body


def _lines(data: VarianceSplit, width: int) -> Sequence[str]:
    if data.squared_error <= 0.0:
        return ()
    room = max(10, width - 22)
    lines = []
    for part in data.parts:
        share = data.share(part)
        lines.append(f"{padded(part.name, 12)} {padded('█' * round(share * room), room)} {percent(share, 1)}")
    return lines
