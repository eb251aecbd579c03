"""What `assay judge` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from assay.cli.common import say, table

if TYPE_CHECKING:
    from assay.evaluate.judges.running import Price
    from assay.records.evaluation import Interval
    from assay.records.judging import Agreement, Control, JudgeCard
    from assay.wiring.judge_pairs import PairReport
    from assay.wiring.judges import JudgedRun


def price_line(planned: Price) -> str:
    """The estimate in one line."""
    usd = "price unknown" if planned.usd is None else f"about {planned.usd:.4f} USD"
    return (
        f"{planned.judgements} judgements, {planned.requests} requests, about {planned.tokens_in:,} tokens in and "
        f"{planned.tokens_out:,} out: {usd}; repairs and probes on top"
    )


def shown(found: Interval | None, digits: int = 3) -> str:
    if found is None:
        return "–"
    return f"{found.estimate:.{digits}f} [{found.low:.{digits}f}, {found.high:.{digits}f}]"


def print_judged(done: JudgedRun, judge: str) -> None:
    if done.report is None:
        return
    run = done.report.run
    summary = next(one for one in done.report.summaries if one.metric.name == f"judge:{judge}")
    say(f"run {run.run_id}  {run.app}  {run.golden_name}@{run.golden_version[:12]}  judged by {judge}")
    unscored = ", ".join(f"{reason} {count}" for reason, count in sorted(summary.unscored.items())) or "none"
    say(f"{summary.metric.name}  {shown(summary.interval)}  scored {summary.scored}  unscored: {unscored}")
    for note in done.notes:
        say(note)
    say(f"{done.done.requests} requests, {done.done.spent_usd:.4f} USD where prices are known")
    if done.done.momentary:
        say(f"{done.done.momentary} replies got no answer for the moment: run the same command again")


def print_pairs(report: PairReport) -> None:
    stats = report.stats
    say(f"B {report.candidate_run} against A {report.baseline_run}, by {report.judge}, both orders")
    say(f"B wins {stats.won}, A wins {stats.lost}, ties {stats.tied} of {stats.pairs} pairs")
    say(f"win rate of B, ties half     {shown(stats.win_rate)}")
    say(f"where both orders agree      {shown(stats.consistent_win_rate)}")
    say(f"order flips                  {shown(stats.flip_rate)}  ({stats.flips})")
    if report.by_people is not None:
        say(f"win rate that people find    {shown(report.by_people)}  by {report.labelled} labels")
    else:
        say(f"win rate that people find    not known: {report.labelled} of these pairs are labelled")
    unscored = ", ".join(f"{reason} {count}" for reason, count in stats.unscored.items())
    say(f"without a verdict: {unscored or 'none'}")


def print_controls(found: Sequence[Control]) -> None:
    rows = [(one.name, shown(one.interval), one.n or "", one.detail) for one in found]
    say(table(("control", "found", "n", ""), rows, right=(2,)))


def print_card(card: JudgeCard) -> None:
    spec, found = card.spec, card.agreement
    say(f"judge {card.judge}  card {card.card_id[:12]}  recipe {card.digest[:12]}  {spec.kind.value}")
    people, anchors = card.annotators or "not stated", card.anchors[:12] or "none"
    say(f"made {card.created_at[:10]}, expires {card.expires_at[:10]}  labels: {card.labels}  annotators: {people}")
    models = spec.model or ", ".join(one.name for one in spec.members)
    say(f"model: {models}  answered as: {', '.join(card.models) or '–'}  anchors: {anchors}")
    rows = [_row("all", found), *(_row(name, part) for name, part in sorted(card.slices.items()))]
    say(table(("slice", "n", "TPR", "TNR", "kappa", "AC1", "agreement"), rows, right=(1,)))
    say(f"people passed {found.human_rate:.3f}, the judge {found.judged_rate:.3f}")
    counts = [("judge passes", found.true_pass, found.false_pass), ("judge fails", found.false_fail, found.true_fail)]
    say(table(("", "people pass", "people fail"), counts, right=(1, 2)))
    print_controls(card.controls)
    for reason, count in card.unscored.items():
        say(f"left out: {reason} {count}")
    for note in card.notes:
        say(f"note: {note}")


def _row(name: str, found: Agreement) -> tuple[object, ...]:
    return (
        name, found.n, shown(found.tpr), shown(found.tnr), shown(found.kappa), shown(found.ac1), shown(found.accuracy)
    )  # fmt: skip


def print_cards(cards: Sequence[JudgeCard], recipes: Mapping[str, str]) -> None:
    rows = [
        (
            card.card_id[:12],
            card.judge,
            card.agreement.n,
            shown(card.agreement.kappa, 2),
            card.created_at[:10],
            card.expires_at[:10],
            "yes" if recipes.get(card.judge) == card.digest else "no: changed or gone",
        )
        for card in cards
    ]
    say(table(("card", "judge", "n", "kappa", "made", "expires", "of the judge as it is now"), rows, right=(2,)))
