"""`assay golden slice`, `looks`, `canary`, `items`, `coverage` and `croissant`: what keeps a golden set good."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.common import JsonOption, SetOption, WorkspaceOption, open_workspace, print_json, say, table

Reference = Annotated[str, typer.Argument(help="NAME or NAME@VERSION; a unique prefix of the version is enough.")]


def slice_cases(
    reference: Reference,
    workspace: WorkspaceOption = None,
    rules: Annotated[Path | None, typer.Option("--rules", help="YAML of rules; else slices of assay.yaml.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Put cases into slices by rule, as a new version; slices that people gave stay."""
    from assay.wiring import golden_slices

    made, counts = golden_slices.slice_set(open_workspace(workspace), reference, rules)
    if as_json:
        print_json({"name": made.name, "version": made.version, "slices": counts})
        return
    say(table(("slice", "cases"), sorted(counts.items()), right=(1,)))
    say(f"{made.name}@{made.version[:12]}  {len(made.cases)} cases")


def looks(reference: Reference, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Whose results on which split have been seen, and what that leaves of gate.looks.budget."""
    from assay.wiring import golden_looks

    place = open_workspace(workspace)
    found = golden_looks.looks_of_splits(place, reference)
    rule = golden_looks.rule(place)
    if as_json:
        print_json({"budget": rule.budget, "when_spent": rule.when_spent, "splits": found})
        return
    rows = [
        (split or "(all cases)", one.number, one.system, one.run_id[:12], one.how, one.version[:12], one.at[:19])
        for split, seen in found.items()
        for one in seen
    ]
    say(table(("split", "look", "system", "run", "seen by", "version", "first seen"), rows, right=(1,)))
    for split, seen in found.items():
        spent = f"{len(seen)} looks" + (f" of {rule.budget}" if rule.budget else "; gate.looks.budget sets no limit")
        told = f", spent: the gate will {rule.when_spent}" if rule.budget and len(seen) >= rule.budget else ""
        say(f"{split or '(all cases)'}: {spent}{told}")


canary_group = typer.Typer(help="Find copies of a golden set where none should be.", no_args_is_help=True)


@canary_group.command("show")
def canary_show(reference: Reference, workspace: WorkspaceOption = None) -> None:
    """The line that stands in every export of the set, and nowhere else."""
    from assay.golden.canary import canary_line
    from assay.wiring import golden_upkeep

    say(canary_line(golden_upkeep.canary(open_workspace(workspace), reference)))


@canary_group.command("check")
def canary_check(
    reference: Reference,
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders: training data, few-shot examples.")
    ] = None,
    workspace: WorkspaceOption = None,
    corpus: Annotated[
        bool, typer.Option("--corpus", help="Look in the documents (questions and canary only).")
    ] = False,
    prompts: Annotated[bool, typer.Option("--prompts", help="Look in the prompts of apps and bundles.")] = False,
    training: Annotated[
        bool, typer.Option("--training", help="Look at what models of this workspace were trained on.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Canary, questions and answers in files, corpus, prompts or training sets. Exit code 1 when something is found."""
    from assay.wiring import golden_upkeep

    found = golden_upkeep.leaks(
        open_workspace(workspace), reference, files or [], corpus=corpus, prompts=prompts, training=training
    )
    if as_json:
        print_json(found)
    elif found:
        rows = [(one.what, one.case_id, f"{one.share:.0%}", one.where) for one in found]
        say(table(("found", "case", "of its words", "where"), rows, right=(2,)))
    else:
        say("nothing of the set was found")
    if found:
        raise typer.Exit(1)


def items(
    reference: Reference,
    workspace: WorkspaceOption = None,
    metric: Annotated[str, typer.Option("--metric", help="A metric between 0 and 1.")] = "correct",
    split: Annotated[str, typer.Option("--split", help="Only runs on this split; empty: all.")] = "test",
    least: Annotated[int, typer.Option("--min-systems", min=3, help="Fewer systems cannot be judged by.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """Cases that tell systems apart badly: always right, always wrong, or reversed (probably a wrong gold answer)."""
    from assay.wiring import golden_upkeep

    found = golden_upkeep.items(open_workspace(workspace), reference, metric, split, least)
    if as_json:
        print_json(found)
        return
    kinds = ("reversed", "always_wrong", "always_right")
    rows = [(item.kind, item.case_id, f"{item.mean:.2f}", _number(item.correlation), _number(item.adjusted))
            for kind in kinds for item in found.of(kind)]  # fmt: skip
    say(table(("case is", "id", "mean", "correlation", "adjusted p"), rows, right=(2, 3, 4)))
    counts = ", ".join(f"{len(found.of(kind))} {kind}" for kind in kinds)
    say(f"{len(found.items)} cases, {len(found.systems)} systems: {counts}")
    say(
        f"of further systems at most {found.otherwise:.0%} would answer otherwise a case that all of these answer alike"
    )
    if found.left_out:
        say(f"{found.left_out} cases without a score of every system were left out")
    if not found.can_reverse:
        say("so few systems cannot show any case to be reversed beyond chance: read those with the lowest correlation")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:+.3f}"


def coverage(
    reference: Reference,
    workspace: WorkspaceOption = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="Questions from JSONL, CSV or one a line; else the traces.")
    ] = None,
    near: Annotated[float | None, typer.Option("--near", min=0.0, max=1.0, help="Cosine that counts as near.")] = None,
    by_words: Annotated[bool, typer.Option("--words", help="Compare words even where an embedder is at hand.")] = False,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """The share of traffic near some golden case, and the gaps by topic. Texts are never shown, only ids."""
    from assay.wiring import golden_upkeep

    found = golden_upkeep.coverage(open_workspace(workspace, overrides), reference, file, near=near, words=by_words)
    if as_json:
        print_json(found)
        return
    share = found.covered
    say(
        f"{share.estimate:.1%} of {share.n:,} questions are near a golden case "
        f"(95 % interval {share.low:.1%} to {share.high:.1%})"
    )
    say(f"by {found.method}" + (f", cosine {found.near:g} or more" if found.near else ""))
    rows = [(f"{gap.share:.1%}", gap.size, " ".join(gap.terms) or "(no common word)", " ".join(gap.examples))
            for gap in found.gaps]  # fmt: skip
    if rows:
        say(table(("gap", "questions", "about", "such as"), rows, right=(0, 1)))
    say(f"{len(found.unseen)} golden cases that no question comes near")
    if found.without_text:
        say(f"{found.without_text} questions without a text were left out")


def diff(old: Reference, new: Reference, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """What was added, removed and changed between two versions, which cases changed split, what slices hold now."""
    from assay.wiring import golden_sets

    found = golden_sets.differences(open_workspace(workspace), old, new)
    if as_json:
        print_json(found)
        return
    for kind, cases in (("added", found.added), ("removed", found.removed)):
        for case_id in cases:
            say(f"{kind:8} {case_id}")
    for change in found.changes:
        say(f"{'changed':8} {change.case_id}  {', '.join(change.fields)}")
    for move in found.moves:
        say(f"{'moved':8} {move.case_id}  from split {move.old} to {move.new}")
    say(f"{found.unchanged} cases unchanged")
    rows = [(one.slice or "(all cases)", one.before, one.after, one.same) for one in found.slices]
    if rows:
        say(table(("slice", "cases before", "cases now", "of them judged as before"), rows, right=(1, 2, 3)))


def croissant(
    reference: Reference,
    folder: Annotated[Path, typer.Argument(help="Folder for croissant.json and the cases.")],
    workspace: WorkspaceOption = None,
    licence: Annotated[str, typer.Option("--license", help="URL or SPDX name; else what the cases say.")] = "",
    creators: Annotated[list[str] | None, typer.Option("--creator", help="Who made it; repeatable.")] = None,
    url: Annotated[str, typer.Option("--url", help="Where the set is described.")] = "",
    description: Annotated[str, typer.Option("--description")] = "",
) -> None:
    """Write the set with Croissant 1.1 metadata (JSON-LD, with RAI fields), canary included."""
    from assay.golden.croissant import Stated
    from assay.wiring import golden_describing

    golden, path = golden_describing.export_croissant(
        open_workspace(workspace), reference, folder, Stated(licence, tuple(creators or ()), url, description)
    )
    say(f"{path}: {len(golden.cases)} cases of {golden.name}@{golden.version[:12]}")


def register(group: typer.Typer) -> None:
    group.add_typer(canary_group, name="canary")
    group.command("items")(items)
    group.command("coverage")(coverage)
    group.command("diff")(diff)
    group.command("croissant")(croissant)
    group.command("slice")(slice_cases)
    group.command("looks")(looks)
