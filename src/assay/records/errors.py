"""The error tree: every failure says what, where and what to do, under a stable code, and never what the user wrote.

AssayError
├── UsageError        64  the command or request is wrong
│   ├── ConfigError       assay.yaml is wrong
│   ├── InputError        a file or record that was handed in is wrong
│   ├── NotFound          a named thing does not exist here
│   ├── AccessDenied      the caller may not do this
│   └── Busy              another process holds the workspace, a port is taken
├── NotReleasable      1  the gate or the release rules say no
├── CannotJudge        3  an incomplete run, a digest that does not match
└── Unavailable       70  a model, disk or store failed from outside
"""

from __future__ import annotations


class AssayError(Exception):
    """A failure a person can act on."""

    exit_code = 70

    def __init__(self, code: str, what: str, *, where: str = "", remedy: str = "") -> None:
        self.code = code
        self.what = what
        self.where = where
        self.remedy = remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        text = self.what if not self.where else f"{self.where}: {self.what}"
        return f"{text} [{self.code}]" + (f"\n  → {self.remedy}" if self.remedy else "")


class UsageError(AssayError):
    exit_code = 64


class ConfigError(UsageError):
    """`assay.yaml` cannot be used as it stands."""


class InputError(UsageError):
    """A file, record or request that was handed in cannot be used."""


class NotFound(UsageError):
    """A named document, golden set, run, bundle, key or app does not exist in this workspace."""


class AccessDenied(UsageError):
    """The caller's credentials do not allow this."""


class Busy(UsageError):
    """Another process holds what is needed: the workspace's write lock or a port."""


class NotReleasable(AssayError):
    """The release rules refuse: no passing decision record for exactly this bundle."""

    exit_code = 1


class CannotJudge(AssayError):
    """The evidence cannot be judged: an incomplete run, a digest that does not match."""

    exit_code = 3


class Unavailable(AssayError):
    """Something outside the process failed: a model endpoint, the disk, the store."""
