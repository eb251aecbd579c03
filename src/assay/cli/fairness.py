"""`assay fairness`: what groups get from a system and from its safeguards, and what changes when a term is swapped."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from assay.cli.common import (
    JsonOption,
    SetOption,
    WorkspaceOption,
    open_workspace,
    print_json,
    say,
)

if TYPE_CHECKING:
    from assay.evaluate.fairness import Held
    from assay.wiring.fairness import Found


class OrRun(TyperGroup):
    """A group in which a word that is no command names a run: `assay fairness RUN` is `assay fairness of RUN`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["of", *args]
        return super().parse_args(ctx, args)


group = typer.Typer(
    cls=OrRun, no_args_is_help=True,
    help="What groups get from a system and from its safeguards: assay fairness RUN; safeguards; counterfactual.",
)  # fmt: skip

ByOption = Annotated[
    str, typer.Option("--by", metavar="NAME,…", help="Dimensions such as language,dialect, or language*gender.")
]
MarkdownOption = Annotated[bool, typer.Option("--markdown", help="Print Markdown for a pull request.")]
HtmlOption = Annotated[Path | None, typer.Option("--html", help="Also write the page with the plots here.")]


def names(stated: str) -> tuple[str, ...]:
    """The parts of a list with commas."""
    return tuple(dict.fromkeys(part.strip() for part in stated.split(",") if part.strip()))


@group.command("of")
def of_run(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run, a bundle, an app or `live`.")],
    by: ByOption = "",
    metric: Annotated[
        str, typer.Option("--metric", metavar="NAME,…", help="Metrics of the run, outcomes, or rates of a class.")
    ] = "",
    html: HtmlOption = None,
    markdown: MarkdownOption = False,
    as_json: JsonOption = False,
    overrides: SetOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Hold a run's measures by group against the tolerances of assay.yaml; `assay fairness RUN` for short.

    Exit code 0 when every tolerance is shown to hold or none is declared, 1 when one is broken, 2 when more data are
    needed, 3 when it cannot be judged.
    """
    from assay.wiring import fairness

    place = open_workspace(workspace, overrides)
    try:
        found = fairness.look(place, run, names(by), names(metric))
        page = fairness.write_page(place, found, html)
    finally:
        place.close()
    if as_json:
        print_json(_twin(found))
    else:
        say(told(found.held, markdown=markdown))
        for measure, dimension, reason in found.not_judged:
            say(f"\n{measure} by {dimension}: not judged: {reason}")
        if not markdown:
            say(f"\npage: {page}\nkept as evidence: {len(found.kept)} measurements")
    if found.verdict.exit_code:
        raise typer.Exit(found.verdict.exit_code)


def told(held: Sequence[Held], *, markdown: bool) -> str:
    from assay.evaluate import fairness_report

    if markdown:
        return fairness_report.markdown(held)
    width = min(shutil.get_terminal_size((100, 24)).columns, 160)
    return "\n\n".join(fairness_report.figure(one).text(width) for one in held)


def _twin(found: Found) -> dict[str, Any]:
    from assay.evaluate.fairness_report import twin

    return {
        "run": found.run.run_id, "verdict": found.verdict, "measures": [twin(one) for one in found.held],
        "not_judged": [
            {"measure": measure, "by": by, "reason": reason} for measure, by, reason in found.not_judged
        ],
    }  # fmt: skip


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="fairness")
