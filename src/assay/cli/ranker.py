"""`assay ranker`: train the learned stage of retrieval, with proof, and look at what was trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.common import JsonOption, Progress, WorkspaceOption, open_workspace, print_json, say, table

if TYPE_CHECKING:
    from assay.train.ranker import Outcome

group = typer.Typer(help="The learned stage of retrieval: train it, with proof that it helps.", no_args_is_help=True)

DO_NOT_USE, NEED_MORE = 1, 2
_HEADS = ("cases", "n", "clusters", "plain", "learned", "difference", "95 % interval")
_SAID = {
    "accepted": "accepted: better on questions it was not trained on, worse on no slice",
    "too_few": "need more data: 40 cases with evidence, from 20 documents or conversations; nothing was trained",
    "not_better": "refused: the interval reaches 0, so nothing shows that it helps; nothing was kept",
    "made_up_only": "need more data: it helps on questions made from the corpus, which proves nothing for those that "
    "people ask; nothing was kept\n  → add --golden NAME to prove it on a golden set",
    "worse_on_a_slice": "refused: significantly worse on a slice; nothing was kept",
}


@group.command("train")
def train(
    workspace: WorkspaceOption = None,
    golden: Annotated[str, typer.Option("--golden", help="NAME or NAME@VERSION of a golden set with evidence.")] = "",
    synthetic: Annotated[
        bool,
        typer.Option("--synthetic", help="Train on questions made from the corpus; --golden then only proves."),
    ] = False,
    name: Annotated[str, typer.Option("--name", help="What assay.yaml will call it.")] = "ranker",
    split: Annotated[str, typer.Option("--split", help="Only this split of the golden set; empty: all cases.")] = "dev",
    app: Annotated[str, typer.Option("--app", help="Whose retrieval settings to search with.")] = "",
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    as_json: JsonOption = False,
) -> None:
    """Train a ranker and keep it only if it is better than plain fusion on questions it has not seen.

    Exit code 0: accepted and kept; 1: refused; 2: too few cases, or synthetic questions without a golden set.
    """
    from assay.wiring import ranking

    outcome = ranking.train(
        open_workspace(workspace), name, golden=golden, split=split, synthetic=synthetic, app=app, seed=seed,
        progress=Progress,
    )  # fmt: skip
    if as_json:
        print_json(_told(outcome))
    else:
        _show(outcome, name)
    if outcome.verdict in ("too_few", "made_up_only"):
        raise typer.Exit(NEED_MORE)
    if outcome.model is None:
        raise typer.Exit(DO_NOT_USE)


def _told(outcome: Outcome) -> dict[str, Any]:
    from assay.train.ranker import as_json

    return {"id": outcome.model.model_id if outcome.model else None, **as_json(outcome.proof)}


def _show(outcome: Outcome, name: str) -> None:
    told = _told(outcome)
    if outcome.proof.overall.interval is not None:
        say(f"nDCG@10 by document; {told['method']}")
        say(_table(told))
    else:
        say(f"{told['overall']['cases']} cases with evidence, from {told['overall']['clusters']} clusters")
    say(_SAID[outcome.verdict])
    if outcome.model is not None:
        say(f"ranker {outcome.model.model_id}")
        say(f"use it: apps.APP.retrieve.ranker: {name}")


def _table(proof: dict[str, Any]) -> str:
    return table(_HEADS, [_row(one) for one in (proof["overall"], *proof["slices"])], right=(1, 2, 3, 4, 5))


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    found = one.get("difference")
    middle, low, high = found if found else (None, None, None)
    return (
        one["slice"] or "all",
        one["cases"],
        one["clusters"],
        f"{one['plain']:.3f}",
        f"{one['learned']:.3f}",
        "" if middle is None else f"{middle:+.3f}",
        "" if low is None else f"{low:+.3f} to {high:+.3f}",
    )


@group.command("list")
def list_rankers(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Rankers that were accepted, newest first."""
    found = open_workspace(workspace).stores.models.models("ranker")
    if as_json:
        print_json([{"id": one.model_id, "name": one.name, "created_at": one.created_at} for one in found])
        return
    rows = [
        (one.name, one.model_id[:12], *_row(one.content["proof"]["overall"])[1:], one.created_at[:19]) for one in found
    ]
    say(table(("name", "id", *_HEADS[1:], "made"), rows, right=(2, 3, 4, 5, 6)))


@group.command("show")
def show(
    reference: Annotated[str, typer.Argument(metavar="ID", help="A name, or the start of an id.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """What a ranker was trained on, the proof it was accepted on, and its weights."""
    from assay.wiring import ranking

    model = ranking.find(open_workspace(workspace), reference)
    if as_json:
        print_json({"id": model.model_id, "name": model.name, "created_at": model.created_at, **model.content})
        return
    content = model.content
    say(f"{model.name}  {model.model_id}")
    say(f"trained on {content['trained_cases']} cases of {content['trained_on']}; ridge {content['ridge']}")
    say(f"nDCG@10 by document; {content['proof']['method']}")
    say(_table(content["proof"]))
    weights = sorted(content["weights"].items(), key=lambda item: -abs(item[1]))
    say(table(("feature", "weight"), [(name, f"{value:+.4f}") for name, value in weights], right=(1,)))


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="ranker")
