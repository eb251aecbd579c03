"""`assay label`: people label what systems said: tasks, agreement, estimates, exchange with other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from assay.cli import label_doing, label_telling
from assay.cli.common import JsonOption, WorkspaceOption, open_workspace, print_json, say, table
from assay.cli.label_doing import TaskArgument

group = typer.Typer(
    help="Labels by people: blind, doubled, adjudicated; with agreement and estimates.", no_args_is_help=True
)
FormatOption = Annotated[
    Literal["label-studio", "argilla", "csv"],
    typer.Option("--format", help="label-studio, argilla (v2 records) or csv."),
]


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


@group.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Name of the task.")],
    question: Annotated[str, typer.Option("--question", help="The one sentence put to people for every item.")],
    guidelines: Annotated[Path, typer.Option("--guidelines", help="Text file; fixed from now on.")],
    runs: Annotated[
        str, typer.Option("--runs", help="Runs, bundles or apps whose replies are labelled: A or A,B.")
    ] = "",
    labels: Annotated[str, typer.Option("--labels", help="What may be answered; pairs: a,b,tie.")] = "",
    positive: Annotated[str, typer.Option("--positive", help="The labels that count as 1; pairs: b.")] = "",
    kind: Annotated[Literal["reply", "pair", "case"], typer.Option("--kind", help="What an item is.")] = "reply",
    golden: Annotated[str, typer.Option("--golden", help="NAME or NAME@VERSION, for --kind case.")] = "",
    n: Annotated[int, typer.Option("--n", help="Items to draw.")] = 100,
    by: Annotated[str, typer.Option("--by", help="uniform, judge:NAME, slice:NAME, risk or risk:METRIC.")] = "uniform",
    floor: Annotated[float, typer.Option("--floor", help="By risk: the smallest chance against the largest.")] = 0.2,
    per_item: Annotated[int, typer.Option("--per-item", help="People per item.")] = 2,
    annotators: Annotated[str, typer.Option("--annotators", help="Pseudonyms A,B,C; empty: whoever comes.")] = "",
    checks: Annotated[Path | None, typer.Option("--checks", help="JSON lines of attention checks: case, gold.")] = None,
    swaps: Annotated[int, typer.Option("--swap-checks", min=0, help="Checks with a reply to another question.")] = 0,
    swap_label: Annotated[str, typer.Option("--swap-label", help="The label that such a reply deserves.")] = "",
    check_floor: Annotated[float, typer.Option("--check-floor", help="Right checks below this: set aside.")] = 0.75,
    seed: Annotated[int, typer.Option("--seed")] = 0,
    workspace: WorkspaceOption = None,
) -> None:
    """Fix question, guidelines and labels, and draw items whose chance of being drawn is known."""
    from assay.golden.labelling.making import Question
    from assay.records.labels import ItemKind
    from assay.wiring import labelling_making
    from assay.wiring.labelling_making import Drawing

    pairs = kind == "pair"
    asked = Question(
        name, question, label_doing.read_text(guidelines), _names(labels) or (("a", "b", "tie") if pairs else ()),
        _names(positive) or (("b",) if pairs else ()), ItemKind(kind), per_item, _names(annotators), check_floor,
    )  # fmt: skip
    drawing = Drawing(n, by, seed, floor, checks, swaps, swap_label)
    made = labelling_making.create(open_workspace(workspace), asked, drawing, _names(runs), golden)
    label_telling.say_created(made, n)


@group.command("list")
def list_tasks(workspace: WorkspaceOption = None) -> None:
    """The labelling tasks and how far each is."""
    from assay.wiring import labelling, labelling_standing

    place = open_workspace(workspace)
    rows = []
    for name in labelling.names(place):
        s = labelling_standing.status(place, name)
        rows.append((name, s.task.kind.value, len(s.task.asked), sum(s.resolved.values()), s.disputed, len(s.people)))
    say(table(("task", "of", "items", "resolved", "disputed", "people"), rows, right=(2, 3, 4, 5)))


@group.command("show")
def show(task: TaskArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """The question, the guidelines and how items were drawn."""
    from assay.wiring import labelling

    made = labelling.task(open_workspace(workspace), task)
    if as_json:
        print_json(made)
        return
    say(f"{made.name}  task {made.task_id}, guidelines {made.guidelines_sha256[:12]}, made {made.created_at[:19]}")
    say(f"labels: {', '.join(made.labels)}; positive: {', '.join(made.positive)}; {made.per_item} people per item")
    say(f"{len(made.asked)} of {made.design.population} drawn by {made.design.by}, {len(made.checks)} attention checks")
    say(f"\n{made.question}\n\n{label_doing.safe(made.guidelines)}")


@group.command("status")
def status(task: TaskArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """What is labelled, by whom, and whose labels are set aside for the attention checks."""
    from assay.wiring import labelling_standing

    found = labelling_standing.status(open_workspace(workspace), task)
    print_json(found) if as_json else label_telling.say_status(found)


@group.command("agreement")
def agreement(
    task: TaskArgument,
    workspace: WorkspaceOption = None,
    measure: Annotated[
        Literal["nominal", "ordinal", "interval"], typer.Option("--measure", help="What alpha takes labels for.")
    ] = "nominal",
    as_json: JsonOption = False,
) -> None:
    """Percent, Cohen's kappa, Gwet's AC1 and Krippendorff's alpha: over all, per label, per pair of people."""
    from assay.wiring import labelling_standing

    made, found = labelling_standing.task_agreement(open_workspace(workspace), task, measure)
    print_json(found) if as_json else label_telling.say_agreement(made, found)


