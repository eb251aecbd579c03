"""One file's bytes to its records, as a function that any process can run: nothing outside its arguments counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from assay.ingest.access import AccessRules
from assay.ingest.reading import Reader, Record, Rejected, Stages, Stopped, stated_access
from assay.ports.reading import SourceEntry
from assay.records.errors import InputError, NotFound

PARSER_DIED = "ingest.parser_died"


@dataclass(frozen=True, slots=True)
class Job:
    """A file to be read. `path` is its `<root>/<relative>` name, and `data` its bytes."""

    entry: SourceEntry
    uri: str
    path: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Done:
    """What a file gave, or the code and words of its failure. `stage_ms` is the time that it took, by stage."""

    records: tuple[Record, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    code: str = ""
    reason: str = ""
    stage_ms: dict[str, float] = field(default_factory=dict)
    stopped: bool = False


class Reading(Protocol):
    """Reads files, here or in other processes. `start` gives a function that waits for the outcome; at most `ahead`
    files are started before the first one's outcome is asked for."""

    @property
    def ahead(self) -> int: ...
    def start(self, job: Job) -> Callable[[], Done]: ...


def read_job(reader: Reader, job: Job, stop: Callable[[], bool] = lambda: False) -> Done:
    """Read one file. What is wrong with the file is in the outcome; only what is wrong with the machine is raised."""
    timed = replace(reader, stages=Stages(now=reader.stages.now))
    parser = reader.parser(job.entry.relative)
    if parser is None:
        raise ValueError("no parser for this kind of file: ask before starting the job")
    try:
        records, rejected = timed.read(parser, job.entry, job.uri, job.path, job.data, stop)
    except (InputError, NotFound) as error:
        reason = "; ".join(filter(None, (error.what, error.remedy)))
        return Done(code=error.code, reason=reason, stage_ms=timed.stages.ms)
    except Stopped:
        return Done(stage_ms=timed.stages.ms, stopped=True)
    return Done(tuple(records), tuple(rejected), stage_ms=timed.stages.ms)


@dataclass(frozen=True)
class ReadHere:
    """Reads each file when it is asked for, in this process."""

    reader: Reader
    stop: Callable[[], bool] = lambda: False
    ahead: int = 0

    def start(self, job: Job) -> Callable[[], Done]:
        return lambda: read_job(self.reader, job, self.stop)


def under_rules(record: Record, rules: AccessRules, path: str) -> Record:
    """The record with the access list that the workspace's rules give it: they are applied where the catalog is
    written, since a plug-in or a list may not be at hand where a file is parsed."""
    document = record.document
    access = rules.resolve(document.doc_id, path, stated_access(document))
    if access == document.access:
        return record
    chunks = tuple(replace(chunk, access=access) for chunk in record.chunks)
    return replace(record, document=replace(document, access=access), chunks=chunks)
