"""Results of other tools into a workspace: runs like any other, on a golden set made from the log or here already."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from assay.adapters.imports.formats import read_foreign
from assay.adapters.imports.rows import ForeignRun, Wishes
from assay.evaluate.runs import CASES, SCORER_PREFIX
from assay.evaluate.summary import run_digest
from assay.records.digest import sha256_json
from assay.records.errors import InputError, NotFound
from assay.records.evaluation import Direction, Metric, MetricKind, Run, RunStatus, Sample
from assay.records.golden import Case, GoldenSet
from assay.records.moments import moment
from assay.wiring import golden_sets
from assay.wiring.build import Workspace

TOOL, SYSTEM = "import.tool", "import.system"
"""`Run.versions` says under these which tool's log a run was read from, and what that log calls the system."""
BATCH = 5_000
_UNFIT = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class Imported:
    """A run that was read. `known` is True when the same log was imported before."""

    run: Run
    golden: GoldenSet
    made_golden: bool
    known: bool
    failed: int
    notes: tuple[str, ...]


def import_runs(
    place: Workspace,
    path: Path,
    *,
    format_name: str = "auto",
    name: str = "",
    golden: str = "",
    wishes: Wishes | None = None,
    first: bool = False,
) -> tuple[Imported, ...]:
    """The runs of one log. Everything is read and checked before anything is kept; the same log twice is one run.

    `golden` names a golden set. One that is here is answered by case id, and what the log asks must be what its cases
    ask (InputError `import.golden_differs` otherwise); else a set of that name, by default the log's dataset, is made
    from the log's inputs and targets, versioned by content: two logs over one dataset pair up. `first` keeps the first
    reply to each case.
    """  # fmt: skip
    stated = wishes or Wishes()
    read = [_firsts(run) if first else run for run in read_foreign(path, format_name, stated)]
    prepared = [_prepared(place, run, _label(name or path.stem, run, len(read)), golden, stated) for run in read]
    return tuple(_kept(place, run, found, samples) for run, found, samples in prepared)


def _firsts(run: ForeignRun) -> ForeignRun:
    lowest: dict[str, Sample] = {}
    for sample in run.samples:
        known = lowest.get(sample.case_id)
        if known is None or sample.repeat < known.repeat:
            lowest[sample.case_id] = sample
    return replace(run, samples=tuple(replace(one, repeat=0) for one in lowest.values()), repeats=1)


def _label(name: str, run: ForeignRun, runs: int) -> str:
    """What the run is called: `NAME`, or `NAME/SYSTEM` where a log holds several systems."""
    return name if runs == 1 else f"{name}/{_slug(run.header.system)}"


def _slug(text: str) -> str:
    return _UNFIT.sub("-", text).strip("-.")[:80] or "log"


def _prepared(
    place: Workspace, foreign: ForeignRun, name: str, reference: str, wishes: Wishes
) -> tuple[Imported, GoldenSet, tuple[Sample, ...]]:
    golden, made = _golden(place, foreign, reference)
    metrics, notes = _aligned(place, foreign.metrics, golden.version, wishes)
    split, cases = _split(golden, foreign.cases)
    whole = _is_whole(foreign, cases)
    digest = run_digest(foreign.samples)
    run = Run(
        run_id="", app=name, system=f"import:{foreign.header.tool}:{foreign.header.system or name}", bundle_id="",
        golden_name=golden.name, golden_version=golden.version, cases=len(cases), repeats=foreign.repeats,
        seed=place.settings.evaluate.seed, metrics=metrics, created_at="", split=split,
        versions=_versions(foreign, metrics, replace(golden, cases=cases).version),
    )  # fmt: skip
    run = replace(run, run_id=sha256_json([run, digest])[:12])
    run = replace(
        run, created_at=_moment(foreign.header.created_at) or place.clock.now(), samples_digest=digest,
        status=RunStatus.COMPLETE if whole else RunStatus.INTERRUPTED,
    )  # fmt: skip
    failed = sum(bool(sample.error) for sample in foreign.samples)
    told = [*foreign.header.notes, *notes, *_told(foreign, made, cases)]
    return Imported(run, golden, made, _is_known(place, run), failed, tuple(told)), golden, foreign.samples


def _kept(place: Workspace, made: Imported, golden: GoldenSet, samples: Sequence[Sample]) -> Imported:
    """Write it down. What a killed import left is completed by the same import: the ids are the content's."""
    if made.known:
        return replace(made, run=place.stores.runs.run(made.run.run_id))
    if made.made_golden:
        place.stores.golden.put(golden)
    runs = place.stores.runs
    runs.create(replace(made.run, status=RunStatus.RUNNING, samples_digest=""))
    for at in range(0, len(samples), BATCH):
        runs.append(made.run.run_id, samples[at : at + BATCH])
    runs.finish(made.run.run_id, made.run.status, made.run.samples_digest)
    return made


def _is_known(place: Workspace, run: Run) -> bool:
    try:
        return place.stores.runs.run(run.run_id).status is not RunStatus.RUNNING
    except NotFound:
        return False


def _golden(place: Workspace, foreign: ForeignRun, reference: str) -> tuple[GoldenSet, bool]:
    """The golden set that the log answered, and whether it has to be kept first."""
    name, _, version = reference.partition("@")
    name = name or _slug(foreign.header.dataset)
    made = GoldenSet(name, foreign.cases, place.clock.now(), f"from a log of {foreign.header.tool}")
    is_here = name in place.stores.golden.names()
    known = [one for one, _, _ in place.stores.golden.versions(name)] if is_here else []
    if version:
        found = golden_sets.resolve(place, reference)
        _check_answers(found, foreign, reference)
        return found, False
    if made.version in known:
        return place.stores.golden.get(name, made.version), False
    if reference and known:
        return _answered(place, name, known, foreign), False
    return made, True


