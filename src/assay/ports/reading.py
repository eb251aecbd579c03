"""What turns bytes into text, tells languages apart, and tells the time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from assay.records.access import AccessList
from assay.records.documents import Parsed
from assay.records.findings import Finding


class Parser(Protocol):
    """Bytes of one file to one or more parsed records. Raises InputError with an `ingest.*` code."""

    @property
    def recipe(self) -> str: ...
    @property
    def media_type(self) -> str: ...
    def parse(self, data: bytes, name: str) -> Iterable[Parsed]: ...


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """One file below a root, or something there that cannot be read: then `problem` is its `ingest.*` code.

    `path` is absolute with its symbolic links resolved up to the root, `relative` counts from the root with `/`.
    """

    path: str
    relative: str
    size: int = 0
    mtime_ns: int = 0
    problem: str = ""


class SourceTree(Protocol):
    """Where sources are read from. `resolve` gives an absolute path without symbolic links. `walk` never loops and
    yields entries in an order that only their names decide; a root that is a file yields itself. Raises NotFound
    `ingest.no_source`, and from `read` also InputError `ingest.too_large` and `ingest.unreadable`."""

    def resolve(self, root: str) -> str: ...
    def walk(self, root: str) -> Iterator[SourceEntry]: ...
    def read(self, path: str, limit: int) -> bytes: ...
    def exists(self, path: str) -> bool: ...


@runtime_checkable
class NamedByContent(Protocol):
    """A SourceTree in which what was read decides what kind of file it is: asked after `read`, it gives the relative
    name with the suffix of that kind."""

    def named(self, path: str, relative: str) -> str: ...


class Denials(Protocol):
    """What was forgotten and may not be read in again: a file by its SHA-256, a document by its id or its text's."""

    def file(self, sha256: str) -> bool: ...
    def document(self, doc_id: str, text_sha256: str) -> bool: ...


class LanguageIdentifier(Protocol):
    """Text to a BCP 47 primary tag, empty when it cannot tell."""

    def identify(self, text: str) -> str: ...


class AccessResolver(Protocol):
    """Who may read a document, as something outside says (a directory, a wiki's permissions); None where it says
    nothing. `path` is `<root's name>/<path below it>`, `stated` what the document's own front matter says. Whatever it
    raises closes the document."""

    def resolve(self, doc_id: str, path: str, stated: AccessList | None) -> AccessList | None: ...


class Clock(Protocol):
    """`now` is ISO 8601 UTC with microseconds and `Z`; `monotonic` is seconds for durations."""

    def now(self) -> str: ...
    def monotonic(self) -> float: ...


class Signal(Protocol):
    """A score that lowers rights and decides nothing alone: how much a text reads like an attack or abuse."""

    @property
    def recipe(self) -> str:
        """What the score depends on: name, version and digest of the model."""

    def score(self, text: str) -> float:
        """0 to 1; 0 for a text without a visible character."""

    def find(self, text: str) -> tuple[Finding, ...]:
        """Stretches that reach the signal's threshold, in reading order, without overlap."""


class TextScanner(Protocol):
    """Looks for what should not stand in a text: personal data, credentials. Findings do not overlap, in reading order.
    Linear time in the text; the recipe names the rules."""

    @property
    def recipe(self) -> str: ...
    def scan(self, text: str) -> tuple[Finding, ...]: ...


@runtime_checkable
class PagedParser(Protocol):
    """A Parser that can be stopped between pages: `tick(done, pages)` is called after each and may raise."""

    def parse_pages(self, data: bytes, name: str, tick: Callable[[int, int], object]) -> Iterable[Parsed]: ...


class Recognizer(Protocol):
    """Finds what has no shape of its own, such as names of persons: a model behind an extra, or another product.

    `rule_ids` are what its findings carry, letters and `_` alone. Findings are spans in code points, in reading order;
    none of them holds text. The recipe names the model by its content.
    """

    @property
    def recipe(self) -> str: ...
    @property
    def rule_ids(self) -> tuple[str, ...]: ...
    def recognise(self, text: str) -> tuple[Finding, ...]: ...
