"""Zip archives whose members are compressed with Zstandard, read member by member within limits.

Method 93 is in APPNOTE 6.3.7 of the zip format; Python's zipfile reads it from 3.14 on. The directory is read by
zipfile; members are taken from the bytes and unpacked here, so that 2,000 small ones cost no 2,000 file objects.
"""

from __future__ import annotations

import io
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from assay.records.errors import InputError

STORED, DEFLATED, ZSTD = 0, 8, 93
MAX_ENTRIES = 500_000
MAX_MEMBER = 256 << 20
"""A sample of an agent with its whole history may have tens of megabytes."""
MAX_TOTAL = 8 << 30
_LOCAL = struct.Struct("<4s5H3I2H")
_MOST_WINDOW_LOG = 27
"""Of Zstandard: 128 MiB of memory."""
_MAGIC = b"PK\x03\x04"


@dataclass(slots=True)
class Archive:
    """An archive in memory. Nothing is written to disk, so a name that leads elsewhere leads nowhere."""

    name: str
    data: bytes
    members: dict[str, zipfile.ZipInfo]
    _unpacked: int = 0
    _zstd: Callable[[bytes, int], bytes] | None = None

    def read(self, member: str) -> bytes:
        """One member, checked against its size and CRC-32. Raises InputError, and KeyError for an unknown name."""
        info = self.members[member]
        if info.flag_bits & 0x1:
            raise InputError("import.encrypted", "is encrypted", where=self.name)
        if info.file_size > MAX_MEMBER or self._unpacked + info.file_size > MAX_TOTAL:
            raise self._bomb()
        data = self._unpack(self._packed(info), info)
        self._unpacked += len(data)
        if len(data) != info.file_size or zlib.crc32(data) != info.CRC:
            raise self._damaged()
        return data

    def _packed(self, info: zipfile.ZipInfo) -> memoryview:
        at = info.header_offset
        head = self.data[at : at + _LOCAL.size]
        if len(head) < _LOCAL.size or head[:4] != _MAGIC:
            raise self._damaged()
        *_, name_size, extra_size = _LOCAL.unpack(head)
        start = at + _LOCAL.size + name_size + extra_size
        packed = memoryview(self.data)[start : start + info.compress_size]
        if len(packed) != info.compress_size:
            raise self._damaged()
        return packed

    def _unpack(self, packed: memoryview, info: zipfile.ZipInfo) -> bytes:
        """At most one byte more than the directory promises, so that a bomb is seen and not unpacked."""
        limit = info.file_size + 1
        if info.compress_type == STORED:
            return bytes(packed[:limit])
        try:
            if info.compress_type == DEFLATED:
                return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, limit)
            if info.compress_type == ZSTD:
                self._zstd = self._zstd or zstd_decoder()
                return self._zstd(bytes(packed), limit)
        except (zlib.error, ValueError):
            raise self._damaged() from None
        raise InputError(
            "import.compression", f"is compressed by method {info.compress_type}, which cannot be read", where=self.name
        )

    def _damaged(self) -> InputError:
        return InputError("import.damaged", "the archive is cut off or damaged", where=self.name)

    def _bomb(self) -> InputError:
        return InputError("import.zip_bomb", "unpacks to more than a log can hold", where=self.name)


def open_archive(data: bytes, name: str) -> Archive:
    """The directory of an archive. Raises InputError when it has none, as one that was cut off, or too many entries."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as box:
            infos = box.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, struct.error, NotImplementedError):
        raise InputError(
            "import.damaged", "the archive is cut off or damaged", where=name,
            remedy="was the tool still writing it? Copy it again when it is done",
        ) from None  # fmt: skip
    if len(infos) > MAX_ENTRIES:
        raise InputError("import.zip_bomb", f"has more than {MAX_ENTRIES:,} entries", where=name)
    members = {info.filename: info for info in infos}
    if len(members) < len(infos):
        raise InputError("import.damaged", "two members of the archive have one name", where=name)
    return Archive(name, data, members)


def zstd_decoder() -> Callable[[bytes, int], bytes]:
    """`(packed, limit) -> at most limit bytes`; raises ValueError for data that is damaged."""
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    options = {int(zstd.DecompressionParameter.window_log_max): _MOST_WINDOW_LOG}

    def unpack(packed: bytes, limit: int) -> bytes:
        try:
            return zstd.ZstdDecompressor(options=options).decompress(packed, limit)
        except (zstd.ZstdError, EOFError) as error:
            raise ValueError("damaged") from error

    return unpack