def _answered(place: Workspace, name: str, versions: Sequence[str], foreign: ForeignRun) -> GoldenSet:
    """The newest version whose cases are those that the log answered. Raises InputError about the newest one."""
    for version in reversed(versions):
        found = place.stores.golden.get(name, version)
        if not _differences(found, foreign)[0]:
            return found
    newest = place.stores.golden.get(name, versions[-1])
    _check_answers(newest, foreign, name)
    return newest


def _check_answers(golden: GoldenSet, foreign: ForeignRun, reference: str) -> None:
    count, first = _differences(golden, foreign)
    if count:
        raise InputError(
            "import.golden_differs",
            f"{count} of the log's {len(foreign.cases)} cases are not in this golden set or ask something else there "
            f"(the first: {first})", where=reference,
            remedy="import it without --golden, or under another name: it is of another dataset or version",
        )  # fmt: skip


def _differences(golden: GoldenSet, foreign: ForeignRun) -> tuple[int, str]:
    """How many cases of the log do not fit, and the position of the first: ids may be somebody's words."""
    cases = {case.case_id: case for case in golden.cases}
    unfit = [
        at for at, case in enumerate(foreign.cases, 1)
        if case.case_id not in cases or not _same(case, cases[case.case_id], inputs=foreign.header.has_inputs)
    ]  # fmt: skip
    return len(unfit), f"case {unfit[0]} of the log" if unfit else ""


def _same(read: Case, here: Case, *, inputs: bool) -> bool:
    if not inputs:
        return True
    targets, accepted = set(read.expected.answers), set(here.expected.answers)
    return read.question == here.question and (not targets or not accepted or targets <= accepted)


def _split(golden: GoldenSet, answered: Iterable[Case]) -> tuple[str, tuple[Case, ...]]:
    """The split whose cases these are, so that the run pairs with `assay eval --split` of it; else the whole set."""
    ids = {case.case_id for case in answered}
    splits: dict[str, list[Case]] = {}
    for case in golden.cases:
        splits.setdefault(case.split, []).append(case)
    for name in sorted(splits, key=lambda split: split != "test"):
        if ids <= {case.case_id for case in splits[name]}:
            return name, tuple(splits[name])
    return "", golden.cases


def _is_whole(foreign: ForeignRun, cases: Sequence[Case]) -> bool:
    expected = {(case.case_id, repeat) for case in cases for repeat in range(foreign.repeats)}
    short = foreign.header.expected is not None and len(foreign.cases) < foreign.header.expected
    return foreign.header.complete and not short and {(s.case_id, s.repeat) for s in foreign.samples} == expected


def _told(foreign: ForeignRun, made: bool, cases: Sequence[Case]) -> list[str]:
    replies: dict[str, int] = dict.fromkeys((case.case_id for case in cases), 0)
    for sample in foreign.samples:
        replies[sample.case_id] = replies.get(sample.case_id, 0) + 1
    notes = []
    if missing := sum(count == 0 for count in replies.values()):
        notes.append(f"{missing} of {len(cases)} cases have no reply in the log: the run is not complete")
    if uneven := sum(0 < count < foreign.repeats for count in replies.values()):
        notes.append(f"{uneven} cases have fewer than {foreign.repeats} replies; --first keeps one of each case")
    expected = foreign.header.expected
    if expected is not None and len(foreign.cases) < expected:
        notes.append(f"the log names {expected} cases and holds {len(foreign.cases)}: the run is not complete")
    if made and not foreign.header.has_inputs:
        notes.append(
            "the table has no inputs: the golden set made of it holds ids only; --golden names one that is here"
        )
    return notes


def _aligned(
    place: Workspace, metrics: Sequence[Metric], version: str, wishes: Wishes
) -> tuple[tuple[Metric, ...], list[str]]:
    """Metrics as earlier runs on this golden version measured them, where this log's numbers leave that open: a score
    that happened to be 0 or 1 only is no other metric. What was stated on the command line stands."""
    earlier: dict[str, Metric] = {}
    for run in reversed(place.stores.runs.runs()):
        if run.golden_version == version:
            earlier.update({metric.name: metric for metric in run.metrics})
    found, notes = [], []
    for metric in metrics:
        known = earlier.get(metric.name)
        kind, direction = metric.kind, metric.direction
        if known is not None and metric.name not in wishes.kinds and kind is MetricKind.BINARY:
            kind = known.kind
        if known is not None and known.direction is Direction.LOWER:
            direction = Direction.LOWER
        if known is not None and (kind, direction) != (known.kind, known.direction):
            notes.append(
                f"{metric.name} is {kind.value} here and {known.kind.value} in an earlier run: they do not compare"
            )
        found.append(replace(metric, kind=kind, direction=direction))
    return tuple(found), notes


def _versions(foreign: ForeignRun, metrics: Iterable[Metric], cases: str) -> dict[str, str]:
    header = foreign.header
    recipes = {f"{SCORER_PREFIX}{metric.name}": _recipe(header.tool, header.recipes, metric.name) for metric in metrics}
    return {
        "assay": importlib.metadata.version("assay"), TOOL: f"{header.tool} {header.tool_version}".strip(),
        SYSTEM: header.system, CASES: cases, **recipes,
    }  # fmt: skip


def _recipe(tool: str, recipes: Mapping[str, str], metric: str) -> str:
    return recipes.get(metric) or recipes.get(metric.split("/")[0]) or f"{tool}:{metric}"


def _moment(text: str) -> str:
    """When the log was begun; empty when it does not say so in a way that can be read."""
    try:
        return moment(text)
    except ValueError:
        return ""
