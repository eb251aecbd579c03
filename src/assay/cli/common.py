"""What every command shares: the workspace option, tables, progress and exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from assay.records.access import Scope
    from assay.wiring.build import Workspace

EXIT_USAGE = 64
EXIT_INTERNAL = 70
EXIT_INTERRUPTED = 130

WorkspaceOption = Annotated[
    Path | None,
    typer.Option("--workspace", "-w", help="Folder with assay.yaml; else ASSAY_WORKSPACE, else this folder or above."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="Override a setting for this command: KEY=VALUE, such as apps.NAME.abstain.threshold=0."
    ),
]
TenantOption = Annotated[str, typer.Option("--tenant", help="Ask as this tenant.")]
GroupOption = Annotated[list[str] | None, typer.Option("--group", help="Ask as a member of this group; repeatable.")]
AsOfOption = Annotated[
    str, typer.Option("--as-of", help="From the versions that were current then: 2026-01-31, or a time with its zone.")
]
BatchEngineOption = Annotated[
    str, typer.Option("--engine", help="local or ray: where batch work is done; default: batch.engine of assay.yaml.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def open_workspace(stated: Path | None, overrides: Sequence[str] | None = None) -> Workspace:
    """The workspace behind its ports; imported late so that `assay --help` stays quick."""
    from assay.wiring.build import open_workspace as build

    return build(stated, tuple(overrides or ()))


def on_engine(engine: str, overrides: Sequence[str] | None = None) -> list[str]:
    """Overrides that send batch work to the engine named on the command line."""
    return [*(overrides or ()), *([f"batch.engine={engine}"] if engine else [])]


def scope_of(workspace: Workspace, tenant: str, groups: Iterable[str] | None) -> Scope:
    """The scope a local user asks for with flags; whoever runs the CLI can read the whole workspace anyway."""
    from assay.records.access import Scope

    return Scope(tenant or workspace.settings.access.default.tenant, frozenset(groups or ()))


def complain(message: str) -> None:
    """One error on stderr."""
    print(f"error: {message}", file=sys.stderr)


def say(text: str = "") -> None:
    """One line on stdout, as it is: no markup is interpreted."""
    print(text, flush=True)


def print_json(value: Any) -> None:
    from assay.records.digest import plain

    say(json.dumps(plain(value), ensure_ascii=False, indent=2, allow_nan=False))


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[int] = ()) -> str:
    """A plain aligned table; columns in `right` are right-aligned."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max([len(header), *(len(row[i]) for row in cells)]) for i, header in enumerate(headers)]

    def line(row: Sequence[str]) -> str:
        fitted = [c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        return "  ".join(fitted).rstrip()

    return "\n".join([line(headers), line(["─" * width for width in widths]), *(line(row) for row in cells)])


class Progress:
    """A line on stderr that is rewritten in place on a terminal, and printed now and then elsewhere."""

    def __init__(self, label: str) -> None:
        self.label = label
        self._terminal = sys.stderr.isatty()
        self._last = -1.0
        self._shown = False

    def __call__(self, done: int, total: int, note: str = "") -> None:
        import time

        now = time.monotonic()
        finished = total > 0 and done >= total
        if not finished and now - self._last < (0.1 if self._terminal else 5.0):
            return
        if finished and not self._terminal and not self._shown:
            return
        self._last = now
        share = f"{done:,}/{total:,}" if total else f"{done:,}"
        text = f"{self.label} {share} {note}".rstrip()
        if self._terminal:
            sys.stderr.write(f"\r\x1b[K{text}" + ("\n" if finished else ""))
            sys.stderr.flush()
        else:
            print(text, file=sys.stderr, flush=True)
        self._shown = True
