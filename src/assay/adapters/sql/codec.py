"""Frozen records to JSON text and back, through msgspec."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

Record = TypeVar("Record")

_encode = msgspec.json.Encoder().encode


def to_text(record: Any) -> str:
    """JSON of a frozen record."""
    return _encode(record).decode()


_decoders: dict[type[Any], msgspec.json.Decoder[Any]] = {}


def from_text(kind: type[Record], text: str) -> Record:
    """The record that `text` holds. Raises msgspec.ValidationError when it is none of that kind."""
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders.setdefault(kind, msgspec.json.Decoder(kind))
    record: Record = decoder.decode(text)
    return record
