"""What the documentation shows can be typed: every command exists, and every command is shown somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from assay.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(r"^(?:\$ )?assay ([a-z].*)$", re.MULTILINE)


def known() -> dict[str, set[str]]:
    """Command names, each with its subcommands."""
    found: dict[str, set[str]] = {}
    for command in typer.main.get_command(app).commands.values():  # type: ignore[attr-defined]
        found[command.name] = set(getattr(command, "commands", {}))
    return found


def shown(page: Path) -> list[list[str]]:
    lines = COMMAND.findall(page.read_text(encoding="utf-8"))
    return [shlex.split(line.split("   #")[0].replace("…", "").rstrip("\\ ")) for line in lines]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_on_a_page_exists(page: Path) -> None:
    commands = known()
    for words in shown(page):
        assert words[0] in commands, f"{page.name}: assay {words[0]}"
        if commands[words[0]]:
            assert words[1] in commands[words[0]], f"{page.name}: assay {words[0]} {words[1]}"


def test_every_command_is_in_the_reference() -> None:
    text = (ROOT / "docs/reference.md").read_text(encoding="utf-8")
    for name, inner in known().items():
        for command in sorted(inner) or [""]:
            assert f"`assay {name} {command}".rstrip() in text, f"assay {name} {command}"
