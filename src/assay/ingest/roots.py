"""Names of roots, files and documents: what stays the same from one sync to the next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath
from urllib.parse import quote, unquote

_SCHEME = "file://"
_OWN = re.compile(r"(?!file://)[a-z][a-z0-9+.-]*://")
_WEB = ("http://", "https://")
_URL_SAFE = "%/:@?&=+$,;!*'()[]~"


def remote(path: str) -> bool:
    """True for a path with a scheme of its own, such as `s3://bucket/key`; everything else is a file's."""
    return _OWN.match(path) is not None


def source_uri(path: str) -> str:
    """What the catalog knows a source by: the `file://` address of an absolute path, or the address that the path is.

    A path with a scheme keeps it, and what an address cannot hold is percent-quoted; a web address is quoted already.
    """
    if not remote(path):
        return _SCHEME + quote(PurePath(path).as_posix(), safe="/")
    if path.startswith(_WEB):
        return quote(path, safe=_URL_SAFE)
    scheme, _, rest = path.partition("://")
    return f"{scheme}://{quote(rest, safe='/@:')}"


def source_path(uri: str) -> str:
    """The path that an address stands for: the inverse of `source_uri`."""
    if not remote(uri):
        return unquote(uri.removeprefix(_SCHEME))
    return uri if uri.startswith(_WEB) else unquote(uri)


@dataclass(frozen=True, slots=True)
class Root:
    """A folder or file that is kept in step with the catalog; `path` is absolute, or has a scheme of its own."""

    path: str

    @property
    def uri(self) -> str:
        return source_uri(self.path)

    def holds(self, uri: str) -> bool:
        """True for the root itself and everything below it."""
        return uri == self.uri or uri.startswith(self.uri.rstrip("/") + "/")

    def named(self, path: str) -> str:
        """`<root's name>/<path below it>` with `/`; a root that is a file is named by its folder.

        Documents without an id of their own are called so, which survives a move of the whole folder. Below a root with
        a scheme nothing is collapsed, since `a//b` and `a/b` are two objects there; in a web address they are one page
        in two spellings, as are quoted and plain letters, and a rule for a folder must not be evaded by either.
        """
        if remote(self.path):
            name = f"{_name(self.path)}/{path.removeprefix(self.path).removeprefix('/')}"
            return re.sub("/{2,}", "/", unquote(name)) if self.path.startswith(_WEB) else name
        root, file = PurePosixPath(self.path), PurePosixPath(path)
        top = root.parent if root == file else root
        return (PurePosixPath(top.name) / file.relative_to(top)).as_posix()


def _name(path: str) -> str:
    """The last folder of a root with a scheme: of `git+file:///srv/handbook.git@main` it is `handbook`, which is
    called the same on every branch."""
    scheme, _, rest = path.partition("://")
    if scheme.startswith("git+"):
        repository, _, inner = rest.partition("@")
        _ref, _, below = inner.partition("/")
        rest = below or unquote(repository.removesuffix("/.git").removesuffix(".git"))
    return rest.rstrip("/").rpartition("/")[2] or scheme
