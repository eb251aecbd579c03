"""`assay golden draft` and `assay golden review`: candidate cases from the corpus, and a person's word on each."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.common import (
    JsonOption,
    Progress,
    SetOption,
    TenantOption,
    WorkspaceOption,
    complain,
    open_workspace,
    print_json,
    say,
    table,
)

if TYPE_CHECKING:
    from assay.golden.drafts import Draft, Drafted
    from assay.golden.review import Decision
    from assay.wiring.build import Workspace

NEED_MORE = 2
Name = Annotated[str, typer.Argument(help="Name of the golden set; it need not exist yet.")]


def draft(
    name: Name,
    workspace: WorkspaceOption = None,
    n: Annotated[int, typer.Option("--n", min=1, max=5000, help="How many drafts.")] = 50,
    source: Annotated[
        str, typer.Option("--from", help="Only documents of this source, or with this in id, title or address.")
    ] = "",
    unanswerable: Annotated[
        float, typer.Option("--unanswerable", min=0.0, max=1.0, help="Share of questions the corpus does not answer.")
    ] = 0.2,
    model: Annotated[
        str, typer.Option("--model", help="A chat model under models that writes questions beside the rules.")
    ] = "",
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draft candidate cases from the corpus, offline; none enters the set before a person accepts it.

    Exit code 2 when the corpus gave fewer than --n.
    """
    from assay.wiring import golden_drafts

    place = open_workspace(workspace, overrides)
    made = golden_drafts.draft(
        place, name, n, source=source, unanswerable=unanswerable, seed=seed, model=model,
        progress=Progress("drafting"),
    )  # fmt: skip
    print_json(made) if as_json else _told(made, name)
    if len(made.drafts) < made.wanted:
        raise typer.Exit(NEED_MORE)


def _told(made: Drafted, name: str) -> None:
    from collections import Counter

    kinds = Counter(one.kind for one in made.drafts)
    say(f"{len(made.drafts)} drafts: " + ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))
    if made.refused:
        sent_away = ", ".join(f"{count} {why}" for why, count in sorted(made.refused.items()))
        say(f"{made.candidates} candidates were checked; refused: {sent_away}")
    if len(made.drafts) < made.wanted:
        complain(f"the corpus gave {len(made.drafts)} of {made.wanted} drafts [golden.too_few_drafts]")
    say(f"Nothing is in the set yet: assay golden review {name}")


def from_traffic(
    name: Name,
    workspace: WorkspaceOption = None,
    n: Annotated[int, typer.Option("--n", min=1, max=5000, help="At most so many drafts, of the newest traces.")] = 50,
    rating: Annotated[str, typer.Option("--rating", help="Only answers that somebody rated up, or down.")] = "",
    app: Annotated[str, typer.Option("--app", help="Only this app's traces.")] = "",
    tenant: TenantOption = "",
    as_json: JsonOption = False,
) -> None:
    """Draft cases from what people asked, where traces keep content; none enters the set before a person accepts it.

    Personal data and secrets are taken out as `privacy.redact` says. A question enters once. Exit code 2 when no trace
    gave a draft.
    """
    from assay.golden.traffic import DOWN, UP
    from assay.wiring.golden_traffic import from_traffic as drafted

    if rating not in ("", UP, DOWN):
        raise typer.BadParameter(f"a rating is {UP} or {DOWN}", param_hint="--rating")
    made = drafted(open_workspace(workspace), name, n, rating=rating, app=app, tenant=tenant)
    if as_json:
        print_json({"drafts": made.drafts, "passed_over": made.passed})
    else:
        say(f"{len(made.drafts)} drafts from traffic")
        if made.passed:
            say("passed over: " + ", ".join(f"{count} {why}" for why, count in sorted(made.passed.items())))
        say(f"Nothing is in the set yet: assay golden review {name}")
    if not made.drafts:
        raise typer.Exit(NEED_MORE)


