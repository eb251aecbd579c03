"""`assay label do` and `assay label adjudicate`: one person at a terminal, one item at a time, nobody else's labels."""

from __future__ import annotations

import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import WorkspaceOption, open_workspace, say
from assay.records.errors import InputError

if TYPE_CHECKING:
    from assay.golden.labelling.shown import Shown, ShownReply
    from assay.wiring.build import Workspace
    from assay.wiring.labelling import Ahead

TaskArgument = Annotated[str, typer.Argument(help="Name of the labelling task.")]
PersonOption = Annotated[str, typer.Option("--as", help="Your pseudonym; the same one every time.")]
AnswersOption = Annotated[
    Path | None, typer.Option("--answers", help="Answers from a file instead of the keyboard, one a line.")
]
HELP = "a number or a label; s: cannot say; n TEXT: a note with the next answer; u: the one before again; q: stop"

TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of what follows, and can show a text in another order than it has."""
Ask = Callable[[], str | None]
"""The next line that the person types; None at the end."""


def safe(text: str) -> str:
    """Text of documents and systems for a terminal: control characters, which could move the cursor or hide text, are
    shown as a replacement mark."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if c in TURNS or (unicodedata.category(c) == "Cc" and c not in "\n\t") else c
        for c in text
    )


def read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise InputError("label.unreadable", f"cannot be read ({reason})", where=str(path)) from None


def read_text(path: Path) -> str:
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("label.not_utf8", "is not UTF-8", where=str(path)) from None


def pair(text: str) -> tuple[str, str]:
    """USER=PSEUDONYM."""
    user, equals, person = text.rpartition("=")
    if not equals or not user:
        raise InputError("label.who", "say who is who as USER=PSEUDONYM", where="--who")
    return user, person


def _asking(answers: Path | None) -> Ask:
    lines: Iterator[str] = iter(read_text(answers).splitlines()) if answers else iter(sys.stdin.readline, "")

    def ask() -> str | None:
        if answers is None and sys.stdin.isatty():
            print("> ", end="", flush=True)
        line = next(lines, None)
        return None if line is None else line.strip()

    return ask


def do(
    task: TaskArgument, person: PersonOption, answers: AnswersOption = None, workspace: WorkspaceOption = None
) -> None:
    """Label: question, reply and what it cites are shown, never which system, run, judge or person said what."""
    _work(open_workspace(workspace), task, person, _asking(answers), adjudicate=False)


def adjudicate(
    task: TaskArgument, person: PersonOption, answers: AnswersOption = None, workspace: WorkspaceOption = None
) -> None:
    """Decide where others disagree: a third person, who sees what was said and not by whom."""
    _work(open_workspace(workspace), task, person, _asking(answers), adjudicate=True)


def _work(place: Workspace, task: str, person: str, ask: Ask, *, adjudicate: bool) -> None:
    from assay.wiring import labelling

    made = labelling.task(place, task)
    say(f"{safe(made.question)}\n\n{safe(made.guidelines)}\n\n({HELP})")
    before: Shown | None = None
    note = ""
    while True:
        ahead = labelling.ahead(place, task, person, adjudicate=adjudicate)
        if ahead.shown is None:
            break
        _say_item(ahead.shown, ahead)
        begun = time.monotonic()
        said, note, again = _answer(ask, ahead.shown, before, note)
        if said is None:
            say(f"stopped; {ahead.done} done, {ahead.left} left; go on with the same command")
            return
        item = before if again and before is not None else ahead.shown
        labelling.give(
            place, task, item.item_id, person, said, seconds=round(time.monotonic() - begun, 1), note=note,
            adjudicate=adjudicate,
        )  # fmt: skip
        before, note = item, ""
    _say_end(place, task, person, ahead, adjudicate=adjudicate)


def _answer(ask: Ask, shown: Shown, before: Shown | None, note: str) -> tuple[str | None, str, bool]:
    """The choice (None to stop), the note that goes with it, and whether it is for the item before."""
    item, again = shown, False
    while True:
        line = ask()
        if line is None or line == "q":
            return None, note, again
        if line.startswith("n "):
            note = line[2:].strip()
        elif line == "u" and before is not None:
            item, again = before, True
            _say_item(before)
        elif line == "s":
            return "", note, again
        elif line in item.choices:
            return line, note, again
        elif line.isascii() and line.isdigit() and 1 <= int(line) <= len(item.choices):
            return item.choices[int(line) - 1], note, again
        elif line:
            say(f"({HELP})")


def _say_item(shown: Shown, ahead: Ahead | None = None) -> None:
    say("─" * 72 + (f" {ahead.done + 1} of {ahead.done + ahead.left}" if ahead else " again"))
    for turn in shown.history:
        say(f"{turn.role}: {safe(turn.content)}")
    say(f"Question: {safe(shown.question)}")
    for number, reply in enumerate(shown.replies):
        _say_reply(("Reply", "Reply")[0] if len(shown.replies) == 1 else ("FIRST", "SECOND")[number], reply)
    for line in shown.expected:
        say(safe(line))
    for choice, note in ahead.dispute if ahead else ():
        say(f"somebody said: {choice}" + (f" ({safe(note)})" if note else ""))
    say("\n" + "   ".join(f"{n} {choice}" for n, choice in enumerate(shown.choices, 1)))


def _say_reply(name: str, reply: ShownReply) -> None:
    say(f"\n{name}: {safe(reply.text)}")
    for one in reply.passages:
        page = f", page {one.page}" if one.page else ""
        say(f"  [{one.number}] {safe(one.title)}{page}: {safe(one.quote)}")


def _say_end(place: Workspace, task: str, person: str, ahead: Ahead, *, adjudicate: bool) -> None:
    from assay.wiring import labelling_standing

    standing = {one.annotator: one for one in labelling_standing.status(place, task).people}.get(person)
    if standing is not None and standing.aside and not adjudicate:
        say("your labels are set aside: too few questions with a known answer were right. Nothing more is asked.")
    elif adjudicate:
        say(
            f"no dispute is left for you; {ahead.done} decided"
            if ahead.done
            else "there is no dispute for you to decide"
        )
    else:
        say(f"nothing is left for you; {ahead.done} done")


def register(group: typer.Typer) -> None:
    group.command("do")(do)
    group.command("adjudicate")(adjudicate)
