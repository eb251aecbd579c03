"""A connector from a plug-in, held to the contract: foreign code can fail, but not reach beyond its own root."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from assay.adapters.sources.routed import Connector, too_large
from assay.ports.reading import NamedByContent, SourceEntry
from assay.records.errors import AssayError, InputError, Unavailable


@dataclass(frozen=True)
class GuardedTree:
    """What a plug-in raises becomes Unavailable `source.plugin_failed` (while listing) or InputError
    `ingest.plugin_failed` (one document), named by its type only; an entry that does not stand below the root ends the
    listing with `source.plugin_shape`."""

    inner: Connector

    @property
    def root(self) -> str:
        return self.inner.root

    def resolve(self, root: str) -> str:
        return root.rstrip("/")

    def exists(self, path: str) -> bool:
        try:
            return bool(self.inner.exists(path))
        except AssayError:
            raise
        except Exception as error:
            raise _failed(self.root, error) from error

    def walk(self, root: str) -> Iterator[SourceEntry]:
        try:
            entries = list(self.inner.walk(root))
        except AssayError:
            raise
        except Exception as error:
            raise _failed(self.root, error) from error
        for entry in entries:
            self._check(entry)
        yield from sorted(entries, key=lambda entry: entry.path)

    def read(self, path: str, limit: int) -> bytes:
        try:
            data = self.inner.read(path, limit)
        except AssayError:
            raise
        except Exception as error:
            raise InputError(
                "ingest.plugin_failed", f"the source's plug-in failed on it ({type(error).__name__})", where=path,
                remedy="what was read of it before stays; see the plug-in's own log",
            ) from error  # fmt: skip
        if not isinstance(data, bytes):
            raise _misshapen(path, "read does not give bytes")
        if len(data) > limit:
            raise too_large(path, limit)
        return data

    def named(self, path: str, relative: str) -> str:
        return self.inner.named(path, relative) if isinstance(self.inner, NamedByContent) else relative

    def _check(self, entry: object) -> None:
        if not isinstance(entry, SourceEntry):
            raise _misshapen(self.root, "walk yields something that is no SourceEntry")
        below = f"{self.root}/"
        if not entry.path.startswith(below) or len(entry.path) == len(below) or not entry.relative:
            raise _misshapen(self.root, "walk yields a path that does not stand below root, or no relative name")
        numbers: tuple[object, ...] = (entry.size, entry.mtime_ns)
        if not all(isinstance(number, int) and number >= 0 for number in numbers):
            raise _misshapen(self.root, "size and mtime_ns must be whole numbers from 0")


def _failed(where: str, error: Exception) -> Unavailable:
    return Unavailable(
        "source.plugin_failed", f"the source's plug-in failed ({type(error).__name__})", where=where,
        remedy="nothing was changed; see the plug-in's own log",
    )  # fmt: skip


def _misshapen(where: str, what: str) -> Unavailable:
    return Unavailable(
        "source.plugin_shape", what, where=where, remedy="nothing was changed; mend the plug-in (docs/connectors.md)"
    )
