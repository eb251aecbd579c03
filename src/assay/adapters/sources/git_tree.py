"""A Git repository on this machine as an ingest source: the files of one commit, without a working copy."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from assay.adapters.sources.routed import gone, hidden, stamp_ns, too_large
from assay.ports.reading import SourceEntry
from assay.records.errors import ConfigError, InputError, NotFound, Unavailable

_SECONDS = 300
_MOST_COMMITS = 50_000
"""How far back the log is read for the last change of a file; what is older counts as changed by the last one read."""
_QUIET = (
    "--no-pager", "--literal-pathspecs", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false",
    "-c", "protocol.allow=never", "-c", "log.showSignature=false", "-c", "log.showRoot=true", "-c", "core.pager=cat",
)  # fmt: skip
_LFS = b"version https://git-lfs.github.com/spec/"
_PROBLEMS = {b"120000": "ingest.symlink", b"160000": "ingest.submodule"}


@dataclass(frozen=True, slots=True)
class _Blob:
    oid: str
    size: int
    problem: str = ""


@dataclass
class GitTree:
    """A connector over the files of `ref` (branch, tag or commit), below the folder `below` when it is given.

    Paths are `git+file:///repository@ref/path`. The first look pins the commit, so that one sync sees one state of the
    repository. Symbolic links and submodules are reported and not followed; names with a dot in front are left out. Git
    runs no hook, reads no configuration but the repository's own, and may use no protocol, whatever that says.
    Raises ConfigError `source.no_git`, `source.not_a_repository`, `source.no_ref`; Unavailable `source.git_failed`.
    """

    repository: Path
    ref: str = "HEAD"
    below: str = ""
    _found: dict[str, _Blob] | None = field(default=None, init=False, repr=False)
    _commit: str = field(default="", init=False, repr=False)
    _cat: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    @property
    def root(self) -> str:
        return git_root(self.repository, self.ref, self.below)

    def resolve(self, root: str) -> str:
        return root.rstrip("/")

    def exists(self, path: str) -> bool:
        return self._relative(path) in self._blobs()

    def walk(self, root: str) -> Iterator[SourceEntry]:
        self._found = None
        blobs = self._blobs()
        if self.below and not blobs:
            raise NotFound(
                "ingest.no_source", "the repository has no such folder at this ref", where=root,
                remedy="check below and ref",
            )  # fmt: skip
        inner = root.removeprefix(self.root).strip("/")
        seconds = self._changed()
        for relative in sorted(blobs):
            if not inner or relative == inner or relative.startswith(inner + "/"):
                blob = blobs[relative]
                stamp = 0 if blob.problem else stamp_ns(seconds[relative], blob.oid)
                short = relative.removeprefix(inner).lstrip("/") or relative.rpartition("/")[2]
                yield SourceEntry(f"{self.root}/{relative}", short, blob.size, stamp, blob.problem)

    def read(self, path: str, limit: int) -> bytes:
        blob = self._blobs().get(self._relative(path))
        if blob is None:
            raise gone(path)
        if blob.size > limit:
            raise too_large(path, limit)
        if blob.problem:
            raise InputError("ingest.unreadable", "it is no file", where=path, remedy="name what it leads to")
        data = self._content(blob.oid)
        if data.startswith(_LFS):
            raise InputError(
                "ingest.git_lfs", "the repository has only a pointer to it: its bytes are in Git LFS", where=path,
                remedy="check the repository out with git lfs, and ingest the folder",
            )  # fmt: skip
        return data

    def close(self) -> None:
        """End the process that reads blobs."""
        if self._cat is not None:
            self._cat.kill()
            for pipe in (self._cat.stdin, self._cat.stdout):
                if pipe is not None:
                    pipe.close()
            self._cat.wait()
            self._cat = None

    def _relative(self, path: str) -> str:
        return path.removeprefix(self.root).removeprefix("/")

    def _blobs(self) -> dict[str, _Blob]:
        """Everything at the ref below the folder, by its path from there."""
        if self._found is None:
            self._commit = self._resolved()
            tree = f"{self._commit}:{self.below}" if self.below else self._commit
            done = self._git("ls-tree", "-r", "-z", "-l", "--full-tree", tree)
            if done.returncode and self.below:
                self._found = {}
            elif done.returncode:
                raise _failed(self.root)
            else:
                self._found = dict(_listed(done.stdout))
        return self._found

    def _resolved(self) -> str:
        if self.ref.startswith("-"):
            raise ConfigError("source.no_ref", "a ref does not begin with -", where=self.root, remedy="correct ref")
        if not self.repository.is_dir():
            raise NotFound("ingest.no_source", "there is no such folder", where=self.root, remedy="correct path")
        if self._git("rev-parse", "--git-dir").returncode:
            raise ConfigError(
                "source.not_a_repository", "it is no Git repository", where=str(self.repository),
                remedy="path is the repository's own folder; a folder inside it goes into below",
            )  # fmt: skip
        done = self._git("rev-parse", "--verify", "--quiet", f"{self.ref}^{{commit}}")
        commit = done.stdout.decode("ascii", "replace").strip()
        if done.returncode or not commit:
            raise ConfigError(
                "source.no_ref", "the repository has no such branch, tag or commit", where=self.root,
                remedy="`git branch -a` and `git tag` list them",
            )  # fmt: skip
        return commit

    def _changed(self) -> dict[str, int]:
        """By path, the second of the newest commit on the way of first parents that changed it."""
        prefix = f"{self.below}/" if self.below else ""
        missing = {os.fsencode(prefix + relative) for relative in self._blobs()}
        seconds: dict[bytes, int] = {}
        second = 0
        where = ["--", self.below] if self.below else []
        arguments = (
            "log", "-z", "--format=tformat:%x01%ct", "--name-only", "--no-renames", "-m", "--first-parent",
            f"--max-count={_MOST_COMMITS}", self._commit, *where,
        )  # fmt: skip
        with self._start(arguments) as process:
            for token in _tokens(process.stdout) if process.stdout else ():
                if token.startswith(b"\x01"):
                    second = int(token[1:])
                elif (path := token.removeprefix(b"\n")) in missing:
                    missing.discard(path)
                    seconds[path] = second
                if not missing:
                    break
            process.kill()
        return {relative: seconds.get(os.fsencode(prefix + relative), second) for relative in self._blobs()}

    def _content(self, oid: str) -> bytes:
        if self._cat is None:
            self._cat = self._start(("cat-file", "--batch"))
        cat = self._cat
        if cat.stdin is None or cat.stdout is None:
            raise _failed(self.root)
        try:
            cat.stdin.write(oid.encode() + b"\n")
            cat.stdin.flush()
            head = cat.stdout.readline().split()
            if len(head) != 3 or head[1] != b"blob":
                raise _failed(self.root)
            data = cat.stdout.read(int(head[2]) + 1)
        except BrokenPipeError as error:
            raise _failed(self.root) from error
        if len(data) != int(head[2]) + 1:
            raise _failed(self.root)
        return data[:-1]

    def _git(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        command, environment = self._command(arguments)
        try:
            return subprocess.run(  # noqa: S603 - our own arguments, no shell
                command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False
            )
        except FileNotFoundError as error:
            raise _no_git() from error
        except subprocess.TimeoutExpired as error:
            raise _failed(self.root) from error

    def _start(self, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
        command, environment = self._command(arguments)
        try:
            return subprocess.Popen(  # noqa: S603 - our own arguments, no shell
                command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except FileNotFoundError as error:
            raise _no_git() from error

    def _command(self, arguments: Sequence[str]) -> tuple[list[str], Mapping[str, str]]:
        """The call with an environment of its own: no system or user configuration, no protocol, no question asked, and
        no repository above this one."""
        place = str(self.repository)
        return ["git", *_QUIET, "-c", f"safe.directory={place}", "-C", place, *arguments], {
            "PATH": os.environ.get("PATH", os.defpath),
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": "none",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_CEILING_DIRECTORIES": str(self.repository.parent),
        }


def git_root(repository: Path, ref: str, below: str) -> str:
    """`git+file:///repository@ref[/below]`, in which the first @ ends the repository and the next / the ref."""
    place = repository.as_posix().replace("%", "%25").replace("@", "%40")
    named = ref.replace("%", "%25").replace("@", "%40").replace("/", "%2F")
    return f"git+file://{place}@{named}" + (f"/{below}" if below else "")


def _listed(data: bytes) -> Iterator[tuple[str, _Blob]]:
    """Path and blob of each entry of `git ls-tree -r -z -l`."""
    for line in data.split(b"\0")[:-1]:
        head, _, name = line.partition(b"\t")
        mode, _kind, oid, size = head.split()
        path = name.decode("utf-8", "replace").replace("\ufffd", "?")
        if hidden(path):
            continue
        problem = _PROBLEMS.get(mode, "") or ("" if path.encode() == name else "ingest.unreadable_name")
        yield path, _Blob(oid.decode(), int(size) if size.isdigit() else 0, problem)


def _tokens(stream: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while block := stream.read(1 << 16):
        *whole, rest = (rest + block).split(b"\0")
        yield from whole


def _failed(where: str) -> Unavailable:
    return Unavailable("source.git_failed", "git could not read the repository", where=where, remedy="git fsck")


def _no_git() -> ConfigError:
    return ConfigError("source.no_git", "git is not installed", remedy="install git")
