"""Risk-coverage curve: how often a system answers against how often it is wrong, as the threshold moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay.plot.axes import Axes, percent, percent_ticks, shares
from assay.plot.figure import Figure
from assay.plot.svg import columns, drawing, element, label, padded, table_html, text_width
from assay.records.bundles import Calibration

_WIDTH, _HEIGHT = 640, 400
TABLE_ROWS = 40
"""Rows of the table; a curve may have a point for every case."""


@dataclass(frozen=True, slots=True)
class RiskPoint:
    """What answering at this confidence and above means. Shares of 0 to 1 but for `threshold` and the count."""

    threshold: float
    coverage: float
    error: float
    low: float
    high: float
    answered: int


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """`chosen` is the threshold in use; `promised` the one that keeps the error among answers at the target with what
    `promise` says, such as "with 95 % confidence". A threshold that no reply reaches has a coverage of 0."""

    points: tuple[RiskPoint, ...]
    cases: int
    target: float | None = None
    chosen: RiskPoint | None = None
    promised: RiskPoint | None = None
    promise: str = ""
    level: float = 0.95
    area: float | None = None
    """Area under the curve (AURC, Geifman et al. 2019): the mean error over all coverages."""
    notes: tuple[str, ...] = ()


def risk_of(calibration: Calibration) -> RiskCoverage:
    """A calibration as what is drawn."""
    found = calibration
    chosen = RiskPoint(found.threshold, found.coverage, found.error, found.error_low, found.error_high, found.answered)
    points = tuple(RiskPoint(*point) for point in found.curve)
    return RiskCoverage(points, found.cases, found.target_error, chosen, level=found.level)


def figure_risk_coverage(data: RiskCoverage, identity: str = "risk-coverage") -> Figure:
    """Error among the answered by share answered, its interval as a band, the target, and the thresholds."""
    title = "Error against coverage"
    takeaway = risk_sentence(data)
    svg = drawing(_WIDTH, _HEIGHT, identity, title, takeaway, _body(data))
    header = ("threshold", "answered", "cases", "wrong", f"{percent(data.level)} interval")
    rows = tuple(
        (f"{p.threshold:.4g}", percent(p.coverage, 1), str(p.answered), percent(p.error, 2),
         f"{percent(p.low, 2)} to {percent(p.high, 2)}")
        for p in _thinned(data.points)
    )  # fmt: skip
    return Figure(identity, title, takeaway, header, rows, svg, data.notes, lambda width: _lines(data, width))


def risk_sentence(data: RiskCoverage) -> str:
    """What the thresholds mean, or, without one, what answering everything means."""
    if not data.points:
        return "No reply states a confidence, so no threshold can be chosen."
    if data.chosen is not None:
        said = [f"At the threshold in use: {_means(data.chosen, data)}."]
    else:
        said = [f"Without a threshold: {_means(max(data.points, key=lambda point: point.coverage), data)}."]
    if data.promised is not None and data.target is not None:
        promise = (
            f"To promise at most {percent(data.target, 1)} wrong among answers{data.promise and f' {data.promise}'}"
        )
        threshold = f" at threshold {data.promised.threshold:.3g}" if data.promised.answered else ""
        said.append(f"{promise}{threshold}: {_means(data.promised, data)}.")
    return " ".join(said)


def _means(point: RiskPoint, data: RiskCoverage) -> str:
    if not point.answered:
        return "answers no question"
    return (
        f"answers {percent(point.coverage)} of questions at {percent(point.error, 1)} error, "
        f"{percent(data.level)} interval {percent(point.low, 1)} to {percent(point.high, 1)} "
        f"({point.answered} of {data.cases} cases answered)"
    )


def dial_sentence(calibration: Calibration) -> str:
    """What the chosen threshold means: "answers 83 % of questions at 3.1 % error, 95 % interval 1.6 to 5.4"."""
    found = risk_of(calibration)
    return _means(found.chosen, found).replace("\u00a0", " ") if found.chosen else ""


def risk_coverage_svg(calibration: Calibration, *, identity: str = "risk-coverage") -> str:
    """The picture of a calibration."""
    svg = _body(risk_of(calibration))
    sentence = dial_sentence(calibration)
    return drawing(_WIDTH, _HEIGHT, identity, "Error against coverage", sentence.capitalize(), svg)


def risk_coverage_table(calibration: Calibration) -> str:
    """The curve's numbers as an HTML table."""
    made = figure_risk_coverage(risk_of(calibration))
    return table_html("Error against coverage by threshold", made.header, made.rows)


