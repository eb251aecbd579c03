"""`assay golden`: golden sets, their versions, checks and data sheets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli import golden_drafts, golden_perturb, golden_upkeep
from assay.cli.common import GroupOption, JsonOption, WorkspaceOption, open_workspace, print_json, say, table

group = typer.Typer(help="Golden sets: import, add, draft, review, check, export, show.", no_args_is_help=True)
Reference = Annotated[str, typer.Argument(help="NAME or NAME@VERSION; a unique prefix of the version is enough.")]


@group.command("import")
def import_cases(
    name: Annotated[str, typer.Argument(help="Name of the golden set.")],
    path: Annotated[Path, typer.Argument(help="JSONL file, CSV with question and answer, or a BEIR-style folder.")],
    workspace: WorkspaceOption = None,
    note: Annotated[str, typer.Option("--note", help="Kept with the version.")] = "",
) -> None:
    """Read cases into a new immutable version; nothing is imported when one line is wrong."""
    from assay.wiring import golden_sets

    made = golden_sets.import_file(open_workspace(workspace), name, path, note)
    say(f"{name}@{made.version[:12]}  {len(made.cases)} cases")
    say(f"Check it against the corpus: assay golden check {name}")


@group.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Name of the golden set.")],
    question: Annotated[str, typer.Option("--question", help="The question.")],
    workspace: WorkspaceOption = None,
    case_id: Annotated[str, typer.Option("--id", help="The case's id; else made from the question.")] = "",
    answers: Annotated[list[str] | None, typer.Option("--answer", help="An acceptable answer; repeatable.")] = None,
    document: Annotated[str, typer.Option("--doc", help="Document with the evidence.")] = "",
    quote: Annotated[str, typer.Option("--quote", help="The evidence, word for word.")] = "",
    unanswerable: Annotated[bool, typer.Option("--unanswerable", help="The right behaviour is to decline.")] = False,
    slices: Annotated[list[str] | None, typer.Option("--slice", help="Such as kind=numeric; repeatable.")] = None,
    tenant: Annotated[str, typer.Option("--tenant")] = "default",
    groups: GroupOption = None,
) -> None:
    """Add one case; the result is a new version."""
    from assay.records.access import Scope
    from assay.records.golden import Evidence, Expected
    from assay.wiring import golden_sets

    evidence = (Evidence(document, quote),) if document else ()
    expected = Expected(not unanswerable, tuple(answers or ()), evidence)
    made = golden_sets.add_case(
        open_workspace(workspace), name, question, expected, case_id, Scope(tenant, frozenset(groups or ())),
        tuple(slices or ()),
    )  # fmt: skip
    say(f"{name}@{made.version[:12]}  {len(made.cases)} cases")


@group.command("check")
def check(
    reference: Reference,
    workspace: WorkspaceOption = None,
    few_shot: Annotated[
        Path | None, typer.Option("--few-shot", help="JSONL of few-shot examples to check against.")
    ] = None,
    training: Annotated[
        Path | None, typer.Option("--training", help="JSONL of training data to check against.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Evidence present, near-duplicates, leakage from corpus, few-shot and training data. Exit code 1 on an error."""
    from assay.wiring import golden_sets

    golden, findings = golden_sets.check(open_workspace(workspace), reference, few_shot, training)
    if as_json:
        print_json(findings)
    else:
        say(f"{golden.name}@{golden.version[:12]}  {len(golden.cases)} cases; findings: {len(findings) or 'none'}")
        rows = [(f.severity, f.code, f.case_id, f.where, f.detail) for f in findings]
        if rows:
            say(table(("severity", "code", "case", "where", "detail"), rows))
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(1)


@group.command("export")
def export(
    reference: Reference,
    path: Annotated[Path, typer.Argument(help="JSONL file to write.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Write a version as JSONL, as `import` reads it."""
    from assay.wiring import golden_sets

    golden = golden_sets.export_file(open_workspace(workspace), reference, path)
    say(f"{path}: {len(golden.cases)} cases of {golden.name}@{golden.version[:12]}")


@group.command("split")
def split(
    reference: Reference,
    workspace: WorkspaceOption = None,
    dev: Annotated[float, typer.Option("--dev", min=0.0, max=1.0, help="Share for choosing thresholds.")] = 0.4,
    seed: Annotated[int, typer.Option("--seed")] = 0,
) -> None:
    """Divide a set into dev and test by cluster, as a new version: no document or conversation stands on both sides."""
    from assay.wiring import golden_sets

    made = golden_sets.divide_set(open_workspace(workspace), reference, dev, seed)
    counts = ", ".join(f"{sum(c.split == name for c in made.cases)} {name}" for name in ("dev", "test"))
    say(f"{made.name}@{made.version[:12]}  {len(made.cases)} cases: {counts}")


@group.command("show")
def show(
    reference: Reference, workspace: WorkspaceOption = None, case: Annotated[str, typer.Option("--case")] = ""
) -> None:
    """The data sheet of a version, or one case."""
    from assay.wiring import golden_sets

    place = open_workspace(workspace)
    if case:
        print_json(golden_sets.case(place, reference, case))
    else:
        say(golden_sets.sheet(place, reference))


@group.command("list")
def list_sets(workspace: WorkspaceOption = None) -> None:
    """Golden sets and their versions."""
    store = open_workspace(workspace).stores.golden
    rows = [
        (name, version[:12], cases, at[:19]) for name in store.names() for version, at, cases in store.versions(name)
    ]
    say(table(("golden set", "version", "cases", "made"), rows, right=(2,)))


golden_drafts.register(group)
golden_upkeep.register(group)
golden_perturb.register(group)


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="golden")
