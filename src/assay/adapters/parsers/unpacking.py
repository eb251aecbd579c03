"""Opening zip containers without trusting what they say of themselves: bounded in entries, size and ratio."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass

from assay.records.errors import InputError

MOST_ENTRIES = 10_000
MOST_UNPACKED_MB = 300
MOST_RATIO = 200
"""Text compresses about tenfold; a bomb a thousandfold and more."""
_SMALL = 1_000_000
"""Entries below this are not judged by their ratio: an empty sheet of a workbook may shrink a hundredfold."""
_PIECE = 1 << 20
_ENCRYPTED = 0x1
_FAILURES = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError, RuntimeError)


@dataclass
class Unpacked:
    """An opened container. Names are as the archive has them; what was read counts against one budget for all."""

    archive: zipfile.ZipFile
    where: str
    left: int = MOST_UNPACKED_MB * 1_000_000

    @property
    def entries(self) -> list[zipfile.ZipInfo]:
        """Files, in the order of their names."""
        return sorted((e for e in self.archive.infolist() if not e.is_dir()), key=lambda entry: entry.filename)

    def has(self, name: str) -> bool:
        return name in self.archive.NameToInfo

    def read(self, name: str) -> bytes:
        """One entry's bytes; counted as they come, because a declared size can lie. Raises InputError
        (`ingest.zip_bomb`, `ingest.encrypted_zip`, `ingest.unreadable_zip`)."""
        try:
            info = self.archive.getinfo(name)
        except KeyError as error:
            raise _unreadable(self.where) from error
        if info.flag_bits & _ENCRYPTED:
            raise InputError(
                "ingest.encrypted_zip", "a part of it is encrypted", where=self.where,
                remedy="unpack it with its password and ingest the folder",
            )  # fmt: skip
        most = self.left if info.compress_size < 1 else min(self.left, max(_SMALL, MOST_RATIO * info.compress_size))
        parts: list[bytes] = []
        size = 0
        try:
            with self.archive.open(info) as stream:
                while piece := stream.read(_PIECE):
                    size += len(piece)
                    if size > most:
                        raise bomb(self.where)
                    parts.append(piece)
        except _FAILURES as error:
            raise _unreadable(self.where) from error
        self.left -= size
        return b"".join(parts)


def unpack(data: bytes, name: str) -> Unpacked:
    """Open a zip container held in memory. Raises InputError (`ingest.unreadable_zip`, `ingest.zip_bomb`)."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries = archive.infolist()
    except _FAILURES as error:
        raise _unreadable(name) from error
    declared = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if len(entries) > MOST_ENTRIES or declared > MOST_UNPACKED_MB * 1_000_000:
        raise bomb(name)
    if declared > _SMALL and declared > MOST_RATIO * max(packed, 1):
        raise bomb(name)
    return Unpacked(archive, name)


def bomb(where: str) -> InputError:
    return InputError(
        "ingest.zip_bomb",
        f"it unpacks to more than {MOST_UNPACKED_MB} MB, to more than {MOST_ENTRIES:,} files, or more than "
        f"{MOST_RATIO} times its size",
        where=where,
        remedy="unpack it, look at it, and ingest the folder",
    )


def _unreadable(where: str) -> InputError:
    return InputError(
        "ingest.unreadable_zip", "the archive or container cannot be opened", where=where,
        remedy="make it again, or unpack it and ingest the folder",
    )  # fmt: skip