def _thinned(points: Sequence[RiskPoint]) -> list[RiskPoint]:
    if len(points) <= TABLE_ROWS:
        return list(points)
    last = len(points) - 1
    return [points[round(at * last / (TABLE_ROWS - 1))] for at in range(TABLE_ROWS)]


def _body(data: RiskCoverage) -> list[str]:
    points = sorted(data.points, key=lambda point: (point.coverage, point.threshold))
    marks = [point for point in (data.chosen, data.promised) if point is not None and point.answered]
    # The first few answers have intervals up to 1, which would press the part that matters to the floor.
    settled = [point.high for point in points if point.coverage >= 0.2] or [point.high for point in points]
    top = min(1.0, 1.12 * max([data.target or 0.0, *settled, *(point.high for point in marks)], default=0.1)) or 0.1
    axes = Axes(64, 616, 32, 340, 0.0, 1.0, 0.0, top)
    body = [*axes.frame("share of questions answered", "wrong among the answered")]
    body += [*axes.x_ticks(shares(), percent), *axes.y_ticks(*percent_ticks(0.0, top))]
    if points:
        lower, upper = [(p.coverage, p.low) for p in points], [(p.coverage, p.high) for p in points]
        body += [axes.band(lower, upper), axes.line([(p.coverage, p.error) for p in points])]
    if data.target is not None:
        body.append(axes.across(data.target))
        words, y = f"target {percent(data.target, 1)}", axes.y(data.target)
        if any(point.coverage > 0.6 for point in marks):
            body.append(label(axes.left + 8, y - 6, words))
        else:
            body.append(label(axes.right - 4, min(y + 16, axes.bottom - 4), words, text_anchor="end"))
    for point, name, filled in ((data.chosen, "chosen", True), (data.promised, "promised", False)):
        if point is not None and point.answered:
            body += _mark(point, name, filled, axes, bool(points) and point.coverage >= points[-1].coverage)
    return body


def _mark(point: RiskPoint, name: str, filled: bool, axes: Axes, last: bool) -> list[str]:
    """A threshold with its name, where the curve is not in the way; `last` when the curve ends here."""
    x, y = axes.x(point.coverage), axes.y(point.error)
    words = f"{name}: {percent(point.error, 1)} wrong"
    if filled:
        shape = element("circle", cx=x, cy=y, r=6, fill="currentColor", class_="clears")
    else:
        shape = element("rect", x=x - 6, y=y - 6, width=12, height=12, fill="none", stroke="currentColor",
                        stroke_width=2)  # fmt: skip
    # Errors rise with coverage: above and left of a point, and below and right of it, the curve is not in the way.
    if last and axes.right - x > text_width(words) + 10:
        return [shape, label(x + 10, y + 4, words, font_weight=600)]
    if filled and x - axes.left > text_width(words):
        return [shape, label(x - 8, max(y - 12, axes.top + 12), words, text_anchor="end", font_weight=600)]
    if not filled and axes.right - x > text_width(words) + 10:
        return [shape, label(x + 10, min(y + 20, axes.bottom - 6), words, font_weight=600)]
    height = max(y - 28, axes.top + 12) if filled else min(y + 24, axes.bottom - 6)
    return [shape, axes.beside(x, height, words, gap=0, bold=True)]


def _lines(data: RiskCoverage, width: int) -> Sequence[str]:
    """Error at every tenth of coverage as a bar."""
    chosen = [p for share in range(1, 11) if (p := _at(data.points, share / 10)) is not None]
    chosen = list({point.answered: point for point in chosen}.values())
    if not chosen:
        return ()
    top = max([data.target or 0.0, *(point.error for point in chosen)]) or 1.0
    texts = [f"{percent(p.error, 1)} [{percent(p.low, 1)}, {percent(p.high, 1)}]" for p in chosen]
    room = max(8, width - 16 - max(map(columns, texts)))
    lines = []
    for point, text in zip(chosen, texts, strict=True):
        bar = "█" * round(point.error / top * room)
        lines.append(f"answers {padded(percent(point.coverage), 6, right=True)} {padded(bar, room)} {text}")
    return lines


def _at(points: Sequence[RiskPoint], coverage: float) -> RiskPoint | None:
    """The point nearest below a coverage."""
    found = [point for point in points if point.coverage <= coverage + 1e-9]
    return max(found, key=lambda point: point.coverage) if found else None
