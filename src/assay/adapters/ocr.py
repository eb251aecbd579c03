"""Words of a picture by the installed `tesseract` program: no shell, one page at a time, bounded in time and memory."""

from __future__ import annotations

import csv
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from assay.records.errors import ConfigError, InputError

PROGRAM = "tesseract"
_PAGE_S = 120.0
_MEMORY_BYTES = 4_000_000_000
"""Of address space; a page of 25 megapixels takes 600 MB."""
_ASK_S = 20.0
_MIN_CONFIDENCE = 20.0
"""In per cent: below it tesseract reads specks and frames."""


@dataclass(frozen=True, slots=True)
class SeenWord:
    """A word in a picture: pixels from the picture's top left corner, and the line that it stands in."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    line: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Tesseract:
    """Reads pictures. `version` and the languages are part of the recipe, because another version reads other text."""

    program: str
    version: str
    languages: tuple[str, ...] = ("eng",)
    page_s: float = _PAGE_S

    @property
    def recipe(self) -> str:
        return f"tesseract({self.version},{'+'.join(self.languages)})"

    def words(self, picture: bytes) -> tuple[SeenWord, ...]:
        """The words of a PNM or PNG picture in reading order. Raises InputError `ingest.ocr_failed`."""
        command = [self.program, "stdin", "stdout", "-l", "+".join(self.languages), "--psm", "3", "tsv"]
        try:
            done = _run(command, picture, self.page_s)
        except subprocess.TimeoutExpired as error:
            raise _failed(f"a page took more than {self.page_s:g} s") from error
        except OSError as error:
            raise _failed(f"{PROGRAM} cannot be started ({error.strerror})") from error
        if done.returncode:
            raise _failed(f"{PROGRAM} ended with status {done.returncode}")
        return _words(done.stdout.decode("utf-8", "replace"))


def tesseract(languages: Sequence[str]) -> Tesseract:
    """The installed program. Raises ConfigError `ingest.ocr_missing` and `ingest.ocr_language`."""
    program = shutil.which(PROGRAM)
    if program is None:
        raise ConfigError(
            "ingest.ocr_missing", f"ingest.ocr needs the program {PROGRAM}, and it is not installed",
            where="ingest.ocr", remedy="install it (Debian: apt-get install tesseract-ocr), or set ingest.ocr: none",
        )  # fmt: skip
    try:
        listed = _run([program, "--list-langs"], b"", _ASK_S).stdout.decode("utf-8", "replace").split("\n")[1:]
        version = _run([program, "--version"], b"", _ASK_S).stdout.decode("utf-8", "replace").split("\n")[0]
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(
            "ingest.ocr_missing", f"{PROGRAM} does not answer", where="ingest.ocr",
            remedy=f"check that `{PROGRAM} --version` works, or set ingest.ocr: none",
        ) from error  # fmt: skip
    known = {name.strip() for name in listed if name.strip()}
    unknown = [name for name in languages if name not in known]
    if unknown or not languages:
        raise ConfigError(
            "ingest.ocr_language", f"{PROGRAM} has no data for: {', '.join(unknown) or 'no language at all'}",
            where="ingest.ocr_languages", remedy=f"name some of: {', '.join(sorted(known))}; or install more of them",
        )  # fmt: skip
    return Tesseract(program, version.split()[-1] if version else "unknown", tuple(languages))


def _run(command: Sequence[str], given: bytes, seconds: float) -> subprocess.CompletedProcess[bytes]:
    """Run to the end or kill it; the memory limit holds where the system has such limits (Linux)."""
    import resource

    process = subprocess.Popen(  # noqa: S603  a program found on the path, arguments of our own, no shell
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    with process:
        if hasattr(resource, "prlimit"):
            resource.prlimit(process.pid, resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
        try:
            out, _ = process.communicate(given, timeout=seconds)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(list(command), process.returncode, out, b"")


def _failed(what: str) -> InputError:
    return InputError(
        "ingest.ocr_failed", what, remedy="add a text layer to the file yourself, or set ingest.ocr: none"
    )


def _words(table: str) -> tuple[SeenWord, ...]:
    """tesseract's TSV: level, page, block, paragraph, line, word, left, top, width, height, confidence, text."""
    found = []
    for row in csv.reader(table.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE):
        if len(row) == 12 and row[0] == "5" and row[11].strip() and float(row[10]) >= _MIN_CONFIDENCE:
            block, paragraph, line = int(row[2]), int(row[3]), int(row[4])
            left, top, width, height = map(float, row[6:10])
            found.append(SeenWord(row[11].strip(), left, top, left + width, top + height, (block, paragraph, line)))
    return tuple(found)
