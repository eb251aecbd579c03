"""Credentials that must not stand in a bundle: names that promise one, and values that look like one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from assay.detect.findings import separate
from assay.records.findings import Finding

# Prefixes and shapes as their issuers document them; a secret store's own path is no secret.
_SHAPES = {
    "private_key": r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----",
    "openai_key": r"\bsk-[A-Za-z0-9_-]{20,}",
    "aws_access_key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "github_token": r"\b(?:gh[opusr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})",
    "gitlab_token": r"\bglpat-[A-Za-z0-9_-]{20,}",
    "slack_token": r"\bxox[abposr]-[A-Za-z0-9-]{10,}",
    "google_key": r"\bAIza[0-9A-Za-z_-]{35}",
    "jwt": r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
    "bearer": r"(?i)\bbearer +[a-z0-9._~+/-]{16,}",
    "url_password": r"[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s/:@]{0,64}:[^\s/@]{1,128}@",
}
KINDS = tuple(_SHAPES)
_PROMISES = (
    r"(?i)(?:api[_-]?key|private[_-]?key|secret|passw(?:or)?d|credentials?|authorization"
    r"|(?:access|auth|bearer|refresh)[_-]?token)$|^(?i:token)$"
)


@cache
def _compiled(pattern: str) -> Any:
    import re2

    return re2.compile(pattern)


def kinds(text: str) -> tuple[str, ...]:
    """Names of the kinds of credential that `text` holds."""
    sound = text.encode("utf-8", "replace").decode("utf-8")
    return tuple(kind for kind, shape in _SHAPES.items() if _compiled(shape).search(sound))


def find(text: str, rules: Sequence[str] = KINDS) -> tuple[Finding, ...]:
    """Credentials in `text`, without overlap, in reading order; a rule is a kind of credential."""
    sound = text.encode("utf-8", "replace").decode("utf-8")
    if not _compiled("|".join(f"(?:{_SHAPES[rule]})" for rule in rules)).search(sound):
        return ()  # one pass over nearly every text, where one for each rule took four times as long
    return separate(
        Finding(rule, match.start(), match.end())
        for rule in rules
        for match in _compiled(_SHAPES[rule]).finditer(sound)
    )


def places(value: Any, where: str = "$") -> Iterator[str]:
    """Paths into a JSON value, such as `$.model.api_key`, at which a credential stands."""
    if isinstance(value, dict):
        for name, inner in value.items():
            path = f"{where}.{name}"
            if isinstance(inner, str) and inner and _compiled(_PROMISES).search(name):
                yield path
            else:
                yield from places(inner, path)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from places(inner, f"{where}[{number}]")
    elif isinstance(value, str) and kinds(value):
        yield where
