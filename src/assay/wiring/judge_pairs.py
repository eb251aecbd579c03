"""Two runs before a pairwise judge: who wins, how often the order decided, and what people's labels make of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from assay.evaluate.judges.carding import is_pairwise
from assay.evaluate.judges.estimate import Unit, posterior
from assay.evaluate.judges.running import Done, run_judge
from assay.evaluate.pairing import clusters_of
from assay.evaluate.summary import metric_interval
from assay.records.errors import CannotJudge, InputError
from assay.records.evaluation import Direction, Interval, Metric, MetricKind
from assay.records.judging import JudgeSpec, Verdict
from assay.stats.mean import share_interval
from assay.wiring import judge_cards, judge_labels, judges, judging
from assay.wiring.build import Workspace
from assay.wiring.judge_cards import Subject
from assay.wiring.judges import Progress


@dataclass(frozen=True, slots=True)
class PairReport:
    """Run B against run A. `win_rate` counts a tie as half a win of B; a case in which the two orders disagree counts
    as the mean of both. `by_people` is None without labels on pairs of these runs."""

    judge: str
    baseline_run: str
    candidate_run: str
    pairs: int
    won: int
    lost: int
    tied: int
    win_rate: Interval | None
    consistent_win_rate: Interval | None
    """Over the cases on which both orders agree."""
    flips: int
    flip_rate: Interval | None
    by_people: Interval | None
    labelled: int
    unscored: dict[str, int]
    spent_usd: float


def compare(
    place: Workspace, baseline: str, candidate: str, name: str, *, concurrency: int = 8, max_cost: float | None = None,
    retry: bool = False, progress: Progress,
) -> PairReport:  # fmt: skip
    """Judge every case that both runs answered, in both orders; what was judged before is not asked again."""
    spec = judges.spec_of(place, name)
    if not is_pairwise(spec):
        raise InputError(
            "judge.not_pairwise", "this judge judges one reply", where=name,
            remedy=f"assay judge run RUN --judge {name}, for both; then assay compare",
        )  # fmt: skip
    subject = judge_cards.subject_of(place, spec, baseline, candidate)
    kept = judges.keeping(place, subject.kind, subject.subject)
    waiting = [material for _, material in judges.waiting_of(subject.pieces, kept.known(spec.digest))]
    judges.check_price(judges.estimate(place, spec, waiting), max_cost)
    ceiling = judges.ceiling_of(place, spec, max_cost)

    async def work() -> Done:
        async with judges.open_judge(place, spec) as judge:
            with judging.interruptible() as stop:
                return await run_judge(
                    judge, subject.pieces, judges.keeping(place, subject.kind, subject.subject), retry=retry,
                    concurrency=concurrency, ceiling=ceiling, stop=stop, progress=progress,
                )  # fmt: skip

    done = asyncio.run(work())
    judges.check_ceiling(done, name)
    if done.left:
        raise KeyboardInterrupt
    if not subject.pieces:
        raise CannotJudge("judge.no_pair", "no case was answered in both runs", where=f"{baseline}, {candidate}")
    return _report(place, spec, subject, judges.complete_run(place, candidate).run_id, done)


def _report(place: Workspace, spec: JudgeSpec, subject: Subject, candidate: str, done: Done) -> PairReport:
    clusters = clusters_of(tuple(subject.cases.values()))
    scored = [verdict for verdict in done.verdicts if verdict.judgement.value is not None]
    values = [verdict.judgement.value or 0.0 for verdict in scored]
    labels = [clusters[verdict.case_id] for verdict in scored]
    flips = [verdict.judgement.flipped is True for verdict in scored]
    agreed = [n for n, flipped in enumerate(flips) if not flipped]
    unscored: dict[str, int] = {}
    for verdict in done.verdicts:
        if verdict.judgement.value is None:
            unscored[verdict.judgement.reason] = unscored.get(verdict.judgement.reason, 0) + 1
    by_people, labelled = _by_people(place, spec, subject, scored, labels)
    return PairReport(
        spec.name,
        subject.run.run_id,
        candidate,
        len(done.verdicts),
        won=sum(value > 0.5 for value in values),
        lost=sum(value < 0.5 for value in values),
        tied=sum(value == 0.5 for value in values),
        win_rate=win_rate(values, labels),
        consistent_win_rate=win_rate([values[n] for n in agreed], [labels[n] for n in agreed]),
        flips=sum(flips),
        flip_rate=share_interval([float(flip) for flip in flips], labels) if flips else None,
        by_people=by_people,
        labelled=labelled,
        unscored=dict(sorted(unscored.items())),
        spent_usd=done.spent_usd,
    )


def win_rate(values: Sequence[float], clusters: Sequence[str]) -> Interval | None:
    """The mean of values of 0 to 1 with the interval that fits them."""
    return metric_interval(Metric("win_rate", MetricKind.MEAN, Direction.HIGHER), values, clusters)


def _by_people(
    place: Workspace, spec: JudgeSpec, subject: Subject, scored: Sequence[Verdict], clusters: Sequence[str]
) -> tuple[Interval | None, int]:
    """The win rate that people would find: labels on some pairs, inside the strata of the judge's verdicts."""
    said = {
        (f"{label.run_id}:{label.other_run}", label.case_id, label.repeat): label
        for label in judge_labels.human_labels(place, spec.name)
    }
    units = []
    for verdict, cluster in zip(scored, clusters, strict=True):
        label = said.get((subject.subject, verdict.case_id, verdict.repeat))
        difference = None if label is None else 2.0 * label.value - 1.0  # b better: 1, a better: -1, neither: 0
        units.append(Unit(cluster, f"{verdict.judgement.value:g}", difference))
    found = posterior(units, paired=True, seed=place.settings.evaluate.seed)
    labelled = sum(unit.label is not None for unit in units)
    if found is None:
        return None, labelled
    net = found.interval(0.95)
    return replace(
        net, estimate=(1 + net.estimate) / 2, low=float((1 + net.low) / 2), high=float((1 + net.high) / 2)
    ), labelled
