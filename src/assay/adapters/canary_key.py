"""The workspace's key of canaries: 32 bytes as hex digits, made at first use, readable by its owner alone."""

from __future__ import annotations

import secrets
from pathlib import Path

from assay.adapters.signing import create_key
from assay.records.errors import CannotJudge, Unavailable

_BYTES = 32


def canary_key(path: Path) -> bytes:
    """The key in this file. Raises Unavailable (`canary.disk`) and CannotJudge (`canary.key`) for a file without one:
    a new key would not know what was planted under the old one."""
    try:
        if not path.exists():
            create_key(path, secrets.token_hex(_BYTES))
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except OSError as error:
        raise Unavailable(
            "canary.disk", f"the key of canaries cannot be read or made ({error.strerror})", where=str(path)
        ) from error
    except ValueError as error:
        raise _no_key(path) from error
    if len(key) != _BYTES:
        raise _no_key(path)
    return key


def _no_key(path: Path) -> CannotJudge:
    return CannotJudge(
        "canary.key", "the file holds no key of canaries", where=str(path),
        remedy="restore it from a backup; or delete it, and then: assay canary remove, assay canary plant",
    )  # fmt: skip