@group.command("estimate")
def estimate(
    task: TaskArgument,
    workspace: WorkspaceOption = None,
    level: Annotated[float, typer.Option("--level", min=0.5, max=0.999)] = 0.95,
    as_json: JsonOption = False,
) -> None:
    """The share of positives, with its interval, what stands against it, and how many more labels would halve it.

    Exit code 2 while there are too few labels for one.
    """
    from assay.wiring import labelling_standing

    place = open_workspace(workspace)
    made, found = labelling_standing.task_estimates(place, task, level)
    if as_json:
        print_json(found)
    else:
        for one in found:
            label_telling.say_estimate(made, one, level)
        agreed = labelling_standing.task_agreement(place, task)[1]
        label_telling.say_doubts(made, labelling_standing.status(place, task), agreed)
    if any(one.interval is None for one in found):
        raise typer.Exit(2)


@group.command("more")
def more(
    task: TaskArgument,
    n: Annotated[int, typer.Option("--n", help="How many further items.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Draw further items where they narrow the estimate most; every item's chance stays known."""
    from collections import Counter

    from assay.wiring import labelling

    place = open_workspace(workspace)
    items = labelling.more(place, task, n)
    strata = Counter(item.stratum for item in items)
    where = ", ".join(f"{count} of {name}" for name, count in sorted(strata.items()))
    say(f"{task}  {len(items)} more items" + (f": {where}" if len(strata) > 1 else ""))
    if len(items) < n:
        say("that is all there is")


@group.command("resolve")
def resolve(
    task: TaskArgument,
    out: Annotated[Path | None, typer.Option("--out", help="File to write; else standard output.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """The resolved labels as JSON lines, each with every label that it rests on."""
    from assay.wiring import labelling_exchange

    text = labelling_exchange.resolved_lines(open_workspace(workspace), task)
    if out is None:
        say(text.rstrip("\n"))
        return
    labelling_exchange.write_file(out, text)
    say(f"{out}: {text.count(chr(10))} resolved items of {task}")


@group.command("to-golden")
def to_golden(
    task: TaskArgument,
    use: Annotated[
        Literal["label", "answerable", "answer"],
        typer.Option("--use", help="The value is the class; positive means answerable; a positive reply is an answer."),
    ],
    into: Annotated[str, typer.Option("--golden", help="Golden set to make a version of; else the task's own.")] = "",
    replacing: Annotated[
        bool, typer.Option("--replace", help="Also where people contradict what a case expects.")
    ] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Make a new version of a golden set in which resolved labels are what is expected, with where they come from."""
    from assay.wiring import labelling_exchange

    golden, change = labelling_exchange.make_golden(open_workspace(workspace), task, into, use, replacing=replacing)
    say(f"{golden.name}@{golden.version[:12]}  {len(change.cases)} of {len(golden.cases)} cases changed")
    if change.conflicts:
        say(f"against what they expected before: {', '.join(change.conflicts)}")
    if change.undecided:
        say(f"left as they were, because their replies got different labels: {', '.join(change.undecided)}")


@group.command("export")
def export(
    task: TaskArgument,
    path: Annotated[Path, typer.Argument(help="File to write.")],
    form: FormatOption,
    with_labels: Annotated[
        bool, typer.Option("--with-labels", help="Not blind: with every label and its person.")
    ] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Write the items for another tool, blind; Label Studio's labelling interface is written beside them."""
    from assay.wiring import labelling_exchange

    done = labelling_exchange.export(open_workspace(workspace), task, form, path, with_labels=with_labels)
    say(f"{path}: {done.items} items" + (f", {done.labels} labels" if with_labels else ", without labels"))
    if done.interface is not None:
        say(f"{done.interface}: the labelling interface")
    if done.gone:
        say(f"{done.gone} items are left out: their reply or case is no longer kept")


@group.command("import")
def import_labels(
    task: TaskArgument,
    path: Annotated[Path, typer.Argument(help="File with labels.")],
    form: FormatOption,
    who: Annotated[
        list[str] | None, typer.Option("--who", help="Whose labels: USER=PSEUDONYM as the file calls them; repeatable.")
    ] = None,
    person: Annotated[str, typer.Option("--as", help="Whose labels those of nobody in a CSV are.")] = "",
    skip_unknown: Annotated[bool, typer.Option("--skip-unknown", help="Leave out items the task lacks.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Take labels from a file: all of them, or none when one is wrong. The same file again changes nothing."""
    from assay.wiring import labelling_exchange

    people: dict[str, Any] = dict(label_doing.pair(text) for text in who or ())
    data = label_doing.read_bytes(path)
    done = labelling_exchange.import_labels(
        open_workspace(workspace), task, form, data, path.name, people | ({"": person} if person else {}),
        skip_unknown=skip_unknown,
    )  # fmt: skip
    say(f"{task}  {done.new} labels from {path.name} (sha256 {done.digest[:12]})")
    for count, what in (
        (done.unchanged, "were known"), (done.older, "are older than what the person says here now: left out"),
        (done.unknown, "are of items that the task does not have: left out"), (done.blank, "items had no label"),
    ):  # fmt: skip
        if count:
            say(f"{count} {what}")
    if done.repeated:
        say("this very file was imported before")


def register(app: typer.Typer) -> None:
    label_doing.register(group)
    app.add_typer(group, name="label")
