"""What keeps a golden set of a workspace good: leaks, cases that tell nothing, traffic that no case covers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from assay.golden.canary import Detector, Leak, canary_of, texts_of
from assay.records.errors import InputError, NotFound
from assay.records.evaluation import Direction, MetricKind, Run, RunStatus
from assay.records.golden import GoldenSet
from assay.wiring import golden_sets
from assay.wiring.build import Workspace

if TYPE_CHECKING:
    from assay.golden.coverage import Asked, Coverage
    from assay.golden.dead import Items

MOST_TRACES = 10_000


def canary(place: Workspace, name: str) -> str:
    """The canary of a set, made when it has none."""
    return canary_of(place.stores.ledger, golden_sets.resolve(place, name).name, place.clock.now())


def leaks(
    place: Workspace, reference: str, files: Sequence[Path], *, corpus: bool, prompts: bool, training: bool
) -> tuple[Leak, ...]:
    """Where the set stands although it should not: in files, the corpus, prompts of apps and bundles, or what models
    of this workspace were trained on. Raises InputError `golden.nothing_to_check`."""
    if not (files or corpus or prompts or training):
        raise InputError(
            "golden.nothing_to_check", "say where to look", remedy="a FILE, --corpus, --prompts or --training"
        )
    golden = golden_sets.resolve(place, reference)
    guid = canary(place, golden.name)
    everything = Detector(golden, guid, answers=True)
    found = [leak for path in files for where, text in _texts(path) for leak in everything.leaks(where, text)]
    if prompts:
        found.extend(leak for where, text in _prompts(place) for leak in everything.leaks(where, text))
    if corpus:
        in_corpus = Detector(golden, guid, answers=False)
        for doc_id, text in golden_sets.texts(place).items():
            found.extend(in_corpus.leaks(doc_id, text))
    if training:
        found.extend(_trained(place, golden))
    return tuple(dict.fromkeys(found))


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    """The texts of a file, or of every file below a folder."""
    files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    for one in files:
        name = str(one.relative_to(path)) if path.is_dir() else one.name
        yield from texts_of(golden_sets.read_bytes(one), name)


def _prompts(place: Workspace) -> Iterator[tuple[str, str]]:
    for name, app in place.settings.apps.items():
        yield f"apps.{name}.prompt", app.prompt
    for bundle in place.stores.bundles.bundles():
        prompt = bundle.components.get("prompt", {})
        yield f"bundle {bundle.bundle_id[:12]}", "\n".join(str(text) for text in prompt.values())


def _trained(place: Workspace, golden: GoldenSet) -> Iterator[Leak]:
    """Models that learned from a version of this set, other than from its dev split."""
    for model in place.stores.models.models():
        origin = str(model.content.get("trained_on", ""))
        name, _, rest = origin.partition("@")
        if name == golden.name and rest.partition(":")[2] != "dev":
            yield Leak(f"{model.kind} {model.name} {model.model_id[:12]}", "training set", "", 1.0)


def items(place: Workspace, reference: str, metric: str, split: str, least: int) -> Items:
    """What the newest complete run of every system says of each case. Raises NotFound `golden.no_such_metric` and
    CannotJudge `golden.few_systems`."""
    from assay.golden.dead import item_analysis, scores_by_system

    golden = golden_sets.resolve(place, reference)
    runs = [run for run in place.stores.runs.runs() if _is_of(run, golden, split)]
    measured = {one.name: one for run in runs for one in run.metrics}
    if runs and metric not in measured:
        raise NotFound(
            "golden.no_such_metric", f"no run measures this (they measure: {', '.join(sorted(measured))})", where=metric
        )
    if runs and measured[metric].kind is MetricKind.SKEWED:
        raise InputError(
            "golden.unbounded_metric", "only a metric between 0 and 1 tells right from wrong", where=metric
        )
    sign = -1.0 if runs and measured[metric].direction is Direction.LOWER else 1.0
    found = []
    for run in runs:
        by_case: dict[str, list[float]] = defaultdict(list)
        for sample in place.stores.runs.samples(run.run_id):
            if metric in sample.scores:
                value = sample.scores[metric]
                by_case[sample.case_id].append(value if sign > 0 else 1.0 - value)
        found.append((run.bundle_id[:12] or run.system, by_case))
    return item_analysis(scores_by_system(found), least=least)


def _is_of(run: Run, golden: GoldenSet, split: str) -> bool:
    same = (run.golden_name, run.golden_version) == (golden.name, golden.version)
    return same and run.status is RunStatus.COMPLETE and (not split or run.split in (split, ""))


def coverage(place: Workspace, reference: str, file: Path | None, *, near: float | None, words: bool) -> Coverage:
    """Traffic (traces, or the questions of a file) against a set: by meaning where the workspace has an embedder, by
    words otherwise, by documents where no trace kept its question."""
    from assay.golden.coverage import coverage as compare
    from assay.golden.coverage import document_coverage
    from assay.wiring.embedders import settings_of

    golden = golden_sets.resolve(place, reference)
    traffic = _questions(file) if file else _traced(place)
    if not any(one.text.strip() for one in traffic):
        named = [(case.case_id, frozenset(one.doc_id for one in case.expected.evidence)) for case in golden.cases]
        return document_coverage(traffic, named)
    name = place.settings.index.embedder
    embedder = None if words else place.embedders.questions(name, settings_of(place, name))
    return compare(traffic, [(case.case_id, case.question) for case in golden.cases], embedder, near=near)


def _questions(file: Path) -> list[Asked]:
    """Questions from JSONL or CSV as `import` reads them, or one a line from any other file."""
    from assay.golden.coverage import Asked
    from assay.golden.reading import read_path

    if file.suffix.casefold() in (".jsonl", ".csv"):
        return [Asked(case.case_id, case.question) for case in read_path(file)]
    lines = golden_sets.read_bytes(file).decode("utf-8", errors="replace").splitlines()
    return [Asked(f"line {at}", line) for at, line in enumerate(lines, 1) if line.strip()]


def _traced(place: Workspace) -> list[Asked]:
    from assay.golden.coverage import Asked
    from assay.govern.forget_redact import REDACTED

    return [
        Asked(
            one.trace_id,
            "" if one.question == REDACTED else one.question,
            tuple(dict.fromkeys(passage.span.doc_id for passage in one.passages)),
        )
        for one in place.stores.traces.list(limit=MOST_TRACES)
    ]
