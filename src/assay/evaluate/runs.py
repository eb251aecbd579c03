"""The specification of a run, fixed before its first sample, and scoring apart from running."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from math import isfinite

from assay.evaluate.measures import MILLISECONDS, PairMeasure
from assay.evaluate.sources import source_of
from assay.ports.answering import Scorer, System
from assay.ports.reading import Clock
from assay.records.dialogue import Outcome, Reply
from assay.records.digest import sha256_json
from assay.records.errors import CannotJudge, InputError
from assay.records.evaluation import Run, RunStatus, Sample, Scored
from assay.records.golden import Case, GoldenSet

SCORER_PREFIX = "scorer:"
"""`Run.versions` holds the recipe of every scorer under this prefix and its metric's name."""
CASES = "cases"
"""`Run.versions` holds under this key the content hash of the cases that are run: those of one split, say."""


def new_run(
    golden: GoldenSet, *, app: str, system: str, scorers: Sequence[Scorer], clock: Clock, bundle_id: str = "",
    golden_version: str = "", split: str = "", repeats: int = 1, seed: int = 0,
    versions: Mapping[str, str] | None = None,
) -> Run:  # fmt: skip
    """The specification of a run over `golden`, under a new name.

    `system` is the system's recipe. When `golden` holds one split only, `golden_version` names the whole set it was
    taken from. `versions` adds to what is known here: Python, Assay, the cases and the scorers' recipes.
    """
    cases = golden.version
    run = Run(
        run_id="",
        app=app,
        system=system,
        bundle_id=bundle_id,
        golden_name=golden.name,
        golden_version=golden_version or cases,
        cases=len(golden.cases),
        repeats=repeats,
        seed=seed,
        metrics=tuple(scorer.metric for scorer in scorers),
        created_at=clock.now(),
        split=split,
        versions={
            "python": platform.python_version(),
            "assay": version("assay"),
            CASES: cases,
            **scorer_versions(scorers),
            **(versions or {}),
        },
    )
    return replace(run, run_id=sha256_json(run)[:12])


def scorer_versions(scorers: Iterable[Scorer]) -> dict[str, str]:
    """What `Run.versions` holds about scorers."""
    return {f"{SCORER_PREFIX}{scorer.metric.name}": scorer.recipe for scorer in scorers}


def check_run(run: Run, golden: GoldenSet, system: System, scorers: Sequence[Scorer]) -> None:
    """Raise CannotJudge when what is about to run is not what the run was specified to be."""
    kept = {name: recipe for name, recipe in run.versions.items() if name.startswith(SCORER_PREFIX)}
    _check_golden(run, golden)
    if system.recipe != run.system:
        raise _differs("system", "the system is not the one that the run was specified with", run)
    if tuple(scorer.metric for scorer in scorers) != run.metrics or (kept and kept != scorer_versions(scorers)):
        raise _differs("scorers", "the scorers are not those that the run was specified with", run)


def _check_golden(run: Run, golden: GoldenSet) -> None:
    expected = run.versions.get(CASES, "" if run.split else run.golden_version)
    if golden.name != run.golden_name or len(golden.cases) != run.cases or (expected and golden.version != expected):
        raise _differs("golden", "the golden set is not the one that the run was specified with", run)
    if len({case.case_id for case in golden.cases}) < len(golden.cases):
        raise InputError("golden.duplicate_id", "two cases have one id", where=golden.name)


def _differs(part: str, what: str, run: Run) -> CannotJudge:
    return CannotJudge(f"evaluate.other_{part}", what, where=f"run {run.run_id}", remedy="start a new run")


def judged(
    case: Case, reply: Reply, scorers: Sequence[Scorer], *, repeat: int = 0, attempts: int = 1,
    source: Reply | None = None, cached: bool = False,
) -> Sample:  # fmt: skip
    """The sample of one reply: a finite score or the reason for none from every scorer.

    `source` is the reply to the case that this one was made from. A cached reply has no latency (`cached`).
    """
    scores: dict[str, float] = {}
    unscored: dict[str, str] = {}
    for scorer in scorers:
        name = scorer.metric.name
        if isinstance(scorer, PairMeasure):
            score = scorer.score_pair(case, reply, source)
        else:
            score = scorer.score(case, reply)
        if cached and scorer.metric.unit == MILLISECONDS:
            unscored[name] = "cached"
        elif not isinstance(score, Scored):
            unscored[name] = score.reason
        elif isfinite(score.value):
            scores[name] = score.value
        else:
            unscored[name] = "not_finite"
    error = (reply.reason or "system.failed") if reply.outcome is Outcome.FAILED else ""
    return Sample(case.case_id, repeat, reply, scores, unscored, attempts, error, cached)


def rescored_run(run: Run, scorers: Sequence[Scorer], clock: Clock) -> Run:
    """The specification under which a run's replies are scored anew. The first run stays as it is: scores are evidence
    and are never overwritten; `versions["rescored_from"]` says where the replies come from."""
    kept = {name: text for name, text in run.versions.items() if not name.startswith(SCORER_PREFIX)}
    made = replace(
        run,
        run_id="",
        metrics=tuple(scorer.metric for scorer in scorers),
        created_at=clock.now(),
        status=RunStatus.RUNNING,
        versions={**kept, **scorer_versions(scorers), "rescored_from": run.run_id},
    )
    return replace(made, run_id=sha256_json(made)[:12])


def rescore(run: Run, samples: Iterable[Sample], golden: GoldenSet, scorers: Sequence[Scorer]) -> Iterator[Sample]:
    """Score the replies of a finished run again, without asking the system. Append the result under `rescored_run`.

    Raises CannotJudge when the golden set is not the run's, or a sample's case is not in it.
    """
    _check_golden(run, golden)
    cases = {case.case_id: case for case in golden.cases}
    kept = tuple(samples)
    replies = {(sample.case_id, sample.repeat): sample.reply for sample in kept}
    for sample in kept:
        if sample.case_id not in cases:
            raise _differs("golden", "a sample belongs to no case of the golden set", run)
        case = cases[sample.case_id]
        source = replies.get((source_of(case), sample.repeat))
        yield judged(
            case, sample.reply, scorers, repeat=sample.repeat, attempts=sample.attempts, source=source,
            cached=sample.cached,
        )  # fmt: skip
