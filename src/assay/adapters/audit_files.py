"""The audit log as files: segments of chained lines, signed checkpoints beside them, and one writer at a time."""

from __future__ import annotations

import fcntl
import os
import secrets
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec

from assay.govern.audit_chain import Position, event_of, lines, position_of
from assay.ports.reading import Clock
from assay.ports.signing import Signer
from assay.records.audit import AuditEvent, Checkpoint
from assay.records.errors import AssayError, CannotJudge, Unavailable

SEGMENT_BYTES = 64 << 20
CHECKPOINT_EVERY = 10_000
CAPACITY = 200_000
BATCH = 4_096
_TAIL = 1 << 20


class AuditFiles:
    """AuditLog. Events are taken at once and written in batches by a thread; `flush` waits until they are on disk.

    A line that a crash left unfinished was never acknowledged and is taken off. A log that ends before its own head is
    not written to: `note` raises `audit.cut_off` from then on. While the disk fails it raises `audit.disk`, and tries
    again every `retry_s` seconds; what was taken before waits.
    """

    def __init__(
        self, folder: Path, signer: Signer, clock: Clock, *, segment_bytes: int = SEGMENT_BYTES,
        checkpoint_every: int = CHECKPOINT_EVERY, interval_s: float = 0.1, retry_s: float = 1.0,
    ) -> None:  # fmt: skip
        self._retry_s = retry_s
        self._folder, self._signer, self._clock = folder, signer, clock
        self._segment_bytes, self._every, self._interval_s = segment_bytes, checkpoint_every, interval_s
        self._known: tuple[str, int, Position] = ("", 0, Position())
        self._chain = ""
        self._changed = threading.Condition()
        self._waiting: deque[AuditEvent] = deque()
        self._busy = 0
        self._thread: threading.Thread | None = None
        self._failure: AssayError | None = None
        self._failed_at = 0.0
        self._hurry = self._closed = False

    def note(self, event: AuditEvent) -> None:
        """Take an event. Raises what stopped the writer, and Unavailable (`audit.behind`) when too many wait."""
        with self._changed:
            self._try_again()
            if self._failure is not None:
                raise self._failure
            if self._closed or len(self._waiting) >= CAPACITY:
                raise Unavailable("audit.behind", "the audit log cannot keep up", where=str(self._folder))
            self._waiting.append(event)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="assay-audit", daemon=True)
                self._thread.start()
            if len(self._waiting) == 1 or len(self._waiting) >= BATCH:
                self._changed.notify_all()

    def flush(self, timeout_s: float = 10.0) -> None:
        """Wait until everything is on disk. Raises what stopped the writer, and Unavailable when it is not in time."""
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            done = self._changed.wait_for(
                lambda: (not self._waiting and not self._busy) or self._failure is not None, timeout_s
            )
            self._hurry = False
            if self._failure is not None:
                raise self._failure
            if not done:
                raise Unavailable("audit.behind", "the audit log was not written in time", where=str(self._folder))

    def close(self) -> None:
        """Write what waits, sign a checkpoint of the end, and stop."""
        try:
            if self._thread is not None:
                self.flush()
                self.checkpoint()
        finally:
            with self._changed:
                self._closed = True
                self._changed.notify_all()
            if self._thread is not None:
                self._thread.join(10.0)

    def write(self, events: Sequence[AuditEvent]) -> Position:
        """Append at once, durable when it returns: for what is rare and must not be lost."""
        try:
            with self._alone():
                return self._append(list(events))
        except OSError as error:
            raise self._disk(error) from error

    def checkpoint(self) -> Checkpoint:
        """Sign where the chain stands now, and keep that beside the log. Raises CannotJudge when there is no line."""
        try:
            with self._alone():
                segment, _, position = self._tail()
                if not segment:
                    raise CannotJudge("audit.empty", "nothing was logged yet", where=str(self._folder))
                return self._sign(position, keep=True)
        except OSError as error:
            raise self._disk(error) from error

    def prune(self, before: str) -> int:
        """Remove whole segments whose last event is older than `before` (ISO 8601); how many lines that was. A line of
        the log says so, and a signed checkpoint vouches for where it begins now."""
        with self._alone():
            segments = self._segments()
            gone = []
            for path in segments[:-1]:
                _, last = event_of(_last_line(path))
                if last.at >= before:
                    break
                gone.append(path)
            if not gone:
                return 0
            first, through = event_of(_first_line(gone[0]))[0], position_of(_last_line(gone[-1]))
            self._sign(through, keep=True)
            said = AuditEvent("audit.pruned", "done", self._clock.now(), counts={"through": through.seq})
            self._append([said])
            for path in gone:
                path.unlink()
            return through.seq - first + 1

    def events(self) -> Iterator[tuple[int, AuditEvent]]:
        """Every event with its number, in order. Raises CannotJudge (`audit.broken`) at what is no line."""
        for path in self._segments():
            with path.open("rb") as file:
                for line in file:
                    try:
                        yield event_of(line)
                    except ValueError as error:
                        raise CannotJudge(
                            "audit.broken", "the audit log holds what is no event", where=path.name,
                            remedy="assay audit verify",
                        ) from error  # fmt: skip

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or bool(self._waiting))
                self._changed.wait_for(
                    lambda: self._closed or self._hurry or len(self._waiting) >= BATCH, self._interval_s
                )
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH))]
                self._busy = len(batch)
                if not batch and self._closed:
                    return
            try:
                self.write(batch)
            except AssayError as error:
                with self._changed:
                    self._failure, self._failed_at = error, time.monotonic()
                    self._waiting.extendleft(reversed(batch))
                    self._busy = 0
                    self._thread = None
                    self._changed.notify_all()
                return
            with self._changed:
                self._busy = 0
                self._changed.notify_all()

    def _try_again(self) -> None:
        """A disk that was full may have room again; a log that was changed stays refused."""
        if isinstance(self._failure, Unavailable) and time.monotonic() - self._failed_at > self._retry_s:
            self._failure = None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Processes and threads take turns; the kernel lets go when a holder dies."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _append(self, events: list[AuditEvent]) -> Position:
        segment, size, position = self._tail()
        if not segment:
            self._chain = secrets.token_hex(16)
            begin = AuditEvent("audit.begin", "done", self._clock.now(), subject={"chain": self._chain})
            events = [begin, *events]
        if not segment or size >= self._segment_bytes:
            if segment:
                self._sign(position, keep=True)
            segment, size = f"{position.seq + 1:020}.log", 0
        data, after = lines(events, position)
        file = os.open(self._folder / segment, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            written = 0
            while written < len(data):
                written += os.write(file, data[written:])
            os.fsync(file)
        finally:
            os.close(file)
        self._known = (segment, size + len(data), after)
        self._sign(after, keep=after.seq // self._every > position.seq // self._every)
        return after

    def _tail(self) -> tuple[str, int, Position]:
        """The newest segment, its size, and where the chain stands; an unfinished last line is taken off."""
        segments = self._segments()
        head = self._head()
        if not segments:
            if head is not None:
                raise self._cut_off()
            return "", 0, Position()
        path = segments[-1]
        size = path.stat().st_size
        if (path.name, size) != self._known[:2]:
            size = _without_torn_line(path, size)
            found = position_of(_last_line(path)) if size else _before(path)
            self._known = (path.name, size, found)
        if not self._chain:
            self._chain = head.chain if head else event_of(_first_line(segments[0]))[1].subject.get("chain", "")
        position = self._known[2]
        if head is not None and (head.seq > position.seq or (head.seq == position.seq and head.hash != position.hash)):
            raise self._cut_off()
        return self._known

    def _segments(self) -> list[Path]:
        return sorted(self._folder.glob("[0-9]*.log"))

    def _head(self) -> Checkpoint | None:
        path = self._folder / "head"
        return msgspec.json.decode(path.read_bytes(), type=Checkpoint) if path.exists() else None

    def _sign(self, position: Position, *, keep: bool) -> Checkpoint:
        bare = Checkpoint(self._chain, position.seq, position.hash, self._clock.now(), self._signer.public_key)
        made = replace(bare, signature=self._signer.sign(bare.signed_content()))
        text = msgspec.json.encode(made) + b"\n"
        if keep:
            file = os.open(self._folder / "checkpoints.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(file, text)
                os.fsync(file)
            finally:
                os.close(file)
        if position == self._known[2]:
            draft = self._folder / "head.new"
            draft.write_bytes(text)
            draft.replace(self._folder / "head")
        return made

    def _cut_off(self) -> CannotJudge:
        return CannotJudge(
            "audit.cut_off",
            "the audit log ends before its signed head, or elsewhere: it was changed or restored from a backup",
            where=str(self._folder),
            remedy="keep the folder as evidence, move it away, and a new chain begins",
        )

    def _disk(self, error: OSError) -> Unavailable:
        return Unavailable(
            "audit.disk", f"the audit log cannot be written ({error.strerror})", where=str(self._folder),
            remedy="nothing that must be logged is done until it can be",
        )  # fmt: skip


def _without_torn_line(path: Path, size: int) -> int:
    with path.open("r+b") as file:
        file.seek(max(0, size - _TAIL))
        tail = file.read()
        torn = len(tail) - (tail.rfind(b"\n") + 1)
        if torn:
            file.truncate(size - torn)
    return size - torn


def _last_line(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - _TAIL))
        found = file.read().splitlines(keepends=True)
    return found[-1] if found else b""


def _first_line(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.readline()


def _before(path: Path) -> Position:
    """Where the chain stood before a segment that has no whole line: at the end of the one before it."""
    older = sorted(other for other in path.parent.glob("[0-9]*.log") if other.name < path.name)
    return position_of(_last_line(older[-1])) if older else Position()
