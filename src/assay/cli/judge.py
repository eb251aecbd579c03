"""`assay judge`: language models judge replies, and are themselves judged by people's labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli import judge_telling
from assay.cli.common import JsonOption, Progress, SetOption, WorkspaceOption, open_workspace, print_json, say

if TYPE_CHECKING:
    from assay.records.evaluation import Run
    from assay.wiring.build import Workspace
    from assay.wiring.judges import JudgedRun

group = typer.Typer(help="Judges: run, compare, check; anchors and cards.", no_args_is_help=True)
NameArgument = Annotated[str, typer.Argument(help="A judge under judges: in assay.yaml.")]
JudgeOption = Annotated[str, typer.Option("--judge", help="A judge under judges: in assay.yaml.")]
MaxCostOption = Annotated[
    float | None, typer.Option("--max-cost", min=0.0, help="US dollars; nothing is begun that would pass it.")
]
ConcurrencyOption = Annotated[int | None, typer.Option("--concurrency", min=1, help="Judgements in flight.")]
RetryOption = Annotated[bool, typer.Option("--retry", help="Ask again where the judge gave no verdict.")]
PlanOption = Annotated[bool, typer.Option("--plan", help="Say what it would take, and ask nothing.")]
SampleOption = Annotated[int, typer.Option("--sample", min=2, help="Replies that each control is asked on.")]


def _flight(place: Workspace, concurrency: int | None) -> int:
    stated = concurrency or place.settings.evaluate.concurrency
    return stated if isinstance(stated, int) else 8


@group.command("run")
def run(
    run_name: Annotated[str, typer.Argument(metavar="RUN", help="A finished run, a bundle, an app or `live`.")],
    judge: JudgeOption,
    workspace: WorkspaceOption = None,
    max_cost: MaxCostOption = None,
    concurrency: ConcurrencyOption = None,
    retry: RetryOption = False,
    no_anchors: Annotated[bool, typer.Option("--no-anchors", help="Leave the anchors alone.")] = False,
    plan: PlanOption = False,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Judge the replies of a finished run. Run the same command again to resume; what was judged is not asked again."""
    from assay.wiring import judges

    place = open_workspace(workspace, overrides)
    if plan:
        planned = judges.planned(place, run_name, judge)
        print_json(planned) if as_json else say(judge_telling.price_line(planned))
        return
    flight = _flight(place, concurrency)
    done = judged(place, run_name, judge, max_cost, flight, retry=retry, anchors=not no_anchors)
    _print(done, judge, as_json)


def judged(
    place: Workspace, run_name: str, judge: str, max_cost: float | None, concurrency: int, *, retry: bool = False,
    anchors: bool = True,
) -> JudgedRun:  # fmt: skip
    """Judge a run. Raises KeyboardInterrupt when it was stopped on the way, and Unavailable when the judge's endpoint
    gave no answer any more."""
    from assay.records.errors import Unavailable
    from assay.wiring import judges

    done = judges.judge_run(
        place, run_name, judge, concurrency=concurrency, max_cost=max_cost, retry=retry, anchors=anchors,
        progress=Progress("judging"),
    )  # fmt: skip
    if done.run is None and done.done.momentary:
        raise Unavailable(
            "judge.unavailable", f"the judge's endpoint gave no answer any more; {done.done.left} replies are left",
            where=judge, remedy="run the same command again: what was judged is kept",
        )  # fmt: skip
    if done.run is None:
        raise KeyboardInterrupt
    return done


def _print(done: JudgedRun, judge: str, as_json: bool) -> None:
    if as_json:
        print_json({"report": done.report, "notes": done.notes, "spent_usd": done.done.spent_usd})
    else:
        judge_telling.print_judged(done, judge)


def print_notes(place: Workspace, run: Run) -> None:
    """What stands beside a judged run's table: rates with the judge's error in them, and its anchors."""
    if any(metric.name.startswith("judge:") for metric in run.metrics):
        from assay.wiring import judge_gate

        for line in judge_gate.run_notes(place, run):
            say(line)


def check_names(place: Workspace, names: list[str]) -> None:
    """Raises NotFound, or InputError for a judge of pairs, before anything is spent."""
    from assay.wiring import judges

    for name in names:
        judges.check_single(judges.spec_of(place, name))


def judge_in_turn(place: Workspace, run_id: str, names: list[str], max_cost: float | None, as_json: bool) -> None:
    """Judge a run by several judges, each under the ceiling; the last judged run carries the verdicts of all."""
    for name in names:
        done = judged(place, run_id, name, max_cost, _flight(place, None))
        if not as_json:
            say()
        if not as_json or name == names[-1]:
            _print(done, name, as_json)
        run_id = done.run.run_id if done.run else run_id


