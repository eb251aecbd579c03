"""One SourceTree over many: each path goes to the connector under whose root it stands, every other to the files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from assay.adapters.source_files import FileTree
from assay.ingest.roots import Root, remote, source_uri
from assay.ports.reading import NamedByContent, SourceEntry, SourceTree
from assay.records.errors import InputError, NotFound


class Connector(SourceTree, Protocol):
    """A SourceTree with one root, which has a scheme of its own, such as `s3://bucket/prefix`; all its paths stand
    below that root. Raises Unavailable when it cannot be reached: then nothing of it is touched."""

    @property
    def root(self) -> str: ...


@dataclass(frozen=True)
class RoutedTree:
    """Files and connectors side by side.

    `elsewhere` are roots of connectors that `assay.yaml` has and that take no part now; None stands for roots that
    cannot be told. What may stand there counts as being there, so that nobody else takes over its documents.
    """

    connectors: Sequence[Connector] = ()
    files: FileTree = FileTree()
    elsewhere: Sequence[str | None] = ()

    def resolve(self, root: str) -> str:
        return self._of(root).resolve(root) if remote(root) else self.files.resolve(root)

    def walk(self, root: str) -> Iterator[SourceEntry]:
        return self._of(root).walk(root)

    def read(self, path: str, limit: int) -> bytes:
        return self._of(path).read(path, limit)

    def exists(self, path: str) -> bool:
        if not remote(path):
            return self.files.exists(path)
        found = self._connector(path)
        if found is not None:
            return found.exists(path)
        return any(root is None or _holds(root, path) for root in self.elsewhere)

    def named(self, path: str, relative: str) -> str:
        found = self._connector(path)
        if found is None or not isinstance(found, NamedByContent):
            return relative
        return found.named(path, relative)

    def _of(self, path: str) -> SourceTree:
        if not remote(path):
            return self.files
        found = self._connector(path)
        if found is None:
            raise NotFound(
                "ingest.no_source", "no source of assay.yaml has this address", where=path, remedy="see sources"
            )
        return found

    def _connector(self, path: str) -> Connector | None:
        """The connector with the longest root above the path."""
        held = [one for one in self.connectors if _holds(one.root, path)]
        return max(held, key=lambda one: len(one.root)) if held else None


def _holds(root: str, path: str) -> bool:
    return Root(root).holds(source_uri(path))


def hidden(relative: str) -> bool:
    """True when a name on the way begins with a dot: left out, as in folders of files."""
    return any(part.startswith(".") for part in relative.split("/"))


def too_large(path: str, limit: int) -> InputError:
    """What every connector says of more than `limit` bytes."""
    return InputError(
        "ingest.too_large", f"it is larger than {limit / 1e6:g} MB", where=path,
        remedy="split it, or raise ingest.max_file_mb",
    )  # fmt: skip


def gone(path: str) -> NotFound:
    """What every connector says of a path that is not there."""
    return NotFound("ingest.no_source", "it is gone", where=path, remedy="ingest again")


def stamp_ns(seconds: int, version: str) -> int:
    """A modification time whose nanoseconds tell versions of one second apart; `version` begins with hexadecimal digits
    of a digest."""
    return seconds * 1_000_000_000 + int(version[:15] or "0", 16) % 1_000_000_000
