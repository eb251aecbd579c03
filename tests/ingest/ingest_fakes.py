"""A tree in memory, a small parser and ports that fail on demand, for the tests of ingest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from assay.adapters.clocks import FakeClock
from assay.adapters.memory import MemoryBlobs, MemoryCatalog
from assay.adapters.memory_index import MemoryIndex
from assay.adapters.parsers.registry import parsers
from assay.ingest.access import AccessRules
from assay.ingest.chunk import ChunkPolicy
from assay.ingest.publishing import Publisher
from assay.ingest.reading import Reader, Stages
from assay.ingest.sync import Ingest
from assay.ports.reading import SourceEntry
from assay.records.errors import NotFound


@dataclass
class MemoryTree:
    """Files by absolute path; the modification time is a counter that every write moves on."""

    files: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    roots: set[str] = field(default_factory=lambda: {"/docs"})
    clock: int = 0

    def write(self, path: str, text: str | bytes) -> None:
        self.clock += 1
        self.files[path] = (text.encode() if isinstance(text, str) else text, self.clock * 1_000_000_000)

    def resolve(self, root: str) -> str:
        return root

    def exists(self, path: str) -> bool:
        return path in self.files

    def walk(self, root: str) -> Iterator[SourceEntry]:
        if root in self.files:
            yield self._entry(root, root.rsplit("/", 1)[-1])
            return
        if root not in self.roots:
            raise NotFound("ingest.no_source", "there is no such file or folder", where=root)
        for path in sorted({*self.files, *self.problems}):
            if path.startswith(root + "/"):
                yield self._entry(path, path.removeprefix(root + "/"))

    def _entry(self, path: str, relative: str) -> SourceEntry:
        if path in self.problems:
            return SourceEntry(path, relative, problem=self.problems[path])
        data, mtime = self.files[path]
        return SourceEntry(path, relative, len(data), mtime)

    def read(self, path: str, limit: int) -> bytes:
        return self.files[path][0]


class NoLanguage:
    def identify(self, text: str) -> str:
        return ""


class PowerCut(BaseException):
    """The process dies here."""


@dataclass
class Fuse:
    """Counts calls of wrapped ports and cuts the power at one of them, before or after it took effect."""

    blow_at: int = -1
    after: bool = False
    calls: int = 0

    def wrap(self, port: Any) -> Any:
        return _Fused(port, self)


class _Fused:
    def __init__(self, port: Any, fuse: Fuse) -> None:
        self._port, self._fuse = port, fuse

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._port, name)
        return self._guarded(value) if callable(value) else value

    def _guarded(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*args: Any, **kwargs: Any) -> Any:
            self._fuse.calls += 1
            blows = self._fuse.calls == self._fuse.blow_at
            if blows and not self._fuse.after:
                raise PowerCut
            result = call(*args, **kwargs)
            if blows:
                raise PowerCut
            return result

        return guarded


@dataclass
class Lab:
    """One workspace in memory that survives any number of syncs."""

    tree: MemoryTree = field(default_factory=MemoryTree)
    catalog: MemoryCatalog = field(default_factory=MemoryCatalog)
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    index: MemoryIndex = field(default_factory=MemoryIndex)
    rules: AccessRules = AccessRules()
    policy: ChunkPolicy = ChunkPolicy()
    clock: FakeClock = field(default_factory=FakeClock)
    every_files: int = 2
    max_file_mb: float = 50.0

    def ingest(self, fuse: Fuse | None = None) -> Ingest:
        fuse = fuse or Fuse()
        catalog, index = fuse.wrap(self.catalog), fuse.wrap(self.index)
        reader = Reader(parsers(), NoLanguage(), self.rules, self.policy, Stages(now=self.clock.monotonic))
        publisher = Publisher(catalog, index, self.clock, every_files=self.every_files)
        return Ingest(fuse.wrap(self.tree), reader, catalog, fuse.wrap(self.blobs), publisher, self.max_file_mb)

    def state(self) -> dict[str, Any]:
        """All that must be equal between two ways to the same files."""
        return {
            "states": self.catalog.states,
            "documents": self.catalog.current,
            "chunks": self.catalog.current_chunks,
            "pending": (self.catalog.pending(), self.catalog.removed_pending()),
            "indexed": self.index.by_document,
            "staged": self.index.staged,
        }