@group.command("compare")
def compare(
    baseline: Annotated[str, typer.Argument(help="A: a finished run.")],
    candidate: Annotated[str, typer.Argument(help="B: likewise.")],
    judge: JudgeOption,
    workspace: WorkspaceOption = None,
    max_cost: MaxCostOption = None,
    concurrency: ConcurrencyOption = None,
    retry: RetryOption = False,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Which run's replies are better, by a pairwise judge asked in both orders: win rate, ties, order flips."""
    from assay.wiring import judge_pairs

    place = open_workspace(workspace, overrides)
    report = judge_pairs.compare(
        place, baseline, candidate, judge, concurrency=_flight(place, concurrency), max_cost=max_cost, retry=retry,
        progress=Progress("judging"),
    )  # fmt: skip
    print_json(report) if as_json else judge_telling.print_pairs(report)


@group.command("anchors")
def anchors(
    name: NameArgument,
    run_name: Annotated[str, typer.Option("--run", metavar="RUN", help="A run that it has judged.")],
    workspace: WorkspaceOption = None,
    count: Annotated[int, typer.Option("--n", min=2, help="So many replies, labelled ones first.")] = 120,
) -> None:
    """Freeze verdicts of a judged run; each later `judge run` gives them again and tells whether the judge drifted."""
    from assay.wiring import judge_anchors

    made = judge_anchors.freeze_anchors(open_workspace(workspace), name, run_name, count)
    labelled = sum(bool(item.label) for item in made.items)
    say(f"anchors {made.digest[:12]}  {len(made.items)} replies, {labelled} of them with people's labels")


@group.command("check")
def check(
    name: NameArgument,
    run_name: Annotated[str, typer.Option("--run", metavar="RUN", help="Whose replies to ask the controls on.")],
    workspace: WorkspaceOption = None,
    against: Annotated[str, typer.Option("--against", help="The other run, for a pairwise judge.")] = "",
    sample: SampleOption = 40,
    max_cost: MaxCostOption = None,
    concurrency: ConcurrencyOption = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Controls: order flips, repeat flips, obedience to the judged text, length, family, anchors."""
    from assay.wiring import judge_cards

    place = open_workspace(workspace, overrides)
    found = judge_cards.check(
        place, name, run_name, against, sample=sample, max_cost=max_cost, concurrency=_flight(place, concurrency)
    )
    print_json(found) if as_json else judge_telling.print_controls(found)


@group.command("card")
def card(
    name: NameArgument,
    labels: Annotated[
        list[str] | None, typer.Option("--labels", help="A labelling task, or a CSV or JSONL file; repeatable.")
    ] = None,
    workspace: WorkspaceOption = None,
    run_name: Annotated[str, typer.Option("--run", metavar="RUN", help="For a file without run_id.")] = "",
    against: Annotated[str, typer.Option("--against", help="Likewise, the other run of pairs.")] = "",
    sample: SampleOption = 40,
    days: Annotated[float | None, typer.Option("--days", min=0.0, help="Until the card expires.")] = None,
    max_cost: MaxCostOption = None,
    concurrency: ConcurrencyOption = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a judge on people's labels and keep the card, without which no gate listens to it."""
    from assay.wiring import judge_cards

    place = open_workspace(workspace, overrides)
    made = judge_cards.card(
        place, name, labels or (), run=run_name, against=against, sample=sample, max_cost=max_cost, days=days,
        concurrency=_flight(place, concurrency), progress=Progress("judging"),
    )  # fmt: skip
    if as_json:
        print_json(made.card)
        return
    judge_telling.print_card(made.card)
    if made.unknown:
        say(f"note: {made.unknown} labels are of replies that the runs do not hold")


@group.command("cards")
def cards(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Every card, oldest first, and whether it is of the judge as declared now."""
    from assay.wiring import judge_cards

    place = open_workspace(workspace)
    found = judge_cards.cards(place)
    print_json(found) if as_json else judge_telling.print_cards(found, judge_cards.recipes_now(place))


@group.command("show")
def show(
    reference: Annotated[str, typer.Argument(help="A judge (its newest card), or a card's id.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """One card, whole."""
    from assay.wiring import judge_cards

    found = judge_cards.card_named(open_workspace(workspace), reference)
    print_json(found) if as_json else judge_telling.print_card(found)


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="judge")
