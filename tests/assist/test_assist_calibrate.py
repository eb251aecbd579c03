"""Thresholds come from a risk-coverage curve, confidence from a finite model."""

import pytest
from assist_library import OPENING, RULES, ranked
from hypothesis import given
from hypothesis import strategies as st

from assay.assist.calibrate import NEVER, CalibrationPoint, calibrate, calibration_sentence, risk_coverage
from assay.assist.confidence import ConfidenceModel, features

POINTS = [CalibrationPoint(c, right, True) for c, right in ((0.9, True), (0.8, True), (0.7, False), (0.6, True))]
POINTS.append(CalibrationPoint(0.95, False, False))
TRUE_OR_NOT = st.lists(
    st.builds(CalibrationPoint, st.floats(0, 1), st.booleans(), st.booleans()), min_size=1, max_size=60
)


def test_a_known_curve() -> None:
    """Coverage counts all cases, error only those answered."""
    assert [point[:3] for point in risk_coverage(POINTS)] == [
        (0.9, 0.2, 0.0),
        (0.8, 0.4, 0.0),
        (0.7, 0.6, pytest.approx(1 / 3)),
        (0.6, 0.8, 0.25),
    ]


def test_the_largest_coverage_within_the_target_is_chosen() -> None:
    """A looser threshold is taken when its error comes back under the target."""
    assert calibrate("a", "g", "v", POINTS, 0.1).threshold == 0.8
    assert calibrate("a", "g", "v", POINTS, 0.25).threshold == 0.6
    assert calibrate("a", "g", "v", POINTS, 0.25, on_upper_bound=True).threshold == NEVER


@given(TRUE_OR_NOT, st.floats(0.01, 0.99))
def test_the_chosen_error_is_within_the_target(points: list[CalibrationPoint], target: float) -> None:
    """Applying the threshold to the same points gives the coverage and the error that are reported."""
    made = calibrate("a", "g", "v", points, target, now="2026-01-01T00:00:00Z")
    answered = [p for p in points if p.answered and p.confidence >= made.threshold]
    assert len(answered) == made.answered
    assert made.coverage == pytest.approx(len(answered) / len(points))
    assert made.error <= target
    assert made.error_low <= made.error <= made.error_high


def test_the_sentence_a_person_reads() -> None:
    """Coverage, error and interval in percent, or plainly that nothing is answered."""
    points = [CalibrationPoint(1 - n / 200, n % 40 != 39, True) for n in range(100)]
    sentence = calibration_sentence(calibrate("a", "g", "v", points, 0.05))
    assert sentence.startswith("answers 100 % of questions at 2.0 % error, 95 % interval 0.6 to 7.0 %")
    wrong = [CalibrationPoint(0.5, False, True)]
    assert calibration_sentence(calibrate("a", "g", "v", wrong, 0.05)).startswith("answers no question")


def test_nonsense_is_refused() -> None:
    """No cases and targets that are no shares are errors."""
    with pytest.raises(ValueError, match="at least one case"):
        calibrate("a", "g", "v", [], 0.1)
    with pytest.raises(ValueError, match="between 0 and 1"):
        calibrate("a", "g", "v", POINTS, 1.0)


def test_confidence_is_higher_when_the_answer_is_there() -> None:
    """Passages that hold the answer beat passages about something else; none at all is 0."""
    model = ConfidenceModel()
    there = model.estimate("When was the library founded?", "", ranked(OPENING, RULES))
    elsewhere = model.estimate("When was the library founded?", "", ranked("Bread is baked daily.", RULES))
    assert 0.0 < elsewhere < there < 1.0
    assert model.estimate("When was the library founded?", "", ()) == 0.0


@given(st.text(max_size=100), st.lists(st.text(max_size=100), max_size=3))
def test_features_are_finite_and_known_to_the_model(question: str, texts: list[str]) -> None:
    """Any text gives features between -1 and 1 and a probability."""
    found = features(question, "", ranked(*texts))
    assert all(-1.0 <= value <= 1.0 for value in found.values())
    assert 0.0 <= ConfidenceModel().of(found) <= 1.0
