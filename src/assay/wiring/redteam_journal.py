"""What a red team has tried, line by line, so that a run that was stopped goes on; without any text of an attack."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.records.digest import plain
from assay.records.errors import Unavailable
from assay.wiring.build import Workspace


class TrialJournal:
    """One file for one specification of a run. Each result is on its way to the disk before the next trial begins."""

    def __init__(self, path: Path, resume: bool) -> None:
        self._path = path
        self.complete = False
        self.known: dict[str, dict[str, Any]] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            whole = self._read() if resume and path.exists() else b""
            path.write_bytes(whole)
            self._file = path.open("a", encoding="utf-8")
        except OSError as error:
            raise _failed(error, path) from None

    def _read(self) -> bytes:
        """The lines that were written whole."""
        data = self._path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        for line in whole.splitlines():
            one = json.loads(line)
            self.known[one["key"]] = one["result"]
        return whole

    def get(self, key: str) -> dict[str, Any] | None:
        return self.known.get(key)

    def put(self, key: str, result: object) -> None:
        try:
            self._file.write(json.dumps({"key": key, "result": plain(result)}, ensure_ascii=True) + "\n")
            self._file.flush()
        except OSError as error:
            raise _failed(error, self._path) from None

    def close(self) -> None:
        """A run that is `complete` needs no journal any more."""
        self._file.close()
        if self.complete:
            self._path.unlink(missing_ok=True)


def _failed(error: OSError, path: Path) -> Unavailable:
    reason = error.strerror or "unknown reason"
    return Unavailable("redteam.journal", f"the journal cannot be kept ({reason})", where=str(path))


def opened(place: Workspace, digests: Mapping[str, str], resume: bool) -> TrialJournal:
    """The journal of a run with these digests: another subject, seed, model or corpus has another."""
    from assay.records.digest import sha256_json

    return TrialJournal(place.store / "redteam" / f"{sha256_json(dict(digests))[:32]}.jsonl", resume)
