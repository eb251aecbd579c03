"""Names of roots, files and documents: what stays the same from one sync to the next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath
from urllib.parse import quote, unquote

_SCHEME = "file://"


def source_uri(path: str) -> str:
    """The `file://` address of an absolute path: what the catalog knows a file by."""
    return _SCHEME + quote(PurePath(path).as_posix(), safe="/")


def source_path(uri: str) -> str:
    """The absolute path in a `file://` address."""
    return unquote(uri.removeprefix(_SCHEME))


@dataclass(frozen=True, slots=True)
class Root:
    """A folder or file that is kept in step with the catalog; `path` is absolute."""

    path: str

    @property
    def uri(self) -> str:
        return source_uri(self.path)

    def holds(self, uri: str) -> bool:
        """True for the root itself and everything below it."""
        return uri == self.uri or uri.startswith(self.uri.rstrip("/") + "/")

    def named(self, path: str) -> str:
        """`<root's name>/<path below it>` with `/`; a root that is a file is named by its folder.

        Documents without an id of their own are called so, which survives a move of the whole folder.
        """
        root, file = PurePosixPath(self.path), PurePosixPath(path)
        top = root.parent if root == file else root
        return (PurePosixPath(top.name) / file.relative_to(top)).as_posix()
