"""One evaluation from start to end: what is asked for, what it may spend, and what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from assay.ports.answering import Scorer, System
from assay.records.errors import CannotJudge, ConfigError
from assay.records.evaluation import Run, RunStatus, same_specification
from assay.records.golden import GoldenSet
from assay.wiring import golden_sets, systems
from assay.wiring.batching import spread_system
from assay.wiring.build import Workspace
from assay.wiring.judging import interruptible, versions
from assay.wiring.systems import Subject

if TYPE_CHECKING:
    from assay.evaluate.caching import ReplyCache
    from assay.evaluate.limits import Ceiling, Spending

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Asked:
    """An evaluation as it was asked for; None leaves a thing to `assay.yaml`."""

    target: str
    golden: str
    split: str = "test"
    repeats: int | None = None
    concurrency: int | Literal["auto"] | None = None
    fresh: bool = False
    cache: bool | None = None
    max_cost_usd: float | None = None
    max_tokens: int | None = None
    metrics: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prepared:
    """Everything that is fixed before the first sample."""

    subject: Subject
    golden: GoldenSet
    cases: GoldenSet
    scorers: tuple[Scorer, ...]
    run: Run
    ceiling: Ceiling
    cache: ReplyCache | None


@dataclass(frozen=True)
class Ran:
    """A run that has ended, or was ended."""

    run_id: str
    status: RunStatus
    spending: Spending
    left: int
    """Samples that were not begun."""


def prepare(place: Workspace, asked: Asked) -> Prepared:
    """The system, the cases and the run's specification: resumes an interrupted run of it unless `fresh`.

    Raises ConfigError `evaluate.unknown_price` for a ceiling on a cost that nobody would know.
    """
    from assay.evaluate.runs import new_run
    from assay.evaluate.scorers import scorers_for

    subject = systems.subject(place, asked.target)
    golden = golden_sets.resolve(place, asked.golden)
    systems.check_replies(subject, golden)
    cases = golden_sets.only(golden, asked.split)
    settings = place.settings.evaluate
    scorers = scorers_for(golden.cases, (*settings.metrics, *asked.metrics))
    planned = new_run(
        cases, app=subject.name, system=subject.system.recipe, scorers=scorers, clock=place.clock,
        bundle_id=subject.bundle_id, golden_version=golden.version, split=asked.split,
        repeats=asked.repeats or settings.repeats, seed=settings.seed, versions=versions(),
    )  # fmt: skip
    run = planned if asked.fresh else _interrupted(place, planned) or planned
    return Prepared(
        subject, golden, cases, scorers, run, _ceiling(place, asked, subject), _cache(place, asked, subject)
    )


def run(place: Workspace, asked: Asked, progress: Progress) -> Ran:
    """Evaluate. Ctrl-C, SIGTERM and a ceiling end it early with every finished sample kept."""
    from assay.evaluate import engine
    from assay.evaluate.limits import Spending
    from assay.evaluate.summary import run_digest

    ready = prepare(place, asked)
    settings, spending, run_id = place.settings.evaluate, Spending(ready.ceiling), ready.run.run_id
    stated = asked.concurrency or settings.concurrency
    with interruptible() as stop, _spread(place, ready.subject) as system:
        status = asyncio.run(
            engine.evaluate(
                system, ready.cases, ready.scorers, place.stores.runs, run=ready.run, clock=place.clock, stop=stop,
                concurrency=settings.max_concurrency if stated == "auto" else stated, adaptive=stated == "auto",
                retry_budget=settings.retry_budget, deadline_s=settings.deadline_s, spending=spending,
                cache=ready.cache, progress=progress,
            )
        )  # fmt: skip
    if status is RunStatus.COMPLETE:
        place.stores.runs.finish(run_id, status, run_digest(place.stores.runs.samples(run_id)))
    left = ready.run.cases * ready.run.repeats - len(place.stores.runs.done(run_id))
    return Ran(run_id, status, spending, left)


def rescore(place: Workspace, run_id: str, metrics: tuple[str, ...]) -> Run:
    """The replies of a complete run scored anew, as a run of its own: by today's scorers and those named."""
    from assay.evaluate.runs import rescore as rescored
    from assay.evaluate.runs import rescored_run
    from assay.evaluate.scorers import scorers_for
    from assay.evaluate.summary import run_digest

    run = place.stores.runs.run(run_id)
    if run.status is not RunStatus.COMPLETE:
        raise CannotJudge(
            "rescore.incomplete", "the run is not complete", where=run.run_id,
            remedy="run the same assay eval again: it goes on where it stopped",
        )  # fmt: skip
    golden = golden_sets.resolve(place, f"{run.golden_name}@{run.golden_version}")
    cases = golden_sets.only(golden, run.split)
    scorers = scorers_for(golden.cases, (*place.settings.evaluate.metrics, *metrics))
    made = rescored_run(run, scorers, place.clock)
    samples = tuple(rescored(run, place.stores.runs.samples(run.run_id), cases, scorers))
    place.stores.runs.create(made)
    place.stores.runs.append(made.run_id, samples)
    place.stores.runs.finish(made.run_id, RunStatus.COMPLETE, run_digest(samples))
    return place.stores.runs.run(made.run_id)


def _ceiling(place: Workspace, asked: Asked, subject: Subject) -> Ceiling:
    from assay.evaluate.limits import UNKNOWN_PRICE, Ceiling

    settings = place.settings.evaluate
    cost, tokens = asked.max_cost_usd or settings.max_cost_usd, asked.max_tokens or settings.max_tokens
    if cost is not None and subject.priced is False:
        raise ConfigError(
            UNKNOWN_PRICE, "a ceiling on cost means nothing while the system's price is not known", where=subject.name,
            remedy="state price_in_usd_per_million and price_out_usd_per_million in assay.yaml, or use --max-tokens",
        )  # fmt: skip
    return Ceiling() if subject.free else Ceiling(cost, tokens)


def _cache(place: Workspace, asked: Asked, subject: Subject) -> ReplyCache | None:
    from assay.evaluate.caching import ReplyCache

    wanted = place.settings.evaluate.cache if asked.cache is None else asked.cache
    if not wanted or not subject.fingerprint:
        return None
    return ReplyCache(place.stores.cache, subject.fingerprint, place.clock, place.settings.evaluate.cache_days)


def _spread(place: Workspace, subject: Subject) -> AbstractContextManager[System]:
    """On the cluster where there is one; a system that Assay did not build is asked from here."""
    return nullcontext(subject.system) if subject.running is None else spread_system(place, subject.running)


def _interrupted(place: Workspace, planned: Run) -> Run | None:
    """The newest unfinished run of the same specification."""
    found = (run for run in place.stores.runs.runs() if run.status is not RunStatus.COMPLETE)
    return next((r for r in found if same_specification(replace(r, run_id=planned.run_id), planned)), None)
