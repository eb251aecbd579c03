"""The retrieval lab: several ways to search the same cases, with paired intervals by slice and curves by cut-off."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from assay.evaluate import compare as comparing
from assay.evaluate.measures import Value
from assay.evaluate.retrieval_measures import gold_grades, ndcg_at, ranked_documents, recall_at, reciprocal_rank
from assay.evaluate.runs import judged, new_run
from assay.evaluate.scorers import scorer
from assay.evaluate.summary import summarize
from assay.ports.answering import Retriever
from assay.ports.reading import Clock
from assay.records.comparison import Comparison
from assay.records.dialogue import Outcome, Passage, Reply
from assay.records.errors import CannotJudge
from assay.records.evaluation import Report, Run, RunStatus, Sample
from assay.records.golden import Case, GoldenSet
from assay.records.retrieval import Query, Retrieved

CUTOFFS = (1, 2, 3, 5, 10, 20, 50)
DEPTH = 100
"""Chunks asked for; several of them may be of one document, and a document counts once."""


@dataclass(frozen=True)
class Pipeline:
    """One way to search. `mode` is what the query asks for: `lexical`, `dense` or `hybrid`.

    `rewrite` turns a case into `(question, earlier user turns)`; the default keeps both as they are.
    """

    name: str
    retriever: Retriever
    mode: str = "hybrid"
    rewrite: Callable[[Case], tuple[str, tuple[str, ...]]] | None = None


@dataclass(frozen=True)
class PipelineResult:
    """One pipeline's rankings, judged. `curves` maps a measure's name to its mean at each of `CUTOFFS`."""

    name: str
    recipe: str
    run: Run
    samples: tuple[Sample, ...]
    report: Report
    curves: Mapping[str, tuple[float, ...]]
    p95_ms: float
    mode: str
    """The mode that was really used; `lexical` where vectors were not ready."""


@dataclass(frozen=True)
class LabResult:
    """Every pipeline, and each one's differences to the baseline pipeline."""

    golden: GoldenSet
    """The cases that were searched; its version names exactly these."""
    split: str
    k: int
    baseline: str
    pipelines: tuple[PipelineResult, ...]
    comparisons: tuple[Comparison, ...]
    """Candidate minus baseline, in the order of `pipelines` without the baseline."""


def search_cases(golden: GoldenSet) -> GoldenSet:
    """The cases that say which documents are relevant. Raises CannotJudge when there are none."""
    kept = tuple(case for case in golden.cases if case.expected.answerable and case.expected.evidence)
    if not kept:
        raise CannotJudge(
            "lab.no_evidence",
            "no case of this golden set says which document holds the answer, so no ranking can be judged",
            where=golden.name,
            remedy="add `evidence` to answerable cases",
        )
    return replace(golden, cases=kept)


def run_lab(
    golden: GoldenSet,
    pipelines: Sequence[Pipeline],
    clock: Clock,
    *,
    baseline: str,
    k: int = 10,
    split: str = "",
    progress: Callable[[int, int, str], object] = lambda *_: None,
) -> LabResult:
    """Search every case with every pipeline, each inside the case's own scope, and compare paired by case.

    `golden` holds the cases to search (see `search_cases`). Measures: nDCG@k, recall@k, recall@5, MRR@k, all by
    document. Raises CannotJudge when `baseline` names none of the pipelines.
    """
    names = [pipeline.name for pipeline in pipelines]
    if baseline not in names:
        raise CannotJudge(
            "lab.no_baseline", f"the baseline is none of the pipelines ({', '.join(names)})", where=baseline
        )
    total = len(golden.cases) * len(pipelines)
    results: list[PipelineResult] = []
    for number, pipeline in enumerate(pipelines):
        told = partial(_told, progress, number * len(golden.cases), total, pipeline.name)
        results.append(_measured(golden, pipeline, clock, k, told))
    whole = next(result for result in results if result.name == baseline)
    comparisons = tuple(
        comparing.compare(whole.run, whole.samples, result.run, result.samples, golden)
        for result in results
        if result is not whole
    )
    return LabResult(golden, split, k, baseline, tuple(results), comparisons)


def _told(progress: Callable[[int, int, str], object], before: int, total: int, name: str, case: int) -> None:
    progress(before + case, total, name)


def _measured(
    golden: GoldenSet,
    pipeline: Pipeline,
    clock: Clock,
    k: int,
    progress: Callable[[int], object],
) -> PipelineResult:
    scorers = [scorer(name) for name in dict.fromkeys((f"nDCG@{k}", f"recall@{k}", "recall@5", f"MRR@{k}"))]
    run = new_run(
        golden, app="retrieval", system=f"{pipeline.name}: {pipeline.retriever.recipe}", scorers=scorers, clock=clock,
    )  # fmt: skip
    samples: list[Sample] = []
    modes: set[str] = set()
    for done, case in enumerate(golden.cases, start=1):
        began = clock.monotonic()
        found = search(pipeline, case)
        took = 1000.0 * (clock.monotonic() - began)
        modes.add(found.mode)
        samples.append(judged(case, ranking_reply(found, took), scorers))
        progress(done)
    clusters = {case.case_id: case.cluster for case in golden.cases if case.cluster}
    durations = sorted(sample.reply.duration_ms for sample in samples)
    p95 = durations[max(0, math.ceil(0.95 * len(durations)) - 1)] if durations else 0.0
    report = summarize(replace(run, status=RunStatus.COMPLETE), samples, clusters)
    return PipelineResult(
        pipeline.name, pipeline.retriever.recipe, run, tuple(samples), report, _curves(golden, samples), p95,
        "/".join(sorted(modes)),
    )  # fmt: skip


def search(pipeline: Pipeline, case: Case) -> Retrieved:
    """One case's ranking, `DEPTH` chunks deep."""
    asked = tuple(turn.content for turn in case.history if turn.role == "user")
    question, history = pipeline.rewrite(case) if pipeline.rewrite else (case.question, asked)
    return pipeline.retriever.retrieve(Query(question, case.scope, DEPTH, pipeline.mode, history))


def ranking_reply(found: Retrieved, took_ms: float = 0.0) -> Reply:
    """A ranking as the reply of a system that only searches, so that the same measures judge it."""
    passages = tuple(
        Passage(number, item.chunk.chunk_id, item.chunk.span, item.score, dict(item.stages))
        for number, item in enumerate(found.ranked, start=1)
    )
    snapshot = found.snapshot_id or "none"
    return Reply(Outcome.ABSTAINED, "lab.search_only", passages=passages, snapshot_id=snapshot, duration_ms=took_ms)


def _curves(golden: GoldenSet, samples: Sequence[Sample]) -> dict[str, tuple[float, ...]]:
    measures: dict[str, Callable[[int], Value]] = {"nDCG": ndcg_at, "recall": recall_at, "MRR": reciprocal_rank}
    return {name: tuple(_mean(golden, samples, at(cutoff)) for cutoff in CUTOFFS) for name, at in measures.items()}


def _mean(golden: GoldenSet, samples: Sequence[Sample], value: Value) -> float:
    found = [value(case, sample.reply) for case, sample in zip(golden.cases, samples, strict=True)]
    numbers = [number for number in found if isinstance(number, float | int)]
    return math.fsum(numbers) / len(numbers) if numbers else 0.0


def missed(result: PipelineResult, golden: GoldenSet, k: int) -> tuple[Case, ...]:
    """The cases of which not one relevant document stands among the first `k`."""
    found = {sample.case_id: ranked_documents(sample.reply)[:k] for sample in result.samples}
    return tuple(case for case in golden.cases if gold_grades(case).keys().isdisjoint(found[case.case_id]))
