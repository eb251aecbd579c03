"""Writes docs/reference.md: every command with its options, every setting with its default and meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer.main

from assay.cli.main import app
from assay.wiring.config import Config, explain
from assay.wiring.settings import Settings

ROOT = Path(__file__).resolve().parent.parent


def commands(command: Any, name: str) -> list[str]:
    inner = getattr(command, "commands", None)
    if inner:
        return [line for one in inner.values() for line in commands(one, f"{name} {one.name}")]
    lines = [f"### `{name}`", "", (command.help or "").strip().replace("\n\n", "\n"), ""]
    rows = []
    for parameter in command.params:
        if parameter.name == "help":
            continue
        shown = ", ".join(f"`{option}`" for option in (*parameter.opts, *parameter.secondary_opts))
        label = shown if parameter.param_type_name == "option" else f"`{parameter.name.upper()}`"
        rows.append(f"| {label} | {(getattr(parameter, 'help', '') or '').replace('|', '/')} |")
    return [*lines, *(["| | |", "| --- | --- |", *rows, ""] if rows else [])]


def settings() -> list[str]:
    rows = explain(Config(Path("assay.yaml"), Settings(), {}))
    return ["| setting | default | meaning |", "| --- | --- | --- |",
            *(f"| `{row.key}` | `{row.value}` | {row.meaning} |" for row in rows)]  # fmt: skip


def main() -> None:
    group = typer.main.get_command(app)
    lines = ["# Reference", "", "Made by `python tools/reference.py` from the code.", "", "## Commands", "",
             *commands(group, "assay"), "## Settings of assay.yaml", "", *settings(), ""]  # fmt: skip
    (ROOT / "docs/reference.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
