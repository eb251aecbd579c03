"""What a call cannot reach is not built, and nobody can tell."""

from __future__ import annotations

import pytest
import typer.main
from typer.testing import CliRunner

from assay.cli.main import app
from assay.cli.trimming import trimmed

CALLS = ["--help", "-h", "label --help", "label create --help", "search --help", "golden", "--debug runs --help", "",
         "nosuch", "serch", "label nosuch", "search", "golden draft"]  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_a_trimmed_app_says_what_the_whole_app_says(call: str) -> None:
    words = call.split()
    whole, part = (CliRunner().invoke(one, words) for one in (app, trimmed(app, words)))
    assert (part.exit_code, part.output) == (whole.exit_code, whole.output)


def test_only_the_noun_that_was_asked_for_is_built() -> None:
    made = typer.main.get_command(trimmed(app, ["label", "list"]))
    assert set(made.commands) == {"label"}  # type: ignore[attr-defined]
    whole = typer.main.get_command(app)
    assert len(whole.commands) > 30, "the app itself is as it was"  # type: ignore[attr-defined]
    assert all(getattr(one, "commands", True) for one in whole.commands.values())  # type: ignore[attr-defined]
