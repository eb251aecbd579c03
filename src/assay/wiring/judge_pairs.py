"""Two runs before a pairwise judge: who wins, how often the order decided, and what people's labels make of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from assay.evaluate.judges.agreement import plain_interval
from assay.evaluate.judges.carding import is_pairwise
from assay.evaluate.judges.estimate import Unit, posterior
from assay.evaluate.judges.pairs import PairStats, pair_stats
from assay.evaluate.judges.running import Done, run_judge
from assay.evaluate.pairing import clusters_of
from assay.records.errors import CannotJudge, InputError
from assay.records.evaluation import Interval
from assay.records.judging import JudgeSpec, Verdict
from assay.wiring import judge_cards, judge_labels, judges, judging
from assay.wiring.build import Workspace
from assay.wiring.judge_cards import Subject
from assay.wiring.judges import Progress


@dataclass(frozen=True, slots=True)
class PairReport:
    """Run B against run A. `by_people` is the win rate of B that people would find, None without labels on these."""

    judge: str
    baseline_run: str
    candidate_run: str
    stats: PairStats
    by_people: Interval | None
    labelled: int
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
    by_people, labelled = _by_people(place, spec, subject, done.verdicts, clusters)
    stats = pair_stats(done.verdicts, clusters)
    return PairReport(spec.name, subject.run.run_id, candidate, stats, by_people, labelled, done.spent_usd)


def _by_people(
    place: Workspace, spec: JudgeSpec, subject: Subject, verdicts: Sequence[Verdict], clusters: Mapping[str, str]
) -> tuple[Interval | None, int]:
    """The win rate that people would find: labels on some pairs, inside the strata of the judge's verdicts."""
    said = {
        (f"{label.run_id}:{label.other_run}", label.case_id, label.repeat): label
        for label in judge_labels.human_labels(place, spec.name)
    }
    units = []
    for verdict in verdicts:
        if verdict.judgement.value is None:
            continue
        label = said.get((subject.subject, verdict.case_id, verdict.repeat))
        difference = None if label is None else 2.0 * label.value - 1.0  # b better: 1, a better: -1, neither: 0
        units.append(Unit(clusters[verdict.case_id], f"{verdict.judgement.value:g}", difference))
    found = posterior(units, paired=True, seed=place.settings.evaluate.seed)
    labelled = sum(unit.label is not None for unit in units)
    if found is None:
        return None, labelled
    net = plain_interval(found.interval(0.95))
    rate = replace(net, estimate=(1 + net.estimate) / 2, low=(1 + net.low) / 2, high=(1 + net.high) / 2)
    return rate, labelled
