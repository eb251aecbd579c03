"""What `assay index migrate` prints: the new engine against the old one, in a table and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.cli.common import say, table

if TYPE_CHECKING:
    from assay.records.evaluation import Interval
    from assay.wiring.migrating import Migration

NONE = "–"


def report(made: Migration) -> None:
    """Counts, the comparison, the questions that differ most, and what happens to bundles."""
    say(f"{made.target}: documents {made.documents:,}   chunks {made.chunks:,}   vectors {made.vectors:,} "
        f"({made.copied:,} copied from {made.source})")  # fmt: skip
    if made.without_vectors:
        say(f"{made.without_vectors:,} chunks have no vector yet, as before: assay index embed makes them")
    asked = made.golden or "titles of documents"
    say(f"{made.searched.questions:,} questions ({asked}) put to both:")
    say(table(("", made.source, made.target, "change, 95 % interval"), _rows(made), right=(1, 2)))
    if made.searched.differ_most:
        say("questions that differ most:")
        rows = [(d.case_id, f"{d.overlap:.2f}", _number(d.before), _number(d.after))
                for d in made.searched.differ_most]  # fmt: skip
        say(table(("case", "overlap@10", "nDCG@10 before", "after"), rows, right=(1, 2, 3)))
    verdict = "significantly worse: stay where you are" if made.worse else "no worse that this could tell"
    say(f"answers are {verdict}")
    say(f"bundles keep answering from the snapshot they pin, in {made.source}: do not delete it before the last "
        "of them is replaced by one that was frozen after the change")  # fmt: skip


def _rows(made: Migration) -> list[tuple[str, str, str, str]]:
    found, answers = made.searched, made.answered
    rows = [
        ("overlap@10", "", f"{found.overlap:.3f}", ""),
        ("same ten, same order", "", f"{100 * found.same_order:.0f} %", ""),
        (f"nDCG@10 ({found.judged:,})", _number(found.ndcg_before), _number(found.ndcg_after),
         _interval(found.ndcg_change)),
        ("search ms, median", f"{found.ms_before[0]:.1f}", f"{found.ms_after[0]:.1f}", ""),
        ("search ms, p95", f"{found.ms_before[1]:.1f}", f"{found.ms_after[1]:.1f}", ""),
    ]  # fmt: skip
    if answers is not None:
        rows.append((f"same answer ({answers.questions:,})", "", f"{100 * answers.same:.0f} %", ""))
        if answers.judged:
            rows.append((f"correct ({answers.judged:,})", _number(answers.correct_before),
                         _number(answers.correct_after), _interval(answers.correct_change)))  # fmt: skip
    return rows


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}"


def _interval(change: Interval | None) -> str:
    return NONE if change is None else f"{change.estimate:+.3f} ({change.low:+.3f} to {change.high:+.3f})"
