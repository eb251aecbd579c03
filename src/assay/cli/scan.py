"""`assay scan`: personal data and credentials in a file, told by rule, place and shape."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from assay.cli.common import JsonOption, print_json, say, table


def scan(
    source: Annotated[str, typer.Argument(metavar="FILE", help="A file, or - for standard input.")] = "",
    kinds: Annotated[
        list[str] | None,
        typer.Option("--kinds", help="Rules, kinds or groups, with commas or repeated; default: personal,secrets."),
    ] = None,
    names: Annotated[
        str,
        typer.Option("--names", metavar="MODEL", help="A spaCy model, package or folder: names of persons, too."),
    ] = "",
    rules: Annotated[bool, typer.Option("--rules", help="List the rules instead.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Find personal data and credentials in a text, a PDF or another file that Assay can parse.

    Shown are rule, version, span in characters, line, score, what the finding rests on, and its shape: digits as 9,
    letters as a. What was found is never printed. Exit code 0, whatever is found.
    """
    from assay.wiring import scanning

    if rules:
        say(table(("rule", "kind", "version", "rests on"), scanning.rules()))
        say(f"\ngroups: {scanning.groups()}")
        return
    if not source:
        raise typer.BadParameter("name a file, or - for standard input")
    asked = [name.strip() for part in kinds or () for name in part.split(",") if name.strip()]
    seen = scanning.look(source, asked, names)
    if as_json:
        print_json({"findings": seen, "counts": Counter(one.rule for one in seen)})
        return
    if not seen:
        say("nothing found")
        return
    rows = [
        (one.text, one.rule, str(one.version), f"{one.start}-{one.end}", str(one.line), f"{one.score:.2f}", one.basis,
         one.shape)
        for one in seen
    ]  # fmt: skip
    say(table(("text", "rule", "version", "span", "line", "score", "rests on", "shape"), rows, right=(2, 4, 5)))
    say("\n" + ", ".join(f"{rule} {count}" for rule, count in sorted(Counter(one.rule for one in seen).items())))


def register(app: typer.Typer) -> None:
    app.command("scan")(scan)
