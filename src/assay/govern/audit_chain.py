"""The hash chain of the audit log: every line carries the hash of all lines before it.

A line is 64 hex digits, a space and a JSON object. The digits are SHA-256 over the previous line's hash (as text) and
the object's bytes, so that a line that is changed, taken out, put in or moved breaks the chain there. What a chain
alone cannot show is that its end was cut off: signed checkpoints do, as the signed heads of RFC 6962.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from assay.records.audit import AuditEvent

BEGIN = "0" * 64
"""The hash before the first line."""
_encode = msgspec.json.Encoder().encode


class _Line(msgspec.Struct, omit_defaults=True):
    """An event as it stands in the file; the first of a chain carries the chain's name."""

    seq: int
    at: str
    action: str
    outcome: str
    tenant: str = ""
    actor: str = ""
    subject: dict[str, str] = {}
    counts: dict[str, int | float] = {}


_decoder = msgspec.json.Decoder(_Line)


@dataclass(frozen=True, slots=True)
class Position:
    """The number and hash of the last line of a chain."""

    seq: int = 0
    hash: str = BEGIN


def lines(events: Sequence[AuditEvent], after: Position) -> tuple[bytes, Position]:
    """The lines of `events` behind `after`, and where the chain stands then."""
    parts: list[bytes] = []
    seq, last = after.seq, after.hash
    sha256 = hashlib.sha256
    for event in events:
        seq += 1
        body = _encode(
            _Line(seq, event.at, event.action, event.outcome, event.tenant, event.actor, event.subject, event.counts)
        )
        last = sha256(last.encode() + body).hexdigest()
        parts.append(last.encode() + b" " + body + b"\n")
    return b"".join(parts), Position(seq, last)


def position_of(line: bytes) -> Position:
    """Where a chain stands that ends with this line. Raises ValueError for what is no line."""
    text, event = _parsed(line)
    return Position(event.seq, text)


def event_of(line: bytes) -> tuple[int, AuditEvent]:
    """A line's number and event. Raises ValueError for what is no line."""
    _, line_ = _parsed(line)
    event = AuditEvent(
        line_.action, line_.outcome, line_.at, line_.tenant, line_.actor, dict(line_.subject), dict(line_.counts)
    )
    return line_.seq, event


def _parsed(line: bytes) -> tuple[str, _Line]:
    if len(line) < 67 or line[64:65] != b" ":
        raise ValueError("this is no line of an audit log")
    try:
        return line[:64].decode("ascii"), _decoder.decode(line[65:])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError("this is no line of an audit log") from error
