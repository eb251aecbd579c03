"""Risk-coverage curve: how often a system answers against how often it is wrong, as the threshold moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from assay.plot.svg import coordinate, drawing, element, label, table_html, ticks
from assay.records.bundles import Calibration

_WIDTH, _HEIGHT = 720, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 700, 16, 324


def dial_sentence(calibration: Calibration) -> str:
    """What the chosen threshold means: "answers 83 % of questions at 3.1 % error, 95 % interval 1.6 to 5.4"."""
    found = calibration
    return (
        f"answers {found.coverage:.0%} of questions at {found.error:.1%} error, {found.level:.0%} interval "
        f"{found.error_low:.1%} to {found.error_high:.1%} ({found.answered} of {found.cases} cases answered)"
    ).replace("%", " %")


def risk_coverage_svg(calibration: Calibration, *, identity: str = "risk-coverage") -> str:
    """Error among answered questions by share answered, with its interval as a band, the target and the threshold."""
    points = sorted(calibration.curve, key=lambda point: (point[1], point[0]))
    top = max([calibration.target_error, *(point[4] for point in points)], default=0.1)
    top = min(1.0, top * 1.08) or 0.1

    def x(share: float) -> float:
        return _LEFT + share * (_RIGHT - _LEFT)

    def y(error: float) -> float:
        return _BOTTOM - min(error, top) / top * (_BOTTOM - _TOP)

    chosen_x, chosen_y = x(calibration.coverage), y(calibration.error)
    body = [
        *_frame(x, y, top),
        *_curve(points, x, y),
        element(
            "line", x1=_LEFT, x2=_RIGHT, y1=y(calibration.target_error), y2=y(calibration.target_error),
            stroke="currentColor", stroke_dasharray="6 4", class_="margin",
        ),
        label(_RIGHT, y(calibration.target_error) - 6, f"target {calibration.target_error:.1%}", text_anchor="end"),
        element("circle", cx=chosen_x, cy=chosen_y, r=6, fill="currentColor", class_="clears"),
        label(chosen_x - 10, chosen_y - 10, "chosen", text_anchor="end", font_weight=600),
    ]  # fmt: skip
    return drawing(_WIDTH, _HEIGHT, identity, "Error against coverage", dial_sentence(calibration).capitalize(), body)


def _frame(x: Callable[[float], float], y: Callable[[float], float], top: float) -> list[str]:
    parts = [
        element("line", x1=_LEFT, x2=_RIGHT, y1=_BOTTOM, y2=_BOTTOM, stroke="currentColor", stroke_opacity=0.5),
        element("line", x1=_LEFT, x2=_LEFT, y1=_TOP, y2=_BOTTOM, stroke="currentColor", stroke_opacity=0.5),
        label((_LEFT + _RIGHT) / 2, _BOTTOM + 44, "share of questions answered", text_anchor="middle", class_="muted"),
        label(_LEFT + 8, _TOP + 10, "wrong among answered", class_="muted"),
    ]
    for share in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        parts.append(label(x(share), _BOTTOM + 20, f"{share:.0%}", text_anchor="middle", font_size=11, class_="muted"))
    for error in ticks(0.0, top, 4):
        parts.append(label(_LEFT - 8, y(error) + 4, f"{error:.1%}", text_anchor="end", font_size=11, class_="muted"))
    return parts


def _curve(
    points: Sequence[tuple[float, float, float, float, float, int]],
    x: Callable[[float], float],
    y: Callable[[float], float],
) -> list[str]:
    if not points:
        return []

    def path(pairs: Sequence[tuple[float, float]]) -> str:
        return "L".join(f"{coordinate(x(share))} {coordinate(y(error))}" for share, error in pairs)

    upper = [(point[1], point[4]) for point in points]
    lower = [(point[1], point[3]) for point in reversed(points)]
    band = element("path", d=f"M{path([*upper, *lower])}Z", fill="currentColor", fill_opacity=0.14, class_="band")
    line = path([(point[1], point[2]) for point in points])
    return [band, element("path", d=f"M{line}", fill="none", stroke="currentColor", stroke_width=2)]


def risk_coverage_table(calibration: Calibration) -> str:
    """The curve's numbers as an HTML table."""
    rows = [
        [f"{threshold:.4g}", f"{coverage:.1%}", str(answered), f"{error:.2%}", f"{low:.2%} to {high:.2%}"]
        for threshold, coverage, error, low, high, answered in calibration.curve
    ]
    header = ("threshold", "answered", "cases", "wrong", f"{calibration.level:.0%} interval")
    return table_html("Error against coverage by threshold", header, rows)
