"""Zip archives: every file in it that can be read is a document, under the name it has there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath

from assay.adapters.parsers.enclosed import enclosed, refused
from assay.adapters.parsers.unpacking import unpack
from assay.ports.reading import Parser
from assay.records.documents import Parsed
from assay.records.errors import InputError

_IGNORED = ("__MACOSX/", ".DS_Store", "Thumbs.db")


class ZipParser:
    """Within limits: 10,000 entries, 300 MB unpacked, 200 times its size; archives inside it are not opened. Nothing is
    written to disk, so that a name that leads elsewhere leads nowhere; such entries are refused all the same."""

    recipe = "zip.v1"
    media_type = "application/zip"

    def __init__(self, others: Callable[[], Mapping[str, Parser]]) -> None:
        self._others = others

    def parse(self, data: bytes, name: str) -> Iterator[Parsed]:
        box = unpack(data, name)
        parsers = self._others()
        for entry in box.entries:
            inner = entry.filename
            if any(part in inner for part in _IGNORED):
                continue
            if ".." in PurePosixPath(inner).parts or inner.startswith(("/", "\\")) or "\x00" in inner:
                yield refused(inner.replace("\x00", ""), "ingest.unsafe_name", "its name leads out of the archive")
                continue
            if PurePosixPath(inner.lower()).suffix not in parsers:
                yield from enclosed(parsers, b"", inner, name)
                continue
            try:
                content = box.read(inner)
            except InputError as error:
                if error.code == "ingest.zip_bomb":
                    raise
                yield refused(inner, error.code, error.what)
                continue
            yield from enclosed(parsers, content, inner, name)
