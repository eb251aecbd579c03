"""Thresholds come from a risk-coverage curve, rightness from citations, confidence from a finite model."""

import pytest
from assist_library import OPENING, RULES, ranked
from hypothesis import given
from hypothesis import strategies as st

from assay.assist.calibrate import NEVER, CalibrationPoint, calibrate, calibration_sentence, risk_coverage
from assay.assist.confidence import ConfidenceModel, features
from assay.assist.correct import answer_supported
from assay.records.dialogue import AnswerSentence, Check, CheckStatus, Citation, Outcome, Reply
from assay.records.documents import Span
from assay.records.golden import Case, Evidence, Expected

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


def reply(*quotes: str, doc_id: str = "d", outcome: Outcome = Outcome.ANSWERED) -> Reply:
    check = Check(CheckStatus.SUPPORTED, 1.0)
    citations = tuple(Citation(Span(doc_id, "0", 0, 1), quote, "", "", "c") for quote in quotes)
    return Reply(outcome, sentences=(AnswerSentence(" ".join(quotes), citations, check),))


@pytest.mark.parametrize(
    ("expected", "given_reply", "right"),
    [
        (Expected(answers=("308",)), reply("They gave up 308 points."), True),
        (Expected(answers=("30",)), reply("They gave up 308 points."), False),
        (Expected(answers=("x", "Ada  BERG")), reply("by Ada Berg."), True),
        (Expected(answers=("308",)), reply("308", outcome=Outcome.ABSTAINED), False),
        (Expected(answerable=False), reply(outcome=Outcome.ABSTAINED), True),
        (Expected(answerable=False), reply(outcome=Outcome.REFUSED), True),
        (Expected(answerable=False), reply("Something."), False),
        (Expected(answerable=False), reply(outcome=Outcome.FAILED), False),
        (Expected(evidence=(Evidence("d", "holds 12,000 books"),)), reply("It holds 12,000 books."), True),
        (Expected(evidence=(Evidence("e", "holds 12,000 books"),)), reply("It holds 12,000 books."), False),
        (Expected(evidence=(Evidence("d"),)), reply("Anything."), True),
        (Expected(answers=("308",), must=("points",)), reply("308"), False),
        (Expected(answers=("308",), must_not=("touchdowns",)), reply("308 touchdowns"), False),
        (Expected(answers=("北京",)), reply("他在北京大学。"), True),
    ],
)
def test_what_counts_as_right(expected: Expected, given_reply: Reply, right: bool) -> None:
    """Gold answers stand in the quotes as whole words; evidence is in the right document; declining is right only
    where nothing answers."""
    assert answer_supported(Case("c", "q?", expected), given_reply) is right


def test_long_gold_answers_need_half_of_their_words_and_the_document() -> None:
    """Prose that stands nowhere word for word is judged by its content words and the gold document."""
    answer = "To renew a loan the reader has to visit the desk before its three weeks are over, at most twice"
    gold = Expected(answers=(answer,), evidence=(Evidence("d"),))
    good = reply("A loan lasts three weeks.", "A reader can renew it twice at the desk.")
    assert answer_supported(Case("c", "q?", gold), good)
    assert not answer_supported(Case("c", "q?", gold), reply("Fines are due."))
    assert not answer_supported(Case("c", "q?", gold), reply(*[c.quote for c in good.citations], doc_id="other"))


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
