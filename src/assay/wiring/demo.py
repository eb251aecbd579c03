"""The demo lab: a corpus, a golden set, a baseline, a safe change and a planted regression, each judged on evidence."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Protocol

from assay.records.bundles import Bundle
from assay.records.comparison import Decision, Verdict
from assay.records.documents import ParseStatus
from assay.records.errors import InputError
from assay.wiring import config, golden_sets, ingesting, judging, releasing, reporting
from assay.wiring.build import Workspace, open_workspace

Say = Callable[[str], None]


class Progress(Protocol):
    """Called with how much is done, of how much, and a word on what."""

    def __call__(self, done: int, total: int, note: str = "") -> None: ...


MakeProgress = Callable[[str], Progress]

GOLDEN = "demo"
SAFE = ("apps.helpdesk.retrieve.passages=6",)
"""The change that is proven safe: fewer passages for each answer, which a paid model would charge less for."""
PLANTED = ("apps.helpdesk.abstain.threshold=0",)
"""The planted regression: somebody switched off "I do not know" because the assistant declined too often."""


@dataclass(frozen=True)
class Judged:
    """A candidate of the demo with its verdict and where its report stands."""

    bundle: Bundle
    decision: Decision
    report: Path


def build(directory: Path, say: Say, progress: MakeProgress) -> Workspace:
    """Build the lab, or go on where an earlier build stopped; says what it found at each step.

    Raises InputError when the folder holds something else.
    """
    begun = time.monotonic()
    place = _workspace(directory)
    say(f"Assay demo lab in {place.root}")
    say("A demo with a demo model: a fictional company, and an extractive composer that quotes instead of writing.\n")
    _ingest(place, say, progress)
    _golden(place, say)
    _calibrate(place, say, progress)
    baseline = _baseline(place, say, progress)
    safe = _candidate(place, "safe change: six passages instead of eight for each answer", SAFE, say, progress)
    bad = _candidate(place, "planted regression: the abstention threshold set to 0", PLANTED, say, progress)
    _release(place, baseline, safe, bad, say)
    say(f"\nDone in {time.monotonic() - begun:.0f} s. The reports:")
    for judged in (safe, bad):
        say(f"  {judged.decision.verdict.value:14} {judged.report}")
    say(f'\nAsk it:  assay ask "How large can the log of one run get?" -w {directory} --tenant halvard')
    return place


def _workspace(directory: Path) -> Workspace:
    root = directory.expanduser().resolve()
    marker = root / config.CONFIG_NAME
    if root.exists() and any(root.iterdir()) and not marker.exists():
        raise InputError(
            "demo.not_empty", "the folder holds something else", where=str(root), remedy="name an empty folder"
        )
    with as_file(files("assay.wiring") / "demo_corpus") as source:
        if not marker.exists():
            shutil.copytree(source / "corpus", root / "corpus", dirs_exist_ok=True)
            shutil.copy(source / "golden.jsonl", root / "golden.jsonl")
            shutil.copy(source / "access.csv", root / "access.csv")
            shutil.copy(source / config.CONFIG_NAME, marker)  # last: it marks the copy as whole
    place = open_workspace(root)
    if "helpdesk" not in place.settings.apps:
        place.close()
        raise InputError(
            "demo.other_workspace", "another workspace stands here", where=str(root), remedy="name an empty folder"
        )
    return place


def _ingest(place: Workspace, say: Say, progress: MakeProgress) -> None:
    begun = time.monotonic()
    report = ingesting.ingest(place, [place.root / "corpus"], progress("reading"))
    documents, chunks = place.stores.catalog.counts()
    told = [outcome for outcome in report.outcomes if outcome.code]
    failed = report.count(ParseStatus.FAILED) + report.count(ParseStatus.SKIPPED)
    seconds = time.monotonic() - begun
    say(f"1. Ingest     {documents} documents, {chunks} chunks, {failed} files not read; {seconds:.1f} s")
    for outcome in told[:5]:
        say(f"              {outcome.source_uri}: {outcome.code}")
    begun = time.monotonic()
    made = ingesting.embed(place, progress("embedding"))
    say(f"              {made} vectors by MiniLM (packaged, offline); {time.monotonic() - begun:.1f} s")


def _golden(place: Workspace, say: Say) -> None:
    golden = golden_sets.import_file(place, GOLDEN, place.root / "golden.jsonl", "written for the demo")
    _, findings = golden_sets.check(place, GOLDEN, None, None)
    errors = sum(1 for finding in findings if finding.severity == "error")
    unanswerable = sum(1 for case in golden.cases if not case.expected.answerable)
    test = sum(1 for case in golden.cases if case.split == "test")
    say(f"2. Golden set {len(golden.cases)} cases ({test} test), {unanswerable} that must be declined; "
        f"{golden.name}@{golden.version[:12]}; checked: {errors} errors, {len(findings) - errors} remarks")  # fmt: skip


def _calibrate(place: Workspace, say: Say, progress: MakeProgress) -> None:
    made = judging.calibrate(place, place.default_app, GOLDEN, "dev", None, progress("calibrating"))
    say(f"3. Calibrate  {judging.calibration_sentence(made)}")


def _baseline(place: Workspace, say: Say, progress: MakeProgress) -> Bundle:
    bundle = releasing.freeze(place, place.default_app, "baseline")
    run = judging.ensure_run(place, bundle.bundle_id, GOLDEN, "test", progress("evaluating"))
    say(f"4. Baseline   bundle {bundle.bundle_id[:12]}, run {run.run_id} on {run.cases} test cases")
    if place.stores.releases.pointer(bundle.app) is None:
        releasing.promote(place, bundle.bundle_id, "first release of the demo: there is nothing to compare with", True)
        say("              promoted with --override and a reason: nothing was live to compare with")
    return bundle


def _candidate(place: Workspace, title: str, change: tuple[str, ...], say: Say, progress: MakeProgress) -> Judged:
    changed = place.with_overrides(change)
    bundle = releasing.freeze(changed, changed.default_app, title)
    baseline = _first_bundle(place)
    decision = releasing.gate(changed, bundle.bundle_id, baseline, GOLDEN, "test", progress("evaluating"))
    made = judging.compare(changed, decision.baseline_run, decision.candidate_run)
    say(f"\n5. Gate       {title}: bundle {bundle.bundle_id[:12]}")
    for line in made.forest_lines:
        say(f"   {line}")
    for line in releasing.decision_lines(decision):
        say(f"   {line}")
    return Judged(bundle, decision, reporting.write_comparison(place, made))


def _first_bundle(place: Workspace) -> str:
    """The baseline of both comparisons: what went live first."""
    return place.stores.releases.history(place.default_app)[-1].bundle_id


def _release(place: Workspace, baseline: Bundle, safe: Judged, bad: Judged, say: Say) -> None:
    live = place.stores.releases.pointer(baseline.app)
    if safe.decision.verdict is Verdict.SHIP and live is not None and live.bundle_id == baseline.bundle_id:
        pointer = releasing.promote(place, safe.bundle.bundle_id, "the gate says ship", False)
        say(f"\n6. Release    {safe.bundle.bundle_id[:12]} is live (revision {pointer.revision})")
    say(f"              {bad.bundle.bundle_id[:12]} stays out: {bad.decision.verdict.value}")
