"""`assay signal`: what the signals are, what their cards say, and how a text scores."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.common import JsonOption, SetOption, WorkspaceOption, print_json, say, table

if TYPE_CHECKING:
    from assay.records.safety import Measurement
    from assay.wiring.settings_signals import OnnxSignalSetting

app = typer.Typer(no_args_is_help=True, help="Scores of injection and toxicity by small models that come along.")


@app.command("list")
def list_(workspace: WorkspaceOption = None, overrides: SetOption = None, as_json: JsonOption = False) -> None:
    """List the signals of the package and those of assay.yaml."""
    from assay.wiring.signals import listed

    rows = listed(_own(workspace, overrides)[0])
    if as_json:
        print_json(rows)
        return
    cells = [(row["name"], row["kind"], f"{row['threshold']:.4f}", row["from"]) for row in rows]
    say(table(("signal", "kind", "threshold", "from"), cells, right=(2,)))


@app.command()
def show(name: Annotated[str, typer.Argument(help="injection or toxicity.")], as_json: JsonOption = False) -> None:
    """Show the card of a packaged signal: data, licences, splits, measures, and what it is not for."""
    from assay.detect.signals.packaged import card

    told = card(name)
    if as_json:
        print_json(told)
        return
    say(f"{told['name']} v{told['version']}: {told['what']}\nmodel: {told['model']}")
    say(f"threshold: {told['threshold']:.4f} ({told['threshold_rule']})\nsplits: {told['splits']}\n")
    say(table(("part", "set", "n", "at or above", "rate", "95 % interval"), list(_measures(told)), right=(2, 3, 4)))
    say("\nnot for:\n" + "\n".join(f"- {one}" for one in told["not_for"]))


@app.command()
def score(
    source: Annotated[str, typer.Argument(metavar="FILE", help="A file, or - for standard input.")],
    signal: Annotated[
        list[str] | None, typer.Option("--signal", help="Repeatable; default: the signals of the package.")
    ] = None,
    workspace: WorkspaceOption = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score a text, a PDF or another file that Assay can parse; the spans are those of windows at the threshold.

    The text is never printed. Exit code 0, whatever the score.
    """
    from assay.detect.signals.packaged import NAMES
    from assay.wiring.signals import scored, signal_named

    own, root = _own(workspace, overrides)
    found = list(scored(source, {name: signal_named(name, own, root) for name in signal or NAMES}))
    if as_json:
        print_json({"scores": found})
        return
    rows = [
        (one.text, one.signal, f"{one.score:.4f}", f"{one.threshold:.4f}",
         "yes" if one.score >= one.threshold else "no", one.language or "?",
         " ".join(f"{start}-{end}" for start, end, _ in one.spans) or "-")
        for one in found
    ]  # fmt: skip
    say(table(("text", "signal", "score", "threshold", "reached", "language", "spans"), rows, right=(2, 3)))


@app.command()
def measure(
    sets: Annotated[
        list[Path],
        typer.Option("--set", metavar="FILE", help="Lines of JSON: text, attack, slice; or plain innocent lines."),
    ],
    reference: Annotated[
        str, typer.Option("--of", help="An app or bundle whose policy uses signals; default: the default app.")
    ] = "",
    signal: Annotated[
        list[str] | None, typer.Option("--signal", help="Repeatable; default: all signals of the policy.")
    ] = None,
    most: Annotated[float, typer.Option("--most", min=0, max=1, help="False positives that are good.")] = 0.01,
    least: Annotated[
        float | None, typer.Option("--least", min=0, max=1, help="Recall that is good; unset: reported only.")
    ] = None,
    keep: Annotated[bool, typer.Option(help="Keep the measurements as evidence.")] = True,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure on samples of one's own how often signals speak up: false positives, and recall where texts are attacks.

    What is measured is kept for the app's or bundle's safety report. The texts are neither kept nor printed. Exit code
    1 when a rate is not good.
    """
    from assay.cli.common import Progress, open_workspace
    from assay.records.safety import Standing
    from assay.wiring import safety_store, signal_measuring

    samples = [signal_measuring.read(path) for path in sets]
    place = open_workspace(workspace)
    asked = signal_measuring.measuring(place, reference, signal or ())
    limits = signal_measuring.Limits(most, least)
    made: list[Measurement] = []
    for path, sample in zip(sets, samples, strict=True):
        command = f"assay signal measure --set {path.name}" + (f" --of {reference}" if reference else "")
        for one in asked.signals:
            made += signal_measuring.measured(
                one, sample, asked.subject, limits=limits, digests=asked.digests, command=command,
                tick=Progress(f"{one.rule_id} on {sample.name}"),
            )  # fmt: skip
    if keep:
        made = list(safety_store.record(place, made))
    place.close()
    if as_json:
        print_json({"measurements": made, "standing": {one.check: one.standing for one in made}})
    else:
        rows = [
            (one.check, one.n, f"{one.value:.4f}", f"{one.low:.4f} to {one.high:.4f}",
             "-" if one.threshold is None else f"{one.threshold:.4f}", one.standing)
            for one in made
        ]  # fmt: skip
        say(table(("check", "n", "rate", "95 % interval", "limit", "standing"), rows, right=(1, 2, 4)))
    if any(one.standing is Standing.FAILED for one in made):
        raise typer.Exit(1)


def _measures(told: Mapping[str, Any]) -> Any:
    for part, sets in told["measures"].items():
        for name, one in sets.items():
            yield part, name, one["n"], one["hits"], f"{one['rate']:.4f}", f"{one['low']:.4f} to {one['high']:.4f}"


def _own(stated: Path | None, overrides: list[str] | None) -> tuple[Mapping[str, OnnxSignalSetting], Path]:
    """The classifiers of the workspace; none where there is no workspace and none was named."""
    from assay.records.errors import ConfigError
    from assay.wiring import config

    try:
        root = config.find_workspace(stated)
    except ConfigError as error:
        if error.code != "config.no_workspace" or stated is not None or overrides:
            raise
        return {}, Path.cwd()
    return config.load(root, tuple(overrides or ())).settings.signals, root


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="signal")
