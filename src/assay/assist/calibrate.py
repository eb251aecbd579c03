"""Chooses the confidence below which an app says that it does not know, from cases with known answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay.records.bundles import Calibration
from assay.stats.proportion import wilson

NEVER = 1.01
"""A threshold no confidence reaches: the app answers nothing."""
_CURVE_POINTS = 200


@dataclass(frozen=True, slots=True)
class CalibrationPoint:
    """One case: the system's confidence, whether its reply was right, and whether it answered at all.

    Run the system with threshold 0, so that every case shows what it would have answered.
    """

    confidence: float
    correct: bool
    answered: bool


CurvePoint = tuple[float, float, float, float, float, int]
"""threshold, coverage, error, error_low, error_high, answered"""


def risk_coverage(points: Sequence[CalibrationPoint], level: float = 0.95) -> tuple[CurvePoint, ...]:
    """Coverage and error at every threshold that changes them, strictest first.

    Coverage is the share of all points that are answered at the threshold; error the share of those that are wrong,
    with its Wilson interval. An unanswerable case that is answered is wrong.
    """
    ordered = sorted((p for p in points if p.answered), key=lambda p: -p.confidence)
    curve: list[CurvePoint] = []
    wrong = 0
    for answered, point in enumerate(ordered, start=1):
        wrong += not point.correct
        if answered < len(ordered) and ordered[answered].confidence == point.confidence:
            continue
        interval = wilson(wrong, answered, level)
        curve.append(
            (point.confidence, answered / len(points), wrong / answered, interval.low, interval.high, answered)
        )
    return tuple(curve)


def calibrate(
    app: str,
    golden_name: str,
    golden_version: str,
    points: Sequence[CalibrationPoint],
    target_error: float,
    level: float = 0.95,
    *,
    on_upper_bound: bool = False,
    now: str = "",
    scorer: str = "correct",
) -> Calibration:
    """The threshold with the largest coverage whose error on these points is at most `target_error`.

    Compared is the point estimate; with `on_upper_bound` the upper end of its Wilson interval, which needs more cases
    and promises more. The error is the one on the points the threshold was chosen on, so it is somewhat optimistic:
    report it on a split of its own. When no threshold reaches the target the app answers nothing.

    Raises ValueError without points or for a target outside 0 to 1.
    """
    if not points:
        raise ValueError("calibration needs at least one case")
    if not 0.0 < target_error < 1.0:
        raise ValueError(f"the target error is a share between 0 and 1, not {target_error}")
    curve = risk_coverage(points, level)
    good = [point for point in curve if (point[4] if on_upper_bound else point[2]) <= target_error]
    threshold, coverage, error, low, high, answered = good[-1] if good else (NEVER, 0.0, 0.0, 0.0, 1.0, 0)
    return Calibration(
        app=app,
        golden_name=golden_name,
        golden_version=golden_version,
        threshold=threshold,
        target_error=target_error,
        level=level,
        coverage=coverage,
        error=error,
        error_low=low,
        error_high=high,
        answered=answered,
        cases=len(points),
        scorer=scorer,
        curve=_thinned(curve),
        created_at=now,
    )


def _thinned(curve: tuple[CurvePoint, ...]) -> tuple[CurvePoint, ...]:
    """At most 200 points, evenly spaced, both ends kept."""
    if len(curve) <= _CURVE_POINTS:
        return curve
    last = len(curve) - 1
    return tuple(curve[round(at * last / (_CURVE_POINTS - 1))] for at in range(_CURVE_POINTS))


def calibration_sentence(made: Calibration) -> str:
    """The calibration as a person reads it: "answers 83 % of questions at 3.1 % error, 95 % interval 1.6 to 5.4 %"."""
    if not made.answered:
        return f"answers no question: no threshold reaches {100 * made.target_error:.1f} % error on {made.cases} cases"
    return (
        f"answers {100 * made.coverage:.0f} % of questions at {100 * made.error:.1f} % error, "
        f"{100 * made.level:.0f} % interval {100 * made.error_low:.1f} to {100 * made.error_high:.1f} % "
        f"({made.answered} of {made.cases} cases answered)"
    )
