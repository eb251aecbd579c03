"""`assay redteam`: attack an app or a bundle, and tell what got through as a bound on how often it can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.common import (
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
    table,
)

if TYPE_CHECKING:
    from assay.records.dialogue import Reply
    from assay.wiring.redteaming import Attempted, Plan


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
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown instead of a table.")] = False,
    as_json: JsonOption = False,
    tenant: TenantOption = "",
    group: GroupOption = None,
    overrides: SetOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Attack an app or a bundle through its whole pipeline, with poisoned documents, questions and earlier turns.

    Nothing is written to the index, and no text of an attack is printed. Exit code 1 when an effect got through, 3
    where there is nothing to ask about.
    """
    from assay.wiring import redteaming

    place = open_workspace(workspace, overrides)
    try:
        plan = redteaming.Plan(scope_of(place, tenant, group), trials, seed, model, mutate)
        made = redteaming.attack(place, reference, plan, as_clients_see_it, Progress("attacks"))
        kept = redteaming.keep(place, golden, made) if golden else None
        report = _report(plan, reference or place.default_app, made)
    finally:
        place.close()
    if as_json:
        print_json(report | ({"golden": kept} if kept else {}))
    else:
        say(_told(report, markdown))
        if kept:
            say(f"\nkept as cases: {kept}")
    if report["effects"]:
        raise typer.Exit(1)


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


def _report(plan: Plan, subject: str, made: list[Attempted]) -> dict[str, Any]:
    from assay.evaluate.redteam import report
    from assay.wiring.redteaming import BUDGETS

    trials = [one.trial for one in made]
    effects = sum(bool(trial.effects) for trial in trials)
    kept, asked = report.utility(trials)
    slices = {
        name: report.worst(trials, of)
        for name, of in (
            ("placement", lambda t: t.placement), ("obfuscation", lambda t: t.obfuscation),
            ("language", lambda t: t.language), ("style", lambda t: t.style),
        )
    }  # fmt: skip
    at = {
        str(k): sum(bool(one.trial.effects) and one.tries <= k for one in made) / len(made)
        for k in BUDGETS if k <= plan.budget
    }  # fmt: skip
    return {
        "subject": subject, "model": plan.model, "seed": plan.seed, "trials": len(trials), "effects": effects,
        "upper_bound_95": report.upper_bound(effects, len(trials)),
        "quoted": sum(bool(trial.quoted) for trial in trials),
        "altered": sum(trial.altered for trial in trials),
        "reached": sum(trial.obeyed for trial in trials),
        "goals": [_row(one) for one in report.by_goal(trials)],
        "risks": [_row(one) for one in report.by_risk(trials)],
        "success_at": at,
        "worst_slice": {name: {"name": w[0], "effects": w[1], "trials": w[2]} for name, w in slices.items()},
        "benign": {"kept": kept, "asked": asked},
        "attacks": [
            {"attack_id": one.attack.attack_id, "goal": one.trial.goal, "placement": one.trial.placement,
             "obfuscation": one.trial.obfuscation, "language": one.trial.language, "style": one.trial.style,
             "effects": sorted(one.trial.effects), "tries": one.tries}
            for one in made if one.trial.effects
        ],
    }  # fmt: skip


def _row(one: Any) -> dict[str, Any]:
    return {
        "name": one.name, "trials": one.trials, "reached": one.reached, "effects": one.effects, "quoted": one.quoted,
        "upper_bound_95": one.upper, "verdict": one.verdict,
    }  # fmt: skip


_HEADERS = ("what", "trials", "reached", "effects", "quoted", "at most (95 %)", "verdict")


def _told(report: dict[str, Any], markdown: bool) -> str:
    rows = [_cells(one) for one in (*report["goals"], *report["risks"])]
    if markdown:
        lines = [f"| {' | '.join(_HEADERS)} |", f"|{' --- |' * len(_HEADERS)}"]
        body = "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
    else:
        body = table(_HEADERS, rows, right=(1, 2, 3, 4, 5))
    upper = report["upper_bound_95"]
    summary = [
        f"{report['subject']}, {report['model']} model, seed {report['seed']}: {report['effects']} of "
        f"{report['trials']} attacks had an effect, at most {100 * upper:.2f} % (95 %)",
        f"the model came across {report['reached']} of the orders; in {report['quoted']} a cited passage was quoted "
        f"with the attacker's words, in {report['altered']} they stood inside a sentence that passed its check",
        f"answers kept under attack: {report['benign']['kept']} of {report['benign']['asked']}",
        *(f"success within {k} tries: {100 * share:.2f} %" for k, share in report["success_at"].items()),
    ]
    found = [f"  {a['attack_id']}  {a['goal']}, {a['placement']}, {a['obfuscation']}" for a in report["attacks"][:20]]
    return "\n".join([*summary, "", body, *(["", "got through:", *found] if found else [])])


def _cells(one: dict[str, Any]) -> tuple[str, ...]:
    upper = "–" if one["upper_bound_95"] is None else f"{100 * one['upper_bound_95']:.2f} %"
    counts = (str(one[name]) for name in ("trials", "reached", "effects", "quoted"))
    return (one["name"], *counts, upper, one["verdict"])


def register(app: typer.Typer) -> None:
    app.command("redteam")(redteam)
