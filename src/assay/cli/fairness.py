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
    Progress,
    SetOption,
    WorkspaceOption,
    open_workspace,
    print_json,
    say,
    table,
)

if TYPE_CHECKING:
    from assay.evaluate.fairness import Held
    from assay.records.evaluation import Interval
    from assay.wiring.counterfactuals import Swapped
    from assay.wiring.fairness import Found
    from assay.wiring.fairness_safeguards import Looked


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


@group.command("safeguards")
def safeguards(
    sets: Annotated[
        list[Path],
        typer.Argument(
            metavar="SET…", help="Files or folders: lines of text, label and groups, or a known set; docs/fairness.md."
        ),
    ],
    safeguard: Annotated[
        list[str] | None,
        typer.Option("--safeguard", help="A signal, rules, or policy:FILE; repeatable. Default: all there are."),
    ] = None,
    by: ByOption = "",
    difference: Annotated[float, typer.Option("--difference", help="Tolerated difference between groups.")] = 0.0,
    ratio: Annotated[float, typer.Option("--ratio", help="Or tolerated ratio, such as 1.25.")] = 0.0,
    reference: Annotated[str, typer.Option("--reference", help="overall, best, or a group.")] = "overall",
    min_n: Annotated[int, typer.Option("--min-n", help="Smaller groups are not judged.")] = 30,
    subject: Annotated[
        str, typer.Option("--for", metavar="APP|BUNDLE", help="Keep the figures as evidence of this app or bundle.")
    ] = "",
    html: HtmlOption = None,
    markdown: MarkdownOption = False,
    as_json: JsonOption = False,
    overrides: SetOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Whom signals, rules and policies stop without cause, and whose harm they miss, by group.

    No text is printed or kept. Exit code 1 when a tolerance is broken, 2 when more texts are needed.
    """
    from assay.wiring import fairness_safeguards

    terms = fairness_safeguards.terms(difference, ratio, reference, min_n)
    place = open_workspace(workspace, overrides)
    try:
        found = fairness_safeguards.look(
            place, sets, safeguard or (), names(by), terms, subject, Progress("texts"),
            command=" ".join(["assay fairness safeguards", *(one.name for one in sets)]),
        )  # fmt: skip
    finally:
        place.close()
    held = [one.shown for one in found.examined]
    if html:
        from assay.wiring.fairness import write_html

        write_html("Fairness of safeguards", ", ".join(one.name for one in sets), held, html)
    if as_json:
        print_json(_twin_of_safeguards(found))
    else:
        say(_totals(found))
        say(told(held, markdown=markdown))
        for what, reason in found.problems:
            say(f"\n{what}: not judged: {reason}")
        say(f"\nkept as evidence: {len(found.kept)} measurements")
    if found.verdict.exit_code:
        raise typer.Exit(found.verdict.exit_code)


def _totals(found: Looked) -> str:
    rows = [
        (guard, source, rate, f"{wrong:,}", f"{n:,}", f"{wrong / n:.4f}")
        for guard, sources in found.totals.items()
        for source, rates in sources.items()
        for rate, (wrong, n) in rates.items()
    ]
    return table(("safeguard", "texts", "rate", "wrong", "of", "share"), rows, right=(3, 4, 5)) + "\n"


def _twin_of_safeguards(found: Looked) -> dict[str, Any]:
    from assay.evaluate.fairness_report import twin

    measures = [
        twin(one.held) | {"safeguard": one.safeguard, "source": one.source, "recipe": one.recipe}
        for one in found.examined
    ]
    problems = [{"what": what, "reason": reason} for what, reason in found.problems]
    return {"verdict": found.verdict, "totals": found.totals, "measures": measures, "not_judged": problems}


@group.command("counterfactual")
def counterfactual(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="An app, bundle or system, or safeguard:NAME.")],
    golden: Annotated[str, typer.Option("--golden", metavar="NAME", help="Whose questions are asked.")] = "",
    texts: Annotated[
        list[Path] | None,
        typer.Option("--texts", metavar="SET", help="For a safeguard also labelled sets; repeatable."),
    ] = None,
    split: Annotated[str, typer.Option("--split", help="Only cases of this split; default: all.")] = "",
    dimension: Annotated[
        str,
        typer.Option("--dimension", metavar="NAME,…", help="gender, religion, origin, name, dialect …; default: all."),
    ] = "",
    most: Annotated[int, typer.Option("--most", min=1, help="Swaps of one dimension for one text.")] = 4,
    tolerance: Annotated[float | None, typer.Option("--tolerance", help="The flip rate that is tolerated.")] = None,
    markdown: MarkdownOption = False,
    as_json: JsonOption = False,
    overrides: SetOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Swap terms for people, names, pronouns and dialect in texts, and see whether outcome, score or answer change.

    With a tolerance: exit code 1 where a flip rate is shown to be above it, 2 where more texts are needed.
    """
    from assay.wiring import counterfactuals

    asked = counterfactuals.Asked(target, golden, tuple(texts or ()), split, names(dimension), most, tolerance)
    command = f"assay fairness counterfactual {target}" + (f" --golden {golden}" if golden else "")
    place = open_workspace(workspace, overrides)
    try:
        found = counterfactuals.look(place, asked, Progress("texts"), command=command)
    finally:
        place.close()
    if as_json:
        about = {"verdict": found.verdict, "texts": found.texts, "without": found.without}
        print_json({**about, "shifts": found.shifts})
    else:
        say(_told_swaps(found, markdown))
    if found.verdict.exit_code:
        raise typer.Exit(found.verdict.exit_code)


_SWAP_HEADER = ("dimension", "swap", "n", "flips", "flip rate", "lost", "gained", "p", "score after less before",
                "p (score)", "changed")  # fmt: skip


def _told_swaps(found: Swapped, markdown: bool) -> str:
    rows = [
        (
            row.dimension, row.terms or "all", f"{row.n:,}", f"{row.flips:,}", _between(row.flip_rate), str(row.lost),
            str(row.gained), f"{row.p_value:.3f}", _between(row.score), "–" if row.p_score is None else
            f"{row.p_score:.3f}", f"{row.change_rate.estimate:.3f}",
        )
        for row in found.shifts
    ]  # fmt: skip
    if markdown:
        from assay.plot.figure import markdown_table

        body = markdown_table(_SWAP_HEADER, rows)
    else:
        body = table(_SWAP_HEADER, rows, right=(2, 3, 5, 6, 7, 9, 10))
    lines = [
        body, "",
        f"{found.texts - found.without:,} of {found.texts:,} texts have a term to swap; flips are outcomes that change,"
        " lost of them to the second term's disadvantage; p after Holm over the swaps of a dimension",
    ]  # fmt: skip
    if found.tolerance is not None:
        lines.append(f"tolerated flip rate {found.tolerance:g}: {found.verdict}")
    return "\n".join([*lines, f"kept as evidence: {len(found.kept)} measurements"])


def _between(found: Interval | None) -> str:
    return "–" if found is None else f"{found.estimate:.3f} [{found.low:.3f}, {found.high:.3f}]"


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
