"""What stands in plain files: blobs named by their hash, and the lock that keeps two writers out of one workspace."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from assay.records.digest import sha256_bytes
from assay.records.errors import AssayError, Busy, CannotJudge, NotFound, Unavailable

_FLUSHES_AT_ONCE = 8
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class FileBlobs:
    """BlobStore in `<folder>/<first two digits>/<digest>`. A blob is there whole or not at all, even after a crash."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, data: bytes) -> str:
        """Returns the 64 hex digits of SHA-256. Raises Unavailable `store.disk_full` or `store.cannot_open`."""
        digest = sha256_bytes(data)
        place = self._place(digest)
        try:
            if not _holds(place, data):
                place.parent.mkdir(parents=True, exist_ok=True)
                _write_whole(place, data)
        except OSError as error:
            raise _unwritable(error, place.parent) from error
        return digest

    def put_many(self, many: Sequence[bytes]) -> tuple[str, ...]:
        """As `put`, several at a time: a file system writes the flushes of several files together, at half the time
        each."""
        if len(many) < 2:
            return tuple(map(self.put, many))
        with ThreadPoolExecutor(_FLUSHES_AT_ONCE) as pool:
            return tuple(pool.map(self.put, many))

    def get(self, digest: str) -> bytes:
        """Raises NotFound, and CannotJudge `blob.digest_mismatch` when the bytes no longer match their name."""
        place = self._place(digest)
        try:
            data = place.read_bytes()
        except FileNotFoundError as error:
            raise NotFound("store.no_blob", "there is no such blob", where=str(place)) from error
        except OSError as error:
            raise Unavailable("store.io", "the blob cannot be read", where=str(place)) from error
        if sha256_bytes(data) != digest:
            raise CannotJudge(
                "blob.digest_mismatch",
                "the stored bytes do not match the hash they are named by",
                where=str(place),
                remedy="delete this file and ingest its source again",
            )
        return data

    def has(self, digest: str) -> bool:
        return self._place(digest).is_file()

    def delete(self, digest: str) -> None:
        self._place(digest).unlink(missing_ok=True)

    def _place(self, digest: str) -> Path:
        # A name that is no digest must never reach the file system, where it could be a path.
        if not _DIGEST.match(digest):
            raise NotFound("store.no_blob", "a blob is named by 64 hex digits")
        return self._folder / digest[:2] / digest


def _holds(place: Path, data: bytes) -> bool:
    """Whether the file is there with these bytes; a damaged one is written anew, since the right bytes are at hand."""
    try:
        return place.stat().st_size == len(data) and place.read_bytes() == data
    except FileNotFoundError:
        return False


def _write_whole(place: Path, data: bytes) -> None:
    # Readable for whom the process's mask allows, writable for nobody: the name says what must be inside.
    unfinished = place.with_name(f".writing-{os.getpid()}-{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, place)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _unwritable(error: OSError, where: Path) -> AssayError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unavailable(
            "store.disk_full",
            "the disk is full; nothing of this step was written",
            where=str(where),
            remedy="free some space and run the command again",
        )
    return Unavailable(
        "store.cannot_open",
        "the store cannot be written",
        where=str(where),
        remedy="check that the folder exists and that you may write in it",
    )


class WorkspaceLock:
    """The right to change a workspace, for one process at a time: `with WorkspaceLock(path, "ingest"):`.

    The kernel holds it on the open file and lets go when the process dies, however it dies. Raises Busy
    `workspace.busy`, which names the holder's process and what it does. Threads of one process exclude each other too.
    """

    def __init__(self, path: Path, doing: str) -> None:
        self._path = path
        self._doing = doing
        self._file: int | None = None

    def __enter__(self) -> WorkspaceLock:
        if self._file is not None:
            raise RuntimeError("this lock is held already")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise _unwritable(error, self._path.parent) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(file, 200, 0).decode(errors="replace").strip()
            os.close(file)
            raise Busy(
                "workspace.busy",
                f"another process is changing this workspace ({holder or 'it has just begun'})",
                where=str(self._path.parent),
                remedy="wait for it to end, or stop it",
            ) from error
        try:
            os.ftruncate(file, 0)
            os.pwrite(file, f"process {os.getpid()}: {self._doing}\n".encode(), 0)
        except OSError as error:
            os.close(file)
            raise _unwritable(error, self._path.parent) from error
        self._file = file
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        file, self._file = self._file, None
        if file is not None:
            # The file stays: removing it would let a third process lock a new one while a second waits on this one.
            os.ftruncate(file, 0)
            os.close(file)
