"""What turns bytes into text, tells languages apart, and tells the time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from assay.records.documents import Parsed


class Parser(Protocol):
    """Bytes of one file to one or more parsed records. Raises InputError with an `ingest.*` code."""

    @property
    def recipe(self) -> str: ...
    @property
    def media_type(self) -> str: ...
    def parse(self, data: bytes, name: str) -> Iterable[Parsed]: ...


class LanguageIdentifier(Protocol):
    """Text to a BCP 47 primary tag, empty when it cannot tell."""

    def identify(self, text: str) -> str: ...


class Clock(Protocol):
    """`now` is ISO 8601 UTC with microseconds and `Z`; `monotonic` is seconds for durations."""

    def now(self) -> str: ...
    def monotonic(self) -> float: ...
