"""A file inside another one: in an archive, or attached to a message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from assay.adapters.parsers.copying import one_line
from assay.ports.reading import Parser
from assay.records.documents import Parsed
from assay.records.errors import InputError

NESTED = frozenset({".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".eml", ".msg"})
_FAILURES = (ArithmeticError, AttributeError, LookupError, RecursionError, SyntaxError, TypeError, ValueError)
"""What parsing libraries raise on damaged files besides their own errors; it costs this file, not its neighbours."""


def enclosed(parsers: Mapping[str, Parser], data: bytes, inner: str, outer: str) -> Iterator[Parsed]:
    """The records of one enclosed file, named by its own name; what cannot be read is a record without text, with the
    reason as its warning. Containers inside containers are not opened."""
    name = one_line(inner)
    suffix = PurePosixPath(name.lower()).suffix
    parser = parsers.get(suffix)
    if suffix in NESTED:
        yield refused(name, "ingest.nested_archive", "it stands inside another container; unpack it to have it read")
        return
    if parser is None:
        yield refused(name, "ingest.unsupported_type", "no parser for this kind of file")
        return
    try:
        for parsed in parser.parse(data, f"{outer}/{name}"):
            yield replace(parsed, record_id=f"{name}#{parsed.record_id}" if parsed.record_id else name,
                          title=parsed.title or PurePosixPath(name).stem)  # fmt: skip
    except InputError as error:
        yield refused(name, error.code, error.what)
    except _FAILURES as error:
        yield refused(name, "ingest.parser_failed", f"the parser gave up on it ({type(error).__name__})")


def refused(name: str, code: str, reason: str) -> Parsed:
    """A record that became no document."""
    return Parsed("", (), record_id=name, warnings=(f"{code}: {reason}",))