def review(
    name: Name,
    workspace: WorkspaceOption = None,
    by: Annotated[str, typer.Option("--by", help="Who decides; default: this machine's user.")] = "",
    decisions: Annotated[
        Path | None, typer.Option("--decisions", help="JSONL of decisions, all or nothing, instead of the terminal.")
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option("--export", help="Write the open drafts as JSONL in which decisions can be filled in."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Accept, edit or reject the open drafts of a set; accepted ones make a new version of it."""
    from assay.golden.review import read_decisions
    from assay.wiring import golden_drafts

    place = open_workspace(workspace)
    waiting = golden_drafts.open_drafts(place, name)
    if decisions is not None:
        from assay.wiring.golden_sets import read_bytes

        _keep(place, name, list(read_decisions(read_bytes(decisions), decisions.name)), by or getpass.getuser())
    elif export is not None:
        _export(waiting, export)
    elif as_json:
        print_json({"drafts": waiting, "counts": golden_drafts.counts(place, name)})
    elif not waiting:
        say("no draft is open: " + ", ".join(f"{n} {k}" for k, n in golden_drafts.counts(place, name).items() if n))
    elif not sys.stdin.isatty():
        rows = [(one.draft_id, one.kind, _plain(one.case.question)) for one in waiting]
        say(table(("draft", "kind", "question"), rows))
        say(f"{len(rows)} open; decide in a terminal, or --export FILE, fill in, --decisions FILE")
    else:
        _ask_all(place, name, waiting, by or getpass.getuser())


def _export(waiting: tuple[Draft, ...], path: Path) -> None:
    import json

    lines = [json.dumps(_row(one), ensure_ascii=False) for one in waiting]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    say(f"{path}: {len(lines)} open drafts; write accept, edit or reject into each `decision`")


def _row(one: Draft) -> dict[str, Any]:
    import json

    from assay.golden.jsonl import write_cases

    row = json.loads(write_cases((one.case,)))
    shown = {key: row[key] for key in ("question", "answers", "evidence") if key in row}
    return {
        "draft": one.draft_id, "decision": "", "kind": one.kind, **shown, "checks": one.checks, "reason": "",
        "case": {},
    }  # fmt: skip


def _keep(place: Workspace, name: str, made: list[Decision], by: str) -> None:
    from assay.wiring import golden_drafts

    golden, new = golden_drafts.decide(place, name, made, by)
    told = golden_drafts.counts(place, name)
    say(f"{new} decisions kept; " + ", ".join(f"{count} {kind}" for kind, count in told.items()))
    if golden is not None:
        say(f"{name}@{golden.version[:12]}  {len(golden.cases)} cases")


def _ask_all(place: Workspace, name: str, waiting: tuple[Draft, ...], by: str) -> None:
    """One draft after another; each decision is kept when the reviewer stops, however that happens."""
    made: list[Decision] = []
    try:
        for at, one in enumerate(waiting, 1):
            _show(one, at, len(waiting))
            answer = typer.prompt("[a]ccept [e]dit [r]eject [s]kip [q]uit", default="s").strip().casefold()[:1]
            if answer == "q":
                break
            decided = _decided(one, answer)
            if decided is not None:
                made.append(decided)
    finally:
        if made:
            _keep(place, name, made, by)


def _decided(one: Draft, answer: str) -> Decision | None:
    from assay.golden.review import Decision

    if answer == "a":
        return Decision(one.draft_id, "accept")
    if answer == "r":
        return Decision(one.draft_id, "reject", reason=typer.prompt("why", default="", show_default=False))
    if answer != "e":
        return None
    question = typer.prompt("question", default=one.case.question)
    changes: dict[str, Any] = {} if question == one.case.question else {"question": question}
    if one.case.expected.answerable:
        old = one.case.expected.answers[0]
        if (new := typer.prompt("answer", default=old)) != old:
            changes["answers"] = [new]
    return Decision(one.draft_id, "edit" if changes else "accept", changes)


def _show(one: Draft, at: int, total: int) -> None:
    expected = one.case.expected
    say(f"\n{at}/{total}  {one.kind}  {one.draft_id}")
    say(f"  question  {_plain(one.case.question)}")
    for answer in expected.answers:
        say(f"  answer    {_plain(answer)}")
    for evidence in expected.evidence:
        say(f"  evidence  {_plain(evidence.quote)}\n            in {_plain(evidence.doc_id)}")
    if not expected.answerable:
        say("  answer    none: the right behaviour is to decline")
    say("  checks    " + "; ".join(f"{key} {value}" for key, value in one.checks.items()))


def _plain(text: str) -> str:
    """On one line, without characters that a terminal would act on."""
    return "".join(char if char.isprintable() else " " for char in " ".join(text.split()))


def register(group: typer.Typer) -> None:
    group.command("draft")(draft)
    group.command("from-traffic")(from_traffic)
    group.command("review")(review)
