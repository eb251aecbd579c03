"""`assay safety run`: every proof that Assay can make of a bundle or app by itself, one after the other, then the
report."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from assay.cli.common import JsonOption, Progress, WorkspaceOption, complain, open_workspace, say
from assay.cli.safety import Reference, group, report
from assay.records.errors import AssayError


@dataclass(frozen=True, slots=True)
class Step:
    """A proof: its name, the command that makes it alone, and what does."""

    name: str
    command: str
    make: Callable[[], None]


@group.command("run")
def run(
    reference: Reference = "",
    trials: Annotated[int, typer.Option("--trials", min=1, help="Attacks, and random cuttings of streams.")] = 320,
    seed: Annotated[int, typer.Option("--seed", help="The same seed makes the same attacks.")] = 0,
    corpus: Annotated[str, typer.Option("--corpus", help="Attack corpora: assay redteam --help.")] = "",
    only: Annotated[
        str, typer.Option("--only", help="Some of redteam,canary,privacy,broker,sabotage,audit; default: all.")
    ] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with attacks that were stopped.")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write the report as a page.")] = None,
    junit: Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the signed report.")] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Attack, leak, spy, erase and tamper by way of proof; keep every figure; then tell the report.

    What each step prints goes to standard error. A step that cannot be made is named, and its checks stay as not run.
    Signals, fairness and corpora of poison have commands of their own, which need labelled data: docs/safety-report.md.
    Exit codes are those of `assay safety report`.
    """
    steps = list(_steps(reference, trials, seed, corpus, resume, workspace))
    chosen = _chosen(only, [step.name for step in steps])
    for step in steps:
        if step.name in chosen:
            _made(step)
    report(reference, html=html, junit=junit, out=out, as_json=as_json, workspace=workspace)


def _chosen(only: str, names: list[str]) -> frozenset[str]:
    asked = frozenset(name.strip() for name in only.split(",") if name.strip()) or frozenset(names)
    if unknown := asked - frozenset(names):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: the steps are {', '.join(names)}", param_hint="--only")
    return asked


def _steps(reference: str, trials: int, seed: int, corpus: str, resume: bool, workspace: Path | None) -> Iterator[Step]:
    def attack() -> None:
        from assay.cli.redteam import redteam

        redteam(reference, trials=trials, seed=seed, corpus=corpus, resume=resume, workspace=workspace)

    def leak() -> None:
        from assay.cli.canary import prove

        prove(reference, trials=trials, seed=seed, workspace=workspace)

    def spy() -> None:
        from assay.cli.privacy import prove

        prove(reference, workspace=workspace)

    def ask_for_tools() -> None:
        from assay.cli.broker import measure

        measure(reference, workspace=workspace, trials=trials, seed=seed)

    yield Step("redteam", "assay redteam", attack)
    yield Step("canary", "assay canary prove", leak)
    yield Step("privacy", "assay privacy prove", spy)
    yield Step("broker", "assay broker measure", ask_for_tools)
    yield Step("sabotage", "assay sabotage", lambda: _taken_out(reference, seed, workspace))
    yield Step("audit", "assay audit verify", lambda: _audited(reference, workspace))


def _taken_out(reference: str, seed: int, workspace: Path | None) -> None:
    """In a workspace of its own, whose pages give every attack something to work on: it proves that the figures of this
    Assay can turn red, not anything about the documents of this workspace."""
    from assay.cli.sabotage import shown
    from assay.wiring import sabotage, safety_store

    place = open_workspace(workspace)
    removed = sabotage.run(shown, layers=sabotage.chosen(""), trials=0, seed=seed, progress=Progress("sabotage"))
    subject, _ = safety_store.subject_of(place, reference)
    (made,) = safety_store.record(place, [sabotage.measurement(subject, removed, "assay sabotage")])
    say(
        f"{made.check}: {made.standing.value}, {made.events} of {made.n} safeguards were not missed when they were gone"
    )
    place.close()


def _audited(reference: str, workspace: Path | None) -> None:
    from assay.wiring import safety

    place = open_workspace(workspace)
    made = safety.audited(place, reference)
    say(f"{made.check}: {made.standing.value}, {made.events} problems in {made.n:,} events")
    place.close()


def _made(step: Step) -> None:
    """Make a proof. One that fails has kept its figures; one that cannot be made leaves none."""
    print(f"== {step.command}", file=sys.stderr)
    with contextlib.redirect_stdout(sys.stderr):
        try:
            step.make()
        except typer.Exit:
            return
        except AssayError as error:
            complain(str(error))
