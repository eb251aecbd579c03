"""Noticing that files changed, through the operating system, or by looking where it does not tell."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event

TICK_MS = 500
_SETTLED_MS = 100
_AT_MOST_MS = 1_000
"""A change is told when nothing more has changed for `_SETTLED_MS`, and after `_AT_MOST_MS` whatever goes on."""


def ticks(roots: Sequence[Path], configs: Callable[[], Sequence[Path]], without: Path, stop: Event) -> Iterator[bool]:
    """About twice a second until `stop` is set: True when something below `roots` or one of `configs` changed since.

    The first is True, and comes when the watch stands: whoever looks at the files then misses nothing after it.
    Below `without` nothing counts. A root may go and come back; a single file is watched with its folder, because
    editors replace files. Network folders that tell nothing are looked at instead when WATCHFILES_FORCE_POLLING is set.
    """
    while not stop.is_set():
        known: list[tuple[int, int, int]] = []
        for changed in _watched(roots, without, stop):
            now = _stamps(roots, configs())
            yield changed or now != known
            if known and now[: len(roots)] != known[: len(roots)]:
                break  # another folder stands under the root's name: the old watch sees nothing of it
            known = now


def _watched(roots: Sequence[Path], without: Path, stop: Event) -> Iterator[bool]:
    from watchfiles import watch

    hidden = str(without) + os.sep
    folders = {str(root if root.is_dir() else root.parent) for root in roots}
    present = sorted(folder for folder in folders if os.path.isdir(folder))
    if not present:
        stop.wait(TICK_MS / 1000)
        yield False
        return
    for changes in watch(
        *present,
        watch_filter=lambda _kind, path: not path.startswith(hidden),
        debounce=_AT_MOST_MS,
        step=_SETTLED_MS,
        stop_event=stop,
        rust_timeout=TICK_MS,
        yield_on_timeout=True,
        raise_interrupt=True,
        ignore_permission_denied=True,
    ):
        yield bool(changes)


def _stamps(roots: Sequence[Path], configs: Sequence[Path]) -> list[tuple[int, int, int]]:
    """What tells that a root is another folder, or that a file was written: inode, size and modification time."""
    return [(_stat(root)[0], 0, 0) for root in roots] + [_stat(path) for path in configs]


def _stat(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (-1, -1, -1)
    return (found.st_ino, found.st_size, found.st_mtime_ns)
