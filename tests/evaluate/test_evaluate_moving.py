"""Two engines asked the same: what stayed, what changed, and whether it got worse."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from assay.adapters.clocks import FakeClock
from assay.evaluate.moving import compare_answers, compare_searches
from assay.evaluate.scorers import scorer
from assay.records.access import AccessList
from assay.records.dialogue import Outcome, Reply
from assay.records.documents import BlockKind, Chunk
from assay.records.errors import CannotJudge
from assay.records.golden import Case, Evidence, Expected
from assay.records.retrieval import Query, Ranked, Retrieved


@dataclass(frozen=True)
class Fixed:
    """Finds documents in the order given, the question's own first unless it is one of those it loses."""

    lost: frozenset[str] = frozenset()
    recipe: str = "fixed"

    def retrieve(self, query: Query) -> Retrieved:
        names = [f"other{number}" for number in range(9)]
        found = names if query.text in self.lost else [query.text, *names]
        return Retrieved(tuple(Ranked(chunk(name), 1.0) for name in found[: query.limit]), {}, "s", query.mode)


def chunk(name: str) -> Chunk:
    return Chunk(
        f"{name}#0", name, "0" * 64, 0, 0, 1, "x", "", (), BlockKind.PARAGRAPH, "en", AccessList()
    )  # fmt: skip


CASES = [Case(f"q{n:02}", f"q{n:02}", Expected(evidence=(Evidence(f"q{n:02}"),))) for n in range(40)]


def test_the_same_engine_is_the_same() -> None:
    """Nothing differs: full overlap, no change, not worse."""
    made = compare_searches(CASES, Fixed(), Fixed(), FakeClock())
    assert (made.overlap, made.same_order, made.ndcg_before, made.ndcg_after) == (1.0, 1.0, 1.0, 1.0)
    assert made.differ_most == ()
    assert not made.worse


def test_an_engine_that_loses_documents_is_significantly_worse_and_the_questions_are_named() -> None:
    """Twelve of forty questions lose their document: the interval lies below nothing; a move back is no worse."""
    losing = Fixed(frozenset(case.question for case in CASES[:12]))
    made = compare_searches(CASES, Fixed(), losing, FakeClock())
    assert made.worse
    assert made.ndcg_after == pytest.approx(28 / 40)
    assert {one.case_id for one in made.differ_most} <= {case.case_id for case in CASES[:12]}
    assert made.differ_most[0].after == 0.0
    assert not compare_searches(CASES, losing, Fixed(), FakeClock()).worse


def test_one_loss_among_many_is_not_called_worse() -> None:
    """One question of forty proves nothing."""
    assert not compare_searches(CASES, Fixed(), Fixed(frozenset({"q00"})), FakeClock()).worse


def test_without_questions_nothing_can_be_judged() -> None:
    with pytest.raises(CannotJudge):
        compare_searches([], Fixed(), Fixed(), FakeClock())


def test_answers_are_the_same_when_outcome_and_words_are() -> None:
    """Declining on both sides is the same; failing where the other engine had a score counts as wrong."""
    declined, failed = Reply(Outcome.ABSTAINED, "a"), Reply(Outcome.FAILED, "b")
    made = compare_answers(CASES[:2], [(declined, declined), (declined, failed)], scorer("correct"))
    assert (made.questions, made.same) == (2, 0.5)
    assert (made.judged, made.correct_before, made.correct_after) == (2, 0.0, 0.0)
    assert not made.worse


def test_an_engine_over_which_answers_fail_is_worse() -> None:
    """Right answers before and failures after: every failure counts, none drops out."""
    unanswerable = [Case(f"n{n}", "?", Expected(answerable=False)) for n in range(20)]
    declined, failed = Reply(Outcome.ABSTAINED, "a"), Reply(Outcome.FAILED, "b")
    made = compare_answers(unanswerable, [(declined, failed)] * 20, scorer("abstention_right"))
    assert (made.correct_before, made.correct_after) == (1.0, 0.0)
    assert made.worse
