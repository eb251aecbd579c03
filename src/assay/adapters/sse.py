"""Server-sent events from bytes that come in pieces of any size (WHATWG HTML, section 9.2.6)."""

from __future__ import annotations

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class TooLong(ValueError):
    """A line or an event outgrew the limit: the peer is not speaking this protocol."""


class EventParser:
    """Feed it bytes; it gives the `data` of every event that is complete. Other fields and comments are skipped.

    Where the bytes are cut never changes the events that come out. An event that the stream ends in the middle of is
    not given, as the standard says; `finish` gives it to callers who prefer leniency.
    """

    def __init__(self, limit: int = 4 * 2**20) -> None:
        self._limit = limit
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0
        self._after_cr = False
        self._at_start = True
        self.strange_lines = 0
        """Lines that are no field of the standard: a sign that the peer sends something else."""

    def feed(self, piece: bytes) -> list[bytes]:
        """The data of the events that `piece` completes, in order. Raises TooLong."""
        text = self._rest + self._unify_line_ends(piece)
        if self._at_start:
            if len(text) < 3 and BYTE_ORDER_MARK.startswith(text):
                self._rest = text
                return []
            text = text.removeprefix(BYTE_ORDER_MARK)
            self._at_start = False
        lines = text.split(b"\n")
        self._rest = lines.pop()
        events: list[bytes] = []
        for line in lines:
            self._take(line, events)
        if self._size + len(self._rest) > self._limit:
            raise TooLong("an event is longer than the limit")
        return events

    def finish(self) -> list[bytes]:
        """The data of an event that the stream ended without closing."""
        events: list[bytes] = []
        self._take(self._rest, events)
        self._take(b"", events)
        self._rest = b""
        return events

    def _unify_line_ends(self, piece: bytes) -> bytes:
        if self._after_cr and piece:
            self._after_cr = False
            piece = piece.removeprefix(b"\n")
        if b"\r" in piece:
            self._after_cr = piece.endswith(b"\r")
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return piece

    def _take(self, line: bytes, events: list[bytes]) -> None:
        if line.startswith(b"data:"):
            value = line[6:] if line[5:6] == b" " else line[5:]
            self._data.append(value)
            self._size += len(value)
        elif not line:
            if self._data:
                events.append(b"\n".join(self._data))
                self._data.clear()
                self._size = 0
        elif line == b"data":
            self._data.append(b"")
        elif not line.startswith((b":", b"event", b"id", b"retry")):
            self.strange_lines += 1
