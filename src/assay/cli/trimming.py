"""Only the commands that a call can reach: Typer builds every parameter of every command before it looks at one."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import typer
from typer.models import CommandInfo, TyperInfo


def trimmed(app: typer.Typer, words: Sequence[str]) -> typer.Typer:
    """An app that does with these words what `app` does. Of the nouns that were not asked for only name and help are
    left, which is what the top-level help shows; an unknown noun gets the whole app, so that suggestions work."""
    noun = next((word for word in words if not word.startswith("-")), "")
    commands = {command.name: command for command in app.registered_commands}
    groups = {group.name: group for group in app.registered_groups}
    if noun and noun not in commands and noun not in groups:
        return app
    made = copy.copy(app)
    made.registered_commands = [
        command if name == noun else _told(command) for name, command in commands.items() if noun in ("", name)
    ]
    made.registered_groups = [
        group if name == noun else _named(group) for name, group in groups.items() if noun in ("", name)
    ]
    return made


def _told(command: CommandInfo) -> CommandInfo:
    """The command without its parameters."""

    def nothing() -> None: ...

    nothing.__doc__ = command.callback.__doc__ if command.callback else ""
    made = copy.copy(command)
    made.callback = nothing
    return made


def _named(group: TyperInfo) -> TyperInfo:
    """The group without its commands."""
    made = copy.copy(group)
    if group.typer_instance is not None:
        made.typer_instance = copy.copy(group.typer_instance)
        made.typer_instance.registered_commands = []
        made.typer_instance.registered_groups = []
    return made
