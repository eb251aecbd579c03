"""Files on this machine as an ingest source."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from assay.ports.reading import SourceEntry
from assay.records.errors import InputError, NotFound


class FileTree:
    """A SourceTree over the file system. Names that begin with a dot are left out.

    Symbolic links are not followed, so that no walk loops and no document comes from outside its root unseen: they are
    reported as `ingest.symlink_loop`, `ingest.symlink_outside` or `ingest.broken_symlink`, and one to a file or folder
    that the walk meets anyway is left out. A link to a file in a hidden folder of the same root is read (Kubernetes
    mounts its volumes that way). A name that is no Unicode is reported as `ingest.unreadable_name`.
    """

    def resolve(self, root: str) -> str:
        path = os.path.realpath(os.path.expanduser(root))
        if _shown(path) != path:
            raise InputError(
                "ingest.unreadable_name", "its name is no Unicode", where=_shown(path), remedy="rename the folder"
            )
        return path

    def exists(self, path: str) -> bool:
        return os.path.lexists(path)

    def walk(self, root: str) -> Iterator[SourceEntry]:
        top = Path(self.resolve(root))
        if not top.exists():
            raise NotFound("ingest.no_source", "there is no such file or folder", where=root, remedy="check the path")
        if not top.is_dir():
            yield _entry(top, top.name)
            return
        folders = [top]
        while folders:
            folder = folders.pop()
            entries = list(_folder(folder, top))
            folders.extend(path for path, found in reversed(entries) if found is None)
            yield from (found for _, found in entries if found is not None)

    def read(self, path: str, limit: int) -> bytes:
        """At most `limit` bytes; a file with more is refused without being read whole."""
        try:
            with open(path, "rb") as file:
                data = file.read(limit + 1)
        except FileNotFoundError as error:
            raise NotFound("ingest.no_source", "the file is gone", where=path, remedy="ingest again") from error
        except OSError as error:
            raise InputError(
                "ingest.unreadable",
                f"it cannot be read ({error.strerror or type(error).__name__})",
                where=path,
                remedy="give this user the right to read it",
            ) from error
        if len(data) > limit:
            raise InputError(
                "ingest.too_large",
                f"it is larger than {limit / 1e6:g} MB",
                where=path,
                remedy="split it, or raise ingest.max_file_mb",
            )
        return data


def _folder(folder: Path, top: Path) -> Iterator[tuple[Path, SourceEntry | None]]:
    """Entries of one folder by name; None stands for a folder to walk."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        yield folder, SourceEntry(str(folder), _relative(folder, top), problem="ingest.unreadable_folder")
        return
    for name in names:
        path = folder / name
        if name.startswith("."):
            continue
        if _shown(name) != name:
            yield path, SourceEntry(_shown(str(path)), _shown(_relative(path, top)), problem="ingest.unreadable_name")
        elif path.is_symlink():
            found = _link(path, top)
            if found is not None:
                yield path, found
        elif path.is_dir():
            yield path, None
        else:
            yield path, _entry(path, _relative(path, top))


def _entry(path: Path, relative: str) -> SourceEntry:
    try:
        status = path.stat()
    except OSError:
        return SourceEntry(str(path), relative, problem="ingest.unreadable")
    if not stat.S_ISREG(status.st_mode):
        return SourceEntry(str(path), relative, problem="ingest.not_a_file")
    return SourceEntry(str(path), relative, status.st_size, status.st_mtime_ns)


def _link(path: Path, top: Path) -> SourceEntry | None:
    """What a symbolic link is worth: a problem, a file of a hidden folder, or None for what is met elsewhere."""
    relative = _relative(path, top)
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        looped = path.exists() or _loops(path)
        return SourceEntry(str(path), relative, problem="ingest.symlink_loop" if looped else "ingest.broken_symlink")
    if path.is_relative_to(target):
        return SourceEntry(str(path), relative, problem="ingest.symlink_loop")
    if not target.is_relative_to(top):
        return SourceEntry(str(path), relative, problem="ingest.symlink_outside")
    if target.is_file() and any(part.startswith(".") for part in target.relative_to(top).parts):
        return _entry(path, relative)
    return None


def _loops(path: Path) -> bool:
    """True when following the link leads back to a link already followed."""
    seen: set[Path] = set()
    while path.is_symlink():
        if path in seen:
            return True
        seen.add(path)
        path = Path(os.path.normpath(path.parent / os.readlink(path)))
    return False


def _shown(name: str) -> str:
    """The name with a question mark for every byte that is no UTF-8; the catalog can keep no such name."""
    return name.encode("utf-8", "replace").decode()


def _relative(path: Path, top: Path) -> str:
    return path.relative_to(top).as_posix()
