"""What LanceDB raises, turned into errors a person can act on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from assay.records.errors import AssayError, Unavailable


@contextmanager
def lance_errors(uri: str, doing: str) -> Iterator[None]:
    """RuntimeError, ValueError and OSError of the engine become Unavailable: `index.unreachable` for a store that is
    reached over the network, `index.disk` for a folder. What was published before stays searchable."""
    try:
        yield
    except AssayError:
        raise
    except (RuntimeError, ValueError, OSError) as error:
        raise _unavailable(uri, doing) from error


def _unavailable(uri: str, doing: str) -> Unavailable:
    if "://" in uri:
        return Unavailable(
            "index.unreachable",
            f"the store of the index did not answer as it should while {doing}; what was committed is still there",
            where="index.lancedb",
            remedy="bring the store back, check uri and storage_options, then try again; no restart is needed",
        )
    return Unavailable(
        "index.disk",
        f"the disk failed while {doing}, or the index was compacted meanwhile; what was committed is still there",
        where="index.lancedb",
        remedy="try again; if it fails again, free disk space or repair the disk",
    )
